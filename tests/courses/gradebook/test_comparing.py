"""Proven is only what people see in Learn."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.gradebook import Grade, Shown, Verdict, compare
from courses.gradebook.records import SCALES

PROVEN, DIFFERENT, ABSENT = Verdict.PROVEN, Verdict.DIFFERENT, Verdict.ABSENT


def shown(scale: str, score: str | None = None, text: str = "", possible: str | None = None) -> Shown:
    return Shown(
        scale=scale,
        score=None if score is None else Decimal(score),
        possible=None if possible is None else Decimal(possible),
        text=text,
    )


def grade(of: Shown | None, **flags: object) -> Grade:
    fields = {"is_exempt": False, "is_corrupt": False, "notation_id": None, "is_override": False, **flags}
    return Grade(user_id="_5_1", shown=of, change_index=1, changed_at=None, **fields)


@pytest.mark.parametrize(
    ("value", "of", "points", "verdict"),
    [
        ("B", shown("Text", text="B"), None, PROVEN),
        ("B", shown("Text", text="b"), None, DIFFERENT),
        ("B", shown("Text", text="B "), None, DIFFERENT),
        ("12", shown("Text", text="12.0"), None, DIFFERENT),
        ("Complete", shown("Complete", "100", "Complete"), "100", PROVEN),
        ("Complete", shown("Complete", "0", "Incomplete"), "100", DIFFERENT),
        ("B", shown("Tabular", "85", "B"), "100", PROVEN),
        ("B", shown("Tabular", "85", "A"), "100", DIFFERENT),
        ("83", shown("Tabular", "83", "B"), "100", PROVEN),
        ("83", shown("Tabular", "84", "B"), "100", DIFFERENT),
        ("83", shown("Tabular", None, "B"), "100", DIFFERENT),
        ("83", shown("Score", "83", possible="100"), "100", PROVEN),
        ("83.0", shown("Score", "83"), "100", PROVEN),
        ("083", shown("Score", "83"), "100", PROVEN),
        ("66.66667", shown("Score", "66.666666"), "100", PROVEN),
        ("66.666675", shown("Score", "66.66667"), "100", PROVEN),
        ("66.666676", shown("Score", "66.66667"), "100", DIFFERENT),
        ("83", shown("Score", "82.99999"), "100", DIFFERENT),
        ("B", shown("Score", "83"), "100", DIFFERENT),
        ("83", shown("Score", None, "83.0"), "100", PROVEN),
        ("83", shown("Score", None, "Needs grading"), "100", DIFFERENT),
        ("12", shown("Percent", "60", possible="100"), "20", PROVEN),
        ("60", shown("Percent", "60", possible="100"), "20", DIFFERENT),
        ("60", shown("Percent", "60", possible="100"), "100", PROVEN),
        ("60", shown("Percent", "60"), "20", PROVEN),
        ("60", shown("Percent", "60", possible="0"), "20", PROVEN),
        ("60", shown("Percent", "60", possible="100"), None, PROVEN),
        ("7", shown("Percent", "23.33333", possible="100"), "30", PROVEN),
        ("700", shown("Percent", "23.33333", possible="100"), "3000", PROVEN),
        ("1e1", shown("Score", "10"), "100", DIFFERENT),
        ("\uff11\uff10", shown("Score", "10"), "100", DIFFERENT),
        ("NaN", shown("Score", "10"), "100", DIFFERENT),
    ],
)
def test_what_is_shown_is_compared_by_its_scale(value: str, of: Shown, points: str | None, verdict: Verdict):
    found = compare(value, grade(of), points=None if points is None else Decimal(points))
    assert found.verdict is verdict
    assert found.shown


@pytest.mark.parametrize(
    ("symbols", "verdict"), [((), DIFFERENT), (("12", "10", "-3"), DIFFERENT), (("A", "B"), PROVEN)]
)
def test_a_symbol_that_is_a_number_is_no_score(symbols: tuple[str, ...], verdict: Verdict):
    """A teacher entered 12 of 100 points, for which Learn shows the lowest symbol."""
    found = compare("12", grade(shown("Tabular", "12", "-3")), points=Decimal(100), symbols=symbols)
    assert (found.verdict, found.shown) == (verdict, "-3")


@pytest.mark.parametrize("empty", [None, grade(None)])
def test_nothing_shown_is_absent(empty: Grade | None):
    found = compare("B", empty, points=None)
    assert (found.verdict, found.shown, found.detail()) == (ABSENT, "", {"shown": ""})


@pytest.mark.parametrize(
    ("flags", "detail"),
    [
        ({"is_exempt": True}, {"is_exempt": True}),
        ({"is_corrupt": True}, {"is_corrupt": True}),
        ({"notation_id": "_3_1"}, {"has_notation": True}),
    ],
)
@pytest.mark.parametrize("of", [None, shown("Score", "83.50", possible="100")])
def test_what_is_flagged_is_different_whatever_is_shown(
    flags: dict[str, object], detail: dict[str, object], of: Shown | None
):
    found = compare("83.5", grade(of, **flags), points=Decimal(100))
    numbers = {"shown": "83.5", "score": "83.5", "possible": "100"} if of else {"shown": ""}
    assert (found.verdict, found.detail()) == (DIFFERENT, {**numbers, **detail})


NUMBERS = st.decimals(-(10**9), 10**9, places=6, allow_nan=False) | st.integers(0, 100).map(Decimal)
ANY_SHOWN = st.builds(
    Shown,
    scale=st.sampled_from(SCALES),
    score=st.none() | NUMBERS,
    possible=st.none() | NUMBERS,
    text=st.sampled_from(["", "A", "12", "-3", "12.0"]) | st.text(max_size=10),
)


@given(value=st.text(max_size=10) | NUMBERS.map(str), of=st.none() | ANY_SHOWN, points=st.none() | NUMBERS)
def test_proven_is_what_people_see_and_absent_is_nothing(value: str, of: Shown | None, points: Decimal | None):
    found = compare(value, grade(of), points=points)
    assert (found.verdict is ABSENT) == (of is None)
    if of and found.verdict is PROVEN and of.scale in ("Text", "Complete"):
        assert of.text == value
    if of and found.verdict is PROVEN and of.text != value:
        assert of.score is not None or of.scale in ("Score", "Percent")


@given(value=NUMBERS, off=st.decimals("0.00001", 10, places=6), points=NUMBERS)
def test_a_number_is_itself_and_no_other(value: Decimal, off: Decimal, points: Decimal):
    for other, verdict in ((value, PROVEN), (value + off, DIFFERENT), (value - off, DIFFERENT)):
        found = compare(f"{value:f}", grade(shown("Score", str(other))), points=points)
        assert found.verdict is verdict
