"""All people of a flow, what is and was in Learn of theirs, and their corrections."""

from threading import Thread

import pytest
from django.db import connection

from exports.evidence import collecting
from exports.evidence.collecting import Counts, collect
from exports.evidence.columns import Part, moment_cell, names_of
from exports.evidence.contents import Contents
from exports.grades.causes import Cause
from exports.models import ExportAttempt, ExportState, GradeInLearn, Proof
from tests.factories import (
    CorrectionFactory,
    DecisionFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeInLearnFactory,
    ParticipantFactory,
)

pytestmark = pytest.mark.django_db


def rows_of(flow, part=Part.GRADES):
    with Contents() as contents:
        collect(flow, contents)
        return [dict(zip(names_of(part), cells, strict=True)) for cells in contents.rows(part)]


def test_no_one_is_left_out(exam):
    rows = rows_of(exam)

    assert [(row["user_id"], row["state"], row["expected"]) for row in rows] == [
        ("ada", "EXPORTED", "true"),
        ("ben", "FAILED", "true"),
        ("cleo", "NOT_EXPORTED", "true"),
        ("dora", "FAILED", "false"),
        ("eva", "FAILED", "true"),
    ]
    assert [row["explanation"] for row in rows] == [
        "",
        "Learn could not be reached.",
        "On the roster, but WISEflow has sent no grade.",
        "There is no mark or alternative grade.",
        "Learn now shows C of student u0 in flow 77 for the same Learn user and column.",
    ]
    assert (rows[2]["first_name"], rows[2]["last_name"]) == ("Łukasz", "Sørensen")


def test_the_counts_are_those_of_the_rows(exam):
    with Contents() as contents:
        counts = collect(exam, contents)

    assert counts == Counts(people=5, expected=4, received=4, delivered=1, failed=3, skipped=1, missing=1, unread=1)
    assert (counts.expected, counts.missing) == (exam.expected_count, exam.missing_count)


@pytest.mark.parametrize(
    ("read", "counted", "shown"),
    [("proven", "proven", "B"), ("different", "different", "12"), ("absent", "absent", "")],
)
def test_a_grade_that_was_read_back_says_what_learn_showed_and_when(read, counted, shown):
    grade = GradeInLearnFactory(**{read: True})
    with Contents() as contents:
        counts = collect(grade.participant.flow, contents)

    (row,) = rows_of(grade.participant.flow)

    proof = Proof.objects.get()
    assert (row["proof"], row["shown"], row["read_at"]) == (proof.verdict, shown, moment_cell(proof.read_at))
    assert (getattr(counts, counted), counts.unread) == (1, 0)


def test_a_difference_that_is_kept_is_counted_as_that():
    flow = DecisionFactory(kept=True).participant.flow
    with Contents() as contents:
        counts = collect(flow, contents)

    assert (rows_of(flow)[0]["proof"], counts.kept, counts.different) == ("KEPT", 1, 0)


def test_a_grade_in_learn_has_its_place_and_the_attempt_that_put_it_there(exam):
    grade = exam.participants.get(user_id="ada").grades.get()
    grade.delivery = DeliveryFactory(
        participant=grade.participant, attempt__flow=exam, attempt__trigger=ExportAttempt.Trigger.RETRY
    )
    grade.save()

    ada = rows_of(exam)[0]

    assert (ada["value"], ada["certainty"], ada["mark"]) == ("B", "CONFIRMED", "B")
    assert (ada["course_id"], ada["column_name"], ada["learn_user_id"]) == grade.place
    assert ada["since"] == "2026-05-03T09:00:00+00:00"
    assert (ada["attempt"], ada["trigger"]) == (str(grade.delivery.attempt_id), "RETRY")


def test_a_failed_grade_has_the_attempt_that_tried_last(exam):
    ben = exam.participants.get(user_id="ben")
    for _ in range(2):
        last = DeliveryFactory(participant=ben, attempt=ExportAttemptFactory(flow=exam), failed=True)

    row = rows_of(exam)[1]

    assert (row["attempt"], row["trigger"], row["value"]) == (str(last.attempt_id), "EXPORT", "")
    assert row["failed_at"]


