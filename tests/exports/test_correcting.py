"""Corrections: requested by one person, approved by another, sent once, and true whatever happens on the way."""

import threading
from functools import partial

import pytest
from django.db import connection, transaction
from django_tasks_db.models import DBTaskResult

from courses.models import GradeColumn
from exports import correcting, retrying
from exports.correcting import Obstacle
from exports.delivering import batches, finishing
from exports.grades.causes import Cause
from exports.grades.facts import Refused, Send
from exports.grades.translating import Marks
from exports.models import Correction, Delivery, ExportAttempt, ExportState, GradeInLearn, Participant
from tests.conftest import COLUMN, COURSE
from tests.exports.corrections import ask, correct, refused_because, run_tasks
from tests.factories import (
    LONG_AGO,
    CorrectionFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    GradeInLearnFactory,
    ParticipantFactory,
    TranslationFactory,
    UserFactory,
)

U1 = (COURSE, COLUMN, "u1")


def scale(flow, **fields):
    flow.column_mappings.update(translation=TranslationFactory(marks=Marks.NUMERIC, **fields))


def is_queued(person):
    Participant.objects.update(state=ExportState.QUEUED)


def is_replaced(person):
    GradeInLearnFactory.end(person.grades.get(), GradeInLearn.Ending.OVERWRITTEN)
    Participant.objects.update(state=ExportState.FAILED, cause=Cause.REPLACED, detail={"value": "C"})


def in_learn(**grade):
    """Another grade has followed the person's at the same place."""

    def happens(person):
        GradeInLearnFactory.end(person.grades.get(), GradeInLearn.Ending.CORRECTED)
        GradeInLearnFactory(participant=person, **grade)

    return happens


class TestTheWholeWay:
    def test_an_approved_mark_stands_in_learn(self, learn, exported, asker, approver):
        correction = correct(exported, asker=asker, approver=approver)

        assert learn.world.sent(*U1) == ["B", "A"]
        exported.refresh_from_db()
        assert (exported.state, exported.cause) == (ExportState.EXPORTED, "")
        assert (exported.value_in_learn, exported.approved_mark) == ("A", "")
        assert exported.grades.in_learn().get().mark == "A"
        assert (correction.attempt.trigger, correction.attempt.state) == ("CORRECTION", ExportState.EXPORTED)
        assert (correction.attempt.requested_by, correction.attempt.number_of_success) == (approver, 1)

    def test_it_keeps_who_what_before_after_why_and_when(self, exported, asker, approver):
        correction = correct(exported, asker=asker, approver=approver)

        assert (correction.mark_before, correction.value_before, correction.mark) == ("B", "B", "A")
        assert (correction.requested_by, correction.decided_by) == (asker, approver)
        assert correction.requested_at < correction.decided_at
        assert correction.reason == "Added up wrongly"
        assert correction.state == Correction.State.APPROVED

    def test_asking_alone_sends_nothing(self, learn, exported, asker):
        correction = ask(exported, by=asker)

        assert correction.state == Correction.State.ASKED
        assert not DBTaskResult.objects.exists()
        assert learn.world.sent(*U1) == ["B"]

    def test_what_wiseflow_gave_last_is_kept_as_it_gave_it(self, exported, asker, approver):
        correct(exported, asker=asker, approver=approver)

        assert Participant.objects.get().mark == "B"

    def test_the_flows_api_shows_it_as_a_correction(self, wiseflow, exported, asker, approver):
        correct(exported, asker=asker, approver=approver)

        latest = wiseflow.get("/api/wiseflow/flows/77/export").json()["attempts"][0]
        assert (latest["trigger"], latest["state"], latest["numberOfSuccess"]) == ("CORRECTION", "EXPORTED", 1)

    def test_it_is_translated_as_today(self, learn, exported, asker, approver):
        correction = ask(exported, "75.50", by=asker)
        scale(exported.flow, divisor=10, decimals=2)

        correcting.approve(correction, by=approver)
        run_tasks()

        assert learn.world.value(*U1) == "7.55"
        assert exported.grades.in_learn().get().mark == "75.50"

    def test_a_second_correction_follows_the_first(self, learn, exported, asker, approver):
        correct(exported, "A", asker=asker, approver=approver)
        correct(exported, "C", asker=approver, approver=asker)

        assert learn.world.sent(*U1) == ["B", "A", "C"]

    def test_a_declined_one_changes_nothing(self, learn, exported, asker, approver):
        correction = correcting.decline(ask(exported, by=asker), by=approver, reason=" Counted twice\nby two. ")

        assert (correction.state, correction.decided_by) == (Correction.State.DECLINED, approver)
        assert correction.decline_reason == "Counted twice\nby two."
        assert correction.attempt is None
        assert learn.world.sent(*U1) == ["B"]
        ask(exported, by=asker)  # and the way is free for another

    def test_the_person_who_requested_it_withdraws_it_without_a_reason(self, exported, asker):
        correction = correcting.decline(ask(exported, by=asker), by=asker)

        assert (correction.state, correction.decided_by) == (Correction.State.DECLINED, asker)


