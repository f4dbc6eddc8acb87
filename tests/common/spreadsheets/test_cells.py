"""What a cell means."""

import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.spreadsheets import cells
from common.spreadsheets.formats import Formatted, Unreadable
from courses.importing.metadata import MetadataSheet
from courses.importing.schemas import SchemaSheet
from courses.models import Course, GradeColumn
from exports.importing.mappings import MappingSheet
from exports.importing.rosters import RosterSheet
from exports.importing.translations import TranslationSheet
from exports.models import Flow

read_text = cells.text(Course, "course_id")
SHEETS = [RosterSheet(Flow()), MappingSheet(), TranslationSheet(), SchemaSheet(), MetadataSheet()]
READERS = {name: reader for sheet in SHEETS for name, reader in sheet.readers.items()}
read_points = READERS["points"]
read_start = READERS["synchronised_at"]
read_end = READERS["assessment_ends_at"]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        ("  ", ""),
        (" a  b\u00a0", "a  b"),
        ("two\r\nlines", "two lines"),
        (1001, "1001"),
        (1001.0, "1001"),
        (-0.5, "-0.5"),
        (88.1, "88.1"),
        (0.1 + 0.2, "0.3"),
        (0.00001, "0.00001"),
        (999_999_999_999_999, "999999999999999"),
        (True, "TRUE"),
        ("UNIwise||001||2021", "UNIwise||001||2021"),
    ],
)
def test_text(cell, text):
    assert read_text(cell) == text


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("a\0b", "It contains the control character U+0000"),
        ("a\x1bb", "It contains the control character U\\+001B"),
        ("a\ud800b", "It contains the lone surrogate U\\+D800"),
        ("x" * 334, "This has 334 characters; 333 are allowed."),
        ("x" * 10_001, "This has 10,001 characters; GradeBridge reads up to 10,000."),
        (10**15, "This is a number of more than 15 digits"),
        (1e300, "This is a number of more than 15 digits"),
        (float("inf"), "This is a number of more than 15 digits"),
        (Unreadable("This is a formula without a value."), "This is a formula without a value"),
        (Formatted(1, "0%"), "This is a number in the format '0%', which may show something else. Format the column"),
        (datetime.fromisoformat("2026-05-31T00:00"), "This is a date or time"),
        (time(12), "This is a date or time"),
    ],
)
def test_text_that_is_refused(cell, sentence):
    with pytest.raises(ValueError, match=sentence.replace("U+0000", r"U\+0000")):
        read_text(cell)


def test_required_text():
    with pytest.raises(ValueError, match="This is empty"):
        cells.text(Course, "course_id", required=True)(" ")


@pytest.mark.parametrize("cell", ["manual_column", " MANUAL_COLUMN ", "", None])
def test_a_choice_takes_any_case_and_has_a_default(cell):
    assert READERS["item_type"](cell) == GradeColumn.ItemType.MANUAL_COLUMN


def test_a_choice_that_does_not_exist():
    with pytest.raises(ValueError, match="'classic' is not allowed; use ULTRA or ORIGINAL"):
        READERS["course_experience"]("classic")


@pytest.mark.parametrize(("cell", "number"), [("", 100), (50, 50), ("12.5", 12.5), (".5", 0.5), ("1000000", 1e6)])
def test_points(cell, number):
    assert read_points(cell) == number


@pytest.mark.parametrize("cell", ["abc", "0", "0.0", "-1", "nan", "inf", "1e3", "1_000", "\u0665", "1.", "."])
def test_points_that_are_no_number_greater_than_0(cell):
    with pytest.raises(ValueError, match=f"'{cell}' is not a number greater than 0."):
        read_points(cell)


def test_points_with_a_comma_or_out_of_range():
    with pytest.raises(ValueError, match="'100,0' has a comma"):
        read_points("100,0")
    for cell in ["0.00009", "1000001", "9" * 400]:
        with pytest.raises(ValueError, match=r"is not between 0\.0001 and 1,000,000"):
            read_points(cell)


@pytest.mark.parametrize(
    ("number", "number_format", "points"),
    [
        (12.5, "0.00", 12.5),
        (12.5, "0.0", 12.5),
        (100, "0.00", 100),
        (100.0, "0.000", 100),
        (1000, "#,##0", 1000),
        (1234.5, "#,##0.00", 1234.5),
        (0.0001, "0.0000", 0.0001),
        (1e6, "#,##0.00", 1e6),
        (33.25, "00.00", 33.25),
        (7, "0.0000000000", 7),
    ],
)
def test_points_in_a_format_that_shows_digits_alone(number, number_format, points):
    assert read_points(Formatted(number, number_format)) == points


