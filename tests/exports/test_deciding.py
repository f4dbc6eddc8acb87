"""Where Learn shows what GradeBridge did not write, people decide: it is kept, or replaced once two agree."""

import pytest

from exports import deciding
from exports.deciding import NotDecidable, Obstacle, differences
from exports.grades.causes import Cause
from exports.models import Decision, ExportAttempt, ExportState, GradeInLearn, Participant
from exports.proving.runs import prove
from tests.conftest import COLUMN, COURSE
from tests.exports.corrections import retry, run_tasks
from tests.factories import (
    ColumnMappingFactory,
    DecisionFactory,
    GradeColumnFactory,
    GradeInLearnFactory,
    ParticipantFactory,
    ProofFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def refused():
    """A teacher has entered a 12 before the B could be sent."""
    return ParticipantFactory(changed_in_learn=True)


def test_what_was_not_sent_because_learn_shows_another_grade_is_a_difference(refused):
    (difference,) = differences(refused)

    assert (difference.shown, difference.value, difference.grade) == ("12", "B", None)
    assert "set by M. Hansen" in difference.sentence


@pytest.mark.parametrize(("read", "shown"), [("different", "12"), ("absent", "")])
def test_a_grade_that_was_read_as_another_one_is_a_difference(read, shown):
    grade = GradeInLearnFactory(**{read: True})

    (difference,) = differences(grade.participant)

    assert (difference.place, difference.shown, difference.value) == (grade.place, shown, "B")
    assert list(GradeInLearn.objects.different()) == [grade]


@pytest.mark.parametrize("read", [{}, {"proven": True}, {"different": True, "left_behind": True}])
def test_nothing_is_to_be_decided_of_any_other_grade(read):
    grade = GradeInLearnFactory(**read)

    assert differences(grade.participant) == []
    assert not GradeInLearn.objects.different().exists()


def test_a_grade_that_was_not_sent_is_kept_out_on_purpose(refused):
    anna = UserFactory()

    decision = deciding.keep(differences(refused)[0], reason="The teacher is right", by=anna)

    refused.refresh_from_db()
    assert (refused.state, refused.cause) == (ExportState.FAILED, Cause.LEARN_GRADE_KEPT)
    refused.flow.refresh_from_db()
    assert (refused.flow.failed_count, refused.flow.skipped_count) == (1, 1)
    assert (decision.kind, decision.state, decision.decided_by) == ("KEEP", "APPROVED", anna)
    assert (decision.attempt.trigger, decision.attempt.number_of_refused) == (ExportAttempt.Trigger.KEEP, 1)
    assert differences(refused) == []


def test_a_kept_difference_leaves_the_exported_grade_as_it_is():
    grade = GradeInLearnFactory(different=True)

    decision = deciding.keep(grade, reason="The teacher is right", by=UserFactory())

    person = grade.participant
    person.refresh_from_db()
    assert (person.state, person.cause, decision.attempt) == (ExportState.EXPORTED, "", None)
    assert differences(person) == []
    assert (list(GradeInLearn.objects.kept()), list(GradeInLearn.objects.different())) == ([grade], [])


def test_what_is_shown_after_that_is_a_difference_again():
    grade = DecisionFactory(kept=True).grade
    assert differences(grade.participant) == []

    ProofFactory(grade=grade, different=True, shown="13")

    assert [difference.shown for difference in differences(grade.participant)] == ["13"]


def test_nothing_is_kept_twice():
    decision = DecisionFactory(kept=True)

    with pytest.raises(NotDecidable) as refusal:
        deciding.keep(decision.grade, reason="Once more", by=UserFactory())

    assert refusal.value.obstacle is Obstacle.ALREADY_DECIDED
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("reason", ["", " ", "x" * 2001, "\x00"])
def test_a_decision_needs_a_reason(refused, reason):
    with pytest.raises(NotDecidable) as refusal:
        deciding.keep(differences(refused)[0], reason=reason, by=UserFactory())

    assert refusal.value.obstacle is Obstacle.REASON_NOT_USABLE


def test_what_was_decided_on_an_old_page_is_not_recorded():
    grade = GradeInLearnFactory(different=True)
    (difference,) = differences(grade.participant)
    ProofFactory(grade=grade, different=True, shown="13")

    with pytest.raises(NotDecidable) as refusal:
        deciding.keep(difference, reason="The teacher is right", by=UserFactory())

    assert refusal.value.obstacle is Obstacle.CHANGED_SINCE


def test_what_is_no_difference_any_more_is_not_decided():
    grade = GradeInLearnFactory(different=True)
    (difference,) = differences(grade.participant)
    ProofFactory(grade=grade)

    with pytest.raises(NotDecidable) as refusal:
        deciding.keep(difference, reason="The teacher is right", by=UserFactory())

    assert refusal.value.obstacle is Obstacle.NO_DIFFERENCE


# With Learn: requested, approved, delivered


@pytest.fixture
def anna(db):
    return UserFactory()


@pytest.fixture
def bert(db):
    return UserFactory()


@pytest.fixture
def exported(learn, flow, wiseflow):
    """u1's B is exported; then a teacher types a 12 there, which a proof has found."""
    wiseflow.export({"userId": "u1", "mark": "B"})
    learn.world.type_grade(COURSE, COLUMN, "u1", "12", by="M. Hansen")
    prove(GradeInLearn.objects.all())
    return Participant.objects.get()


@pytest.fixture
def overwriting(learn, flow, exported, wiseflow):
    """Then WISEflow sends an A, which the flow would let replace the B."""
    flow.allow_overwrite = True
    flow.save()
    wiseflow.export({"userId": "u1", "mark": "A"})
    return Participant.objects.get()


def ask(person, by):
    return deciding.ask_to_replace(differences(person)[0], reason="The board has decided", by=by)


def in_learn():
    return [(grade.value, grade.certainty) for grade in GradeInLearn.objects.in_learn()]


def is_refused(obstacle):
    return pytest.raises(NotDecidable, match=r"\.$", check=lambda refusal: refusal.obstacle is obstacle)


def test_nothing_is_sent_before_a_second_person_agrees(learn, exported, anna):
    writes = learn.world.writes

    decision = ask(exported, anna)

    assert (decision.state, decision.shown, decision.value) == ("ASKED", "12", "B")
    assert (learn.world.writes, in_learn()) == (writes, [("B", "CONFIRMED")])
    with is_refused(Obstacle.SAME_PERSON):
        deciding.approve(decision, by=anna)
    with is_refused(Obstacle.ANOTHER_OPEN):
        ask(exported, anna)
    with is_refused(Obstacle.ANOTHER_OPEN):
        deciding.keep(differences(exported)[0], reason="The teacher is right", by=anna)


def test_a_grade_that_differs_is_replaced_by_the_one_that_was_exported(learn, exported, anna, bert):
    decision = deciding.approve(ask(exported, anna), by=bert)
    assert in_learn() == []

    run_tasks()

    assert (learn.world.value(COURSE, COLUMN, "u1"), in_learn()) == ("B", [("B", "CONFIRMED")])
    assert (decision.attempt.trigger, decision.decided_by) == (ExportAttempt.Trigger.REPLACE, bert)
    exported.refresh_from_db()
    assert (exported.state, exported.cause, differences(exported)) == (ExportState.EXPORTED, "", [])
    assert GradeInLearn.objects.get(ended_as="CHANGED_IN_LEARN").value == "B"
    prove(GradeInLearn.objects.all())
    assert GradeInLearn.objects.in_learn().get().verdict == "PROVEN"


def test_a_grade_that_was_refused_is_sent_and_no_other(learn, overwriting, anna, bert):
    (difference,) = differences(overwriting)
    assert (difference.shown, difference.value) == ("12", "A")

    deciding.approve(ask(overwriting, anna), by=bert)
    run_tasks()

    overwriting.refresh_from_db()
    assert (learn.world.value(COURSE, COLUMN, "u1"), in_learn()) == ("A", [("A", "CONFIRMED")])
    assert (overwriting.state, overwriting.changed_since_export) == (ExportState.EXPORTED, False)


def test_a_replacement_that_did_not_arrive_is_retried(learn, overwriting, anna, bert):
    deciding.approve(ask(overwriting, anna), by=bert)
    learn.faults.add("maintenance", times=None)
    run_tasks()
    learn.faults.clear()
    overwriting.refresh_from_db()
    assert (overwriting.state, learn.world.value(COURSE, COLUMN, "u1")) == (ExportState.FAILED, "12")

    retry()

    assert (learn.world.value(COURSE, COLUMN, "u1"), in_learn()) == ("A", [("A", "CONFIRMED")])


def test_what_is_typed_after_the_request_is_not_replaced(learn, exported, anna, bert):
    decision = ask(exported, anna)
    learn.world.type_grade(COURSE, COLUMN, "u1", "13", by="M. Hansen")

    deciding.approve(decision, by=bert)
    run_tasks()

    assert learn.world.value(COURSE, COLUMN, "u1") == "13"
    assert [(one.shown, one.value) for one in differences(exported)] == [("13", "B")]


def test_what_was_found_to_be_another_grade_since_is_not_approved(learn, exported, anna, bert):
    decision = ask(exported, anna)
    learn.world.type_grade(COURSE, COLUMN, "u1", "13", by="M. Hansen")
    prove(GradeInLearn.objects.all())

    with is_refused(Obstacle.CHANGED_SINCE):
        deciding.approve(decision, by=bert)

    assert in_learn() == [("B", "CONFIRMED")]


def test_what_would_go_elsewhere_today_is_not_approved(exported, anna, bert):
    decision = ask(exported, anna)
    Participant.objects.update(learn_user_id="u2")

    with is_refused(Obstacle.CHANGED_SINCE):
        deciding.approve(decision, by=bert)

    assert (in_learn(), Decision.objects.get().state) == ([("B", "CONFIRMED")], "ASKED")
    assert not ExportAttempt.objects.filter(trigger=ExportAttempt.Trigger.REPLACE).exists()


def test_nothing_is_decided_while_a_grade_is_on_its_way(exported, anna, bert):
    decision = ask(exported, anna)
    Participant.objects.update(state=ExportState.QUEUED)

    with is_refused(Obstacle.IN_PROGRESS):
        deciding.approve(decision, by=bert)


def test_what_was_kept_can_be_replaced_after_all(learn, exported, anna, bert):
    deciding.keep(differences(exported)[0], reason="The teacher is right", by=anna)
    grade = GradeInLearn.objects.get()

    deciding.approve(deciding.ask_to_replace(grade, reason="The teacher was wrong", by=anna), by=bert)
    run_tasks()

    assert learn.world.value(COURSE, COLUMN, "u1") == "B"


def test_a_kept_grade_that_was_refused_can_be_replaced_after_all(learn, overwriting, anna, bert):
    deciding.keep(differences(overwriting)[0], reason="The teacher is right", by=anna)
    assert differences(overwriting) == []
    (kept,) = deciding.all_differences(overwriting)

    deciding.approve(deciding.ask_to_replace(kept, reason="The teacher was wrong", by=anna), by=bert)
    run_tasks()

    assert learn.world.value(COURSE, COLUMN, "u1") == "A"


def test_what_learn_shows_after_a_refused_grade_was_kept_out_is_to_be_decided_again(learn, overwriting, anna):
    deciding.keep(differences(overwriting)[0], reason="The teacher is right", by=anna)
    learn.world.type_grade(COURSE, COLUMN, "u1", "14", by="M. Hansen")
    prove(GradeInLearn.objects.all())

    (difference,) = differences(overwriting)

    assert (difference.shown, difference.value, difference.is_kept) == ("14", "B", False)


@pytest.mark.parametrize(("withdrawn", "reason"), [(True, ""), (False, "The teacher is right")])
def test_a_request_is_withdrawn_or_declined(learn, exported, anna, bert, withdrawn, reason):
    decision = deciding.decline(ask(exported, anna), by=anna if withdrawn else bert, reason=reason)

    assert (decision.state, decision.decline_reason) == ("DECLINED", reason)
    assert learn.world.value(COURSE, COLUMN, "u1") == "12"
    for again in (deciding.approve, deciding.decline):
        with is_refused(Obstacle.ALREADY_DECIDED):
            again(decision, by=anna if again is deciding.decline else bert)


def test_who_declines_says_why(exported, anna, bert):
    with is_refused(Obstacle.REASON_NOT_USABLE):
        deciding.decline(ask(exported, anna), by=bert)


def test_of_several_sources_the_one_is_replaced_that_differs(learn, wiseflow, flow, anna, bert):
    column = GradeColumnFactory(course=flow.column_mappings.get().grade_column.course, name="Oral exam")
    learn.world.merge({"courses": {COURSE: {"columns": {"Oral exam": {"points": None}}}}})
    ColumnMappingFactory(flow=flow, source_code="s2", grade_column=column)
    person = ParticipantFactory(flow=flow, user_id="u1", sources={"s1": None, "s2": None})
    wiseflow.export({"userId": "u1", "mark": "B"})
    learn.world.type_grade(COURSE, "Oral exam", "u1", "12", by="M. Hansen")
    prove(GradeInLearn.objects.all())
    writes = learn.world.writes

    deciding.approve(ask(person, anna), by=bert)
    run_tasks()

    person.refresh_from_db()
    assert (person.state, person.cause, learn.world.writes) == (ExportState.EXPORTED, "", writes + 1)
    assert learn.world.value(COURSE, "Oral exam", "u1") == "B"
