"""What Learn's gradebook shows is read back, compared with the ledger, and kept as proofs."""

import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from courses.models import ColumnReading, ServiceCall
from courses.reading_back import NoCallsLeft, Reader, calls_to_read
from exports.delivering import workers
from exports.models import Delivery, Event, GradeInLearn, Proof
from exports.proving.columns import Seen, find_rows, record
from exports.proving.runs import due, prove, young
from tests.conftest import COLUMN, COURSE
from tests.factories import ServiceCallFactory

READS = ("course", "members", "member", "columns", "grades", "grade", "lastChanged", "changes")


def services():
    return list(ServiceCall.objects.filter(service__in=READS).order_by("pk").values_list("service", flat=True))


def verdict(user="u1"):
    return GradeInLearn.objects.in_learn().get(learn_user_id=user).proof


def prove_all(**options):
    return prove(GradeInLearn.objects.all(), **options)


@pytest.fixture
def exported(learn, flow, wiseflow):
    """u1 to u5 have their grades in Learn."""
    wiseflow.export(*({"userId": f"u{number}", "mark": "B"} for number in range(1, 6)))
    workers.workers.wait_until_idle(seconds=20)
    return flow


def test_what_learn_shows_is_proven(exported):
    proved = prove_all()

    assert (proved.verdicts, proved.stopped) == ({"PROVEN": 5}, {})
    assert {(proof.verdict, proof.shown) for proof in Proof.objects.all()} == {("PROVEN", "B")}
    assert services() == ["course", "columns", "grades", "members"]


def test_few_grades_of_a_column_are_asked_for_one_by_one(exported):
    grades = GradeInLearn.objects.filter(learn_user_id__in=["u1", "u2"])

    assert prove(grades).verdicts == {"PROVEN": 2}

    assert services() == ["course", "columns", "grade", "grade"]


def test_what_a_teacher_typed_is_different_and_says_by_whom(exported, learn):
    learn.world.type_grade(COURSE, COLUMN, "u1", "12", by="M. Hansen")

    assert prove_all().verdicts == {"PROVEN": 4, "DIFFERENT": 1}

    proof = verdict()
    assert (proof.verdict, proof.shown, proof.detail["by"]) == ("DIFFERENT", "12", "M. Hansen")


def test_what_a_teacher_cleared_is_absent(exported, learn):
    learn.world.type_grade(COURSE, COLUMN, "u1", None, by="M. Hansen")

    assert prove_all().verdicts == {"PROVEN": 4, "ABSENT": 1}

    assert (verdict().verdict, verdict().shown) == ("ABSENT", "")


def test_a_proof_is_appended_only_when_what_is_shown_changes(exported, learn):
    for value, proofs in (("B", 1), ("B", 1), ("12", 2), ("13", 3), ("13", 3), ("B", 4)):
        if learn.world.value(COURSE, COLUMN, "u1") != value:
            learn.world.type_grade(COURSE, COLUMN, "u1", value, by="M. Hansen")
        prove_all()
        assert GradeInLearn.objects.get(learn_user_id="u1").proofs.count() == proofs
    shown = GradeInLearn.objects.get(learn_user_id="u1").proofs.order_by("pk").values_list("verdict", "shown")
    assert list(shown) == [("PROVEN", "B"), ("DIFFERENT", "12"), ("DIFFERENT", "13"), ("PROVEN", "B")]


@pytest.mark.parametrize(
    ("privilege", "code"),
    [
        ("course.gradebook-grades.VIEW", "NOT_READABLE"),
        ("system.course.VIEW", "NOT_READABLE"),
        ("course.configure-properties.EXECUTE", "USER_HIDDEN"),
    ],
)
def test_without_a_privilege_nothing_is_proven_and_nothing_missing(exported, learn, privilege, code):
    learn.privileges.take_away(privilege)

    assert prove_all().verdicts == {"UNREADABLE": 5}

    assert verdict().detail["code"] == code