class TestWhatIsRefused:
    """At the asking and again at the approval."""

    @pytest.mark.parametrize(
        ("traits", "obstacle"),
        [
            ({}, Obstacle.NOT_EXPORTED),
            ({"failed": True}, Obstacle.NOT_EXPORTED),
            ({"queued": True}, Obstacle.IN_PROGRESS),
            ({"exported_alternative": True}, Obstacle.ALTERNATIVE_GRADE_LOCKED),
            ({"replaced": True}, Obstacle.NOT_IN_LEARN),
            ({"alternative_in_doubt": True}, Obstacle.ALTERNATIVE_GRADE_LOCKED),
        ],
    )
    def test_where_nothing_can_be_corrected(self, traits, obstacle, asker, approver):
        with refused_because(obstacle):
            ask(ParticipantFactory(**traits), by=asker)
        assert not Correction.objects.exists()

    @pytest.mark.parametrize(
        ("now", "obstacle"),
        [
            (is_queued, Obstacle.IN_PROGRESS),
            (in_learn(value="U", mark="", alternative_grade="U"), Obstacle.ALTERNATIVE_GRADE_LOCKED),
            (is_replaced, Obstacle.NOT_IN_LEARN),
            (in_learn(value="C"), Obstacle.CHANGED_IN_LEARN),
            (in_learn(value="very good", mark="B"), Obstacle.CHANGED_IN_LEARN),
        ],
    )
    def test_what_has_happened_since_it_was_asked_for(self, now, obstacle, approver):
        correction = CorrectionFactory()
        now(correction.participant)

        with refused_because(obstacle):
            correcting.approve(correction, by=approver)

        correction.refresh_from_db()
        assert correction.state == Correction.State.ASKED
        assert Participant.objects.get().approved_mark == ""
        assert not ExportAttempt.objects.exists()

    @pytest.mark.parametrize("mark", ["", "  ", "x" * 334, "A\0"])
    def test_a_mark_that_is_missing_or_cannot_be_stored(self, mark, asker):
        with refused_because(Obstacle.MARK_NOT_USABLE):
            ask(ParticipantFactory(exported=True), mark, by=asker)

    @pytest.mark.parametrize("reason", ["", " \n", "x" * 2001, "wrong\0"])
    def test_a_reason_that_is_missing_or_cannot_be_stored(self, reason, asker):
        with refused_because(Obstacle.REASON_NOT_USABLE):
            ask(ParticipantFactory(exported=True), by=asker, reason=reason)

    @pytest.mark.parametrize(
        "reason",
        ["", " ", "\n", "\t \r\n", "\u3000", "x" * 2001, "wrong\0", "\ud800", "a\x07b", "\u202ewrong", " \u00a0 "],
    )
    def test_declining_needs_a_reason_that_can_be_stored(self, reason, approver):
        correction = CorrectionFactory()

        with refused_because(Obstacle.REASON_NOT_USABLE):
            correcting.decline(correction, by=approver, reason=reason)

        correction.refresh_from_db()
        assert (correction.state, correction.decline_reason) == (Correction.State.ASKED, "")

    def test_blanks_around_mark_and_reason_are_left_out(self, asker):
        correction = ask(ParticipantFactory(exported=True), " A\n", by=asker, reason=" Wrong. ")

        assert (correction.mark, correction.reason) == ("A", "Wrong.")

    def test_the_mark_that_stands_already(self, asker):
        with refused_because(Obstacle.UNCHANGED, match="Learn already shows B for this mark"):
            ask(ParticipantFactory(exported=True), "B", by=asker)

    def test_a_mark_that_learn_would_show_alike(self, asker):
        person = ParticipantFactory(exported=True, grade__mark="75", grade__value="7.5")
        scale(person.flow, divisor=10)

        with refused_because(Obstacle.UNCHANGED):
            ask(person, "75.0", by=asker)

    def test_a_second_one_while_the_first_waits(self, asker, approver):
        person = CorrectionFactory().participant

        with refused_because(Obstacle.ANOTHER_OPEN):
            ask(person, "C", by=approver)

    def test_the_asker_as_approver_whatever_their_rights(self, db):
        root = UserFactory(is_superuser=True)
        correction = CorrectionFactory(requested_by=root)

        with refused_because(Obstacle.SAME_PERSON):
            correcting.approve(correction, by=root)
        correction.refresh_from_db()
        assert correction.state == Correction.State.ASKED

    @pytest.mark.parametrize("decided", ["approved", "declined"])
    @pytest.mark.parametrize("verb", [correcting.approve, partial(correcting.decline, reason="No")])
    def test_what_is_decided_already(self, decided, verb, approver):
        correction = CorrectionFactory(**{decided: True})
        before = Correction.objects.values().get()

        with refused_because(Obstacle.ALREADY_DECIDED, match=f"{decided} by person"):
            verb(correction, by=approver)
        assert Correction.objects.values().get() == before

    def test_a_mapping_that_has_moved_is_foreseen(self, exported):
        """An administrator has unlocked it: like a retry, a correction goes where the mapping leads today."""
        GradeColumn.objects.update(name="Oral exam")

        [verdict] = correcting.foresee(exported, "A").values()

        assert verdict.column.name == "Oral exam"

    def test_an_approval_sweeps_what_has_died_since_it_was_asked_for(self, exported, asker, approver):
        correction = ask(exported, by=asker)
        DeliveryFactory(
            attempt=ExportAttemptFactory(flow=exported.flow, dead=True), queued=True, participant=exported, mark="B"
        )
        Participant.objects.update(state=ExportState.QUEUED)

        approved = correcting.approve(correction, by=approver)

        assert approved.state == Correction.State.APPROVED
        dead = ExportAttempt.objects.exclude(finished_at=None).latest("pk")
        assert set(dead.deliveries.values_list("cause", flat=True)) == {Cause.INTERRUPTED}

    def test_a_dead_attempt_does_not_stand_in_the_way(self, exported, asker, approver):
        """It is swept first: then what it left is in doubt, and may be corrected."""
        correcting.approve(ask(exported, by=asker), by=approver)
        ExportAttempt.objects.filter(trigger="CORRECTION").update(lease_ends_at=LONG_AGO)

        ask(exported, "C", by=asker)

        exported.refresh_from_db()
        assert (exported.state, exported.cause) == (ExportState.FAILED, Cause.INTERRUPTED)


