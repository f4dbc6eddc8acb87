"""Values of a translation that nothing can show are named, with what could be shown."""

import pytest

from exports.importing.translations import TranslationSheet
from exports.mapping.showing import find_unshown
from tests.exports.importing.files import csv_file
from tests.factories import ColumnMappingFactory, GradeColumnFactory, GradeSchemaFactory, TranslationFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def schemas():
    return [
        GradeSchemaFactory(title="Letters", symbols="A=90:B=0:U"),
        GradeSchemaFactory(title="Verdict", symbols="Pass : Not passed"),
    ]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("A", ""),
        ("U", ""),
        ("Not passed", ""),
        ("75", ""),
        ("89.99", ""),
        ("Z", "No grade schema has 'Z'. Letters has A, B, U; Verdict has Pass, Not passed."),
        ("a", "No grade schema has 'a'."),
        ("Passed", "No grade schema has 'Passed'."),
        ("A+", "No grade schema has 'A+'."),
        ("-", "No grade schema has '-'."),
        ("A B", "No grade schema has 'A B'."),
    ],
)
def test_a_translation_that_no_flow_uses_is_compared_with_every_schema(schemas, value, says):
    TranslationFactory(name="T")
    found = find_unshown({"T": [value]}).get("T", "")
    assert found.startswith(says) if says else not found


@pytest.mark.parametrize("symbols", [None, ""])
def test_where_no_symbols_are_known_nothing_is_said(symbols):
    if symbols is not None:
        GradeSchemaFactory(symbols=symbols)
    assert find_unshown({"T": ["Z", "75"]}) == {}


@pytest.mark.parametrize(
    ("columns", "value", "says"),
    [
        (["Letters"], "A", ""),
        (["Letters"], "75", ""),
        (["Letters"], "Pass", "No grade column that uses this translation can show 'Pass'. Letters has A, B, U."),
        (["Letters", "Verdict"], "Pass", ""),
        (
            ["Letters", "Verdict"],
            "Z",
            "No grade column that uses this translation can show 'Z'. Letters has A, B, U; Ver",
        ),
        (["Verdict"], "75", "No grade column that uses this translation can show '75'. Verdict has Pass, Not passed."),
        ([None], "Z", ""),
        ([None], "-", ""),
        ([None], "101", "No grade column that uses this translation can show '101'."),
        ([None, "Letters"], "Z", ""),
    ],
)
def test_one_that_flows_use_is_compared_with_their_columns(schemas, columns, value, says):
    translation, by_title = TranslationFactory(name="T"), {schema.title: schema for schema in schemas}
    for title in columns:
        column = GradeColumnFactory(grade_schema=by_title.get(title))
        for _again in range(2):
            ColumnMappingFactory(translation=translation, grade_column=column)
    found = find_unshown({"T": [value]}).get("T", "")
    assert found.startswith(says) if says else not found


def test_the_number_of_statements_does_not_depend_on_the_number_of_translations(schemas, django_assert_num_queries):
    names = [f"T{number}" for number in range(30)]
    for name in names:
        ColumnMappingFactory(translation=TranslationFactory(name=name))
    with django_assert_num_queries(2):
        find_unshown({name: ["Z", "A"] for name in names})


def test_the_preview_of_an_import_says_so_too(schemas):
    header = ["translation", "marks", "kind", "given", "value"]
    sheet = TranslationSheet()
    lines = sheet.read("a.csv", csv_file(header, ["T", "TABLE", "MARK", "13", "Z"], ["T", "TABLE", "MARK", "12", "A"]))
    assert sheet.notes(sheet.plan(lines)) == [
        "Translation T. No grade schema has 'Z'. Letters has A, B, U; Verdict has Pass, Not passed."
    ]
