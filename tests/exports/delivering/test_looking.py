"""Learn is read around a call: nothing that a teacher typed is replaced, and an unknown outcome becomes a known one."""

from datetime import timedelta

import factory
import pytest
from django.db import OperationalError
from django.utils import timezone

from courses.models import ColumnReading, ServiceCall
from exports.delivering import batches, looking, workers
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, ExportState, GradeInLearn
from tests.conftest import COLUMN, COURSE
from tests.exports.corrections import retry
from tests.exports.delivering.conftest import People, status
from tests.factories import DecisionFactory, GradeInLearnFactory, HoldFactory

READS = ("course", "members", "columns", "grades", "grade", "changes")
State = Delivery.State
RESIT = "/api/wiseflow/flows/78/export"


def calls(*, reads=True):
    found = ServiceCall.objects.filter(service__in=READS if reads else ["gradeValueAPI"]).order_by("pk")
    return list(found.values_list("service", flat=True))


def latest():
    return Delivery.objects.latest("pk")


@pytest.fixture
def flow(flow):
    flow.allow_overwrite = True
    flow.save()
    return flow


@pytest.fixture
def exported(learn, flow, wiseflow):
    """Learn shows A for u1."""
    wiseflow.export({"userId": "u1", "mark": "A"})
    return wiseflow


def typed(learn, value="12", user="u1", by="M. Hansen"):
    learn.world.type_grade(COURSE, COLUMN, user, value, by=by)


def shown(learn, user="u1"):
    return learn.world.value(COURSE, COLUMN, user)


# Before the call


def test_a_first_export_reads_nothing(learn, flow, wiseflow):
    typed(learn)

    assert wiseflow.export({"userId": "u1", "mark": "A"})["numberOfSuccess"] == 1

    assert calls() == []
    assert not Delivery.objects.filter(looks_first=True).exists()


def test_what_a_teacher_typed_is_not_overwritten(learn, exported):
    typed(learn)

    answer = exported.export({"userId": "u1", "mark": "B"})

    assert shown(learn) == "12"
    assert status() == (ExportState.EXPORTED, Cause.CHANGED_IN_LEARN)  # the A was exported, and the B is not there
    assert People.get().changed_since_export
    assert latest().state == State.REFUSED
    assert "Learn shows 12, set by M. Hansen on " in answer["errors"][0]["errorInfo"]
    assert calls() == ["course", "columns", "grade", "changes"]
    assert calls(reads=False) == ["gradeValueAPI"]


def test_the_calls_that_read_are_those_of_the_attempt(learn, exported):
    exported.export({"userId": "u1", "mark": "B"})

    made = ExportAttempt.objects.latest("pk").calls.order_by("pk").values_list("service", flat=True)
    assert list(made) == ["course", "columns", "grade", "gradeValueAPI"]


def test_our_own_grade_is_overwritten(learn, exported):
    assert exported.export({"userId": "u1", "mark": "B"})["numberOfSuccess"] == 1

    assert (shown(learn), status()) == ("B", (ExportState.EXPORTED, ""))


def test_what_a_teacher_cleared_is_sent_again(learn, exported):
    typed(learn, None)

    assert exported.export({"userId": "u1", "mark": "B"})["numberOfSuccess"] == 1

    assert shown(learn) == "B"


def test_an_older_grade_of_ours_that_someone_typed_again_is_not_overwritten(learn, exported):
    exported.export({"userId": "u1", "mark": "B"})
    typed(learn, "A")

    exported.export({"userId": "u1", "mark": "C"})

    assert (shown(learn), latest().cause) == ("A", Cause.CHANGED_IN_LEARN)


def test_what_is_there_already_is_not_sent(learn, exported):
    typed(learn, "B")

    assert exported.export({"userId": "u1", "mark": "B"})["numberOfSuccess"] == 1

    assert (latest().state, latest().detail["code"]) == (State.DELIVERED, "FOUND_IN_LEARN")
    assert learn.world.sent(COURSE, COLUMN, "u1") == ["A"]
    assert GradeInLearn.objects.in_learn().get().value == "B"


def test_a_retry_stays_careful_whatever_kept_the_grade_from_being_sent_since_then(learn, flow, wiseflow):
    flow.protect_first_export = True
    flow.save()
    typed(learn)
    wiseflow.export({"userId": "u1", "mark": "A"})
    assert status() == (ExportState.FAILED, Cause.CHANGED_IN_LEARN)
    flow.protect_first_export = False
    flow.save()
    hold = HoldFactory(flow=flow)
    retry()
    assert status() == (ExportState.FAILED, Cause.HELD)
    hold.delete()

    retry()

    assert (shown(learn), status()) == ("12", (ExportState.FAILED, Cause.CHANGED_IN_LEARN))


def test_a_protected_first_export_reads_a_column_once(learn, flow, wiseflow):
    flow.protect_first_export = True
    flow.save()
    typed(learn, user="u3")

    answer = wiseflow.export(*({"userId": f"u{number}", "mark": "A"} for number in range(1, 8)))

    assert [error["userId"] for error in answer["errors"]] == ["u3"]
    assert (shown(learn, "u3"), shown(learn, "u4")) == ("12", "A")
    assert calls() == ["course", "columns", "grades", "members", "changes"]


