"""Holds: what they keep back, what they stop, and what a release leaves to a retry."""

import threading
import time

import pytest
from django.db import connection

from exports import correcting, holding, retrying
from exports.delivering import batches, workers
from exports.grades.causes import Cause
from exports.holding import ReasonNotUsable
from exports.models import Delivery, ExportAttempt, ExportState, Flow, Hold, Participant
from exports.reading.body import read
from exports.rehearsing import rehearse
from tests.conftest import COLUMN, COURSE
from tests.exports.corrections import ask, retry, run_tasks
from tests.factories import DeliveryFactory, ExportAttemptFactory, HoldFactory, ParticipantFactory, UserFactory

WHY = "The board meets on Friday"


@pytest.fixture
def anna(db):
    return UserFactory(username="anna", manager=True)


def hold(what, by):
    """A flow, a participant, or None: everything."""
    match what:
        case Flow():
            return holding.hold_flows([what.pk], reason=WHY, by=by)
        case Participant():
            return holding.hold_people([what.pk], reason=WHY, by=by)
        case None:
            return holding.pause(reason=WHY, by=by)


def release_all(by):
    return holding.release(list(Hold.objects.values_list("pk", flat=True)), by=by)


def queued(flow, *users, **fields):
    """A retry that is recorded, and that no one delivers."""
    for user in users:
        ParticipantFactory(flow=flow, user_id=user, failed=True, **fields)
    [attempt] = retrying.retry(flow.participants.all(), by=None, in_background=False).attempts
    return attempt


def status(user_id="u1"):
    person = Participant.objects.get(user_id=user_id)
    return person.state, person.cause


# What is exported while it is held


def test_a_held_flow_is_refused_and_the_answer_says_by_whom_and_why(learn, flow, wiseflow, anna):
    hold(flow, anna)

    answer = wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "mark": "B"})

    assert answer["numberOfErrors"] == 2
    assert answer["errors"][0]["errorInfo"].startswith("This exam was held by anna on ")
    assert f"{WHY}. Retry. If it is still held, release it first." in answer["errors"][0]["errorInfo"]
    assert status() == (ExportState.FAILED, Cause.HELD)
    assert not learn.calls.of("gradeValueAPI")


def test_of_a_flow_with_a_held_person_the_others_are_sent(learn, flow, wiseflow, anna):
    hold(ParticipantFactory(flow=flow, user_id="u1"), anna)

    answer = wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "mark": "B"})

    assert [error["userId"] for error in answer["errors"]] == ["u1"]
    assert answer["errors"][0]["errorInfo"].startswith("This student was held by anna on ")
    assert learn.world.values(COURSE, COLUMN) == {"u2": "B"}


def test_while_sending_is_paused_every_flow_is_refused(learn, flow, wiseflow, anna):
    hold(None, anna)

    answer = wiseflow.export({"userId": "u1", "mark": "A"})

    assert answer["errors"][0]["errorInfo"].startswith("All sending was paused by anna on ")
    assert status() == (ExportState.FAILED, Cause.PAUSED)


def test_the_nearest_hold_gives_the_reason(learn, flow, wiseflow, anna):
    hold(ParticipantFactory(flow=flow, user_id="u1"), anna)
    hold(flow, anna)
    hold(None, anna)

    answer = wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "mark": "B"})

    starts = [error["errorInfo"].partition(" was ")[0] for error in answer["errors"]]
    assert starts == ["This student", "This exam"]


def test_the_grade_that_is_in_learn_is_still_a_success(learn, flow, wiseflow, anna):
    wiseflow.export({"userId": "u1", "mark": "A"})
    hold(flow, anna)
    hold(None, anna)

    assert wiseflow.export({"userId": "u1", "mark": "A"})["numberOfSuccess"] == 1
    assert status() == (ExportState.EXPORTED, "")


def test_another_mark_of_an_exported_person_is_held_and_sent_after_the_release(learn, flow, wiseflow, anna):
    Flow.objects.update(allow_overwrite=True)
    wiseflow.export({"userId": "u1", "mark": "A"})
    hold(flow, anna)

    assert wiseflow.export({"userId": "u1", "mark": "B"})["numberOfErrors"] == 1
    person = Participant.objects.get()
    assert (person.state, person.cause, person.changed_since_export) == (ExportState.EXPORTED, Cause.HELD, True)
    assert learn.world.values(COURSE, COLUMN) == {"u1": "A"}

    release_all(anna)
    retry()

    person.refresh_from_db()
    assert (person.state, person.cause, person.changed_since_export) == (ExportState.EXPORTED, "", False)
    assert learn.world.values(COURSE, COLUMN) == {"u1": "B"}


