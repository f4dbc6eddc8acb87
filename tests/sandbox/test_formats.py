from decimal import Decimal

import pytest

from sandbox import formats
from sandbox.gradebook import Refused


@pytest.mark.parametrize(
    ("read", "text", "found"),
    [
        (formats.symbols, "P=80:F=0", {"P": Decimal(80), "F": Decimal(0)}),
        (formats.symbols, "A=90.5:U", {"A": Decimal("90.5"), "U": None}),
        (formats.symbols, "-3=0", {"-3": Decimal(0)}),
        (formats.pairs, "", {}),
        (formats.pairs, "key1=value1:key2=a, b", {"key1": "value1", "key2": "a, b"}),
        (formats.weights, "Test 1=30, Test 2 = 30,Exam=40", {"Test 1": 30, "Test 2": 30, "Exam": 40}),
        (formats.weights, "Test 1=33.4, Test 2=66.6", {"Test 1": Decimal("33.4"), "Test 2": Decimal("66.6")}),
        (formats.names, "Test 1, Final Grade", ["Test 1", "Final Grade"]),
    ],
)
def test_a_text_is_read(read, text, found):
    assert read(text, "field") == found


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (formats.symbols, "P=80:", "'' names nothing"),
        (formats.symbols, "P=80:=0", "'=0' names nothing"),
        (formats.symbols, "P=80:P=0", "P is given twice"),
        (formats.symbols, "P=80:F=0=1", "'F=0=1' has more than one ="),
        (formats.symbols, "P=", "the lower bound of P is not a number from 0 to 100"),
        (formats.symbols, "P=x", "the lower bound of P is not a number from 0 to 100"),
        (formats.symbols, "P=-1", "the lower bound of P is not a number from 0 to 100"),
        (formats.symbols, "P=100.1", "the lower bound of P is not a number from 0 to 100"),
        (formats.symbols, "P=8e1", "the lower bound of P is not a number from 0 to 100"),
        (formats.pairs, " ", "' ' names nothing"),
        (formats.pairs, "k=v:", "'' names nothing"),
        (formats.pairs, "=v", "'=v' names nothing"),
        (formats.pairs, "k", "k has no value"),
        (formats.pairs, "k=", "k has no value"),
        (formats.pairs, "k=v:k=w", "k is given twice"),
        (formats.pairs, "k=v=w", "'k=v=w' has more than one ="),
        (formats.weights, "A=50, B=49.9", "the weights do not add up to 100"),
        (formats.weights, "A=50, B=50.1", "the weights do not add up to 100"),
        (formats.weights, "A, B=100", "the weight of A is not a number such as 30"),
        (formats.weights, "A=50%, B=50", "the weight of A is not a number such as 30"),
        (formats.weights, "A=-1, B=101", "the weight of A is not a number such as 30"),
        (formats.weights, "A=50, A=50", "A is given twice"),
        (formats.weights, "A=100,", "'' names nothing"),
        (formats.names, "A=50, B=50", "A has a weight, which a total does not take"),
        (formats.names, "A, A", "A is given twice"),
        (formats.names, "A,, B", "'' names nothing"),
    ],
)
def test_a_text_that_is_not_well_formed_is_refused(read, text, message):
    with pytest.raises(Refused) as refusal:
        read(text, "field")
    assert str(refusal.value) == f"field: {message}"
