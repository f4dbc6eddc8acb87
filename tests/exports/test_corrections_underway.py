"""What becomes of an approved correction that a rule refuses, that does not arrive, or that meets WISEflow."""

import pytest

from courses.models import GradeColumn
from exports import correcting
from exports.correcting import Obstacle
from exports.delivering import workers
from exports.grades.causes import Cause
from exports.models import Correction, ExportState, Participant
from tests.conftest import COLUMN, COURSE
from tests.exports.corrections import ask, correct, refused_because, retry, run_tasks
from tests.factories import (
    ColumnMappingFactory,
    FlowFactory,
    TranslationFactory,
)

U1 = (COURSE, COLUMN, "u1")


class TestRefusedByARule:
    """The grade stands as it was: the participant stays exported, says why, and can be retried."""

    @pytest.fixture
    def refused(self, learn, exported, asker, approver):
        """75 was asked for, and the column takes no more than 10 points."""
        GradeColumn.objects.update(points=10)
        return correct(exported, "75", asker=asker, approver=approver)

    def test_the_attempt_and_the_participant_say_why(self, refused, learn):
        person = Participant.objects.get()
        assert (person.state, person.cause) == (ExportState.EXPORTED, Cause.VALUE_NOT_USABLE)
        assert (person.value_in_learn, person.approved_mark) == ("B", "75")
        assert (refused.state, refused.attempt.state) == (Correction.State.APPROVED, ExportState.FAILED)
        assert refused.attempt.deliveries.get().cause == Cause.VALUE_NOT_USABLE
        assert person.flow.state == ExportState.EXPORTED
        assert learn.world.sent(*U1) == ["B"]

    def test_a_retry_after_the_repair_delivers_it(self, refused, learn):
        GradeColumn.objects.update(points=100)

        assert retry().queued == 1

        person = Participant.objects.get()
        assert (person.state, person.cause, person.approved_mark) == (ExportState.EXPORTED, "", "")
        assert (person.value_in_learn, learn.world.sent(*U1)) == ("75", ["B", "75"])
        assert not Participant.objects.retryable().exists()

    def test_a_retry_before_the_repair_is_refused_again(self, refused, learn):
        assert retry().refused == 1

        assert Participant.objects.get().approved_mark == "75"
        assert learn.world.sent(*U1) == ["B"]

    def test_the_old_mark_from_wiseflow_is_a_success_and_keeps_the_cause_in_sight(self, refused, wiseflow, learn):
        assert wiseflow.export({"userId": "u1", "mark": "B"})["numberOfSuccess"] == 1

        person = Participant.objects.get()
        assert (person.cause, person.approved_mark) == (Cause.VALUE_NOT_USABLE, "75")
        assert learn.world.sent(*U1) == ["B"]

    def test_a_third_mark_from_wiseflow_is_refused_and_says_what_is_approved(self, refused, wiseflow):
        [error] = wiseflow.export({"userId": "u1", "mark": "C"})["errors"]

        assert "and a correction to 75 is approved" in error["errorInfo"]
        assert Participant.objects.get().approved_mark == "75"

    def test_the_new_mark_from_wiseflow_delivers_it_once_it_can(self, refused, wiseflow, learn):
        GradeColumn.objects.update(points=100)

        assert wiseflow.export({"userId": "u1", "mark": "75"})["numberOfSuccess"] == 1

        person = Participant.objects.get()
        assert (person.mark, person.value_in_learn, person.approved_mark) == ("75", "75", "")
        assert learn.world.sent(*U1) == ["B", "75"]

    def test_another_correction_takes_its_place(self, refused, learn, asker, approver):
        correct(refused.participant, "A", asker=asker, approver=approver)

        assert learn.world.sent(*U1) == ["B", "A"]
        assert Participant.objects.get().approved_mark == ""

    def test_a_correction_back_to_what_stands_gives_it_up_without_a_call(self, refused, learn, asker, approver):
        correction = correct(refused.participant, "B", asker=asker, approver=approver)

        person = Participant.objects.get()
        assert (person.state, person.cause, person.approved_mark) == (ExportState.EXPORTED, "", "")
        assert correction.attempt.state == ExportState.EXPORTED
        assert learn.world.sent(*U1) == ["B"]
        assert not Participant.objects.retryable().exists()

    def test_the_same_once_more_is_a_retry_not_a_correction(self, refused, asker):
        with refused_because(Obstacle.UNCHANGED, match="Retry it"):
            ask(refused.participant, "75", by=asker)

    def test_where_the_translation_now_makes_it_what_stands_a_retry_settles_it(self, refused, learn):
        translation = TranslationFactory(table={"75": "B"})
        refused.participant.flow.column_mappings.update(translation=translation)

        retry()

        person = Participant.objects.get()
        assert (person.cause, person.approved_mark) == ("", "")
        assert learn.world.sent(*U1) == ["B"]

    def test_a_replaced_grade_takes_it_along(self, refused, wiseflow):
        """Another flow sets another grade for the same person in the same column: there is nothing left to correct."""
        other = FlowFactory(flow_id="78")
        ColumnMappingFactory(flow=other, grade_column=refused.participant.flow.column_mappings.get().grade_column)
        wiseflow.export({"userId": "u1", "mark": "C"}, path="/api/wiseflow/flows/78/export")

        person = Participant.objects.get(flow__flow_id="77")
        assert (person.state, person.cause, person.approved_mark) == (ExportState.FAILED, Cause.REPLACED, "")
        assert person.value_in_learn == ""


