"""Learn is read before a call: nothing that a teacher typed is replaced."""

import pytest
from django.db import OperationalError
from django.utils import timezone

from exports.delivering import batches, looking
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, ExportState, GradeInLearn
from exports.proving.runs import prove
from tests.conftest import COLUMN, COURSE
from tests.exports.corrections import retry
from tests.exports.delivering.conftest import People, status
from tests.exports.delivering.looking.conftest import RESIT, State, calls, latest, shown, typed
from tests.factories import HoldFactory


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


@pytest.mark.parametrize("privilege", ["course.gradebook-grades.VIEW", "system.course.VIEW"])
def test_a_column_that_could_be_read_the_last_time_is_not_sent_to_unseen(learn, exported, privilege):
    prove(GradeInLearn.objects.all())
    learn.privileges.take_away(privilege)
    typed(learn)

    assert exported.export({"userId": "u1", "mark": "B"})["numberOfSuccess"] == 0
    assert (shown(learn), status("u1")) == ("12", (ExportState.FAILED, Cause.NOT_READ))

    prove(GradeInLearn.objects.all())  # it is known now that this site lets nothing be read

    assert exported.export({"userId": "u1", "mark": "B"})["numberOfSuccess"] == 1


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
