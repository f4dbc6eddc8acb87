"""Learn is read after a call: an unknown outcome becomes a known one."""

from datetime import timedelta

import factory
import pytest
from django.utils import timezone

from courses.models import ColumnReading
from exports.delivering import workers
from exports.grades.causes import Cause
from exports.models import Delivery, ExportState, GradeInLearn
from tests.conftest import COLUMN, COURSE
from tests.exports.corrections import retry
from tests.exports.delivering.conftest import People, status
from tests.exports.delivering.looking.conftest import State, calls, shown, typed
from tests.factories import GradeInLearnFactory


@pytest.mark.parametrize(
    "fault", ["truncated_json", "cut_off", "reset_after", "shorter", "no_status", "other_spelling"]
)
def test_what_arrived_without_a_believable_answer_is_found(learn, flow, wiseflow, fault):
    learn.faults.add(fault, service="gradeValueAPI", times=None)

    answer = wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "mark": "B"})

    assert answer["numberOfSuccess"] == 2
    assert [delivery.detail["code"] for delivery in Delivery.objects.all()] == ["FOUND_IN_LEARN"] * 2
    assert learn.world.writes <= 4  # a connection that breaks is tried anew once
    assert set(GradeInLearn.objects.values_list("value", "certainty")) == {("A", "CONFIRMED"), ("B", "CONFIRMED")}


@pytest.mark.parametrize("fault", ["server_error", "html_200"])
def test_what_was_answered_and_is_not_there_has_failed(learn, flow, wiseflow, fault):
    learn.faults.add(fault, service="gradeValueAPI", times=None)

    answer = wiseflow.export({"userId": "u1", "mark": "A"})

    assert status() == (ExportState.FAILED, Cause.NOT_IN_LEARN)
    assert "its gradebook does not show it" in answer["errors"][0]["errorInfo"]
    assert not GradeInLearn.objects.exists()


@pytest.mark.parametrize("fault", ["bad_gateway", "reset_before", "silent_before"])
def test_what_learn_may_be_at_work_on_stays_unconfirmed(learn, flow, wiseflow, settings, fault):
    settings.LEARN_TIMEOUT = 1
    learn.faults.add(fault, service="gradeValueAPI", times=None)

    wiseflow.export({"userId": "u1", "mark": "A"})

    assert status() == (ExportState.FAILED, Cause.UNCONFIRMED)


def test_only_those_that_are_not_there_have_failed(learn, flow, wiseflow):
    learn.faults.add("partial", times=None)  # by one call it takes what it rejects in the next

    answer = wiseflow.export(*({"userId": f"u{number}", "mark": "A"} for number in range(1, 5)))

    values = learn.world.values(COURSE, COLUMN)
    assert 0 < len(values) == answer["numberOfSuccess"]
    assert set(Delivery.objects.values_list("learn_user_id", "state")) == {
        (f"u{number}", State.DELIVERED if f"u{number}" in values else State.FAILED) for number in range(1, 5)
    }


def test_what_a_teacher_typed_in_between_is_not_overwritten_by_the_retry(learn, flow, wiseflow):
    learn.faults.add("server_error", service="gradeValueAPI", times=None)
    typed(learn)
    wiseflow.export({"userId": "u1", "mark": "A"})
    assert Delivery.objects.get().detail == {"reason": "ANOTHER_SHOWN", "shown": "12"}
    learn.faults.clear()

    retry()

    assert (shown(learn), status()) == ("12", (ExportState.FAILED, Cause.CHANGED_IN_LEARN))


@pytest.mark.parametrize("fault", ["shorter", "no_status"])
def test_where_nobody_can_look_the_items_are_sent_again_as_before(learn, flow, wiseflow, fault):
    learn.privileges.take_away("course.gradebook-grades.VIEW")
    learn.faults.add(fault, service="gradeValueAPI", times=1)

    answer = wiseflow.export(*({"userId": f"u{number}", "mark": "A"} for number in range(1, 5)))

    assert answer["numberOfSuccess"] == 4
    assert learn.world.writes == 8


def test_a_retry_after_doubt_looks_and_sends_nothing(learn, flow, wiseflow):
    learn.faults.add("reset_after", times=None, service="gradeValueAPI")
    learn.faults.add("maintenance", times=None, service="course")
    wiseflow.export({"userId": "u1", "mark": "A"})
    assert status() == (ExportState.FAILED, Cause.UNCONFIRMED)
    learn.faults.clear()
    writes = learn.world.writes

    retry()

    assert status() == (ExportState.EXPORTED, "")
    assert learn.world.writes == writes


def test_a_look_never_goes_beyond_the_attempt(learn, flow, wiseflow, settings):
    settings.LEARN_TIMEOUT, settings.EXPORT_DEADLINE = 30, 2
    learn.faults.add("reset_after", times=None, service="gradeValueAPI")
    learn.faults.add("silent_before", times=None, service="course")
    began = timezone.now()

    wiseflow.export({"userId": "u1", "mark": "A"})
    workers.workers.wait_until_idle(seconds=10)

    assert timezone.now() - began < timedelta(seconds=5)
    assert status() == (ExportState.FAILED, Cause.UNCONFIRMED)


def test_what_is_read_in_an_attempt_does_not_count_as_the_reading_of_the_column(learn, exported):
    """It compares the grades that are sent alone: the next look at what has changed must not begin there."""
    body = [{"userId": f"u{number}", "mark": "B"} for number in range(1, 6)]
    exported.export(*body)
    exported.export(*({**entry, "mark": "C"} for entry in body))

    assert "grades" in calls()
    assert not ColumnReading.objects.exists()


@pytest.mark.parametrize(("ledger", "read"), [(20, ["grades", "members"]), (201, ["grade"] * 5)])
def test_it_is_read_in_the_way_that_takes_fewer_calls(learn, exported, ledger, read):
    """Of a large column, some are asked for one by one."""
    body = [{"userId": f"u{number}", "mark": "B"} for number in range(1, 6)]
    exported.export(*body)
    before = len(calls())
    GradeInLearnFactory.create_batch(
        ledger,
        participant=People.first(),
        course_id=COURSE,
        column_name=COLUMN,
        learn_user_id=factory.Sequence("other{}".format),
    )

    exported.export(*({**entry, "mark": "C"} for entry in body))

    assert calls()[before:] == ["course", "columns", *read]