def test_a_person_who_is_held_before_anything_came_is_still_missing(flow, anna):
    person = ParticipantFactory(flow=flow, missing=True)

    hold(person, anna)

    person.refresh_from_db()
    assert (person.state, person.is_missing) == (ExportState.NOT_EXPORTED, True)


def test_held_is_skipped_on_purpose_and_paused_is_a_fault(flow, wiseflow, anna):
    hold(flow, anna)
    wiseflow.export({"userId": "u1", "mark": "A"})
    flow.refresh_from_db()
    assert (flow.failed_count, flow.skipped_count, flow.faults_count) == (1, 1, 0)

    release_all(anna)
    hold(None, anna)
    wiseflow.export({"userId": "u1", "mark": "A"})
    flow.refresh_from_db()
    assert (flow.failed_count, flow.skipped_count, flow.faults_count) == (1, 0, 1)


# Whoever asks the rules sees it


def test_a_retry_a_rehearsal_and_a_correction_see_the_hold(learn, flow, wiseflow, anna):
    wiseflow.export({"userId": "u1", "mark": "A"})
    person = Participant.objects.get()
    correction = ask(person, "C", by=anna)
    ParticipantFactory(flow=flow, user_id="u2", failed=True)
    hold(flow, anna)

    rehearsal = rehearse("77", read(b'{"participants": [{"userId": "u3", "mark": "A"}]}'), None)
    assert rehearsal.lines[0].cause == Cause.HELD

    again = retrying.retry(Participant.objects.all(), by=anna)
    assert (again.queued, again.refused) == (0, 1)

    correcting.approve(correction, by=UserFactory())
    run_tasks()
    person.refresh_from_db()
    assert (person.state, person.cause, person.approved_mark) == (ExportState.EXPORTED, Cause.HELD, "C")
    assert learn.world.values(COURSE, COLUMN) == {"u1": "A"}

    release_all(anna)
    retry()
    assert learn.world.values(COURSE, COLUMN) == {"u1": "C", "u2": "B"}


# What waits when it is held


@pytest.mark.parametrize("scope", ["flow", "person", "all"])
def test_what_waits_is_refused_at_once(flow, anna, scope):
    attempt = queued(flow, "u1")
    other = queued(ParticipantFactory(failed=True).flow) if scope != "all" else None

    held = hold({"flow": flow, "person": Participant.objects.get(user_id="u1"), "all": None}[scope], anna)

    assert (held.held, held.stopped, held.in_calls) == (1, 1, 0)
    delivery = attempt.deliveries.get()
    assert (delivery.state, delivery.cause) == (
        Delivery.State.REFUSED,
        Cause.PAUSED if scope == "all" else Cause.HELD,
    )
    assert status() == (ExportState.FAILED, delivery.cause)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.number_of_errors) == (ExportState.FAILED, 1)
    flow.refresh_from_db()
    assert (flow.queued_count, flow.failed_count) == (0, 1)
    assert other is None or other.deliveries.get().state == Delivery.State.QUEUED


def test_of_a_flow_one_person_is_stopped_and_the_others_go_on(flow, anna):
    attempt = queued(flow, "u1", "u2")

    held = hold(Participant.objects.get(user_id="u1"), anna)

    assert held.stopped == 1
    assert dict(attempt.deliveries.values_list("participant__user_id", "state")) == {"u1": "REFUSED", "u2": "QUEUED"}
    attempt.refresh_from_db()
    assert attempt.finished_at is None


def test_what_is_in_a_call_goes_on_and_is_counted(learn, flow, anna):
    attempt = queued(flow, "u1")
    batch = batches.claim(at_least=1)

    held = hold(flow, anna)
    batches.record(batch, batches.send(batch))

    assert (held.stopped, held.in_calls) == (0, 1)
    assert "1 grade is in a call to Learn, which cannot be stopped." in held.sentence()
    assert attempt.deliveries.get().state == Delivery.State.DELIVERED
    assert status() == (ExportState.EXPORTED, "")


