"""Translations as tables and as properties: what was given -> the value that Learn is to show."""

import math
from decimal import Decimal, InvalidOperation
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.grades.translating import VALUE_LENGTH, Marks, NotTranslatable, Rounding, Scale, Translator

AS_WRITTEN = Translator()
LETTERS = Translator(
    marks=Marks.TABLE,
    marks_table={"12": "A", "02": "E", "-3": "F", "B": "B"},
    alternatives={"U": "Did not show up", "SYG": "0"},
)


def numeric(divisor="1", decimals=None, rounding=Rounding.NONE):
    return Translator(marks=Marks.NUMERIC, divisor=Decimal(divisor), decimals=decimals, rounding=rounding)


# Marks as written


@pytest.mark.parametrize(
    "mark", ["75", "75.0", "88.50", "0", "-0", "+5", "00", "1e2", "B", " B ", "4.99", "9" * 333, "æ ü"]
)
def test_a_mark_as_written_is_not_touched(mark):
    assert AS_WRITTEN.mark(mark) == mark


# By the table


@pytest.mark.parametrize(("mark", "value"), [("12", "A"), ("02", "E"), ("-3", "F"), ("B", "B")])
def test_a_mark_in_the_table_becomes_its_value(mark, value):
    assert LETTERS.mark(mark) == value


@pytest.mark.parametrize("mark", ["2", "12.0", " 12", "12 ", "b", "+12", "U", "A", "\u22123"])
def test_a_mark_that_is_not_exactly_in_the_table_is_refused(mark):
    with pytest.raises(NotTranslatable) as caught:
        LETTERS.mark(mark)

    assert caught.value.detail == {"reason": "MARK_NOT_IN_TRANSLATION", "mark": mark}


# Alternative grades: by the table alone, whatever the marks do


@pytest.mark.parametrize("marks", Marks)
def test_an_alternative_grade_goes_by_the_table_whatever_the_marks_do(marks):
    translator = Translator(marks=marks, alternatives={"U": "0"}, marks_table={"FE": "1"})

    assert translator.alternative("U") == "0"
    for code in ("FE", "u", "U ", "0", "75"):
        with pytest.raises(NotTranslatable) as caught:
            translator.alternative(code)
        assert caught.value.detail == {"reason": "CODE_NOT_IN_TRANSLATION", "mark": code}


# As numbers

LONG = "9" * VALUE_LENGTH
PRECISE = f"0.{'1' * (VALUE_LENGTH - 2)}"


