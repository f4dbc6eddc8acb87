"""Reconciliation on the pages of a flow and of all flows, and as files."""

import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from exports.fetching.flows import fetch
from exports.models import Flow
from exports.reconciling.files import COLUMNS
from exports.reconciling.kinds import Kind
from tests.conftest import COLUMN, COURSE
from tests.exports.fetching.conftest import hold
from tests.exports.reconciling.conftest import given, learn, licence, person, prove_all  # noqa: F401  fixtures
from tests.factories import FlowFactory, GradeInLearnFactory, ParticipantFactory
from tests.pages import rows_of, words_of
from tests.signed_in import signed_in

ALL = "/admin/reconciliation/"


def page_of(flow, query=""):
    return reverse("admin:exports_flow_reconciliation", args=[flow.pk]) + query


@pytest.fixture
def compared(flow, learn, licence, wiseflow):  # noqa: F811
    """1 agrees; Learn shows another grade of 2; 3 is graded and not exported; 4 is not delivered."""
    wiseflow.export(given(1, "B"), given(2, "C"), given(30, "D"))
    learn.world.type_grade(COURSE, COLUMN, "2", "12", by="M. Hansen")
    people = [
        person(1, grade="B", exportState=2),
        person(2, grade="C", exportState=2),
        person(3, grade="A"),
        person(30, grade="D", exportState=3),
    ]
    hold(licence, *people)
    fetch(flow)
    prove_all()
    return flow


def test_differences_come_first_by_kind_with_what_to_do(manager, compared):
    page = manager.get(page_of(compared))

    words = words_of(page)
    assert words.index("Different in Learn (1)") < words.index("Not delivered (1)") < words.index("not exported (1)")
    assert "Keep Learn's grade, or replace it, on the student's page." in words
    [different, failed, graded] = rows_of(page)
    assert different["User id"] == "2 First2 Last2"
    assert different["Course and column"] == f"{COURSE} · {COLUMN} for 2"
    assert different["WISEflow"] == "C Exported"
    assert different["Learn"].startswith("Learn shows 12, set by M. Hansen on ")
    assert "Retry" in failed["More and what to do"] or "retry" in failed["More and what to do"]
    assert (graded["WISEflow"], graded["GradeBridge"]) == ("A Not exported", "Not exported")
    assert "Learn: last read on" in words
    assert "WISEflow: read on" in words


def test_the_complete_list_has_everyone_differences_first(manager, compared):
    page = manager.get(page_of(compared, "?all=yes"))

    assert [row["User id"].split()[0] for row in rows_of(page)] == ["2", "3", "30", "1"]
    assert "In agreement" in rows_of(page)[-1]["More and what to do"]


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("?kind=DIFFERENT_IN_LEARN", ["2"]),
        ("?kind=AGREES", ["1"]),
        ("?kind=MISSING", []),
        ("?kind=nonsense", ["2", "3", "30", "1"]),
        ("?q=last3", ["3", "30"]),
        ("?q=LAST30", ["30"]),
        ("?q=last3&kind=GRADED_NOT_EXPORTED", ["3"]),
        ("?p=99999999999999999999", ["2", "3", "30", "1"]),
        ("?p=x&all=yes", ["2", "3", "30", "1"]),
    ],
)
def test_the_list_is_filtered(manager, compared, query, listed):
    page = manager.get(page_of(compared, query))

    assert page.status_code == 200
    assert [row["User id"].split()[0] for row in rows_of(page)] == listed


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_file_has_the_same_rows_and_no_formulas(manager, compared, ending):
    compared.participants.filter(user_id="2").update(first_name="=1+1")

    header, *rows = table_of(manager.get(page_of(compared, f"?download={ending}")), ending)

    assert tuple(header) == COLUMNS
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["user_id"] for row in found] == ["2", "3", "30", "1"]
    different = found[0]
    assert different["first_name"] == "'=1+1"
    assert (different["kinds"], different["differs"]) == ("DIFFERENT_IN_LEARN", "true")
    assert (different["wiseflow_value"], different["value"], different["learn_shows"]) == ("C", "C", "12")
    assert different["learn_read_at"]
    assert different["wiseflow_read_at"]