def test_where_another_flows_grade_is_it_is_replaced_only_if_it_is_there_still(learn, exported, resit):
    exported.export({"userId": "x", "learnUserId": "u1", "mark": "B"}, path=RESIT)
    assert shown(learn) == "B"
    typed(learn)

    exported.export({"userId": "y", "learnUserId": "u1", "mark": "C"}, path="/api/wiseflow/flows/77/export")

    assert (shown(learn), status("y")) == ("12", (ExportState.FAILED, Cause.CHANGED_IN_LEARN))


@pytest.mark.parametrize("privilege", ["course.gradebook-grades.VIEW", "system.course.VIEW"])
def test_a_site_that_does_not_let_us_read_works_as_before(learn, exported, privilege):
    learn.privileges.take_away(privilege)
    typed(learn)

    assert exported.export({"userId": "u1", "mark": "B"})["numberOfSuccess"] == 1

    assert shown(learn) == "B"


@pytest.mark.parametrize("fault", ["maintenance", "html_200", "wrong_types", "truncated_json", "reset_before"])
@pytest.mark.parametrize("service", ["course", "columns", "grade"])
def test_where_learn_cannot_be_read_now_nothing_is_sent_unseen(learn, exported, fault, service):
    typed(learn)
    learn.faults.add(fault, service=service, times=None)

    answer = exported.export({"userId": "u1", "mark": "B"}, {"userId": "u2", "mark": "C"})

    assert shown(learn) == "12"
    assert Delivery.objects.get(value="B").cause == Cause.NOT_READ
    assert "so nothing was sent: " in answer["errors"][0]["errorInfo"]
    assert (shown(learn, "u2"), answer["numberOfErrors"]) == ("C", 1)  # the others of the batch are

    learn.faults.clear()
    typed(learn, "A")
    retry()

    assert shown(learn) == "B"


def test_reading_takes_half_of_the_time_at_most(learn, exported, settings):
    settings.LEARN_TIMEOUT, settings.EXPORT_DEADLINE = 30, 4
    learn.faults.add("silent_before", service="grade", times=None)

    answer = exported.export({"userId": "u1", "mark": "B"}, {"userId": "u2", "mark": "C"})

    assert Delivery.objects.get(value="B").cause == Cause.NOT_READ
    assert (shown(learn, "u2"), answer["numberOfErrors"]) == ("C", 1)


def test_a_quota_that_is_used_up_by_reading_is_known_to_all(learn, exported):
    learn.faults.add("quota_long", service="columns", times=1)

    exported.export({"userId": "u1", "mark": "B"})

    assert (shown(learn), latest().cause) == ("A", Cause.NOT_READ)
    assert batches.quota.lifts_at(timezone.now()) is not None


def test_nothing_is_sent_where_our_own_code_or_database_fails_before_the_look(learn, exported, monkeypatch):
    for failure in (ZeroDivisionError, OperationalError("gone")):

        def fail(places, failure=failure):
            raise failure

        monkeypatch.setattr(looking, "find_known", fail)
        exported.export({"userId": "u1", "mark": "B"})

        assert (latest().state, latest().cause) == (State.FAILED, Cause.NOT_READ)
    assert shown(learn) == "A"


# Decisions


@pytest.fixture
def refused(learn, exported):
    """A teacher's 12 is in the way of u1's B."""
    typed(learn)
    exported.export({"userId": "u1", "mark": "B"})
    return latest()


def decided(refused, **traits):
    course_id, column_name, user = refused.course_id, refused.column_name, refused.learn_user_id
    place = {"course_id": course_id, "column_name": column_name, "learn_user_id": user}
    return DecisionFactory(grade=None, participant=refused.participant, **place, **traits)


def test_what_is_kept_is_not_overwritten_and_counts_as_left_out(learn, exported, refused):
    decided(refused, kept=True)

    exported.export({"userId": "u1", "mark": "C"})

    assert (shown(learn), latest().state, latest().cause) == ("12", State.REFUSED, Cause.LEARN_GRADE_KEPT)


def test_what_two_agreed_to_replace_is_replaced_once(learn, exported, refused):
    decided(refused, approved=True)
    exported.export({"userId": "u1", "mark": "C"})
    assert (shown(learn), status()) == ("C", (ExportState.EXPORTED, ""))
    typed(learn, "12")

    exported.export({"userId": "u1", "mark": "B"})

    assert (shown(learn), latest().cause) == ("12", Cause.CHANGED_IN_LEARN)


def test_what_was_typed_since_the_decision_is_not_replaced(learn, exported, refused):
    decided(refused, approved=True)
    typed(learn, "13")

    exported.export({"userId": "u1", "mark": "C"})

    assert (shown(learn), latest().cause, latest().detail["shown"]) == ("13", Cause.CHANGED_IN_LEARN, "13")


def test_the_newest_decision_counts(learn, exported, refused):
    decided(refused, approved=True)
    decided(refused, kept=True)

    exported.export({"userId": "u1", "mark": "C"})

    assert (shown(learn), latest().cause) == ("12", Cause.LEARN_GRADE_KEPT)


# After the call


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