def test_a_person_has_a_row_for_each_place_and_for_each_source_without_one():
    person = ParticipantFactory(
        sources={"A": "SIS", "B": "SIS", "C": "SIS"},
        state=ExportState.FAILED,
        cause=Cause.SOURCE_NOT_MAPPED,
        detail={"source_code": "C"},
        cause_source_code="C",
    )
    GradeInLearnFactory(participant=person, source_code="A", column_name="one")
    GradeInLearnFactory(participant=person, source_code="B", column_name="two")
    GradeInLearnFactory(participant=person, source_code="B", column_name="three", left_behind=True)

    rows = rows_of(person.flow)

    assert [(row["source_code"], row["column_name"], row["cause"]) for row in rows] == [
        ("A", "one", ""),
        ("B", "two", ""),
        ("B", "three", ""),
        ("C", "", "SOURCE_NOT_MAPPED"),
    ]
    assert rows[2]["explanation"].startswith("It was left behind in Learn")


def test_a_cause_of_a_source_that_the_person_no_longer_has_is_shown_too():
    person = ParticipantFactory(failed=True, cause_source_code="gone")
    GradeInLearnFactory(participant=person)

    assert [row["cause"] for row in rows_of(person.flow)] == ["", "LEARN_UNAVAILABLE"]


def test_what_was_in_learn_says_what_came_after_it(exam):
    (row,) = rows_of(exam, Part.ENDED)

    assert (row["user_id"], row["value"], row["ended_as"]) == ("eva", "B", "OVERWRITTEN")
    assert (row["replaced_by_value"], row["replaced_by_user_id"], row["replaced_by_flow_id"]) == ("C", "wang", "78")
    assert row["until"] == "2026-05-03T09:00:00+00:00"


def test_a_correction_has_its_reason_and_both_people(exam):
    correction = CorrectionFactory(
        participant=exam.participants.get(user_id="ada"), approved=True, reason="Added up\n  wrongly"
    )

    (row,) = rows_of(exam, Part.CORRECTIONS)

    assert (row["mark_before"], row["mark"], row["reason"]) == ("B", "A", "Added up wrongly")
    assert row["requested_by"] == correction.requested_by.get_username()
    assert row["decided_by"] == correction.decided_by.get_username()
    assert (row["correction_state"], row["attempt"]) == ("APPROVED", str(correction.attempt_id))


def test_a_grade_that_wiseflow_has_changed_since_is_pointed_out():
    person = ParticipantFactory(exported=True, changed_since_export=True)

    assert rows_of(person.flow)[0]["explanation"].startswith("WISEflow has since sent another grade")


def test_people_beyond_a_chunk_come_in_order_and_cost_statements_by_the_chunk(
    monkeypatch, django_assert_max_num_queries
):
    flow = FlowFactory()
    for number in range(7):
        ParticipantFactory(flow=flow, user_id=f"u{number}", exported=True)
    monkeypatch.setattr(collecting, "CHUNK", 3)

    with django_assert_max_num_queries(4 + 3 * 3):
        rows = rows_of(flow)

    assert [row["user_id"] for row in rows] == [f"u{number}" for number in range(7)]


@pytest.mark.parametrize("number", [1, 40])
def test_the_number_of_statements_does_not_grow_with_the_people(number, django_assert_max_num_queries):
    flow = FlowFactory()
    attempt = ExportAttemptFactory(flow=flow)
    for place in range(number):
        person = ParticipantFactory(flow=flow, user_id=f"person{place}", failed=True)
        GradeInLearnFactory(
            participant=person, overwritten=True, delivery=DeliveryFactory(participant=person, attempt=attempt)
        )
        DeliveryFactory(participant=person, attempt=attempt, failed=True)
        CorrectionFactory(participant=ParticipantFactory(flow=flow, exported=True), approved=True)

    with django_assert_max_num_queries(8):
        rows_of(flow)


def test_an_exam_without_anyone_is_empty():
    assert rows_of(FlowFactory()) == []


def test_it_is_collected_after_old_deliveries_were_purged(exam):
    assert exam.attempts.count() == 0
    assert {row["attempt"] for row in rows_of(exam)} == {""}


@pytest.mark.django_db(transaction=True)
def test_an_export_in_progress_does_not_tear_it(monkeypatch):
    flow = FlowFactory()
    people = [ParticipantFactory(flow=flow, user_id=f"u{number}", exported=True) for number in range(2)]
    monkeypatch.setattr(collecting, "CHUNK", 1)
    add_people = collecting.add_people

    def export_after_the_first(chunk, contents):
        add_people(chunk, contents)
        if chunk == people[:1]:
            exporting = Thread(target=export)
            exporting.start()
            exporting.join(timeout=10)

    def export():
        GradeInLearn.objects.filter(participant__in=people).update(value="A")
        connection.close()

    monkeypatch.setattr(collecting, "add_people", export_after_the_first)

    assert [row["value"] for row in rows_of(flow)] == ["B", "B"]
    assert [row["value"] for row in rows_of(flow)] == ["A", "A"]
