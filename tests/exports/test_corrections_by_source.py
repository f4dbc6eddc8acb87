"""Corrections of a person who is in a flow by several SIS sources, each with a column of its own."""

import pytest

from courses.models import GradeColumn
from exports import correcting
from exports.correcting import Obstacle
from exports.grades.causes import Cause
from exports.grades.facts import Send
from exports.models import Correction, ExportState, Participant
from tests.conftest import COLUMN, COURSE
from tests.exports.corrections import ask, correct, refused_because, retry
from tests.factories import ColumnMappingFactory, GradeColumnFactory

U1 = (COURSE, COLUMN, "u1")
U1_LAB = (COURSE, "Lab report", "u1")


@pytest.fixture
def two_sources(learn, flow):
    """S1 goes to the written exam, S2 to the lab report."""
    learn.world.merge({"courses": {COURSE: {"columns": {"Lab report": {"points": None}}}}})
    flow.column_mappings.update(source_code="S1")
    course = GradeColumn.objects.get().course
    ColumnMappingFactory(
        flow=flow, source_code="S2", grade_column=GradeColumnFactory(course=course, name="Lab report", in_learn=True)
    )
    return flow


def export(wiseflow, first, second):
    answer = wiseflow.export(
        {"userId": "u1", "mark": first, "sourceCode": "S1"}, {"userId": "u1", "mark": second, "sourceCode": "S2"}
    )
    assert answer["numberOfSuccess"] == 2, answer
    return Participant.objects.get()


@pytest.fixture
def alike(two_sources, wiseflow):
    """u1, who has a B in both columns."""
    return export(wiseflow, "B", "B")


@pytest.fixture
def different(two_sources, wiseflow):
    """u1, who has a B by S1 and a C by S2."""
    return export(wiseflow, "B", "C")


class TestEqualGrades:
    def test_one_correction_replaces_all(self, learn, alike, asker, approver):
        correction = correct(alike, asker=asker, approver=approver)

        assert (learn.world.value(*U1), learn.world.value(*U1_LAB)) == ("A", "A")
        alike.refresh_from_db()
        assert (alike.state, alike.cause, alike.approved_mark, alike.value_in_learn) == ("EXPORTED", "", "", "A")
        assert correction.attempt.state == ExportState.EXPORTED

    def test_each_place_is_foreseen(self, alike):
        verdicts = correcting.foresee(alike, "A")

        assert {part.source_code: verdict.place for part, verdict in verdicts.items()} == {"S1": U1, "S2": U1_LAB}
        assert all(isinstance(verdict, Send) for verdict in verdicts.values())

    @pytest.fixture
    def half(self, learn, alike, asker, approver):
        """Learn has rejected the part that goes to the lab report."""
        learn.world.replace({"courses": {COURSE: {"users": ["u1"], "columns": {COLUMN: {"points": None}}}}})
        correction = correct(alike, asker=asker, approver=approver)
        learn.world.merge({"courses": {COURSE: {"columns": {"Lab report": {"points": None}}}}})
        alike.refresh_from_db()
        return correction

    def test_it_is_no_success_before_all_have_it(self, half, alike, learn):
        assert (alike.state, alike.cause) == (ExportState.FAILED, Cause.REJECTED_BY_LEARN)
        assert (alike.approved_mark, alike.cause_source_code) == ("A", "S2")
        assert (half.state, half.attempt.state) == (Correction.State.APPROVED, ExportState.FAILED)
        assert list(Correction.objects.undelivered()) == [half]

    def test_a_retry_sends_the_part_that_failed_and_nothing_else(self, half, alike, learn):
        before = learn.world.sent(*U1)

        retry()

        alike.refresh_from_db()
        assert (alike.state, alike.cause, alike.approved_mark) == (ExportState.EXPORTED, "", "")
        assert learn.world.value(*U1_LAB) == "A"
        assert learn.world.sent(*U1) == before

    def test_a_part_that_a_rule_refuses_is_retried_once_it_is_repaired(self, learn, alike, asker, approver):
        GradeColumn.objects.filter(name="Lab report").update(points=10)
        correct(alike, "75", asker=asker, approver=approver)
        alike.refresh_from_db()
        assert (alike.state, alike.cause, alike.approved_mark) == ("EXPORTED", Cause.VALUE_NOT_USABLE, "75")
        GradeColumn.objects.update(points=100)

        retry()

        alike.refresh_from_db()
        assert (alike.cause, alike.approved_mark) == ("", "")
        assert (learn.world.value(*U1), learn.world.value(*U1_LAB)) == ("75", "75")

    def test_one_source_alone_can_be_chosen(self, learn, alike, asker, approver):
        correct(alike, asker=asker, approver=approver, source_code="S2")

        assert (learn.world.value(*U1), learn.world.value(*U1_LAB)) == ("B", "A")
        alike.refresh_from_db()
        assert (alike.state, alike.approved_mark) == (ExportState.EXPORTED, "")

    def test_a_source_that_uses_the_default_column_is_corrected_as_well(
        self, learn, two_sources, wiseflow, asker, approver
    ):
        two_sources.column_mappings.filter(source_code="S1").update(source_code="")
        person = export(wiseflow, "B", "B")

        correct(person, asker=asker, approver=approver)

        assert (learn.world.value(*U1), learn.world.value(*U1_LAB)) == ("A", "A")