class TestNotArrived:
    """Learn's fault: the participant is failed until a retry, which sends the corrected mark."""

    @pytest.fixture(params=["maintenance", "reset_after"])
    def failed(self, request, learn, exported, asker, approver):
        learn.faults.add(request.param, times=None)
        correction = correct(exported, asker=asker, approver=approver)
        learn.faults.clear()
        assert correction.attempt.state == ExportState.FAILED
        exported.refresh_from_db()
        assert exported.state == ExportState.FAILED
        return exported

    def test_an_ordinary_retry_sends_the_corrected_mark(self, failed, learn):
        assert retry().queued == 1

        failed.refresh_from_db()
        assert (failed.state, failed.value_in_learn, failed.approved_mark) == (ExportState.EXPORTED, "A", "")
        assert learn.world.value(*U1) == "A"

    def test_the_old_mark_from_wiseflow_does_not_undo_it(self, failed, learn, wiseflow):
        """Where it certainly did not arrive, B is in Learn still: then it is a success that needs no call."""
        before = learn.world.sent(*U1)
        is_in_learn = failed.value_in_learn == "B"
        answer = wiseflow.export({"userId": "u1", "mark": "B"})

        assert answer["numberOfSuccess"] == is_in_learn
        if not is_in_learn:
            assert "a correction to A is approved" in answer["errors"][0]["errorInfo"]
        assert learn.world.sent(*U1) == before
        assert Participant.objects.get().approved_mark == "A"
        retry()
        assert learn.world.value(*U1) == "A"

    def test_the_new_mark_from_wiseflow_is_sent(self, failed, learn, wiseflow):
        assert wiseflow.export({"userId": "u1", "mark": "A"})["numberOfSuccess"] == 1

        failed.refresh_from_db()
        assert (failed.state, failed.approved_mark, learn.world.value(*U1)) == (ExportState.EXPORTED, "", "A")

    def test_an_unusable_entry_in_between_does_not_stop_the_retry(self, failed, learn, wiseflow):
        wiseflow.export({"userId": "u1", "mark": ["A"]})

        retry()

        failed.refresh_from_db()
        assert (failed.state, failed.value_in_learn) == (ExportState.EXPORTED, "A")

    def test_it_can_be_taken_back_by_a_correction_to_the_old_mark(self, failed, learn, asker, approver):
        correct(failed, "B", asker=asker, approver=approver)

        failed.refresh_from_db()
        assert (failed.state, failed.value_in_learn, failed.approved_mark) == (ExportState.EXPORTED, "B", "")
        assert learn.world.value(*U1) == "B"

    def test_a_rejected_one_is_retried_as_corrected(self, learn, exported, asker, approver):
        column = {COLUMN: {"points": None}}
        learn.world.replace({"courses": {COURSE: {"users": [], "columns": column}}})
        correct(exported, asker=asker, approver=approver)
        exported.refresh_from_db()
        assert (exported.state, exported.cause) == (ExportState.FAILED, Cause.REJECTED_BY_LEARN)

        learn.world.replace({"courses": {COURSE: {"users": ["u1"], "columns": column}}})
        retry()

        exported.refresh_from_db()
        assert (exported.value_in_learn, exported.approved_mark) == ("A", "")
        assert learn.world.value(*U1) == "A"


