"""Imports leave the history that single changes would have left, and cost the database little."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from common.spreadsheets.sheets import import_lines
from courses.importing import metadata, schemas
from courses.models import Course, GradeColumn
from exports.importing import mappings, rosters, translations
from exports.models import ColumnMapping, Flow, TranslatedGrade, Translation
from tests.exports.importing.files import csv_file
from tests.factories import FlowFactory, UserFactory
from tests.signed_in import signed_in, text_of

pytestmark = pytest.mark.django_db

SHEETS = {
    "mappings": (mappings.MappingSheet, lambda n: [f"flow{n}", f"Title {n}", f"s{n}", f"course{n}", "", f"column {n}"]),
    "roster": (lambda: rosters.RosterSheet(Flow.objects.get()), lambda n: [f"u{n}", f"l{n}", "S", "SIS"]),
    "translations": (
        translations.TranslationSheet,
        lambda n: [f"T{n % 50}", "TABLE", "", "", "", "MARK", str(n), f"v{n}"],
    ),
    "metadata": (metadata.MetadataSheet, lambda n: [f"C{n % 100}", f"s{n}", f"a={n}"]),
    "schemas": (schemas.SchemaSheet, lambda n: [f"Schema {n}", "F=0:P=5"]),
}


def import_rows(sheet, *rows, by=None):
    content = csv_file(sheet.names[: len(rows[0])], *rows)
    return import_lines(sheet, sheet.read("a.csv", content), by=by)


def test_what_is_added_and_changed_is_recorded_with_its_person_and_nothing_else():
    somebody = UserFactory()
    import_rows(mappings.MappingSheet(), ["1", "One", "", "C", "", "A"], ["2", "Two", "", "C", "", "B"])
    import_rows(mappings.MappingSheet(), ["1", "One", "", "C", "", "B"], ["2", "Zwei", "", "C", "", "B"], by=somebody)

    moved = ColumnMapping.objects.get(flow__flow_id="1")
    kinds = list(moved.history.values_list("history_type", "history_user", "grade_column__name"))
    assert kinds == [("~", somebody.pk, "B"), ("+", None, "A")]
    assert ColumnMapping.objects.get(flow__flow_id="2").history.count() == 1
    titles = list(Flow.objects.get(flow_id="2").history.values_list("history_type", "history_user", "title"))
    assert titles == [("~", somebody.pk, "Zwei"), ("+", None, "Two")]
    assert Flow.objects.get(flow_id="1").history.count() == 1
    assert [column.history.count() for column in GradeColumn.objects.all()] == [1, 1]


def test_a_row_older_than_the_history_is_recorded_as_it_was():
    Flow.objects.bulk_create([Flow(flow_id="1", title="Before")])
    import_rows(mappings.MappingSheet(), ["1", "After", "", "C", "", "A"])
    assert list(Flow.objects.get().history.values_list("title", flat=True)) == ["After", "Before"]


def test_the_tables_of_translations_have_a_history_too():
    sheet = translations.TranslationSheet()
    import_rows(sheet, ["T", "TABLE", "", "", "", "MARK", "1", "A"])
    import_rows(sheet, ["T", "TABLE", "", "", "", "MARK", "1", "B"])
    assert list(TranslatedGrade.objects.get().history.values_list("history_type", "value")) == [("~", "B"), ("+", "A")]
    assert Translation.objects.get().history.count() == 1


def test_the_roster_of_a_flow_is_recorded_with_its_person():
    somebody, flow = UserFactory(), FlowFactory()
    import_rows(rosters.RosterSheet(flow), ["u1"], by=somebody)
    latest = flow.history.first()
    assert (latest.history_user, latest.roster_imported_at) == (somebody, flow.roster_imported_at)


def test_the_history_of_a_flow_says_how_much_a_roster_changed():
    flow = FlowFactory()
    sheet = rosters.RosterSheet(flow)
    import_rows(sheet, ["u1", "l1", "S", "SIS"], ["u2", "l2", "S", "SIS"], ["u3", "l3", "S", "SIS"])
    import_rows(
        sheet,
        *(["u1", "l1", "S", "SIS"], ["u2", "new", "S", "SIS"], ["u3", "l3", "S", "MANUAL"]),
        *(["u4", "l4", "S", "SIS"], ["u5", "l5", "S", "SIS"]),
    )
    assert list(flow.history.values_list("history_change_reason", flat=True))[:2] == [
        "Roster imported: 2 added, 1 changed, 1 removed, 1 unchanged",
        "Roster imported: 3 added, 0 changed, 0 removed, 0 unchanged",
    ]


def test_the_history_of_a_flow_says_how_many_were_taken_off():
    flow = FlowFactory()
    import_rows(rosters.RosterSheet(flow), ["u1"], ["u2"], ["u3"])
    import_rows(rosters.RosterSheet(flow, replaces=True), ["u3"], ["u4"])
    assert flow.history.first().history_change_reason == "Roster replaced: 1 added, 0 changed, 2 taken off, 1 unchanged"


def test_a_later_change_of_the_flow_does_not_repeat_it():
    flow = FlowFactory()
    import_rows(rosters.RosterSheet(flow), ["u1"])
    flow.title = "New"
    flow.save()
    assert flow.history.first().history_change_reason is None


def test_a_roster_is_seen_in_the_history_of_its_flow_and_among_all_changes():
    manager = signed_in(manager=True)
    flow, somebody = FlowFactory(flow_id="77"), UserFactory(username="anna")
    import_rows(rosters.RosterSheet(flow), ["u1"], by=somebody)
    for url in (reverse("admin:exports_flow_history", args=[flow.pk]), reverse("changes")):
        shown = text_of(manager.get(url))
        assert "Roster imported: 1 added, 0 changed, 0 removed, 0 unchanged" in shown
        assert "anna" in shown


@pytest.mark.parametrize("name", SHEETS)
def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(name):
    sheet_of, row = SHEETS[name]
    FlowFactory(flow_id="77")
    Course.objects.bulk_create([Course(course_id=f"C{number}") for number in range(100)])
    counts = []
    for start, size in [(0, 100), (10_000, 2_000)]:
        rows = [row(start + number) for number in range(size)]
        changed = [[*first[:-1], first[-1] + "5"] for first in rows] if name != "roster" else rows
        with CaptureQueriesContext(connection) as queries:
            assert len(import_rows(sheet_of(), *rows).added) == size
            import_rows(sheet_of(), *changed)
        counts.append(len(queries))
    assert counts[1] <= counts[0]
