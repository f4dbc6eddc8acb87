"""Grade schemas from a file."""

import pytest

from common.spreadsheets.files import ImportRefused
from common.spreadsheets.sheets import import_lines
from courses.importing import schemas
from courses.models import GradeSchema
from courses.models.provisioned import NOT_SENT
from tests.exports.importing.files import csv_file
from tests.factories import GradeSchemaFactory

pytestmark = pytest.mark.django_db


def import_rows(*rows, header=("title", "symbols")):
    sheet = schemas.SchemaSheet()
    return import_lines(sheet, sheet.read("a.csv", csv_file(header, *rows)), by=None).sentence()


def test_schemas_are_added_and_changed():
    GradeSchemaFactory(title="Pass/fail", symbols="P=50:F=0")
    assert import_rows(["Pass/fail", "P=60:F=0"], ["Letters", "A=90:B=0"]) == "1 added, 1 changed, 0 unchanged"
    assert dict(GradeSchema.objects.values_list("title", "symbols")) == {
        "Pass/fail": "P=60:F=0",
        "Letters": "A=90:B=0",
    }


def test_symbols_that_are_not_in_the_file_stay():
    GradeSchemaFactory(title="Pass/fail", symbols="P=50:F=0")
    assert import_rows(["Pass/fail"], header=["title"]) == "0 added, 0 changed, 1 unchanged"
    assert GradeSchema.objects.get().symbols == "P=50:F=0"


def test_a_mistake_is_named_by_row_and_column():
    with pytest.raises(ImportRefused) as refused:
        import_rows(["", "P=50:F=0"], ["Long", "x" * 2001])
    assert refused.value.problems == [
        "Row 2, title: This is empty.",
        "Row 3, symbols: This has 2,001 characters; 2,000 are allowed.",
    ]


@pytest.mark.parametrize(
    ("symbols", "says"),
    [
        ("A,B,C,D", "Use colons between symbols, such as A:B:C:D."),
        ("A=90\nB=80\nF=0", "Use colons between symbols, such as A=90:B=80:F=0."),
        ("A=90:B=80", "A score below 80 percent would have no symbol. One symbol must begin at 0, such as B=80:F=0."),
        ("A=90:A=80:F=0", "Symbol A appears twice."),
    ],
)
def test_symbols_that_learn_would_not_take_are_refused_as_on_the_page(symbols, says):
    with pytest.raises(ImportRefused) as refused:
        import_rows(["Letters", symbols])
    assert refused.value.problems == [f"Row 2, symbols: {says}"]


@pytest.mark.parametrize(("is_in_learn", "notes"), [(True, [f"Row 2, grade schema P/F: {NOT_SENT}"]), (False, [])])
def test_a_change_of_a_schema_that_is_in_learn_says_that_it_is_not_sent(is_in_learn, notes):
    GradeSchemaFactory(title="P/F", symbols="P=50:F=0", in_learn=is_in_learn)
    sheet = schemas.SchemaSheet()
    plan = sheet.plan(sheet.read("a.csv", csv_file(["title", "symbols"], ["P/F", "P=60:F=0"])))
    assert sheet.notes(plan) == notes