def test_an_unchanged_column_costs_one_call_a_night(exported):
    prove_all()
    before = len(services())

    proved = prove_all(only_changes=True)

    assert services()[before:] == ["lastChanged"]
    assert (proved.columns, proved.verdicts) == (1, {})


def test_of_a_changed_column_the_changes_are_read(exported, learn):
    prove_all()
    before = len(services())
    learn.world.type_grade(COURSE, COLUMN, "u3", "12", by="M. Hansen")

    assert prove_all(only_changes=True).verdicts == {"DIFFERENT": 1}

    assert services()[before:] == ["lastChanged", "course", "columns", "grades", "members", "changes"]
    assert verdict("u3").shown == "12"


def test_at_most_the_share_of_the_days_calls_is_taken(exported, settings):
    settings.LEARN_DAILY_CALLS = ServiceCall.objects.exclude(service="token").count() + 15
    settings.PROVE_SHARE = 0.2

    for _ in range(5):
        proved = prove_all()

    assert proved.stopped == {"code": "NO_CALLS_LEFT"}
    assert len(services()) <= 3


def test_the_share_is_for_the_whole_run_however_many_columns_it_reads(exported, learn, settings):
    columns = {f"Column {number}": {"points": None} for number in range(5)}
    learn.world.merge({"courses": {COURSE: {"columns": columns}}})
    for number in range(5):
        GradeInLearn.objects.filter(learn_user_id=f"u{number + 1}").update(column_name=f"Column {number}")
    settings.LEARN_DAILY_CALLS = ServiceCall.objects.exclude(service="token").count() + 25
    settings.PROVE_SHARE = 0.2

    assert prove_all().stopped == {"code": "NO_CALLS_LEFT"}

    assert len(services()) <= 5


def test_deliveries_go_first(exported, learn):
    GradeInLearn.objects.get(learn_user_id="u1").delivery.__class__.objects.filter(participant__user_id="u1").update(
        state="QUEUED", finished_at=None
    )

    assert prove_all(gives_way=True).stopped == {"code": "DELIVERIES_WAIT"}

    assert services() == []


@pytest.mark.parametrize("fault", ["maintenance", "quota_long"])
def test_where_learn_cannot_answer_now_nothing_is_concluded(exported, learn, fault):
    learn.faults.add(fault, times=None)

    assert prove_all().stopped

    assert not Proof.objects.exists()


def test_a_column_of_which_learn_says_nothing_does_not_keep_the_others(exported, learn):
    learn.world.merge({"courses": {COURSE: {"columns": {"First": {"points": None}}}}})
    GradeInLearn.objects.filter(learn_user_id="u1").update(
        column_name="First", since=timezone.now() - timedelta(days=1)
    )
    learn.faults.add("maintenance", times=1, service="course")

    proved = prove_all()

    assert (proved.verdicts, proved.columns, bool(proved.stopped)) == ({"PROVEN": 4}, 1, True)


def test_what_is_due(exported, settings):
    settings.PROVE_AFTER, settings.PROVE_DAYS = 10, 30
    now = timezone.now()

    assert due(now).count() == 0
    assert due(now + timedelta(minutes=11)).count() == 5
    assert due(now + timedelta(days=31)).count() == 0
    prove_all()
    assert due(now + timedelta(minutes=11)).count() == 0
    assert young(now + timedelta(days=29)).count() == 5
    assert young(now + timedelta(days=31)).count() == 0
    settings.PROVE_AFTER = None
    assert due(now + timedelta(minutes=11)).count() == 0


def test_a_column_that_is_gone_is_named(exported, learn):
    prove_all()
    learn.world.delete_column(COURSE, COLUMN)

    for options in ({}, {"only_changes": True}):
        prove_all(**options)
        assert verdict().verdict == "UNREADABLE"
        assert verdict().detail["code"] == ColumnReading.objects.get().problem["code"]