def test_who_has_an_earlier_grade_in_learn_stays_exported(learn, flow, wiseflow, anna):
    Flow.objects.update(allow_overwrite=True)
    wiseflow.export({"userId": "u1", "mark": "A"})
    workers.workers.wait_until_idle(seconds=10)  # a busy one would send what is queued next
    person = Participant.objects.get()
    attempt = ExportAttemptFactory(flow=flow, running=True)
    Participant.objects.update(state=ExportState.QUEUED, mark="B")
    DeliveryFactory(
        attempt=attempt, participant=person, queued=True, value="B", mark="B", course_id=COURSE, column_name=COLUMN
    )

    hold(flow, anna)

    person.refresh_from_db()
    assert (person.state, person.cause, person.changed_since_export) == (ExportState.EXPORTED, Cause.HELD, True)
    flow.refresh_from_db()
    assert (flow.state, flow.exported_count) == (ExportState.EXPORTED, 1)


def test_an_export_whose_grade_is_stopped_is_answered_at_once(learn, flow, wiseflow, anna):
    """It waits behind a call when the hold comes: neither for the call nor for its deadline does it wait longer."""
    learn.latency_ms = 3000
    answers = {}

    def export(user):
        try:
            answers[user] = wiseflow.export({"userId": user, "mark": "A"}), time.monotonic()
        finally:
            connection.close()

    exports = [threading.Thread(target=export, args=[user]) for user in ("u1", "u2")]
    for state, thread in zip((Delivery.State.SENDING, Delivery.State.QUEUED), exports, strict=True):
        thread.start()
        while not Delivery.objects.filter(state=state).exists():
            time.sleep(0.01)
    held = hold(flow, anna)
    for thread in exports:
        thread.join(timeout=15)

    assert (held.stopped, held.in_calls) == (1, 1)
    (sent, sent_at), (stopped, stopped_at) = answers["u1"], answers["u2"]
    assert (sent["numberOfSuccess"], stopped["numberOfErrors"]) == (1, 1)
    assert stopped["errors"][0]["errorInfo"].startswith("This exam was held by anna on ")
    assert stopped_at < sent_at


# Twice, and the end


def test_what_is_held_is_not_held_again(flow, anna):
    for what in (flow, ParticipantFactory(flow=flow), None):
        assert hold(what, anna).held == 1
        again = hold(what, UserFactory())
        assert (again.held, again.already, again.sentence()) == (0, 1, "1 was held already.")
    assert Hold.objects.count() == 3


def test_many_people_of_several_flows_are_held_at_once(flow, anna):
    people = [*ParticipantFactory.create_batch(2, flow=flow), ParticipantFactory()]
    hold(people[0], anna)

    held = holding.hold_people([person.pk for person in people], reason=WHY, by=anna)

    assert (held.held, held.already) == (2, 1)
    assert held.sentence() == "2 holds were made. 1 was held already."


def test_a_hold_is_released_once_and_stays_as_history(anna):
    hold, ben = HoldFactory(), UserFactory()

    assert holding.release([hold.pk], by=ben).sentence() == "1 hold was released."
    assert holding.release([hold.pk], by=anna).sentence() == "1 hold was already released."

    hold.refresh_from_db()
    assert (hold.released_by, hold.is_open) == (ben, False)


def test_a_release_sends_nothing_by_itself(learn, flow, wiseflow, anna):
    hold(flow, anna)
    wiseflow.export({"userId": "u1", "mark": "A"})

    release_all(anna)

    assert status() == (ExportState.FAILED, Cause.HELD)
    assert ExportAttempt.objects.count() == 1
    retry()
    assert learn.world.values(COURSE, COLUMN) == {"u1": "A"}


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("", "Enter a reason."),
        (" \n", "Enter a reason."),
        ("x" * 501, "The reason has 501 characters; 500 are allowed."),
        ("a\0b", "The reason contains the control character U+0000."),
    ],
)
def test_without_a_usable_reason_nothing_is_held(flow, anna, reason, says):
    for act in (
        lambda: holding.hold_flows([flow.pk], reason=reason, by=anna),
        lambda: holding.hold_people([], reason=reason, by=anna),
        lambda: holding.pause(reason=reason, by=anna),
    ):
        with pytest.raises(ReasonNotUsable) as refused:
            act()
        assert str(refused.value) == says
    assert not Hold.objects.exists()


def test_a_hold_costs_the_same_statements_for_few_and_for_many(flow, anna, django_assert_max_num_queries):
    queued(flow, "u1", "u2")
    with django_assert_max_num_queries(30) as few:
        hold(flow, anna)
    release_all(anna)
    queued(flow, *(f"p{number}" for number in range(60)))
    with django_assert_max_num_queries(30) as many:
        hold(flow, anna)

    assert len(few) == len(many)
