"""Holds beside exports, retries and other holds, each in a thread of its own: only PostgreSQL lets them run at once."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from exports import holding, retrying
from exports.delivering import workers
from exports.grades.causes import Cause
from exports.models import Delivery, ExportState, Flow, Hold, Participant
from tests.conftest import COLUMN, COURSE
from tests.exports.delivering.test_races import PEOPLE, at_once, export_of, times_sent
from tests.factories import ColumnMappingFactory, FlowFactory, ParticipantFactory, UserFactory

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

State = Delivery.State
WHY = "The board meets on Friday"


def test_a_hold_waits_for_the_export_that_is_being_judged_and_stops_it(learn, flow, wiseflow):
    """The export has locked the flow and judged without the hold: it is recorded, and what it queued is refused."""
    by, held = UserFactory(), []
    ParticipantFactory(flow=flow, user_id="u1", failed=True)
    with transaction.atomic():
        Flow.objects.lock("77")
        holder = threading.Thread(target=lambda: held.append(closed(hold_flow, flow, by)))
        holder.start()
        time.sleep(0.3)
        assert not held  # it waits for the flow
        [attempt] = retrying.retry(Participant.objects.all(), by=None, in_background=False).attempts
    holder.join(timeout=10)

    assert held[0].stopped == 1
    assert attempt.deliveries.get().cause == Cause.HELD
    attempt.refresh_from_db()
    assert attempt.state == ExportState.FAILED


def hold_flow(flow, by):
    return holding.hold_flows([flow.pk], reason=WHY, by=by)


def closed(step, *args, **options):
    try:
        return step(*args, **options)
    finally:
        connection.close()


def test_an_export_that_waits_for_the_hold_is_judged_by_it(learn, flow, wiseflow):
    by, answers = UserFactory(), []
    with transaction.atomic():
        holding.hold_flow(flow.pk, reason=WHY, by=by)
        export = export_of(wiseflow, "u1")
        exporter = threading.Thread(target=lambda: answers.append(closed(export)))
        exporter.start()
        time.sleep(0.3)
        assert not answers
    exporter.join(timeout=10)

    assert answers[0]["numberOfErrors"] == 1
    assert times_sent(learn)["u1"] == 0


def test_whatever_the_moment_of_a_hold_each_grade_is_sent_or_refused_and_all_agree(learn, flow, wiseflow, settings):
    settings.LEARN_BATCH_SIZE = 3
    learn.latency_ms = 20
    by = UserFactory()
    for number in range(10):
        Participant.objects.all().delete()
        Hold.objects.all().delete()
        before = times_sent(learn)

        def hold(pause=number * 0.02):
            time.sleep(pause)
            return holding.hold_flows([flow.pk], reason=WHY, by=by)

        bodies = [{"userId": user, "mark": f"{number}"} for user in PEOPLE]
        answer, held = at_once(export_of(wiseflow, *bodies), hold)
        workers.workers.wait_until_idle(seconds=10)

        sent = {user for user, times in times_sent(learn).items() if times > before[user]}
        exported = set(Participant.objects.filter(state=ExportState.EXPORTED).values_list("user_id", flat=True))
        refused = set(Participant.objects.filter(cause=Cause.HELD).values_list("user_id", flat=True))
        assert sent == exported
        assert exported | refused == set(PEOPLE)
        assert answer["numberOfSuccess"] == len(exported)
        assert held.held == 1
        values = learn.world.values(COURSE, COLUMN)
        assert {user for user, value in values.items() if value == f"{number}"} == exported


def test_a_pause_while_a_retry_of_2000_runs_stops_all_that_is_not_in_a_call(learn, flow, settings):
    settings.LEARN_BATCH_SIZE, settings.LEARN_CONCURRENCY = 100, 2
    users = [f"p{number}" for number in range(2000)]
    learn.world.merge({"courses": {COURSE: {"users": users}}})
    learn.latency_ms = 100
    Participant.objects.bulk_create(
        Participant(flow=flow, user_id=user, mark="B", state=ExportState.FAILED, cause=Cause.DEADLINE) for user in users
    )
    by = UserFactory()
    [attempt] = retrying.retry(Participant.objects.all(), by=by, in_background=False).attempts

    def pause():
        while len(learn.calls.of("gradeValueAPI")) < 3:
            time.sleep(0.01)
        began = time.monotonic()
        held = holding.pause(reason=WHY, by=by)
        return held, time.monotonic() - began

    until = timezone.now() + timedelta(seconds=30)
    _, (held, seconds) = at_once(lambda: workers.deliver(attempt, queued=2000, until=until), pause)
    workers.workers.wait_until_idle(seconds=10)

    states = list(attempt.deliveries.values_list("state", flat=True))
    assert held.stopped > 0
    assert states.count(State.REFUSED) == held.stopped
    assert states.count(State.DELIVERED) == 2000 - held.stopped
    assert len(learn.world.values(COURSE, COLUMN)) == 2000 - held.stopped
    attempt.refresh_from_db()
    flow.refresh_from_db()
    assert (attempt.number_of_success, attempt.number_of_errors) == (2000 - held.stopped, held.stopped)
    assert (flow.exported_count, flow.failed_count, flow.queued_count) == (2000 - held.stopped, held.stopped, 0)
    assert seconds < 5


def test_of_two_who_hold_the_same_at_once_one_does(flow):
    person, people = ParticipantFactory(flow=flow), UserFactory.create_batch(4)

    flows = at_once(*(lambda by=by: holding.hold_flows([flow.pk], reason=WHY, by=by) for by in people))
    persons = at_once(*(lambda by=by: holding.hold_people([person.pk], reason=WHY, by=by) for by in people))
    pauses = at_once(*(lambda by=by: holding.pause(reason=WHY, by=by) for by in people))

    for found in (flows, persons, pauses):
        assert sorted((held.held, held.already) for held in found) == [(0, 1)] * 3 + [(1, 0)]
    assert Hold.objects.open().count() == 3


def test_of_two_who_pause_a_site_without_a_flow_one_does(db):
    people = UserFactory.create_batch(4)

    pauses = at_once(*(lambda by=by: holding.pause(reason=WHY, by=by) for by in people))

    assert sorted(held.held for held in pauses) == [0, 0, 0, 1]


def test_a_hold_that_two_release_is_released_by_one(flow):
    people = UserFactory.create_batch(4)
    hold_flow(flow, people[0])
    hold = Hold.objects.get()

    found = at_once(*(lambda by=by: holding.release([hold.pk], by=by) for by in people))

    assert sorted((released.released, released.already) for released in found) == [(0, 1)] * 3 + [(1, 0)]


def test_a_flow_that_is_made_and_exported_while_all_is_locked_is_stopped_too(learn, flow, wiseflow):
    """Its row is not among those that the pause has locked, and it is judged before the pause is committed."""
    by, queued = UserFactory(), []
    with transaction.atomic():
        _held, locked = holding.pause_all(reason=WHY, by=by)

        def export_another():
            other = FlowFactory()
            ColumnMappingFactory(flow=other, grade_column=flow.column_mappings.get().grade_column)
            ParticipantFactory(flow=other, user_id="u1", failed=True)
            retry = retrying.retry(other.participants.all(), by=None, in_background=False)
            queued.append(retry.queued)

        thread = threading.Thread(target=lambda: closed(export_another))
        thread.start()
        thread.join(timeout=10)
    assert queued == [1]

    assert holding.stop_new_flows(locked).stopped == 1
