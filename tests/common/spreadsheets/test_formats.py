"""A number or text and its format -> what the cell shows, or the reason why it is not known."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, to_excel

from common.spreadsheets import cells
from common.spreadsheets.formats import Formatted, Unreadable, number_shown, text_shown
from courses.models import Course
from exports.importing.mappings import MappingSheet
from tests.common.spreadsheets.workbooks import HEADER, cells_of, changed, workbook_of
from tests.exports.importing.files import xlsx_file

read_id = cells.identifier(Course, "course_id")
read_end = MappingSheet().readers["assessment_ends_at"]


def shown(number, number_format):
    return number_shown(number, number_format, WINDOWS_EPOCH)


@pytest.mark.parametrize(
    ("number", "number_format", "text"),
    [
        (1001, "General", "1001"),
        (1001.0, "GENERAL", "1001"),
        (88.1, "General", "88.1"),
        (1001, "@", "1001"),
        (1001, "0", "1001"),
        (1001.0, "0", "1001"),
        (123, "00000", "00123"),
        (123.0, "00000", "00123"),
        (1234567, "00000", "1234567"),
        (-5, "00000", "-00005"),
        (0, "000", "000"),
        (999_999_999_999_999, "0", "999999999999999"),
    ],
)
def test_digits_are_taken_as_they_are_shown(number, number_format, text):
    assert read_id(shown(number, number_format)) == text


ELSE = [
    (101901234, r"000000\-0000"),
    (123, "00000;-00000"),
    (123, '"s"00000'),
    (123, r"\s00000"),
    (1, "0%"),
    (0.5, "0.00%"),
    (0.5, "# ?/?"),
    (1000, "#,##0"),
    (1000.5, "#,##0.00"),
    (1e11, "0.00E+00"),
    (7, "0.00"),
    (7.5, "0"),
    (7, "#"),
    (7, "00000 "),
    (7, "0_)"),
    (7, ";;;"),
    (7, '"kr" 0'),
    (7, '0 "kr"'),
    (7, "[$kr-406] 0"),
    (7, r'_("$"* #,##0_);_("$"* \(#,##0\)'),
    (7, "[Red]0"),
    (7, "[<5]0;000"),
    (7, "General;[Red]-General"),
    (7, "000-00-0000"),
    (10**15, "0"),
    (10**16, "00000000000000000000"),
]


@pytest.mark.parametrize(("number", "number_format"), ELSE)
def test_any_other_format_is_refused_for_an_id(number, number_format):
    cell = shown(number, number_format)
    assert cell == Formatted(number, number_format)
    with pytest.raises(ValueError, match="Format the column as Text"):
        read_id(cell)


@pytest.mark.parametrize(
    ("moment", "number_format", "value"),
    [
        ("2026-05-31", "d mmmm yyyy", date(2026, 5, 31)),
        ("2026-05-31", "mm-dd-yy", date(2026, 5, 31)),
        ("2026-05-31", r"yyyy\-mm\-dd;@", date(2026, 5, 31)),
        ("2026-05-31", "[$-F800]dddd, mmmm dd, yyyy", date(2026, 5, 31)),
        ("2026-05-31", 'd"h"m"h"yyyy', date(2026, 5, 31)),
        ("2026-05-30T23:59:59.999", "yyyy-mm-dd", date(2026, 5, 31)),
        ("2026-05-31", "yyyy-mm-dd hh:mm", datetime.fromisoformat("2026-05-31T00:00")),
        ("2026-05-31T12:30:20", "yyyy-mm-dd hh:mm:ss", datetime.fromisoformat("2026-05-31T12:30:20")),
        ("2026-05-31T12:30:20", "m/d/yy h:mm", datetime.fromisoformat("2026-05-31T12:30")),
        ("2026-05-31T12:30", "d.m.yyyy h:mm AM/PM", datetime.fromisoformat("2026-05-31T12:30")),
    ],
)
@pytest.mark.parametrize("epoch", [WINDOWS_EPOCH, MAC_EPOCH])
def test_a_date_is_taken_as_it_is_shown(moment, number_format, value, epoch):
    number = to_excel(datetime.fromisoformat(moment), epoch)
    cell = number_shown(number, number_format, epoch)
    assert cell == value
    assert type(cell) is type(value)
    with pytest.raises(ValueError, match="This is a date or time"):
        read_id(cell)


@pytest.mark.parametrize(
    ("moment", "number_format", "why"),
    [
        ("2026-05-31", "mmm-yy", "not shown completely"),
        ("2026-05-31", "d-mmm", "not shown completely"),
        ("2026-05-31", "yyyy", "not shown completely"),
        ("2026-05-31", "dddd", "not shown completely"),
        ("2026-05-31T12:30", "h:mm", "not shown completely"),
        ("2026-05-31T12:30", "mm:ss", "not shown completely"),
        ("2026-05-31T12:30", "yyyy-mm-dd", "This includes the time 12:30, but shows only the date"),
        ("2026-05-31T00:01", "d mmmm yyyy", "includes the time 00:01"),
        ("2026-05-31T23:59", '"h"d/m/yyyy', "includes the time 23:59"),
        ("2026-05-31T08:00", "[$-406]dd-mm-yyyy", "includes the time 08:00"),
    ],
)
def test_a_date_that_is_not_shown_as_a_whole_is_refused_in_every_column(moment, number_format, why):
    cell = shown(to_excel(datetime.fromisoformat(moment)), number_format)
    assert isinstance(cell, Unreadable)
    for read in (read_id, read_end):
        with pytest.raises(ValueError, match=why):
            read(cell)


@pytest.mark.parametrize(
    ("number", "number_format", "kind"),
    [(0.5, "h:mm", time), (1.5, "[h]:mm", timedelta), (1e12, "yyyy-mm-dd", Unreadable), (-1e9, "d/m/yy", Unreadable)],
)
def test_a_time_or_a_number_that_is_no_date_is_refused(number, number_format, kind):
    cell = shown(number, number_format)
    assert isinstance(cell, kind)
    for read in (read_id, read_end):
        with pytest.raises(ValueError, match="This is"):
            read(cell)


@pytest.mark.parametrize(
    "number_format",
    ["General", "@", "0", "00000", "0%", "yyyy-mm-dd;@", "[$-409]d-mmm;@", "0;-0", '0;-0;"";@', "0_);(0);0_);_(@_)"],
)
def test_a_text_is_a_text_in_every_format_that_shows_it(number_format):
    assert text_shown("00123", number_format) == "00123"


@pytest.mark.parametrize(
    "number_format", ['"s"@', "@@", ";;;", '0;0;0;"hidden"', '@" pts"', r"\s@", "0;0;0;", ';;;@"x"']
)
def test_a_text_that_its_format_changes_is_refused(number_format):
    assert isinstance(text_shown("00123", number_format), Unreadable)


def test_a_built_in_format_without_a_code_is_not_general():
    style = '<xf numFmtId="30"/></cellXfs>'
    content = changed(
        workbook_of(HEADER + '<row r="2"><c r="A2" s="1"><v>46173</v></c></row>'),
        {"xl/styles.xml": lambda text: text.replace("</cellXfs>", style)},
    )
    assert cells_of(content) == [(Formatted(46173, "built-in 30"),)]


def test_a_date_written_as_iso_text_is_shown_in_its_format():
    style = '<xf numFmtId="14"/><xf numFmtId="22"/></cellXfs>'
    rows = "".join(
        f'<row r="{row}"><c r="A{row}" t="d" s="{style}"><v>{value}</v></c></row>'
        for row, (style, value) in enumerate(
            [(1, "2026-05-31"), (1, "2026-05-31T00:00:00.000"), (2, "2026-05-31T12:30:00Z"), (1, "soon")], start=2
        )
    )
    content = changed(workbook_of(HEADER + rows), {"xl/styles.xml": lambda text: text.replace("</cellXfs>", style)})
    assert cells_of(content) == [
        (date(2026, 5, 31),),
        (date(2026, 5, 31),),
        (datetime.fromisoformat("2026-05-31T12:30"),),
        (Unreadable("This is 'soon', which is not a date. Write the date."),),
    ]


def as_a_spreadsheet_shows_it(number, number_format):
    """For the few formats that a reader may take."""
    digits = f"{number:.15g}" if isinstance(number, float) else str(number)
    if "e" in digits:
        return None
    if number_format in ("General", "@"):
        return digits
    if "." in digits:
        return None
    sign = "-" if digits.startswith("-") else ""
    return sign + digits.lstrip("-").zfill(len(number_format))


NUMBERS = st.integers(-(10**17), 10**17) | st.floats(-1e17, 1e17).filter(lambda number: str(number) != "-0.0")
FORMATS = [
    "General",
    "@",
    "0",
    "00",
    "00000",
    "0000000000",
    *sorted({number_format for _number, number_format in ELSE}),
]


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, st.sampled_from(FORMATS)), min_size=1, max_size=20))
def test_what_is_kept_of_a_cell_is_what_it_shows_or_it_is_refused(numbers):
    content = xlsx_file(
        ["id"],
        *([number] for number, _format in numbers),
        formats={f"A{row}": number_format for row, (_number, number_format) in enumerate(numbers, start=2)},
    )
    for (number, number_format), (cell,) in zip(numbers, cells_of(content), strict=True):
        try:
            kept = read_id(cell)
        except ValueError:
            assert number_format not in ("General", "@", "0") or abs(number) >= 10**15 or number != int(number)
        else:
            assert set(number_format) in ({"0"}, {"@"}, set("General"))
            assert as_a_spreadsheet_shows_it(number, number_format) in (kept, None)