class TestMarkAndAlternativeGrade:
    @pytest.fixture
    def mixed(self, two_sources, wiseflow):
        """u1, who has a B by S1 and a locked U by S2."""
        answer = wiseflow.export(
            {"userId": "u1", "mark": "B", "sourceCode": "S1"}, {"userId": "u1", "adminGrade": "U", "sourceCode": "S2"}
        )
        assert answer["numberOfSuccess"] == 2, answer
        return Participant.objects.get()

    def test_the_source_with_the_mark_must_be_chosen(self, mixed, asker):
        with refused_because(Obstacle.SOURCE_NOT_CHOSEN):
            ask(mixed, by=asker)

    def test_it_is_corrected_and_the_alternative_grade_stays(self, learn, mixed, asker, approver):
        correct(mixed, asker=asker, approver=approver, source_code="S1")

        assert (learn.world.value(*U1), learn.world.value(*U1_LAB)) == ("A", "U")
        mixed.refresh_from_db()
        assert (mixed.state, mixed.approved_mark) == ("EXPORTED", "")


class TestDifferentGrades:
    def test_a_source_must_be_chosen(self, different, asker):
        with refused_because(Obstacle.SOURCE_NOT_CHOSEN):
            ask(different, by=asker)

    def test_the_chosen_one_is_corrected_and_the_other_stays(self, learn, different, asker, approver):
        correction = correct(different, asker=asker, approver=approver, source_code="S2")

        assert (correction.mark_before, correction.value_before, correction.source_code) == ("C", "C", "S2")
        assert (learn.world.sent(*U1), learn.world.sent(*U1_LAB)) == (["B"], ["C", "A"])
        different.refresh_from_db()
        assert (different.state, different.cause, different.approved_mark) == (ExportState.EXPORTED, "", "")

    def test_a_source_without_a_grade_has_nothing_to_correct(self, different, asker):
        with refused_because(Obstacle.NOT_EXPORTED):
            ask(different, by=asker, source_code="S3")

    def test_another_sources_grade_in_between_does_not_stand_in_the_way(
        self, learn, two_sources, different, wiseflow, asker, approver
    ):
        correction = ask(different, by=asker, source_code="S2")
        two_sources.allow_overwrite = True
        two_sources.save()
        wiseflow.export({"userId": "u1", "mark": "D", "sourceCode": "S1"})

        correcting.approve(correction, by=approver)

        correction.refresh_from_db()
        assert correction.state == Correction.State.APPROVED

    def test_a_failed_one_is_kept_when_another_source_is_exported(
        self, learn, two_sources, different, wiseflow, asker, approver
    ):
        learn.faults.add("maintenance", times=None)
        correct(different, asker=asker, approver=approver, source_code="S2")
        learn.faults.clear()
        two_sources.allow_overwrite = True
        two_sources.save()

        wiseflow.export({"userId": "u1", "mark": "D", "sourceCode": "S1"})

        different.refresh_from_db()
        assert (different.state, different.approved_mark) == (ExportState.FAILED, "A")
        retry()
        different.refresh_from_db()
        assert (different.state, different.approved_mark) == (ExportState.EXPORTED, "")
        assert (learn.world.value(*U1), learn.world.value(*U1_LAB)) == ("D", "A")


class TestRefusedAtFirst:
    """The approved correction could not be sent yet; until it is, it is not forgotten."""

    @pytest.fixture
    def refused(self, alike, two_sources, asker, approver):
        ended, two_sources.synchronised_at = two_sources.synchronised_at, None
        two_sources.save()
        correct(alike, asker=asker, approver=approver)
        two_sources.synchronised_at = ended
        two_sources.save()
        alike.refresh_from_db()
        assert alike.approved_mark == "A"
        return alike

    def test_the_old_grades_once_more_do_not_undo_it(self, learn, refused, wiseflow):
        export(wiseflow, "B", "B")

        retry()
        assert (learn.world.value(*U1), learn.world.value(*U1_LAB)) == ("A", "A")

    def test_the_new_grade_for_one_source_leaves_the_other_to_a_retry(self, learn, refused, wiseflow):
        wiseflow.export({"userId": "u1", "mark": "A", "sourceCode": "S2"})

        retry()
        assert (learn.world.value(*U1), learn.world.value(*U1_LAB)) == ("A", "A")
        refused.refresh_from_db()
        assert refused.approved_mark == ""
