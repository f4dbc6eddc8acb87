"""The mapping lock on the pages of flows, columns and courses."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from exports.models import ColumnMapping, Exemption, Flow, Participant
from tests.factories import (
    ColumnMappingFactory,
    FlowFactory,
    GradeColumnFactory,
    GradeInLearnFactory,
    ParticipantFactory,
    TranslationFactory,
)
from tests.pages import rows_of, words_of
from tests.signed_in import messages_of, signed_in, text_of

pytestmark = pytest.mark.django_db

DELIVERED = "1 grade has been delivered to course BIO101, column Final"


@pytest.fixture
def mapping() -> Any:
    column = GradeColumnFactory(course__course_id="BIO101", name="Final")
    return ColumnMappingFactory(flow=FlowFactory(flow_id="77", title="Anatomy"), grade_column=column)


def deliver(flow: Any) -> Any:
    return ParticipantFactory(flow=flow, exported=True, grade__course_id="BIO101", grade__column_name="Final")


@pytest.fixture
def delivered(mapping: Any) -> Any:
    deliver(mapping.flow)
    return mapping


def page(flow: Any, name: str = "change") -> str:
    return reverse(f"admin:exports_flow_{name}", args=[flow.pk])


def form(mapping: Any, **changes: Any) -> dict[str, str]:
    """The flow's form as a page sends it; `changes` of the mapping."""
    row = {"id": mapping.pk, "flow": mapping.flow.pk, "source_code": "", "grade_column": mapping.grade_column.pk}
    return {
        "title": mapping.flow.title,
        "column_mappings-TOTAL_FORMS": "1",
        "column_mappings-INITIAL_FORMS": "1",
        **{f"column_mappings-0-{name}": str(value) for name, value in (row | changes).items()},
    }


def greyed_out(mapping: Any, **fields: str) -> dict[str, str]:
    """The same as a browser sends it from a page where the mapping is locked."""
    sent = form(mapping, **fields)
    return {name: value for name, value in sent.items() if not name.endswith(("source_code", "grade_column"))}


def unlock(administrator: Client, flow: Any) -> None:
    """Requested by an administrator, approved by a manager."""
    administrator.post(page(flow, "unlock_mapping"), {"reason": "Mapped to the wrong column"})
    exemption = Exemption.objects.latest("pk")
    signed_in(manager=True).post(reverse("admin:exports_exemption_approve", args=[exemption.pk]))


def unlocked(flow: Any) -> Any:
    return Flow.objects.get(pk=flow.pk).mapping_unlocked_at


def test_the_flow_page_says_that_its_mapping_is_locked(administrator: Client, manager: Client, delivered: Any) -> None:
    shown = text_of(administrator.get(page(delivered.flow)))
    assert f"The mapping is locked:</strong> {DELIVERED}." in shown
    assert page(delivered.flow, "unlock_mapping") in shown
    assert "Unlock mapping" not in text_of(manager.get(page(delivered.flow)))


def test_a_mapping_without_delivered_grades_is_free(administrator: Client, mapping: Any) -> None:
    assert "locked" not in text_of(administrator.get(page(mapping.flow)))
    other = GradeColumnFactory()
    assert administrator.post(page(mapping.flow), form(mapping, grade_column=other.pk)).status_code == 302
    mapping.refresh_from_db()
    assert mapping.grade_column == other


@pytest.mark.parametrize("change", ["grade_column", "source_code", "translation", "DELETE"])
def test_a_locked_mapping_is_neither_changed_nor_deleted(
    administrator: Client, delivered: Any, change: str, translation: Any
) -> None:
    value = {
        "grade_column": GradeColumnFactory().pk,
        "source_code": "S",
        "translation": translation.pk,
        "DELETE": "on",
    }[change]
    answer = administrator.post(page(delivered.flow), form(delivered, **{change: value}))
    assert answer.status_code == 200
    assert f"Locked: {DELIVERED}." in text_of(answer)
    delivered.refresh_from_db()
    assert (delivered.source_code, delivered.grade_column.name, delivered.translation) == ("", "Final", None)


@pytest.fixture
def translation() -> Any:
    return TranslationFactory()


@pytest.mark.parametrize("sent", [form, greyed_out])
def test_the_rest_of_the_flow_is_saved_while_its_mapping_is_locked(
    administrator: Client, delivered: Any, sent: Any
) -> None:
    assert administrator.post(page(delivered.flow), sent(delivered) | {"title": "New"}).status_code == 302
    assert Flow.objects.get().title == "New"
    assert ColumnMapping.objects.get().grade_column == delivered.grade_column


