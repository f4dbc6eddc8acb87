"""A doubt of the ledger ends once Learn is read back: the grade is there, or it is safe to send it again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from courses.reading_back import Reading
from exports.delivering import workers
from exports.delivering.doubts import Look, end_doubts
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, ExportState, Flow, GradeInLearn, Proof
from exports.proving.runs import prove
from tests.conftest import COLUMN, COURSE
from tests.exports.corrections import retry
from tests.exports.delivering.conftest import People, status
from tests.faults import invariants

RESIT = "/api/wiseflow/flows/78/export"
Ending = GradeInLearn.Ending


@pytest.fixture
def unseen(learn, flow, wiseflow, settings):
    """An export that gets no answer, while Learn cannot be read."""
    settings.LEARN_TIMEOUT = 1
    flow.allow_overwrite = True
    flow.save()

    def export(*participants, arrives, **options):
        learn.faults.add("reset_after" if arrives else "reset_before", times=None, service="gradeValueAPI")
        learn.privileges.take_away("course.gradebook-grades.VIEW")
        wiseflow.export(*participants, **options)
        workers.workers.wait_until_idle(seconds=20)
        learn.privileges.give_back()
        learn.faults.clear()

    return export


def later(minutes=10):
    """So much time passes."""
    for name, model in (("since", GradeInLearn), ("finished_at", Delivery)):
        for row in model.objects.exclude(**{name: None}):
            model.objects.filter(pk=row.pk).update(**{name: getattr(row, name) - timedelta(minutes=minutes)})


def look():
    prove(GradeInLearn.objects.all())


def there():
    grade = GradeInLearn.objects.in_learn().filter(learn_user_id="u1").first()
    return grade and (grade.participant.user_id, grade.value, grade.certainty, grade.verdict)


def test_what_is_there_is_delivered_at_once(learn, flow, unseen):
    unseen({"userId": "u1", "mark": "A"}, arrives=True)
    assert status() == (ExportState.FAILED, Cause.UNCONFIRMED)

    look()

    assert (status(), there()) == ((ExportState.EXPORTED, ""), ("u1", "A", "CONFIRMED", "PROVEN"))
    attempt = ExportAttempt.objects.latest("pk")
    assert (attempt.trigger, attempt.state, attempt.number_of_success) == ("LOOK", ExportState.EXPORTED, 1)
    assert attempt.deliveries.get().detail["code"] == "FOUND_IN_LEARN"
    flow.refresh_from_db()
    assert (flow.state, flow.exported_count) == (ExportState.EXPORTED, 1)
    assert learn.world.writes == len(learn.world.sent(COURSE, COLUMN, "u1"))
    invariants.books_balance(learn.world)


def test_what_is_not_there_may_arrive_for_a_while(unseen):
    unseen({"userId": "u1", "mark": "A"}, arrives=False)

    look()

    assert (status(), there()) == ((ExportState.FAILED, Cause.UNCONFIRMED), ("u1", "A", "DOUBTFUL", "ABSENT"))


def test_what_was_read_early_says_nothing_of_what_arrived_while_a_long_run_went_on(unseen):
    unseen({"userId": "u1", "mark": "A"}, arrives=False)
    later(minutes=7)
    doubt, now = GradeInLearn.objects.get(), timezone.now()
    reading = Reading(read_at=now - timedelta(minutes=6))

    assert end_doubts({doubt.place: Look(grade=doubt.pk, reading=reading)}, (), now) == set()

    assert there()[2] == "DOUBTFUL"


def test_after_that_it_has_not_arrived_and_is_safe_to_send(learn, flow, unseen):
    unseen({"userId": "u1", "mark": "A"}, arrives=False)
    look()
    later()

    prove(GradeInLearn.objects.all(), only_changes=True)  # what is in doubt is read again, whatever has changed

    assert (status(), there()) == ((ExportState.FAILED, Cause.NOT_IN_LEARN), None)
    assert GradeInLearn.objects.get().ended_as == Ending.NOT_ARRIVED
    assert ExportAttempt.objects.latest("pk").trigger == "LOOK"
    invariants.books_balance(learn.world)

    retry()

    assert (status(), there()) == ((ExportState.EXPORTED, ""), ("u1", "A", "CONFIRMED", ""))


def test_a_newer_call_for_the_same_grade_may_be_at_work_too(unseen):
    unseen({"userId": "u1", "mark": "A"}, arrives=False)
    later()
    unseen({"userId": "u1", "mark": "A"}, arrives=False)

    look()

    assert there()[2] == "DOUBTFUL"


def test_a_grade_of_ones_own_that_was_to_be_replaced_is_certain_again(learn, wiseflow, unseen):
    wiseflow.export({"userId": "u1", "mark": "A"})
    unseen({"userId": "u1", "mark": "B"}, arrives=False)
    later()

    look()

    assert there() == ("u1", "A", "CONFIRMED", "PROVEN")
    assert status() == (ExportState.FAILED, Cause.NOT_IN_LEARN)  # the B is still to be sent

    retry()

    assert (status(), there()[1:3]) == ((ExportState.EXPORTED, ""), ("B", "CONFIRMED"))
    invariants.books_balance(learn.world)


def test_the_grade_of_another_that_was_perhaps_replaced_is_a_success_again(learn, wiseflow, resit, unseen):
    wiseflow.export({"userId": "first", "learnUserId": "u1", "mark": "A"})
    unseen({"userId": "second", "learnUserId": "u1", "mark": "B"}, path=RESIT, arrives=False)
    assert status("first") == (ExportState.FAILED, Cause.PERHAPS_REPLACED)
    later()

    look()

    assert there() == ("first", "A", "CONFIRMED", "PROVEN")
    assert (status("first"), status("second")) == ((ExportState.EXPORTED, ""), (ExportState.FAILED, Cause.NOT_IN_LEARN))
    assert set(Flow.objects.values_list("flow_id", "state")) == {("77", "EXPORTED"), ("78", "FAILED")}
    invariants.books_balance(learn.world)


def test_the_grade_of_another_that_was_replaced_is_known_to_be(learn, wiseflow, resit, unseen):
    wiseflow.export({"userId": "first", "learnUserId": "u1", "mark": "A"})
    unseen({"userId": "second", "learnUserId": "u1", "mark": "B"}, path=RESIT, arrives=True)

    look()

    assert there() == ("second", "B", "CONFIRMED", "PROVEN")
    assert (status("first"), status("second")) == ((ExportState.FAILED, Cause.REPLACED), (ExportState.EXPORTED, ""))
    invariants.books_balance(learn.world)


def test_what_a_teacher_typed_over_a_doubt_is_not_overwritten(learn, wiseflow, unseen):
    wiseflow.export({"userId": "u1", "mark": "A"})
    unseen({"userId": "u1", "mark": "B"}, arrives=True)
    learn.world.type_grade(COURSE, COLUMN, "u1", "12", by="M. Hansen")
    later()

    look()
    assert (status(), there()) == ((ExportState.FAILED, Cause.NOT_IN_LEARN), None)
    retry()

    assert learn.world.value(COURSE, COLUMN, "u1") == "12"
    assert status() == (ExportState.FAILED, Cause.CHANGED_IN_LEARN)


def test_what_was_said_since_the_doubt_is_not_forgotten(learn, flow, wiseflow, unseen):
    """The doubtful B is there; the C that came after it is still to be sent."""
    unseen({"userId": "u1", "mark": "B"}, arrives=True)
    learn.faults.add("maintenance", times=None)
    wiseflow.export({"userId": "u1", "mark": "C"})
    learn.faults.clear()

    look()

    assert there() == ("u1", "B", "CONFIRMED", "PROVEN")
    assert (status()[0], People.get().mark) == (ExportState.FAILED, "C")
    retry()
    assert (status(), learn.world.value(COURSE, COLUMN, "u1")) == ((ExportState.EXPORTED, ""), "C")


def test_what_cannot_be_read_decides_nothing(learn, unseen):
    unseen({"userId": "u1", "mark": "A"}, arrives=True)
    learn.privileges.take_away("course.gradebook-grades.VIEW")
    later()

    look()

    assert (status(), there()[2]) == ((ExportState.FAILED, Cause.UNCONFIRMED), "DOUBTFUL")
    assert not ExportAttempt.objects.filter(trigger="LOOK").exists()


def test_a_grade_on_its_way_is_left_to_its_delivery(learn, flow, unseen):
    unseen({"userId": "u1", "mark": "A"}, arrives=True)
    Delivery.objects.update(state=Delivery.State.QUEUED, finished_at=None, cause="")
    People.update(state=ExportState.QUEUED, cause="")

    look()

    assert there()[2] == "DOUBTFUL"
    Delivery.objects.update(state=Delivery.State.FAILED, finished_at=timezone.now(), cause=Cause.DEADLINE)


def test_a_grade_left_behind_in_doubt_is_decided_where_it_is(learn, flow, unseen, wiseflow):
    unseen({"userId": "x", "learnUserId": "u1", "mark": "A"}, arrives=True)
    wiseflow.export({"userId": "x", "learnUserId": "u2", "mark": "A"})
    assert status("x") == (ExportState.EXPORTED, "")

    look()

    (left,) = GradeInLearn.objects.left_behind()
    assert (left.certainty, left.learn_user_id, status("x")) == ("CONFIRMED", "u1", (ExportState.EXPORTED, ""))
    assert set(Proof.objects.values_list("verdict", flat=True)) == {"PROVEN"}