@pytest.mark.parametrize("users", [["u1"], ["u1", "u2", "u3"]], ids=["one by one", "by the list"])
def test_a_disabled_member_is_not_readable_and_a_stranger_has_no_grade(exported, learn, users):
    world = learn.world.as_json()
    world["courses"][COURSE]["memberships"] = {"u1": {"available": "Disabled"}}
    learn.world.replace(world)
    grades = GradeInLearn.objects.filter(learn_user_id__in=users)

    prove(grades)
    assert (verdict().verdict, verdict().detail) == ("UNREADABLE", {"code": "MEMBER_DISABLED"})

    world["courses"][COURSE]["users"].remove("u1")
    world["courses"][COURSE]["memberships"] = {}
    learn.world.replace(world)
    prove(grades)
    assert (verdict().verdict, verdict().detail) == ("ABSENT", {"code": "NOT_ENROLLED"})


def test_what_is_newly_different_is_one_event_a_flow_and_run(exported, learn):
    for user, value in (("u1", "12"), ("u2", "13"), ("u3", None)):
        learn.world.type_grade(COURSE, COLUMN, user, value, by="M. Hansen")

    prove_all()
    prove_all()

    (event,) = Event.objects.filter(kind=Event.Kind.DIFFERENCE_FOUND)
    assert (event.flow, event.data) == (exported, {"different": 2, "not_shown": 1})


def test_who_changed_a_grade_is_said_also_where_it_is_read_alone(exported, learn):
    learn.world.type_grade(COURSE, COLUMN, "u1", "12", by="M. Hansen")

    prove(GradeInLearn.objects.filter(learn_user_id="u1"))

    assert verdict().detail["by"] == "M. Hansen"


def test_a_calculated_column_is_read_whole_every_night_for_it_counts_no_changes(exported, learn):
    world = learn.world.as_json()
    world["courses"][COURSE]["columns"][COLUMN]["itemType"] = "TOTAL_COLUMN"
    learn.world.replace(world)

    prove_all()

    assert ColumnReading.objects.get().change_index is None


def test_what_an_older_run_has_read_does_not_come_after_what_a_newer_one_has(exported, learn):
    (row,) = (found for user, found in find_rows((COURSE, COLUMN)).items() if user == "u1")
    older = timezone.now()
    learn.world.type_grade(COURSE, COLUMN, "u1", "12", by="M. Hansen")
    prove_all()

    record((COURSE, COLUMN), [Seen(row=row, verdict=Proof.Verdict.PROVEN, detail={}, read_at=older, shown="B")])

    assert (verdict().verdict, verdict().shown) == ("DIFFERENT", "12")


def test_runs_at_the_same_time_share_the_days_calls(exported, learn, settings):
    settings.LEARN_DAILY_CALLS = ServiceCall.objects.exclude(service="token").count() + 50
    settings.PROVE_SHARE = 0.2
    reader = Reader(until=time.monotonic() + 20, most_calls=calls_to_read() - 1)
    ServiceCall.objects.bulk_create(ServiceCallFactory.build_batch(9, service="grades"))

    reader.share_calls()

    reader.course(COURSE)
    with pytest.raises(NoCallsLeft):
        reader.columns(COURSE)


def test_a_difference_is_recorded_also_where_no_call_is_left_to_ask_who_made_it(exported, learn, settings):
    prove_all()
    learn.world.type_grade(COURSE, COLUMN, "u1", "12", by="M. Hansen")
    settings.PROVE_SHARE = 1
    settings.LEARN_DAILY_CALLS = (
        ServiceCall.objects.exclude(service="token").count() + 6
    )  # one less than it takes to ask all

    prove_all(only_changes=True)

    assert (verdict().verdict, verdict().shown) == ("DIFFERENT", "12")


def test_what_changes_while_a_call_is_in_progress_is_read_once_more(exported, learn):
    prove_all()
    delivery = Delivery.objects.filter(participant__user_id="u1")
    before = delivery.values().get()
    delivery.update(state="SENDING", claim=uuid4(), finished_at=None)
    learn.world.type_grade(COURSE, COLUMN, "u1", "12", by="M. Hansen")
    prove_all(only_changes=True)
    assert verdict().verdict == "PROVEN"
    delivery.update(**before)

    prove_all(only_changes=True)

    assert (verdict().verdict, verdict().shown) == ("DIFFERENT", "12")