@pytest.mark.parametrize(
    ("given_mark", "divisor", "decimals", "rounding", "value"),
    [
        # Nothing is asked for: nothing changes.
        ("75", "1", None, Rounding.NONE, "75"),
        ("75.0", "1", None, Rounding.NONE, "75.0"),
        ("88.50", "1.00000000", None, Rounding.NONE, "88.50"),
        ("007", "1", None, Rounding.NONE, "007"),
        ("+5", "1", None, Rounding.NONE, "+5"),
        ("-0", "1", None, Rounding.NONE, "-0"),
        ("4.99", "1", None, Rounding.NONE, "4.99"),
        (LONG, "1", None, Rounding.NONE, LONG),
        (PRECISE, "1", None, Rounding.NONE, PRECISE),
        # The divisor.
        ("8999", "100", None, Rounding.NONE, "89.99"),
        ("8999", "100.00000000", None, Rounding.NONE, "89.99"),
        ("7500", "100", None, Rounding.NONE, "75"),
        ("75.0", "100", None, Rounding.NONE, "0.75"),
        ("75.0", "100.00000000", None, Rounding.NONE, "0.75"),
        ("750000", "100", None, Rounding.NONE, "7500"),
        ("1", "0.00000001", None, Rounding.NONE, "100000000"),
        ("7", "8", None, Rounding.NONE, "0.875"),
        ("+500", "100", None, Rounding.NONE, "5"),
        ("-300", "100", None, Rounding.NONE, "-3"),
        ("-0", "100", None, Rounding.NONE, "0"),
        ("0.000", "100", None, Rounding.NONE, "0"),
        (LONG, "100", None, Rounding.NONE, f"{LONG[:-2]}.99"),
        # Digits after the point, none lost.
        ("75", "1", 2, Rounding.NONE, "75.00"),
        ("75.0", "1", 0, Rounding.NONE, "75"),
        ("8999", "100", 2, Rounding.NONE, "89.99"),
        ("8990", "100", 2, Rounding.NONE, "89.90"),
        ("-0", "1", 0, Rounding.NONE, "0"),
        ("-0.0", "1", 2, Rounding.NONE, "0.00"),
        ("+5", "1", 0, Rounding.NONE, "5"),
        # Rounding, where it was asked for.
        ("4.99", "1", 0, Rounding.HALF_UP, "5"),
        ("4.99", "1", 0, Rounding.DOWN, "4"),
        ("4.01", "1", 0, Rounding.UP, "5"),
        ("4.00", "1", 0, Rounding.UP, "4"),
        ("2.5", "1", 0, Rounding.HALF_UP, "3"),
        ("2.5", "1", 0, Rounding.HALF_EVEN, "2"),
        ("3.5", "1", 0, Rounding.HALF_EVEN, "4"),
        ("2.675", "1", 2, Rounding.HALF_UP, "2.68"),  # as a float it is 2.67499...
        ("1.005", "1", 2, Rounding.HALF_UP, "1.01"),
        ("-2.5", "1", 0, Rounding.HALF_UP, "-3"),
        ("-2.1", "1", 0, Rounding.UP, "-3"),
        ("-0.4", "1", 0, Rounding.HALF_UP, "0"),
        ("10", "3", 2, Rounding.HALF_UP, "3.33"),
        ("10", "3", 2, Rounding.UP, "3.34"),
        ("0", "3", 2, Rounding.UP, "0.00"),
        # Rounded once, not twice.
        ("2.4999", "1", 0, Rounding.HALF_UP, "2"),
        (f"2.4{'9' * 330}", "1", 0, Rounding.HALF_UP, "2"),
        (f"2.5{'0' * 329}1", "1", 0, Rounding.HALF_EVEN, "3"),
        (f"2.{'0' * 330}1", "1", 0, Rounding.UP, "3"),
        (f"1.4{'9' * 331}", "3", 0, Rounding.HALF_UP, "0"),
        (LONG, "7", 0, Rounding.DOWN, str(int(LONG) // 7)),
    ],
)
def test_a_number_is_divided_and_rounded_as_it_was_asked_for(given_mark, divisor, decimals, rounding, value):
    assert numeric(divisor, decimals, rounding).mark(given_mark) == value


@pytest.mark.parametrize(
    ("given_mark", "divisor", "decimals"),
    [
        ("4.99", "1", 0),
        ("4.999", "1", 2),
        ("8999", "100", 1),
        ("10", "3", None),
        ("10", "3", 2),
        ("1", "7", 0),
        (f"5.{'0' * 330}1", "1", 0),
    ],
)
def test_a_number_whose_digits_would_be_lost_unasked_is_refused(given_mark, divisor, decimals):
    with pytest.raises(NotTranslatable) as caught:
        numeric(divisor, decimals).mark(given_mark)

    assert caught.value.detail == {"reason": "MARK_LOSES_DIGITS", "mark": given_mark}


@pytest.mark.parametrize("rounding", [rounding for rounding in Rounding if rounding is not Rounding.NONE])
def test_a_rounding_that_nobody_said_to_how_many_digits_rounds_nothing(rounding):
    assert numeric("100", None, rounding).mark("8999") == "89.99"
    with pytest.raises(NotTranslatable):
        numeric("3", None, rounding).mark("10")


@pytest.mark.parametrize(
    "mark", ["B", "", " 5", "5 ", "5\n", "5,5", "5.", ".5", "1e2", "1_000", "0x10", "nan", "inf", "--5", "٣", "5%"]
)
@pytest.mark.parametrize("divisor", ["1", "100"])
def test_what_is_no_plain_number_is_refused(mark, divisor):
    with pytest.raises(NotTranslatable) as caught:
        numeric(divisor).mark(mark)

    assert caught.value.detail == {"reason": "MARK_NO_NUMBER", "mark": mark}


# Sentences


def test_a_sentence_does_not_repeat_a_whole_essay():
    for translator in (LETTERS, numeric()):
        with pytest.raises(NotTranslatable) as caught:
            translator.mark("x" * 333)
        assert len(str(caught.value)) < 120
        assert "xxx…" in str(caught.value)


# What a column can show

POINTS = Scale(points=Decimal("100.0"))
PASS = Scale(points=Decimal(100), symbols=frozenset({"P", "F"}))
ONLY_SYMBOLS = Scale(points=Decimal(100), symbols=frozenset({"A+", "7"}), takes_numbers=False)


def out_of_range(value, points="100"):
    return {"reason": "VALUE_OUT_OF_RANGE", "value": value, "points": points}


@pytest.mark.parametrize(
    ("scale", "value"),
    [
        (POINTS, "0"),
        (POINTS, "100"),
        (POINTS, "100.000"),
        (POINTS, "89.99"),
        (POINTS, "-0"),
        (POINTS, "B"),  # Learn judges text itself
        (POINTS, "x" * 333),
        (PASS, "P"),
        (PASS, "75"),
        (ONLY_SYMBOLS, "A+"),
        (ONLY_SYMBOLS, "7"),
        (Scale(points=Decimal("0.3")), "0.3"),
    ],
)
def test_a_value_that_the_column_can_show_passes(scale, value):
    scale.check(value)


@pytest.mark.parametrize(
    ("scale", "value", "detail"),
    [
        (POINTS, "", {"reason": "VALUE_EMPTY"}),
        (POINTS, "x" * 334, {"reason": "VALUE_TOO_LONG", "length": 334, "max": 333}),
        (POINTS, "100.01", out_of_range("100.01")),
        (POINTS, "8999", out_of_range("8999")),
        (POINTS, "-3", out_of_range("-3")),
        (POINTS, f"100.{'0' * 40}1", out_of_range(f"100.{'0' * 40}1")),
        (Scale(points=Decimal("0.3")), "0.30001", out_of_range("0.30001", "0.3")),
        (PASS, "B", {"reason": "VALUE_NO_SYMBOL", "value": "B"}),
        (PASS, "p", {"reason": "VALUE_NO_SYMBOL", "value": "p"}),
        (PASS, "101", out_of_range("101")),
        (ONLY_SYMBOLS, "75", {"reason": "VALUE_NO_SYMBOL", "value": "75"}),
        (ONLY_SYMBOLS, "7.0", {"reason": "VALUE_NO_SYMBOL", "value": "7.0"}),
    ],
)
def test_a_value_that_the_column_cannot_show_is_refused(scale, value, detail):
    with pytest.raises(NotTranslatable) as caught:
        scale.check(value)

    assert caught.value.detail == detail


ODD_NUMBERS = [
    *("1e99999999999999999999", ".5", "-.5", "100.", "1_0", " 75 ", "75\n"),
    *("Infinity", "-inf", "NaN", "sNaN", "\u0663", "\uff17\uff15"),
]


@pytest.mark.parametrize("scale", [POINTS, PASS])
@pytest.mark.parametrize("value", ODD_NUMBERS)
def test_a_number_that_is_not_written_plainly_is_refused_even_if_it_would_be_in_range(scale, value):
    with pytest.raises(NotTranslatable) as caught:
        scale.check(value)

    assert caught.value.detail == {"reason": "VALUE_NO_NUMBER", "value": value}


@pytest.mark.parametrize("value", ["1e2", "1E2", "5e-1", "0e9999", "7.5E+1"])
def test_an_exponent_as_json_may_have_it_passes_in_range(value):
    POINTS.check(value)


@pytest.mark.parametrize("value", ["1e5", "1E9999", "-1e1", "1.001e2"])
def test_an_exponent_does_not_lead_out_of_range(value):
    with pytest.raises(NotTranslatable) as caught:
        POINTS.check(value)

    assert caught.value.detail == out_of_range(value)


@pytest.mark.parametrize("value", ["1e2", "NaN", ".5"])
def test_a_symbol_that_looks_like_an_odd_number_is_a_symbol(value):
    Scale(points=Decimal(100), symbols=frozenset({value}), takes_numbers=False).check(value)


# Properties

texts = st.text(max_size=40)
numbers = st.from_regex(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?", fullmatch=True)
divisors = st.decimals(min_value="0.00000001", max_value="9999999", places=8)
roundings = st.sampled_from(Rounding)
tables = st.dictionaries(texts, texts, max_size=4)


def exactly(quotient, decimals, rounding):
    """The quotient rounded in units of its last digit, with whole numbers alone. None: it would lose something."""
    units = abs(quotient) * 10**decimals
    below, rest = math.floor(units), units - math.floor(units)
    match rounding:
        case Rounding.NONE:
            rounded = None if rest else below
        case Rounding.HALF_UP:
            rounded = below + (rest >= Fraction(1, 2))
        case Rounding.HALF_EVEN:
            rounded = round(units)
        case Rounding.UP:
            rounded = math.ceil(units)
        case Rounding.DOWN:
            rounded = below
    if rounded is None:
        return None
    return Fraction(rounded, 10**decimals) * (-1 if quotient < 0 else 1)


@given(mark=texts, code=texts, table=tables, alternatives=tables)
def test_a_translation_never_changes_a_value_that_it_was_not_told_to_change(mark, code, table, alternatives):
    as_written = Translator(alternatives=alternatives)
    by_table = Translator(marks=Marks.TABLE, marks_table=table, alternatives=alternatives)

    assert as_written.mark(mark) == mark
    for translate, given_text, told in ((by_table.mark, mark, table), (as_written.alternative, code, alternatives)):
        if given_text in told:
            assert translate(given_text) == told[given_text]
        else:
            with pytest.raises(NotTranslatable):
                translate(given_text)


@given(mark=numbers, rounding=roundings)
def test_a_number_that_is_neither_divided_nor_rounded_stays_as_it_is_written(mark, rounding):
    assert numeric("1", None, rounding).mark(mark) == mark


@given(mark=numbers, divisor=divisors, decimals=st.integers(0, 10), rounding=roundings)
def test_a_rounded_number_is_what_exact_arithmetic_says(mark, divisor, decimals, rounding):
    expected = exactly(Fraction(mark) / Fraction(divisor), decimals, rounding)
    translator = numeric(divisor, decimals, rounding)

    if expected is None:
        with pytest.raises(NotTranslatable):
            translator.mark(mark)
    else:
        value = translator.mark(mark)
        assert Fraction(value) == expected
        assert len(value.partition(".")[2]) == decimals
        assert not value.startswith("+")
        assert value.startswith("-") == (expected < 0)


@given(mark=numbers, divisor=divisors)
def test_a_divided_number_is_exact_or_refused(mark, divisor):
    quotient = Fraction(mark) / Fraction(divisor)
    rest = quotient.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    translator = numeric(divisor)

    if divisor == 1:
        assert translator.mark(mark) == mark
    elif rest == 1:
        value = translator.mark(mark)
        assert Fraction(value) == quotient
        assert not value.startswith("+")
        assert "." not in value or value[-1] not in "0."
    else:
        with pytest.raises(NotTranslatable):
            translator.mark(mark)


@given(mark=numbers, divisor=divisors, decimals=st.none() | st.integers(0, 10), rounding=roundings)
def test_no_float_comes_between_and_no_exponent_comes_out(mark, divisor, decimals, rounding):
    try:
        value = numeric(divisor, decimals, rounding).mark(mark)
    except NotTranslatable:
        return
    assert type(value) is str
    assert set(value) <= set("0123456789.+-")


@given(value=st.floats(allow_subnormal=False).map(repr) | st.decimals().map(str) | texts)
def test_nothing_that_can_be_read_as_a_number_passes_unless_it_is_a_plain_one_in_range(value):
    try:
        POINTS.check(value)
    except NotTranslatable:
        return
    try:
        number = Decimal(value)
    except InvalidOperation:
        return  # text, which Learn judges itself
    assert set(value) <= set("+-.0123456789eE")
    assert 0 <= number <= 100


@given(value=numbers, points=st.decimals(min_value="0.0001", max_value="1000000", places=4))
def test_a_number_passes_exactly_if_it_lies_between_0_and_the_points(value, points):
    try:
        Scale(points=points).check(value)
    except NotTranslatable:
        assert not 0 <= Fraction(value) <= Fraction(points)
    else:
        assert 0 <= Fraction(value) <= Fraction(points)