class TestWiseFlowMeanwhile:
    def test_while_it_is_on_its_way_any_mark_is_refused_and_nothing_is_recorded(
        self, learn, wiseflow, exported, asker, approver
    ):
        workers.workers.wait_until_idle(seconds=10)  # one of the first export would carry it along
        correcting.approve(ask(exported, by=asker), by=approver)

        for mark in ("A", "B", "C"):
            [error] = wiseflow.export({"userId": "u1", "mark": mark})["errors"]
            assert "in progress" in error["errorInfo"]

        run_tasks()
        exported.refresh_from_db()
        assert (exported.value_in_learn, exported.mark, exported.approved_mark) == ("A", "B", "")
        assert learn.world.sent(*U1) == ["B", "A"]

    def test_afterwards_the_new_mark_is_a_success_without_a_call(self, learn, wiseflow, exported, asker, approver):
        correct(exported, asker=asker, approver=approver)

        assert wiseflow.export({"userId": "u1", "mark": "A"})["numberOfSuccess"] == 1
        assert learn.world.sent(*U1) == ["B", "A"]
        assert Participant.objects.get().changed_since_export is False

    def test_afterwards_the_old_mark_is_refused_and_shown_as_changed(self, learn, wiseflow, exported, asker, approver):
        correct(exported, asker=asker, approver=approver)

        [error] = wiseflow.export({"userId": "u1", "mark": "B"})["errors"]

        assert error["errorInfo"].startswith("This grade was already sent on ")
        assert " (A). " in error["errorInfo"]
        assert learn.world.sent(*U1) == ["B", "A"]
        assert Participant.objects.get().changed_since_export is True

    def test_a_correction_to_what_wiseflow_changed_it_to_ends_the_difference(self, wiseflow, exported, asker, approver):
        wiseflow.export({"userId": "u1", "mark": "A"})
        assert Participant.objects.get().changed_since_export is True

        correct(exported, "A", asker=asker, approver=approver)

        assert Participant.objects.get().changed_since_export is False

    def test_a_correction_to_something_else_does_not(self, wiseflow, exported, asker, approver):
        wiseflow.export({"userId": "u1", "mark": "C"})

        correct(exported, "A", asker=asker, approver=approver)

        exported.refresh_from_db()
        assert (exported.changed_since_export, exported.mark, exported.value_in_learn) == (True, "C", "A")

    def test_where_overwriting_is_allowed_a_newer_mark_wins_over_a_failed_correction(
        self, learn, wiseflow, exported, asker, approver
    ):
        learn.faults.add("maintenance", times=2)
        correct(exported, asker=asker, approver=approver)
        exported.flow.allow_overwrite = True
        exported.flow.save()

        wiseflow.export({"userId": "u1", "mark": "C"})
        exported.refresh_from_db()
        assert (exported.state, exported.approved_mark) == (ExportState.FAILED, "")
        retry()

        assert learn.world.value(*U1) == "C"

    def test_an_alternative_grade_exported_meanwhile_locks_it(self, wiseflow, exported, asker, approver):
        correction = ask(exported, by=asker)
        exported.flow.allow_overwrite = True
        exported.flow.save()
        wiseflow.export({"userId": "u1", "adminGrade": "U"})

        with refused_because(Obstacle.ALTERNATIVE_GRADE_LOCKED):
            correcting.approve(correction, by=approver)


class TestOverwriting:
    """`allow_overwrite`, the other way in which an exported mark changes."""

    def test_it_is_off_by_default_and_another_mark_is_refused(self, learn, flow, wiseflow, exported):
        assert FlowFactory().allow_overwrite is False
        assert wiseflow.export({"userId": "u1", "mark": "A"})["numberOfErrors"] == 1
        assert learn.world.sent(*U1) == ["B"]

    def test_switched_on_another_mark_replaces_the_exported_one(self, learn, flow, wiseflow, exported):
        flow.allow_overwrite = True
        flow.save()

        assert wiseflow.export({"userId": "u1", "mark": "A"})["numberOfSuccess"] == 1
        assert learn.world.sent(*U1) == ["B", "A"]

    @pytest.mark.parametrize("entry", [{"mark": "A"}, {"adminGrade": "FE"}, {"mark": "A", "adminGrade": "FE"}])
    def test_an_alternative_grade_is_never_overwritten_by_any_way_in(
        self, entry, learn, flow, wiseflow, asker, approver
    ):
        flow.allow_overwrite = True
        flow.save()
        wiseflow.export({"userId": "u1", "adminGrade": "U"})
        person = Participant.objects.get()

        assert wiseflow.export({"userId": "u1", **entry})["numberOfErrors"] == 1
        retry()
        with refused_because(Obstacle.ALTERNATIVE_GRADE_LOCKED):
            ask(person, by=asker)
        Participant.objects.update(approved_mark="A")  # even if somebody had slipped one in
        wiseflow.export({"userId": "u1", "mark": "A"})
        retry()

        assert learn.world.sent(*U1) == ["U"]