def test_another_source_can_be_mapped_while_the_rest_is_locked(administrator: Client, delivered: Any) -> None:
    sent = greyed_out(delivered) | {
        "column_mappings-TOTAL_FORMS": "2",
        "column_mappings-1-source_code": "S",
        "column_mappings-1-grade_column": str(GradeColumnFactory().pk),
    }
    assert administrator.post(page(delivered.flow), sent).status_code == 302
    assert ColumnMapping.objects.count() == 2


def test_a_source_whose_grades_were_delivered_by_the_default_is_mapped_only_once_unlocked(
    administrator: Client, delivered: Any
) -> None:
    Participant.objects.update(sources={"S": "SIS"})
    sent = form(delivered) | {
        "column_mappings-TOTAL_FORMS": "2",
        "column_mappings-1-source_code": "S",
        "column_mappings-1-grade_column": str(GradeColumnFactory().pk),
    }
    assert f"Source S: Locked: {DELIVERED}." in text_of(administrator.post(page(delivered.flow), sent))
    assert ColumnMapping.objects.count() == 1

    unlock(administrator, delivered.flow)
    answer = administrator.post(page(delivered.flow), sent)

    assert any(f"The mapping has changed. {DELIVERED}. It stays there" in message for message in messages_of(answer))
    assert ColumnMapping.objects.count() == 2


@pytest.mark.parametrize("change", ["grade_column", "DELETE"])
def test_a_mapping_that_was_moved_once_is_locked_by_the_grades_it_left_behind(
    administrator: Client, delivered: Any, change: str
) -> None:
    unlock(administrator, delivered.flow)
    resit = GradeColumnFactory(course=delivered.grade_column.course, name="Resit")
    assert administrator.post(page(delivered.flow), form(delivered, grade_column=resit.pk)).status_code == 302
    delivered.refresh_from_db()
    value = {"grade_column": GradeColumnFactory().pk, "DELETE": "on"}[change]

    answer = administrator.post(page(delivered.flow), form(delivered, **{change: value}))

    assert f"Locked: {DELIVERED}." in text_of(answer)
    delivered.refresh_from_db()
    assert delivered.grade_column == resit


def test_a_mapping_that_was_deleted_is_made_again_only_once_unlocked(administrator: Client, delivered: Any) -> None:
    flow = delivered.flow
    delivered.delete()
    sent = {
        "title": flow.title,
        "column_mappings-TOTAL_FORMS": "1",
        "column_mappings-INITIAL_FORMS": "0",
        "column_mappings-0-grade_column": str(GradeColumnFactory().pk),
    }
    answer = administrator.post(page(flow), sent)
    assert f"All other sources: Locked: {DELIVERED}." in text_of(answer)
    unlock(administrator, flow)
    assert administrator.post(page(flow), sent).status_code == 302
    assert ColumnMapping.objects.count() == 1


def test_a_page_loaded_before_the_export_cannot_change_the_mapping(administrator: Client, mapping: Any) -> None:
    stale = form(mapping, grade_column=GradeColumnFactory().pk)
    administrator.get(page(mapping.flow))
    deliver(mapping.flow)
    assert "Locked: 1 grade" in text_of(administrator.post(page(mapping.flow), stale))
    mapping.refresh_from_db()
    assert mapping.grade_column.name == "Final"


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_change_waits_for_an_export_that_is_being_recorded(mapping: Any) -> None:
    administrator = signed_in(administrator=True)
    stale = form(mapping, grade_column=GradeColumnFactory().pk)
    answers = []

    def change_beside() -> None:
        answers.append(text_of(administrator.post(page(mapping.flow), stale)))
        connection.close()

    beside = threading.Thread(target=change_beside)
    with transaction.atomic():
        flow = Flow.objects.lock("77")  # as an export does
        beside.start()
        while not waits_for_a_lock():
            assert beside.is_alive()
        person = Participant.objects.create(flow=flow, user_id="u1", state="EXPORTED", mark="B")
        GradeInLearnFactory(participant=person, course_id="BIO101", column_name="Final")
    beside.join(timeout=10)

    assert "Locked: 1 grade" in answers[0]
    mapping.refresh_from_db()
    assert mapping.grade_column.name == "Final"


PLACE = {"grade__course_id": "BIO101", "grade__column_name": "Final"}


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
        return cursor.fetchone() is not None


def test_unlocking_shows_first_what_stands_where(administrator: Client, delivered: Any) -> None:
    question = administrator.get(page(delivered.flow, "unlock_mapping"))
    shown = words_of(question)
    assert "Unlock the mapping of flow 77 Anatomy?" in shown
    assert [row["Delivered grades"] for row in rows_of(question)] == ["1"]
    assert "stay where they are" in shown
    assert not unlocked(delivered.flow)


def test_unlocking_is_for_administrators(manager: Client, delivered: Any) -> None:
    assert manager.get(page(delivered.flow, "unlock_mapping")).status_code == 403
    assert manager.post(page(delivered.flow, "unlock_mapping")).status_code == 403
    assert not unlocked(delivered.flow)