@pytest.mark.parametrize(
    ("number", "number_format", "sentence"),
    [
        (12.345, "0.00", "This is 12.345, but shows fewer decimals"),
        (12.5, "0", "This is 12.5, but shows fewer decimals"),
        (33.3333333333333, "#,##0.0", "shows fewer decimals"),
        (1, "0%", "in the format '0%'"),
        (0.5, "0.00%", "in the format"),
        (0.5, "# ?/?", "in the format"),
        (1000, "0.00E+00", "in the format"),
        (1000, "#,##0,", "in the format"),
        (100, '"$"#,##0', "in the format"),
        (100, "0;(0)", "in the format"),
        (100, "General;-General", "in the format"),
        (100, ";;;", "in the format"),
    ],
)
def test_points_in_a_format_that_shows_something_else(number, number_format, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_points(Formatted(number, number_format))


@pytest.mark.parametrize("points", [0.0001, 1_000_000])
def test_the_limits_of_points_are_those_of_the_model(points):
    assert read_points(f"{points}") == points
    field = GradeColumn._meta.get_field("points")
    field.run_validators(points)
    with pytest.raises(ValueError, match="is not between"):
        read_points(f"{points / 1.1 if points < 1 else points * 1.1:.6f}")


@pytest.mark.parametrize(
    ("cell", "answer"),
    [("Yes", True), ("TRUE", True), (1, True), (True, True), ("no", False), ("0", False), (False, False), ("", False)],
)
def test_yes_or_no(cell, answer):
    assert cells.yes_or_no(cell) is answer


def test_neither_yes_nor_no():
    with pytest.raises(ValueError, match="'perhaps' is neither true nor false"):
        cells.yes_or_no("perhaps")


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("", None),
        ("2026-05-31T12:00", datetime(2026, 5, 31, 10, tzinfo=UTC)),  # the site is in Copenhagen
        ("2026-01-31 12:00:30", datetime(2026, 1, 31, 11, 0, 30, tzinfo=UTC)),
        ("2026-05-31T12:00Z", datetime(2026, 5, 31, 12, tzinfo=UTC)),
        ("2026-05-31T12:00-05:00", datetime(2026, 5, 31, 17, tzinfo=UTC)),
        (datetime.fromisoformat("2026-05-31T12:00"), datetime(2026, 5, 31, 10, tzinfo=UTC)),
        (datetime.fromisoformat("2026-05-31T11:59:59.999997"), datetime(2026, 5, 31, 10, tzinfo=UTC)),
        ("2026-05-31", datetime(2026, 5, 30, 22, tzinfo=UTC)),
        (date(2026, 5, 31), datetime(2026, 5, 30, 22, tzinfo=UTC)),
    ],
)
def test_a_moment_without_an_offset_is_in_the_sites_zone(cell, moment):
    assert read_start(cell) == moment


def test_an_assessment_that_ends_on_a_day_ends_with_that_day():
    last = datetime(2026, 5, 31, 21, 59, 59, tzinfo=UTC)
    assert read_end("2026-05-31") == read_end(date(2026, 5, 31)) == last
    assert read_end("2026-05-31T00:00") == datetime(2026, 5, 30, 22, tzinfo=UTC)


LAX = [  # what Python reads in its own way
    "2026-05-31T12.30",
    "2026-05-31 14.45",
    "20260531T12.30",
    "20260531",
    "2026053112",
    "2026-05-31012:30",
    "2026-05-31T12",
    "2026-05-31T1230",
    "2026-05-31T12:00,5",
    "2026-05-31T12:00:00,5",
    "2026-05-31T12:00+02",
    "2026-05-31T12:00+0200",
    "2026-05-31T12:00 +02:00",
    "2026-05-31t12:00",
    "2026-W22-7",
    "2026-W22",
    "2026-05-31T24:30",
    "2026-05-31_12:00",
]


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("2026-03-29T02:00", "does not exist"),
        ("2026-03-29 02:30", "does not exist"),
        ("2026-03-29T02:59:59", "does not exist"),
        ("2027-03-28T02:15", "does not exist"),
        (datetime.fromisoformat("2026-03-29T02:30"), "does not exist"),
        ("2026-10-25T02:00", "exists twice"),
        ("2026-10-25 02:30", "exists twice"),
        ("2026-10-25T02:59:59", "exists twice"),
        ("2027-10-31T02:15", "exists twice"),
        (datetime.fromisoformat("2026-10-25T02:30"), "exists twice"),
    ],
)
def test_a_time_that_the_clocks_skip_or_show_twice_needs_its_offset(cell, why):
    with pytest.raises(ValueError, match=f"{why} in Europe/Copenhagen.* add the offset"):
        read_start(cell)


def test_with_an_offset_such_a_time_is_a_moment():
    assert read_start("2026-10-25T02:30+01:00") == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert read_start("2026-10-25T02:30+02:00") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("cell", ["31.05.2026", "2026-13-01", "soon", "2026-05-31T25:00", 46173, *LAX])
def test_what_is_no_date(cell):
    with pytest.raises(ValueError, match="is not an ISO 8601 date such as 2026-05-31T12:00"):
        read_start(cell)


@pytest.mark.parametrize("cell", ["0206-05-31", "2206-05-31", "0001-01-01T00:00+14:00"])
def test_a_date_far_off_is_a_slip(cell):
    with pytest.raises(ValueError, match="is not between the years 2000 and 2100"):
        read_start(cell)


ANY_CELL = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=[])),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.timedeltas(timedelta(-1000), timedelta(1000)),
    st.builds(Formatted, st.integers() | st.floats(), st.sampled_from(["0.00", "#,##0", "0%", "\x00"])),
    st.builds(Unreadable, st.just("This is nothing.")),
)


def outcome(reader, cell):
    try:
        return reader(cell)
    except ValueError as reason:
        return reason


@pytest.mark.parametrize("column", READERS)
@given(cell=ANY_CELL)
def test_every_cell_is_a_value_or_a_sentence(column, cell):
    reader = READERS[column]
    found = outcome(reader, cell)
    if isinstance(found, ValueError):
        assert str(found).isprintable()
        assert re.fullmatch(r"[A-Z'].*[^.]\.", str(found))  # whole, with one full stop, after its row and column
    if isinstance(found, str):
        assert found == found.strip()
