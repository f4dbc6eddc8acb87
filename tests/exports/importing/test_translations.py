"""Translations from a file, with their tables."""

from decimal import Decimal

import pytest

from common.spreadsheets.files import ImportRefused
from common.spreadsheets.sheets import import_lines
from exports.importing.translations import TranslationSheet
from exports.models import Translation
from tests.exports.importing.files import csv_file, xlsx_file
from tests.factories import TranslationFactory

SHEET = TranslationSheet()
HEADER = SHEET.names

pytestmark = pytest.mark.django_db


def import_rows(*rows, header=HEADER, by=None):
    return import_lines(SHEET, SHEET.read("a.csv", csv_file(header, *rows)), by=by).sentence()


def problems(*rows, header=HEADER):
    with pytest.raises(ImportRefused) as refused:
        import_rows(*rows, header=header)
    assert not Translation.objects.filter(name="New").exists()
    return refused.value.problems


def grades(name):
    return set(Translation.objects.get(name=name).grades.values_list("kind", "given", "value"))


def test_a_translation_comes_with_its_table():
    assert (
        import_rows(
            ["Letters", "TABLE", "", "", "", "MARK", "12", "A"],
            ["Letters", "table", "1", "", "NONE", "mark", "10", "B"],
            ["Letters", "TABLE", "", "", "", "ALTERNATIVE_GRADE", "U", "Absent"],
            ["Points", "NUMERIC", "100", "2", "HALF_UP", "", "", ""],
        )
        == "4 added, 0 changed, 0 unchanged"
    )
    assert grades("Letters") == {("MARK", "12", "A"), ("MARK", "10", "B"), ("ALTERNATIVE_GRADE", "U", "Absent")}
    points = Translation.objects.get(name="Points")
    assert (points.marks, points.divisor, points.decimals, points.rounding) == ("NUMERIC", 100, 2, "HALF_UP")
    assert points.translator().mark("8999") == "89.99"


def test_grades_that_are_not_in_the_file_stay_and_others_change():
    TranslationFactory(name="Letters", table={"12": "A", "10": "B"})
    header = ["translation", "kind", "given", "value"]
    assert import_rows(["Letters", "MARK", "10", "B+"], ["Letters", "MARK", "7", "C"], header=header) == (
        "1 added, 1 changed, 0 unchanged"
    )
    assert grades("Letters") == {("MARK", "12", "A"), ("MARK", "10", "B+"), ("MARK", "7", "C")}
    assert Translation.objects.get().marks == "TABLE"


def test_what_changes_of_the_translation_itself_is_seen_in_its_rows():
    TranslationFactory(name="Points", divisor=Decimal(100))
    plan = SHEET.plan(SHEET.read("a.csv", csv_file(["translation", "divisor"], ["Points", "10"])))
    assert plan.changed[0].differences == {"divisor": (100, 10)}


def test_numbers_of_a_workbook_are_read():
    import_lines(SHEET, SHEET.read("a.xlsx", xlsx_file(HEADER, ["N", "NUMERIC", 0.5, 1, "UP", "MARK", -3, 0])), by=None)
    assert Translation.objects.get().divisor == Decimal("0.5")
    assert grades("N") == {("MARK", "-3", "0")}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (["", "", "", "", "", "", "", ""], "Row 2, translation: This is empty."),
        (["New", "letters"], "Row 2, marks: 'letters' is not allowed; use AS_WRITTEN, TABLE or NUMERIC."),
        (["New", "", "0"], "Row 2, divisor: '0' cannot be used: Ensure this value is greater than or equal to 1E-8."),
        (["New", "", "1,5"], "Row 2, divisor: '1,5' is not a number such as 100 or 0.5."),
        (["New", "", "-1"], "Row 2, divisor: '-1' is not a number such as 100 or 0.5."),
        (["New", "", "", "11"], "Row 2, decimals: '11' is not a whole number from 0 to 10."),
        (["New", "", "", "", "UP"], "Row 2, decimals: Enter the number of decimals to round to."),
        (
            ["New", "", "", "", "", "MARK", "", "A"],
            "Row 2, given: This is empty. A row for a grade needs kind, given and value.",
        ),
        (
            ["New", "", "", "", "", "", "12", "A"],
            "Row 2, kind: This is empty. A row for a grade needs kind, given and value.",
        ),
        (
            ["New", "", "", "", "", "MARK", "12"],
            "Row 2, value: This is empty. A row for a grade needs kind, given and value.",
        ),
    ],
)
def test_every_mistake_is_named_by_row_and_column(row, problem):
    rows = [row] if any(row) else [["", "TABLE"]]
    assert problems(*rows) == [problem]


def test_rows_of_one_translation_may_not_contradict_each_other():
    assert problems(
        ["New", "TABLE", "", "", "", "MARK", "12", "A"], ["New", "NUMERIC", "", "", "", "MARK", "12", "B"]
    ) == [
        "Row 3, marks: 'NUMERIC' contradicts 'TABLE' in row 2, which has the same translation.",
        "Row 3, value: 'B' contradicts 'A' in row 2, which has the same translation, kind, given.",
    ]


def test_a_rounding_may_rely_on_the_decimals_that_are_there():
    TranslationFactory(name="Points", decimals=1)
    assert import_rows(["Points", "UP"], header=["translation", "rounding"]) == "0 added, 1 changed, 0 unchanged"
    assert Translation.objects.get().rounding == "UP"


def test_a_new_grade_tells_what_its_row_changes_of_the_translation():
    TranslationFactory(name="N", marks="NUMERIC", divisor=Decimal(100))
    plan = SHEET.plan(SHEET.read("a.csv", csv_file(HEADER, ["N", "", "", "", "", "ALTERNATIVE_GRADE", "FE", "0"])))
    assert plan.sentence() == "1 added, 1 changed, 0 unchanged"
    assert plan.shared[0].differences == {"marks": ("NUMERIC", "AS_WRITTEN"), "divisor": (100, 1)}