class TestForeseen:
    def test_it_says_value_and_column_of_today(self, flow):
        person = ParticipantFactory(flow=flow, exported=True)

        [verdict] = correcting.foresee(person, "A").values()

        assert isinstance(verdict, Send)
        assert (verdict.value, verdict.column.name, verdict.learn_user_id) == ("A", COLUMN, person.user_id)
        assert Participant.objects.get().approved_mark == ""

    def test_it_says_which_rule_would_refuse(self, flow):
        flow.column_mappings.all().delete()

        [verdict] = correcting.foresee(ParticipantFactory(flow=flow, exported=True), "A").values()

        assert verdict == Refused(Cause.NOT_MAPPED)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def together(self, *steps):
        """Begin all at the same moment; what they return or raise."""
        gate, found = threading.Barrier(len(steps)), [None] * len(steps)

        def run(place, step):
            gate.wait(timeout=10)
            try:
                found[place] = step()
            except correcting.NotCorrectable as refusal:
                found[place] = refusal
            finally:
                connection.close()

        threads = [threading.Thread(target=run, args=item) for item in enumerate(steps)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        return found

    def test_approvals_of_four_people_send_once(self, learn, exported, asker):
        correction = ask(exported, by=asker)
        people = UserFactory.create_batch(4)

        found = self.together(*(lambda by=by: correcting.approve(correction, by=by) for by in people))
        run_tasks()

        assert [each.obstacle for each in found if not isinstance(each, Correction)] == [Obstacle.ALREADY_DECIDED] * 3
        assert learn.world.sent(*U1) == ["B", "A"]
        assert ExportAttempt.objects.filter(trigger="CORRECTION").count() == 1

    def test_an_approval_beside_a_refusal_is_one_or_the_other(self, learn, exported, asker):
        correction = ask(exported, by=asker)
        first, second = UserFactory.create_batch(2)

        self.together(
            lambda: correcting.approve(correction, by=first),
            lambda: correcting.decline(correction, by=second, reason="No"),
        )
        run_tasks()

        correction.refresh_from_db()
        is_approved = correction.state == Correction.State.APPROVED
        assert learn.world.sent(*U1) == (["B", "A"] if is_approved else ["B"])
        assert (correction.attempt is not None) == is_approved

    def test_of_two_who_ask_at_once_one_is_told_that_another_waits(self, learn, exported):
        people = UserFactory.create_batch(4)

        found = self.together(*(lambda by=by: ask(exported, by=by) for by in people))

        assert [each.obstacle for each in found if not isinstance(each, Correction)] == [Obstacle.ANOTHER_OPEN] * 3


def test_nothing_is_recorded_where_the_task_cannot_be_enqueued(flow, asker, approver, monkeypatch):
    """One transaction: no half approval."""
    correction = ask(ParticipantFactory(flow=flow, exported=True), by=asker)
    broken = type("Task", (), {"enqueue": staticmethod(lambda _pk: 1 / 0)})
    monkeypatch.setattr(correcting, "deliver_attempt", broken)

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        correcting.approve(correction, by=approver)

    correction.refresh_from_db()
    assert correction.state == Correction.State.ASKED
    assert Participant.objects.get().approved_mark == ""
    assert not Delivery.objects.exists()


def test_a_correction_travels_with_the_exports_that_wait(flow, asker, approver):
    """It is a single grade that somebody waits for; retries of thousands come after it."""
    ParticipantFactory.create_batch(3, flow=flow, failed=True)
    retrying.retry(Participant.objects.failed(), by=None)
    person = ParticipantFactory(flow=flow, exported=True)
    correcting.approve(ask(person, by=asker), by=approver)

    batch = batches.claim(at_least=1)

    assert [item[3] for item in batch.items] == ["A"]
    batches.record(batch, batches.Sent(outcomes=[None]))
    finishing.finish(sorted(batch.attempts))
    assert person.value_in_learn == "A"