def table_of(response, ending):
    if ending == "csv":
        return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    sheet = load_workbook(io.BytesIO(response.content)).active
    return [["" if cell is None else cell for cell in row] for row in sheet.iter_rows(values_only=True)]


def test_without_wiseflows_api_the_page_says_so(manager, db):
    who = ParticipantFactory(missing=True)

    page = manager.get(page_of(who.flow))

    assert "WISEflow: not connected." in words_of(page)
    [row] = rows_of(page)
    assert row["WISEflow"] == "not connected"
    assert "Missing (1)" in words_of(page)


def test_a_flow_without_differences_says_so(manager, db):
    grade = GradeInLearnFactory(proven=True)

    words = words_of(manager.get(page_of(grade.participant.flow)))

    assert "No differences" in words
    assert "Nothing to do." in words


def test_all_flows_are_compared_on_one_page(manager, compared):
    agreeing = GradeInLearnFactory(proven=True).participant.flow
    running = ParticipantFactory(missing=True, user_id="later").flow
    Flow.objects.filter(pk=running.pk).update(assessment_ends_at=timezone.now() + timedelta(days=1))
    FlowFactory(title="Without people")

    page = manager.get(ALL)

    kinds, flows = rows_of(page)[:3], rows_of(page)[3:]
    assert [(row["Difference"], row["Grades"], row["Flows"]) for row in kinds] == [
        ("Different in Learn", "1", "1"),
        ("Not delivered", "1", "1"),
        ("Graded in WISEflow, not exported", "1", "1"),
    ]
    [row] = flows
    assert row["Flow"] == str(compared)
    assert "Flows without a difference, as far as WISEflow and Learn were read: 1 of 2." in words_of(page)
    assert agreeing.flow_id not in row["Flow"]
    assert f'href="{page_of(compared)}?kind=DIFFERENT_IN_LEARN"' in page.content.decode()


def test_the_file_of_all_flows_has_their_problems_alone(manager, compared):
    GradeInLearnFactory(proven=True)

    header, *rows = table_of(manager.get(f"{ALL}?download=csv"), "csv")

    assert [row[header.index("user_id")] for row in rows] == ["2", "3", "30"]


@pytest.mark.parametrize("who", [{"manager": True}, {"administrator": True}, {"is_superuser": True}])
def test_whoever_sees_grades_may_compare_them(who, db):
    flow = ParticipantFactory(exported=True).flow
    browser = signed_in(**who)

    assert browser.get(page_of(flow)).status_code == 200
    assert browser.get(ALL).status_code == 200
    assert (
        f'href="{page_of(flow)}"' in browser.get(reverse("admin:exports_flow_change", args=[flow.pk])).content.decode()
    )
    assert f'href="{ALL}"' in browser.get(reverse("admin:index")).content.decode()


def test_no_one_else_does(db):
    flow = ParticipantFactory(exported=True).flow
    browser = signed_in(is_staff=True)

    assert browser.get(page_of(flow)).status_code == 403
    assert browser.get(ALL).status_code == 403
    assert f'href="{ALL}"' not in browser.get(reverse("admin:index")).content.decode()


def test_the_flows_page_says_how_many_are_graded_and_not_exported(manager, compared):
    words = words_of(manager.get(reverse("admin:exports_flow_change", args=[compared.pk])))

    assert "1 participant is graded in WISEflow and not exported." in words


def test_the_dashboard_says_how_many_are_graded_and_not_exported(manager, compared):
    page = manager.get(reverse("admin:index"))

    assert "1 graded in WISEflow" in words_of(page)
    assert f'href="{page_of(compared)}?kind=GRADED_NOT_EXPORTED"' in page.content.decode()


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_its_words(manager, db, kind):
    flow = ParticipantFactory(exported=True).flow

    page = words_of(manager.get(page_of(flow, f"?kind={kind.value}")))

    assert str(kind.label) in page
