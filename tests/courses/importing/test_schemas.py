"""Grade schemas from a file."""

import pytest

from common.spreadsheets.files import ImportRefused
from common.spreadsheets.sheets import import_lines
from courses.importing import schemas
from courses.models import GradeSchema
from tests.exports.importing.files import csv_file
from tests.factories import GradeSchemaFactory

pytestmark = pytest.mark.django_db


def import_rows(*rows, header=("title", "symbols")):
    sheet = schemas.sheet()
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
        "row 2, title: is empty",
        "row 3, symbols: has 2001 characters; 2000 are allowed",
    ]
