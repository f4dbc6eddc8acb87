"""What was changed, by whom, before and after."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from common.history.changes import COMMAND_LINE, Change, Difference, history_of, keep_baselines, newest, tracked_models
from courses.models import Course, EnrolmentMetadata, GradeColumn, GradeSchema
from exports.models import ApiClient, ColumnMapping, Flow, RequestProfile, TranslatedGrade, Translation, Webhook
from tests.factories import (
    ApiClientFactory,
    ColumnMappingFactory,
    CourseFactory,
    FlowFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    ParticipantFactory,
    TranslationFactory,
    UserFactory,
)
from tests.signed_in import signed_in, text_of

pytestmark = pytest.mark.django_db


def changes_of(model: Any, page: str | None = None) -> list[Change]:
    return list(newest([history_of(model)], page))


def differences(model: Any) -> dict[str, tuple[str, str]]:
    """Those of the newest change, by label."""
    return {found.label: (found.before, found.after) for found in changes_of(model)[0].differences}


def test_all_configuration_is_tracked() -> None:
    assert set(tracked_models()) == {
        Flow,
        ColumnMapping,
        Translation,
        TranslatedGrade,
        RequestProfile,
        ApiClient,
        Course,
        EnrolmentMetadata,
        GradeColumn,
        GradeSchema,
        Webhook,
    }


def test_a_change_says_before_and_after_in_the_words_of_the_form() -> None:
    course = CourseFactory(title="Biology")
    course.title, course.experience = "Botany", "ORIGINAL"
    course.save()
    assert differences(Course) == {"Title": ("Biology", "Botany"), "Experience": ("Ultra", "Original")}


def test_values_are_shown_as_people_write_them(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Copenhagen"
    flow = FlowFactory(synchronised_at=None)
    flow.synchronised_at, flow.instant_export = datetime(2026, 7, 1, 12, 30, tzinfo=UTC), True
    flow.save()
    found = differences(Flow)
    assert found["Synchronised"] == ("", "1 July 2026, 14:30")
    assert found["Instant export"] == ("No", "Yes")

    column = GradeColumnFactory(points=100.0)
    column.points = 12.5
    column.save()
    assert differences(GradeColumn) == {"Points possible": ("100", "12.5")}

    client = ApiClientFactory()
    client.allowed_networks = ["192.0.2.0/24", "2001:db8::/32"]
    client.save()
    assert differences(ApiClient) == {"Allowed networks": ("", "192.0.2.0/24, 2001:db8::/32")}


def test_what_is_added_and_deleted_is_told_in_full() -> None:
    GradeSchemaFactory(title="Pass or fail", symbols="P=50:F=0").delete()
    deleted, added = changes_of(GradeSchema)
    assert (deleted.verb, deleted.name, added.verb, added.name) == ("Deleted", "Pass or fail", "Added", "Pass or fail")
    assert list(added.differences) == [
        Difference(label="Title", before="", after="Pass or fail"),
        Difference(label="Symbols", before="", after="P=50:F=0"),
    ]
    assert list(deleted.differences) == [
        Difference(label="Title", before="Pass or fail", after=""),
        Difference(label="Symbols", before="P=50:F=0", after=""),
    ]


def test_foreign_keys_are_named_also_when_what_they_led_to_is_gone() -> None:
    old = GradeColumnFactory(name="Draft", course__course_id="BIO101")
    new = GradeColumnFactory(name="Exam", course__course_id="CHE202")
    mapping = ColumnMappingFactory(grade_column=old)
    mapping.grade_column = new
    mapping.save()
    course = old.course
    old.delete()
    course.delete()
    assert differences(ColumnMapping) == {"Grade column": ("BIO101 · Draft", "CHE202 · Exam")}
    [changed, added] = changes_of(ColumnMapping)
    assert (changed.name, added.name) == ("Every other source → CHE202 · Exam", "Every other source → BIO101 · Draft")
    assert changed.owner_name == str(mapping.flow)


def test_what_left_no_trace_is_named_by_its_number() -> None:
    column = GradeColumnFactory(name="Draft")
    mapping = ColumnMappingFactory(grade_column=column)
    pk = column.pk
    mapping.delete()
    column.delete()
    history_of(GradeColumn).delete()
    change = changes_of(ColumnMapping)[0]
    assert change.name == f"column mapping {mapping.pk or change.row.pk}"
    assert change.differences[0].before == f"grade column {pk} (deleted)"


def test_a_row_older_than_its_history_has_a_before_and_no_false_entry() -> None:
    flow = Flow.objects.lock("77")
    assert changes_of(Flow) == []
    flow.title = "Biology"
    flow.save(update_fields=["title"])
    assert differences(Flow) == {"Title": ("", "Biology")}
    assert len(changes_of(Flow)) == 1
    flow.title = "Botany"
    flow.save()
    assert differences(Flow) == {"Title": ("Biology", "Botany")}


def test_baselines_are_kept_for_those_alone_that_have_no_history() -> None:
    known = FlowFactory()
    unknown = [Flow.objects.lock("a"), Flow.objects.lock("b")]
    keep_baselines(Flow, [known.pk, *(flow.pk for flow in unknown)])
    keep_baselines(Flow, [known.pk, *(flow.pk for flow in unknown)])
    assert history_of(Flow).count() == 3


def test_an_entry_knows_who_made_it() -> None:
    CourseFactory(course_id="BY-COMMAND")
    browser = signed_in(administrator=True, first_name="Ada", last_name="Byron")
    browser.post(reverse("admin:courses_course_add"), {"course_id": "BY-PERSON", "experience": "ULTRA"})
    assert [(change.name, change.who) for change in changes_of(Course)] == [
        ("BY-PERSON", "Ada Byron"),
        ("BY-COMMAND", COMMAND_LINE),
    ]


def test_the_newest_come_first_on_pages_that_hold_all_of_them() -> None:
    for number in range(60):
        CourseFactory(course_id=f"C{number}")
    histories = [history_of(Course), history_of(Flow)]
    FlowFactory(flow_id="last", title="")
    names = [change.name for page in ("1", "2", "3") for change in newest(histories, page)]
    assert names == ["last", *(f"C{number}" for number in reversed(range(60)))]
    assert newest(histories, "nonsense").number == 1
    assert newest(histories, "99").number == 3


def test_exports_write_no_history_and_pay_nothing_for_it(learn: Any, flow: Flow, wiseflow: Any) -> None:
    before = {model: history_of(model).count() for model in tracked_models()}
    with CaptureQueriesContext(connection) as queries:
        wiseflow.export({"userId": "u1", "mark": "B"}, {"userId": "nobody", "mark": "B"})
        wiseflow.export({"userId": "u1", "mark": "B"}, path="/api/wiseflow/flows/new/export")
    assert {model: history_of(model).count() for model in tracked_models()} == before
    assert not [query["sql"] for query in queries if "historical" in query["sql"]]


PAGES = {
    Flow: FlowFactory,
    Translation: TranslationFactory,
    Course: CourseFactory,
    GradeColumn: GradeColumnFactory,
    GradeSchema: GradeSchemaFactory,
    ApiClient: ApiClientFactory,
}


def history_page(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_history", args=[row.pk])


@pytest.mark.parametrize("model", PAGES)
def test_each_model_has_a_page_of_its_history(model: Any) -> None:
    row = PAGES[model]()
    browser = signed_in(administrator=True)
    change_page = text_of(
        browser.get(reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]))
    )
    assert history_page(row) in change_page
    page = text_of(browser.get(history_page(row)))
    assert f"History of {row}" in page
    assert f"Added · {row._meta.verbose_name}" in page


def test_a_flows_history_holds_its_mappings() -> None:
    mapping = ColumnMappingFactory(flow=FlowFactory(flow_id="77"), grade_column__name="Exam")
    other = ColumnMappingFactory(source_code="elsewhere")
    flow, name = mapping.flow, str(mapping)
    mapping.delete()
    page = text_of(signed_in(manager=True).get(history_page(flow)))
    assert page.count(name) == 2
    assert "Deleted · column mapping" in page
    assert str(other) not in page


def test_a_translations_history_holds_its_grades_in_the_words_of_its_form() -> None:
    translation = TranslationFactory(marks="NUMERIC")
    grade = translation.grades.create(given="A", value="90")
    grade.value = "95"
    grade.save()
    translation.divisor = 100
    translation.save()
    page = text_of(signed_in(manager=True).get(history_page(translation)))
    assert "<dt>Divide by</dt> <dd> <del>1</del>" in page
    assert "Added · translated grade" in page
    assert "<del>90</del>" in page
    assert "<ins>95</ins>" in page


def test_a_deleted_rows_history_is_found_on_the_page_of_all_changes() -> None:
    flow = FlowFactory(flow_id="77", title="Gone")
    link = history_page(flow)
    flow.delete()
    browser = signed_in(administrator=True)
    assert link in text_of(browser.get(reverse("changes")))
    page = text_of(browser.get(link))
    assert "History of 77 Gone" in page
    assert "Deleted · flow" in page


@pytest.mark.parametrize("pk", ["4711", "nonsense", "1%00"])
def test_there_is_no_history_of_what_never_was(pk: str) -> None:
    answer = signed_in(administrator=True).get(f"/admin/courses/course/{pk}/history/")
    assert answer.status_code == 302


def test_histories_need_the_permission_to_view() -> None:
    client = ApiClientFactory(name="Secretive")
    flow = ColumnMappingFactory().flow
    assert signed_in().get(history_page(flow)).status_code == 403
    assert signed_in().get(reverse("changes")).status_code == 403
    manager = signed_in(manager=True)
    assert manager.get(history_page(client)).status_code == 403
    page = text_of(manager.get(reverse("changes")))
    assert "Added · flow" in page
    assert "Added · column mapping" in page
    assert "Secretive" not in page
    assert Client().get(reverse("changes")).status_code == 302


def test_the_side_bar_leads_whoever_may_see_some_to_all_changes() -> None:
    link = f'href="{reverse("changes")}"'
    for traits in ({"administrator": True}, {"manager": True}):
        assert link in text_of(signed_in(**traits).get("/admin/"))
    assert link not in text_of(signed_in(is_staff=True).get("/admin/"))


def test_a_form_in_which_nothing_changed_records_nothing() -> None:
    course = CourseFactory(title="Biology")
    form = {"course_id": course.course_id, "title": "Biology", "experience": "ULTRA"}
    browser = signed_in(administrator=True)
    browser.post(reverse("admin:courses_course_change", args=[course.pk]), form)
    assert len(changes_of(Course)) == 1
    browser.post(reverse("admin:courses_course_change", args=[course.pk]), form | {"title": "Botany"})
    assert differences(Course) == {"Title": ("Biology", "Botany")}


def test_a_new_key_is_recorded_without_a_trace_of_it() -> None:
    client = ApiClientFactory(name="WISEflow")
    browser = signed_in(integrator=True)
    browser.post(reverse("admin:exports_apiclient_new_key", args=[client.pk]))
    client.refresh_from_db()
    newest_change = changes_of(ApiClient)[0]
    assert (newest_change.verb, newest_change.note, newest_change.differences) == ("Changed", "New key.", [])
    page = text_of(browser.get(history_page(client)))
    assert "New key." in page
    assert client.key_hash not in page
    assert not any(client.key_hash in str(value) for row in history_of(ApiClient).values() for value in row.values())


def test_text_is_shown_as_text() -> None:
    course = CourseFactory(title="<script>alert(1)</script>")
    page = text_of(signed_in(manager=True).get(history_page(course)))
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_pages_cost_the_same_statements_however_much_was_changed() -> None:
    flow = FlowFactory()
    ParticipantFactory(flow=flow)
    browser = signed_in(administrator=True)
    counts = []
    for number in (1, 8):
        for place in range(number):
            mapping = ColumnMappingFactory(flow=flow, source_code=f"s{number}{place}")
            mapping.grade_column.grade_schema = GradeSchemaFactory()
            mapping.grade_column.save()
            gone = mapping.grade_column
            mapping.grade_column = GradeColumnFactory(name="New", course=gone.course)
            mapping.save()
            gone.delete()
            gone_flow = FlowFactory(mapped=True)
            gone_flow.delete()
            ApiClientFactory()
        for page in (history_page(flow), reverse("changes")):
            browser.get(page)
            with CaptureQueriesContext(connection) as queries:
                assert browser.get(page).status_code == 200
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
    assert max(counts) < 60


def test_a_person_who_is_deleted_takes_no_history_along() -> None:
    user = UserFactory()
    course = CourseFactory()
    history_of(Course).update(history_user=user)
    user.delete()
    assert [change.who for change in changes_of(Course)] == [COMMAND_LINE]
    assert course.course_id
