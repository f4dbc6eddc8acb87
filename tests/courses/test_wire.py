"""Learn's text formats: what is written is read again as it was, and what cannot be written is refused."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.wire import (
    Symbol,
    WireError,
    in_order,
    read_names,
    read_options,
    read_symbols,
    read_weights,
    write_names,
    write_options,
    write_symbols,
    write_weights,
)
from tests.sentences import said

PRINTABLE = st.characters(exclude_categories=("C", "Z"), exclude_characters=":=,;|")
NAMES = st.text(PRINTABLE | st.just(" "), min_size=1, max_size=12).filter(lambda name: name == name.strip() != "")
BOUNDS = st.integers(0, 100_00).map(lambda hundredths: Decimal(hundredths) / 100)


@st.composite
def schemas(draw):
    names = draw(st.lists(NAMES, unique=True, max_size=8))
    names = names if len(names) > 1 else [name.replace(" ", "-") for name in names]
    number = draw(st.integers(0, len(names)))
    bounds = [Decimal(0), *draw(st.lists(BOUNDS.filter(bool), unique=True, min_size=number, max_size=number))][:number]
    bounds.sort(reverse=draw(st.booleans()))
    return [
        *(Symbol(name, bound) for name, bound in zip(names, bounds, strict=False)),
        *map(Symbol, names[number:]),
    ]


@st.composite
def weights(draw):
    cuts = sorted(draw(st.sets(st.integers(1, 99_99), max_size=6)))
    shares = [Decimal(after - before) / 100 for before, after in zip([0, *cuts], [*cuts, 100_00], strict=True)]
    names = draw(st.lists(NAMES, unique=True, min_size=len(shares), max_size=len(shares)))
    return dict(zip(names, shares, strict=True))


@given(schemas())
def test_symbols_come_back(symbols):
    assert read_symbols(write_symbols(symbols)) == in_order(symbols)


@given(st.dictionaries(NAMES, NAMES, max_size=6))
def test_options_come_back_in_their_order(options):
    assert list(read_options(write_options(options)).items()) == list(options.items())


@given(weights())
def test_weights_come_back(mapping):
    assert read_weights(write_weights(mapping)) == mapping


@given(st.lists(NAMES, unique=True, min_size=1, max_size=6))
def test_names_come_back(names):
    assert read_names(write_names(names)) == names


@pytest.mark.parametrize("read", [read_symbols, read_options, read_weights, read_names])
@given(text=st.text(max_size=40))
def test_any_text_is_read_or_refused(read, text):
    with suppress(WireError):
        read(text)


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("P=80:F=0", [Symbol("P", Decimal(80)), Symbol("F", Decimal(0))]),
        ("F=0:P=80", [Symbol("P", Decimal(80)), Symbol("F", Decimal(0))]),
        (" P = 66.50 : F = 0 ", [Symbol("P", Decimal("66.5")), Symbol("F", Decimal(0))]),
        ("Pass:Fail", [Symbol("Pass"), Symbol("Fail")]),
        ("Not passed : Passed well", [Symbol("Not passed"), Symbol("Passed well")]),
        ("P", [Symbol("P")]),
        ("U:F=0:P=50", [Symbol("P", Decimal(50)), Symbol("F", Decimal(0)), Symbol("U")]),
        ("P=0", [Symbol("P", Decimal(0))]),
        ("P=50:F=0:U", [Symbol("P", Decimal(50)), Symbol("F", Decimal(0)), Symbol("U")]),
        ("", []),
    ],
)
def test_symbols(text, symbols):
    assert read_symbols(text) == symbols


@pytest.mark.parametrize(
    ("mapping", "weights"),
    [
        (
            "Assignment 1=30, Test 1=30, Test 2=40",
            {"Assignment 1": Decimal(30), "Test 1": Decimal(30), "Test 2": Decimal(40)},
        ),
        ("A=33.3,B=33.3,C=33.4", {"A": Decimal("33.3"), "B": Decimal("33.3"), "C": Decimal("33.4")}),
    ],
)
def test_weights(mapping, weights):
    assert read_weights(mapping) == weights


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (read_symbols, "A=90:A=80", "Symbol A appears twice."),
        (read_symbols, "A=90:B=90", "Lower bound 90 appears twice."),
        (read_symbols, "A=x", "Lower bound 1 (x) is not a number such as 80 or 66.5."),
        (read_symbols, "A=90=B", "Lower bound 1 (90=B) is not a number such as 80 or 66.5."),
        (read_symbols, "A=101:F=0", "The lower bound 101 is not between 0 and 100 percent."),
        (read_symbols, "A=90::F=0", "Symbol 2 is empty."),
        (read_symbols, "=90", "Symbol 1 is empty."),
        (read_symbols, "A=", "Lower bound 1 is empty."),
        (read_symbols, "A,B,C,D", "Use colons between symbols, such as A:B:C:D."),
        (read_symbols, "A; B; C", "Use colons between symbols, such as A:B:C."),
        (read_symbols, "A B C", "Use colons between symbols, such as A:B:C."),
        (read_symbols, "A\nB\r\nC", "Use colons between symbols, such as A:B:C."),
        (read_symbols, "A | B", "Use colons between symbols, such as A:B."),
        (read_symbols, "A,B:C", "Use colons between symbols, such as A:B:C."),
        (read_symbols, "A=90,B=80,C=0", "Use colons between symbols, such as A=90:B=80:C=0."),
        (read_symbols, "A = 90; B = 0", "Use colons between symbols, such as A=90:B=0."),
        (read_symbols, "A=90 B=80 F=0", "Use colons between symbols, such as A=90:B=80:F=0."),
        (read_symbols, "A=90:B=80\tF=0", "Use colons between symbols, such as A=90:B=80:F=0."),
        (read_symbols, "Pass Pass", "Use colons between symbols, such as Pass."),
        (read_symbols, ",".join(f"S{n}" for n in range(40)), "Use colons between symbols, such as A:B:C."),
        (read_symbols, "A=66,5:F=0", "Lower bound 1 (66,5) is not a number such as 80 or 66.5."),
        (
            read_symbols,
            "A=90:B=95:C=0",
            "The lower bound of B (95) is higher than that of A before it (90). Begin with the highest bound"
            " and end with 0.",
        ),
        (
            read_symbols,
            "C=0:B=95:U:A=90",
            "The lower bound of B (95) is higher than that of C before it (0). Begin with the highest bound"
            " and end with 0.",
        ),
        (
            read_symbols,
            "A=90:B=80.5",
            "A score below 80.5 percent would have no symbol. One symbol must begin at 0, such as B=80.5:F=0.",
        ),
        (
            read_symbols,
            "B=80:U",
            "A score below 80 percent would have no symbol. One symbol must begin at 0, such as B=80:F=0.",
        ),
        (read_options, "Room", "Pair 1 (Room) has no '='."),
        (read_options, "A=1:A=2", "Key A appears twice."),
        (read_options, "A=1=2", "Value 1 (1=2) contains '=', which is a separator in Learn's format."),
        (read_weights, "A=30, B=60", "The weights add up to 90 percent, not to 100."),
        (read_weights, "A=100, B=0", "The weight of B must be more than 0."),
        (read_weights, "A", "Column 1 (A) has no weight; write A=30, for example."),
        (read_weights, "A=50, A=50", "Column A appears twice."),
        (read_weights, "", "The weights add up to 0 percent, not to 100."),
        (read_names, "", "No column is named."),
        (read_names, "A, A", "Column A appears twice."),
        (read_names, "A=1", "Column 1 (A=1) contains '=', which is a separator in Learn's format."),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(read, text, sentence):
    with pytest.raises(WireError) as refused:
        read(text)
    assert said(refused.value) == sentence


@pytest.mark.parametrize(
    ("write", "values", "sentence"),
    [
        (write_symbols, [Symbol("A:B")], "Symbol 1 (A:B) contains ':', which is a separator in Learn's format."),
        (write_options, {"a": "x:y"}, "Value 1 (x:y) contains ':', which is a separator in Learn's format."),
        (write_options, {" a": "x"}, "Key 1 begins or ends with a blank."),
        (write_names, ["Test 1, 2"], "Column 1 (Test 1, 2) contains ',', which is a separator in Learn's format."),
        (
            write_names,
            ["Test\n1"],
            "Column 1 contains a line break or another character that is not printed.",
        ),
    ],
)
def test_what_cannot_be_written_is_refused_with_its_place(write, values, sentence):
    with pytest.raises(WireError) as refused:
        write(values)
    assert said(refused.value) == sentence