def test_an_unlocked_mapping_changes_once_and_says_what_stays_behind(administrator: Client, delivered: Any) -> None:
    other = GradeColumnFactory(course=delivered.grade_column.course, name="Resit")
    unlock(administrator, delivered.flow)
    assert unlocked(delivered.flow)
    assert "The mapping is unlocked." in text_of(administrator.get(page(delivered.flow)))

    answer = administrator.post(page(delivered.flow), form(delivered, grade_column=other.pk))

    assert any(f"The mapping has changed. {DELIVERED}. It stays there" in message for message in messages_of(answer))
    assert not unlocked(delivered.flow)
    delivered.refresh_from_db()
    assert delivered.grade_column == other
    ParticipantFactory(flow=delivered.flow, exported=True, grade__course_id="BIO101", grade__column_name="Resit")
    assert "Locked: 1 grade" in text_of(administrator.post(page(delivered.flow), form(delivered, source_code="S")))


def test_an_unlocked_mapping_can_be_deleted_and_is_locked_again(administrator: Client, delivered: Any) -> None:
    unlock(administrator, delivered.flow)
    administrator.post(page(delivered.flow), form(delivered, DELETE="on"))
    assert not ColumnMapping.objects.exists()
    assert not unlocked(delivered.flow)


def test_saving_something_else_leaves_the_mapping_unlocked(administrator: Client, delivered: Any) -> None:
    unlock(administrator, delivered.flow)
    administrator.post(page(delivered.flow), form(delivered) | {"title": "New"})
    assert unlocked(delivered.flow)


def test_who_unlocked_and_who_locked_again_is_recorded(delivered: Any) -> None:
    administrator = signed_in(administrator=True)
    unlock(administrator, delivered.flow)
    administrator.post(page(delivered.flow), form(delivered, source_code="S"))
    records = delivered.flow.history.order_by("pk").values_list("mapping_unlocked_at", "history_user")
    changes = [(bool(at), user) for at, user in records][-2:]
    assert [at for at, _user in changes] == [True, False]
    assert None not in [user for _at, user in changes]


def test_there_is_nothing_to_unlock_where_nothing_was_delivered(administrator: Client, mapping: Any) -> None:
    answer = administrator.post(page(mapping.flow, "unlock_mapping"))
    assert messages_of(answer) == ["There is nothing to unlock: the mapping can be changed."]
    assert not unlocked(mapping.flow)


def column_form(column: Any, **changes: Any) -> dict[str, str]:
    fields = {"course": column.course.pk, "name": column.name, "item_type": column.item_type, "points": column.points}
    return {name: str(value) for name, value in (fields | changes).items()}


def test_a_column_with_delivered_grades_keeps_its_name_and_course(administrator: Client, delivered: Any) -> None:
    column = delivered.grade_column
    url = reverse("admin:courses_gradecolumn_change", args=[column.pk])
    for change in ({"name": "Other"}, {"course": GradeColumnFactory().course.pk}):
        answer = administrator.post(url, column_form(column, **change))
        assert f"Flow 77: Locked: {DELIVERED}." in text_of(answer)
    assert administrator.post(url, column_form(column, points=50)).status_code == 302
    column.refresh_from_db()
    assert (column.name, column.course.course_id, column.points) == ("Final", "BIO101", 50)


def test_a_course_with_delivered_grades_keeps_its_id(administrator: Client, delivered: Any) -> None:
    course = delivered.grade_column.course
    url = reverse("admin:courses_course_change", args=[course.pk])
    sent = {"course_id": "CHE", "title": "Biology", "experience": "ULTRA"}
    assert "Locked: 1 grade" in text_of(administrator.post(url, sent))
    assert administrator.post(url, sent | {"course_id": "BIO101"}).status_code == 302
    course.refresh_from_db()
    assert (course.course_id, course.title) == ("BIO101", "Biology")


def test_a_column_of_unlocked_mappings_is_renamed_once(administrator: Client, delivered: Any) -> None:
    column = delivered.grade_column
    unlock(administrator, delivered.flow)
    url = reverse("admin:courses_gradecolumn_change", args=[column.pk])
    assert administrator.post(url, column_form(column, name="Other")).status_code == 302
    column.refresh_from_db()
    assert column.name == "Other"
    assert not unlocked(delivered.flow)


def test_a_column_without_delivered_grades_is_renamed(administrator: Client, mapping: Any) -> None:
    url = reverse("admin:courses_gradecolumn_change", args=[mapping.grade_column.pk])
    assert administrator.post(url, column_form(mapping.grade_column, name="Other")).status_code == 302
    mapping.grade_column.refresh_from_db()
    assert mapping.grade_column.name == "Other"
