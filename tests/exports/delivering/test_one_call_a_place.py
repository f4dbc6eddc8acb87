"""Never are two calls on their way to one place in Learn."""

from datetime import timedelta
from itertools import count

import pytest
from django.db import IntegrityError
from django.utils import timezone

from courses.models import NAME_LENGTH, ServiceCall
from exports.delivering import batches, finishing, workers
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, ExportState
from tests.conftest import COLUMN, COURSE
from tests.exports.delivering.conftest import status
from tests.factories import DeliveryFactory, ExportAttemptFactory, FlowFactory


class TestOneCallAPlace:
    """What leads to one Learn user in one column goes in one call after another: the last one sent is what stands."""

    @pytest.fixture
    def queued(self, flow, resit):
        """Queues the grade of somebody new, of another flow, for a Learn user."""

        names = map("early-{}".format, count(1))

        def queue(learn_user_id="u1"):
            return DeliveryFactory(
                attempt=ExportAttemptFactory(flow=resit, running=True),
                queued=True,
                participant__queued=True,
                participant__user_id=next(names),
                learn_user_id=learn_user_id,
                course_id=COURSE,
                column_name=COLUMN,
            )

        return queue

    def test_the_second_waits_until_the_first_is_recorded(self, queued):
        first, second = queued(), queued()

        batch = batches.claim(at_least=1)
        meanwhile = batches.claim(at_least=1)
        batches.record(batch, batches.Sent(outcomes=[None]))

        assert (batch.pks, meanwhile) == ([first.pk], None)
        assert batches.claim(at_least=1).pks == [second.pk]

    def test_nobody_behind_it_waits_along(self, queued, settings):
        settings.LEARN_BATCH_SIZE = 2
        queued()
        batches.claim(at_least=1)
        for _ in range(5):
            queued()
        others = [queued(user) for user in ("u2", "u3")]

        assert batches.claim(at_least=2).pks == [other.pk for other in others]

    def test_another_column_is_another_place(self, queued):
        first, second = queued(), queued()
        Delivery.objects.filter(pk=second.pk).update(column_name="Another exam")

        assert batches.claim(at_least=1).pks == [first.pk, second.pk]

    def test_a_call_beside_others_is_full_without_it(self, queued, settings):
        settings.LEARN_BATCH_SIZE = 2
        queued()
        queued()

        assert batches.claim(at_least=2) is None

    def test_the_database_knows_of_one_call_alone(self, queued):
        _, second = queued(), queued()
        batches.claim(at_least=1)

        with pytest.raises(IntegrityError):
            Delivery.objects.filter(pk=second.pk).update(state=Delivery.State.SENDING)

    def test_names_of_every_length_have_a_place(self, queued):
        queued("é" * NAME_LENGTH)
        Delivery.objects.update(course_id="ø" * NAME_LENGTH, column_name="å" * NAME_LENGTH)

        assert batches.claim(at_least=1)

    def test_what_was_held_back_goes_once_its_place_is_free(self, learn, flow, wiseflow, queued):
        queued()

        wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "mark": "A"})

        assert learn.world.sent(COURSE, COLUMN, "u1") == ["B", "A"]

    def test_what_waits_for_a_place_until_its_deadline_fails(self, learn, flow, wiseflow, queued, settings):
        settings.EXPORT_DEADLINE = 1
        queued()
        batches.claim(at_least=1)

        answer = wiseflow.export({"userId": "u1", "mark": "B"}, {"userId": "u2", "mark": "B"})

        assert [error["userId"] for error in answer["errors"]] == ["u1"]
        assert status() == (ExportState.FAILED, Cause.DEADLINE)
        assert learn.world.values(COURSE, COLUMN) == {"u2": "B"}

    def test_to_wait_for_a_place_costs_a_look_now_and_then(self, learn, flow, wiseflow, queued, settings, monkeypatch):
        settings.EXPORT_DEADLINE = 1
        queued()
        claim, looks = batches.claim, []
        claim(at_least=1)
        monkeypatch.setattr(batches, "claim", lambda **most: looks.append(most) or claim(**most))

        wiseflow.export({"userId": "u1", "mark": "B"})

        assert len(looks) <= 2 / workers.POLL_SECONDS

    def test_a_dead_call_gives_up_its_place_to_those_who_wait(self, learn, flow, wiseflow, queued, settings):
        settings.LEARN_TIMEOUT = 1
        dead = queued()
        batch = batches.claim(at_least=1)
        ExportAttempt.objects.update(flow=FlowFactory())
        Delivery.objects.filter(claim=batch.claim).update(lease_ends_at=timezone.now() - timedelta(seconds=1))

        answer = wiseflow.export({"userId": "u1", "mark": "B"})

        assert answer["numberOfSuccess"] == 1
        dead.refresh_from_db()
        assert dead.state == Delivery.State.UNCONFIRMED


class TestAnotherProcessHasJustBegunACall:
    @pytest.fixture
    def elsewhere(self, learn, flow, settings, monkeypatch):
        """Its call never ends here, and is a second old once the fixture is called with 1."""
        settings.EXPORT_DEADLINE = 1
        monkeypatch.setattr(batches, "GATHER_SECONDS", 60)

        def begun(seconds_ago=0):
            begun_at = timezone.now() - timedelta(seconds=seconds_ago)
            DeliveryFactory(sending=True, value="B", lease_ends_at=finishing.lease_end(begun_at))

        return begun

    def test_less_than_a_full_batch_waits_for_it(self, learn, wiseflow, elsewhere):
        elsewhere()

        answer = wiseflow.export({"userId": "u1", "mark": "A"})

        assert (answer["numberOfErrors"], status()) == (1, (ExportState.FAILED, Cause.DEADLINE))
        assert not learn.world.values(COURSE, COLUMN)

    def test_a_full_batch_goes_at_once(self, wiseflow, elsewhere, settings):
        settings.LEARN_BATCH_SIZE = 2
        elsewhere()

        answer = wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "mark": "A"})

        assert answer["numberOfSuccess"] == 2

    def test_one_that_takes_long_is_not_waited_for(self, wiseflow, elsewhere):
        elsewhere(seconds_ago=batches.GATHER_SECONDS + 1)

        assert wiseflow.export({"userId": "u1", "mark": "A"})["numberOfSuccess"] == 1

    def test_what_waits_goes_after_it_with_what_has_come_since(self, learn, wiseflow, elsewhere, monkeypatch):
        monkeypatch.setattr(batches, "GATHER_SECONDS", 0.3)
        elsewhere()

        answer = wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "mark": "A"})

        assert answer["numberOfSuccess"] == 2
        assert ServiceCall.objects.count() == 1
