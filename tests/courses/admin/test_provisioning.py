"""Provisioning in the admin: who may, what is asked first, what is done, and what a row's page says."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from courses import provisioning
from courses.models import EnrolmentMetadata, GradeColumn, GradeSchema, ProvisioningRun, ProvisioningStep
from tests.factories import (
    CourseFactory,
    EnrolmentMetadataFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    ProvisioningRunFactory,
    ProvisioningStepFactory,
    UserFactory,
)
from tests.signed_in import messages_of, signed_in, text_of

pytestmark = pytest.mark.django_db

KINDS = {
    "gradeschema": GradeSchemaFactory,
    "gradecolumn": GradeColumnFactory,
    "enrolmentmetadata": EnrolmentMetadataFactory,
}


def url(model: str, page: str = "changelist", *args: object) -> str:
    return reverse(f"admin:courses_{model}_{page}", args=args)


def act(browser, model, rows, action="provision", **fields):
    form = {"action": action, "_selected_action": [row.pk for row in rows], **fields}
    return browser.post(url(model), form)


@pytest.fixture
def manager() -> Client:
    return signed_in(manager=True)


@pytest.fixture
def administrator() -> Client:
    return signed_in(administrator=True)


@pytest.mark.parametrize("model", KINDS)
def test_managers_watch_and_provision_nothing(manager, model):
    row = KINDS[model]()
    assert "Provision in Learn" not in text_of(manager.get(url(model, "change", row.pk)))
    act(manager, model, [row], post="yes")
    act(manager, model, [row], action="mark_as_in_learn")
    assert manager.get(url(model, "provision_row", row.pk)).status_code == 403
    if model != "enrolmentmetadata":
        assert manager.post(url(model, "again", row.pk), {"name": "x"}).status_code == 403
    assert not ProvisioningRun.objects.exists()
    row.refresh_from_db()
    assert not row.is_provisioned


def test_a_manager_watches_runs(manager):
    step = ProvisioningStepFactory(name="BIO · Exam")
    assert "BIO · Exam" in text_of(manager.get(url("provisioningrun", "change", step.run_id)))
    assert manager.get(url("provisioningrun")).status_code == 200
    assert manager.get(url("provisioningstep"), {"run__exact": step.run_id}).status_code == 200


@pytest.mark.parametrize("model", KINDS)
def test_what_would_happen_is_shown_first_and_happens_once_it_is_confirmed(administrator, model):
    row, left_out = KINDS[model](), KINDS[model](in_learn=True)

    page = text_of(act(administrator, model, [row, left_out]))
    assert "Create 1 item in Learn?" in page
    assert "It has been in Learn since" in page
    assert not ProvisioningRun.objects.exists()

    answer = act(administrator, model, [row, left_out], post="yes")
    run = ProvisioningRun.objects.get()
    assert answer.url == url("provisioningrun", "change", run.pk)
    assert run.requested_by is not None
    assert [step.target for step in run.steps.all()] == [row]
    assert DBTaskResult.objects.count() == 1


def test_the_page_that_asks_says_what_will_be_refused(administrator):
    GradeColumnFactory(item_type="WIKI")
    page = text_of(act(administrator, "gradecolumn", GradeColumn.objects.all()))
    assert "Will be refused: Learn has this type in Original courses only." in page


def test_the_page_that_asks_foresees_what_is_needed_and_not_there(administrator):
    course = CourseFactory(original=True)
    exam = GradeColumnFactory(course=course, name="Exam", grade_schema=GradeSchemaFactory(title="Pass"))
    total = GradeColumnFactory(course=course, name="Total", item_type="TOTAL_COLUMN", mapping="Exam")
    page = text_of(act(administrator, "gradecolumn", [total]))
    assert "Will be refused: Column Exam, which it counts, is not known to be in Learn." in page
    page = text_of(act(administrator, "gradecolumn", [total, exam]))
    assert "Will be refused" not in page


def test_the_button_of_a_row_leads_to_the_same_question(administrator):
    row = GradeColumnFactory(grade_schema=GradeSchemaFactory())
    address = url("gradecolumn", "provision_row", row.pk)
    assert address in text_of(administrator.get(url("gradecolumn", "change", row.pk)))
    assert "Create 2 items in Learn?" in text_of(administrator.get(address))


def test_with_nothing_to_do_no_run_is_recorded(administrator):
    row = GradeColumnFactory(in_learn=True)
    assert "Nothing to create in Learn" in text_of(act(administrator, "gradecolumn", [row]))
    answer = act(administrator, "gradecolumn", [row], post="yes")
    assert messages_of(answer) == ["Nothing to provision. It has been in Learn since 3 May 2026, 11:00."]
    assert not ProvisioningRun.objects.exists()


@pytest.mark.parametrize(("model", "field"), [("gradecolumn", "name"), ("gradeschema", "title")])
def test_to_create_again_the_name_is_typed(administrator, model, field):
    row = KINDS[model](in_learn=True)
    address = url(model, "again", row.pk)
    assert address in text_of(administrator.get(url(model, "change", row.pk)))
    assert getattr(row, field) in text_of(administrator.get(address))

    wrong = administrator.post(address, {"name": "something else"})
    assert wrong.status_code == 422
    assert "Nothing was created." in text_of(wrong)
    assert not ProvisioningRun.objects.exists()

    administrator.post(address, {"name": getattr(row, field)})
    assert ProvisioningStep.objects.get().target == row

    ProvisioningStep.objects.update(state="DONE", finished_at="2026-05-03 09:00Z")
    twice = administrator.post(address, {"name": getattr(row, field)})
    assert twice.status_code == 422
    assert "It was changed by someone else." in text_of(twice)


def test_metadata_is_not_created_again_for_setting_it_twice_is_setting_it_once(administrator):
    row = EnrolmentMetadataFactory(in_learn=True)
    page = text_of(administrator.get(url("enrolmentmetadata", "change", row.pk)))
    assert "Create again" not in page


def test_what_was_made_by_hand_is_marked_and_not_created(administrator):
    rows = GradeColumnFactory.create_batch(2)
    answer = act(administrator, "gradecolumn", rows, action="mark_as_in_learn")
    assert messages_of(answer) == ["2 rows were marked as in Learn."]
    assert "Nothing to create in Learn" in text_of(act(administrator, "gradecolumn", rows))


def test_changed_metadata_counts_as_not_in_learn(administrator):
    row = EnrolmentMetadataFactory(in_learn=True)
    form = {"course": row.course_id, "user_id": row.user_id, "optional_data": "EnrollType=LetterGrade"}
    administrator.post(url("enrolmentmetadata", "change", row.pk), form)
    row.refresh_from_db()
    assert (row.status, row.provisioned_at) == ("NOT_PROVISIONED", None)


def column_form(row, **changed):
    fields = {"course": row.course_id, "name": row.name, "item_type": row.item_type, "points": row.points}
    return fields | changed


def test_a_column_of_another_name_counts_as_not_in_learn(administrator):
    row = GradeColumnFactory(in_learn=True)
    answer = administrator.post(url("gradecolumn", "change", row.pk), column_form(row, name="Another"))
    row.refresh_from_db()
    assert row.status == "NOT_PROVISIONED"
    assert "You changed its identity" in messages_of(answer)[0]


def test_other_changes_of_a_column_do_not_reach_learn_and_the_page_says_so(administrator):
    row = GradeColumnFactory(in_learn=True)
    answer = administrator.post(url("gradecolumn", "change", row.pk), column_form(row, points=20))
    row.refresh_from_db()
    assert row.is_provisioned
    assert "Changes made here are not sent to Learn" in messages_of(answer)[0]


def test_what_is_on_its_way_keeps_its_name_until_it_has_arrived(administrator):
    step = ProvisioningStepFactory()
    row = step.column
    page = administrator.post(url("gradecolumn", "change", row.pk), column_form(row, name="Another"))
    assert f"This is being sent to Learn in run {step.run_id}." in text_of(page)
    administrator.post(url("gradecolumn", "change", row.pk), column_form(row, points=20))
    row.refresh_from_db()
    assert row.points == 100  # the page would show what Learn does not have


def test_what_learn_would_not_take_is_said_at_its_field(administrator):
    row = GradeColumnFactory()
    page = text_of(administrator.post(url("gradecolumn", "change", row.pk), column_form(row, color="red")))
    assert "Learn allows &#x27;colour&#x27; in Original courses only." in page


@pytest.mark.parametrize(
    ("traits", "sentence"),
    [
        ({}, "GradeBridge has not created it."),
        ({"in_learn": True}, "In Learn since"),
        ({"unconfirmed": True}, "It may be in Learn."),
        ({"deleted": True}, "It was deleted in Learn."),
        ({"failed": True}, "Learn rejected it: No."),
        ({"external": True}, "This has not been sent to Learn yet."),
        ({"external": True, "external_set_at": "2026-05-03 09:00Z"}, "The external grade of its course since"),
    ],
)
def test_a_row_says_where_it_stands_in_learn(manager, traits, sentence):
    row = GradeColumnFactory(**traits)
    assert sentence in text_of(manager.get(url("gradecolumn", "change", row.pk)))
    assert manager.get(url("gradecolumn"), {"status__exact": row.status}).status_code == 200


def test_a_running_run_renews_its_page_until_it_is_finished(administrator):
    run = ProvisioningStepFactory().run
    address = url("provisioningrun", "change", run.pk)
    assert "This page updates by itself." in text_of(administrator.get(address))

    provisioning.sweep()
    ProvisioningStep.objects.update(state="DONE", finished_at="2026-05-03 09:00Z")
    ProvisioningRun.objects.update(state="DONE", finished_at="2026-05-03 09:00Z")
    answer = administrator.get(address, headers={"HX-Request": "true"})
    assert answer["HX-Refresh"] == "true"
    assert "Learn confirmed every step." in text_of(answer)


def test_a_run_whose_row_is_gone_still_names_it(manager):
    step = ProvisioningStepFactory(name="BIO · Exam")
    step.column.delete()
    assert "BIO · Exam" in text_of(manager.get(url("provisioningrun", "change", step.run_id)))


@pytest.mark.parametrize("model", ["provisioningrun", "provisioningstep"])
def test_history_is_read_and_nothing_else(administrator, model):
    row = ProvisioningRunFactory() if model == "provisioningrun" else ProvisioningStepFactory()
    assert administrator.get(url(model, "add")).status_code == 403
    assert administrator.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", ["provisioningrun", "provisioningstep", "enrolmentmetadata"])
def test_lists_cost_the_same_statements_however_long_they_are(model, manager):
    counts = []
    for number in (1, 20):
        for _ in range(number):
            EnrolmentMetadataFactory()
            ProvisioningStepFactory(run__requested_by=UserFactory())
        with CaptureQueriesContext(connection) as queries:
            assert manager.get(url(model)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_connection_page_is_for_those_who_provision(manager):
    assert manager.get(reverse("connection")).status_code == 403


def test_the_connection_page_shows_and_tests(learn):
    administrator = signed_in(administrator=True)
    page = text_of(administrator.get(reverse("connection")))
    assert learn.url in page
    assert "The connection works" not in page
    assert learn.calls.as_json() == []

    assert "The connection works" in text_of(administrator.post(reverse("connection")))

    learn.faults.add("forbidden", times=None, service="gradeValueAPI")
    page = text_of(administrator.post(reverse("connection")))
    assert "The connection does not work" in page
    assert "Give the application" in page


def test_neither_secret_nor_key_is_shown(learn, settings):
    settings.LEARN_KEY, settings.LEARN_SECRET = "0123456789-the-key", "the-secret-itself"
    page = text_of(signed_in(administrator=True).get(reverse("connection")))
    assert settings.LEARN_KEY not in page
    assert settings.LEARN_SECRET not in page
    assert "0123…" in page


def test_rows_of_every_kind_are_added_with_what_a_form_sends(administrator):
    course = CourseFactory(original=True)
    administrator.post(url("gradeschema", "add"), {"title": "Pass", "symbols": "P=50:F=0", "optional_data": "a=1"})
    administrator.post(
        url("enrolmentmetadata", "add"), {"course": course.pk, "user_id": "s1", "optional_data": "EnrollType=Audit"}
    )
    administrator.post(
        url("gradecolumn", "add"),
        {
            "course": course.pk,
            "name": "Essay",
            "item_type": "ASSIGNMENT",
            "points": "20",
            "is_external_grade": "on",
            "instructions": "Write",
            "available": "on",
            "start_date": "2026-05-01",
            "attempts": "2",
            "color": "red",
            "tracked": "on",
            "sequence_num": "1",
            "extract": "true",
            "optional_data": "a=1",
        },
    )
    column = GradeColumn.objects.get()
    assert (column.attempts, column.color, column.tracked, column.extract) == (2, "red", True, True)
    assert column.is_external_grade
    assert EnrolmentMetadata.objects.get().user_id == "s1"
    assert GradeSchema.objects.get().optional_data == "a=1"


def test_a_course_of_another_id_has_nothing_in_learn_that_gradebridge_made(administrator):
    course = CourseFactory()
    rows = [GradeColumnFactory(course=course, in_learn=True), EnrolmentMetadataFactory(course=course, in_learn=True)]
    elsewhere = GradeColumnFactory(in_learn=True)

    form = {"course_id": "ANOTHER", "title": course.title, "experience": course.experience}
    answer = administrator.post(url("course", "change", course.pk), form)

    assert "The course id is that of another course in Learn now" in messages_of(answer)[0]
    for row in rows:
        row.refresh_from_db()
        assert row.status == "NOT_PROVISIONED"
    elsewhere.refresh_from_db()
    assert elsewhere.is_provisioned


def test_a_course_of_another_title_is_still_the_same(administrator):
    column = GradeColumnFactory(in_learn=True)
    course = column.course
    form = {"course_id": course.course_id, "title": "Another", "experience": course.experience}
    administrator.post(url("course", "change", course.pk), form)
    column.refresh_from_db()
    assert column.is_provisioned


def test_what_is_on_its_way_is_not_deleted_here(administrator):
    row = ProvisioningStepFactory().column
    assert administrator.post(url("gradecolumn", "delete", row.pk), {"post": "yes"}).status_code == 403
    act(administrator, "gradecolumn", [row], action="delete_selected", post="yes")
    assert GradeColumn.objects.filter(pk=row.pk).exists()


def test_a_course_keeps_its_id_while_something_of_it_is_on_its_way(administrator):
    step = ProvisioningStepFactory()
    course = step.column.course
    form = {"course_id": "ANOTHER", "title": course.title, "experience": course.experience}
    page = administrator.post(url("course", "change", course.pk), form)
    assert f"This is being sent to Learn in run {step.run_id}." in text_of(page)


def test_an_external_grade_that_learn_was_not_told_of_has_a_button(administrator):
    row = GradeColumnFactory(external=True, in_learn=True)
    page = text_of(administrator.get(url("gradecolumn", "change", row.pk)))
    assert url("gradecolumn", "provision_row", row.pk) in page
    assert "Create 1 item in Learn?" in text_of(administrator.get(url("gradecolumn", "provision_row", row.pk)))


def test_what_somebody_has_looked_for_in_vain_can_be_created(administrator):
    rows = [GradeColumnFactory(**{trait: True}) for trait in ("unconfirmed", "in_learn")]
    kept = [GradeColumnFactory(being_deleted=True), GradeColumnFactory(deleted=True)]
    answer = act(administrator, "gradecolumn", [*rows, *kept], action="mark_as_not_in_learn")
    assert messages_of(answer) == ["2 rows were marked as not in Learn."]
    assert LogEntry.objects.filter(change_message__contains="Marked as not in Learn").count() == 4
    assert "Create 2 items in Learn?" in text_of(act(administrator, "gradecolumn", rows))
