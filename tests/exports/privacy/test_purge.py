"""What the periods of retention delete: exams that are over, what was decided, what was logged."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.utils import timezone

from courses.models import EnrolmentMetadata
from exports.management.commands import scheduler
from exports.models import (
    ColumnMapping,
    Correction,
    Decision,
    Evidence,
    ExportAttempt,
    Flow,
    GradeInLearn,
    LearnCheck,
    Participant,
    Proof,
    PurgeRun,
)
from exports.privacy import closing, purge
from exports.privacy.retention import all_older_than
from tests.exports.privacy.exams import attempt_of, days_ago, exam
from tests.factories import (
    ColumnMappingFactory,
    CorrectionFactory,
    CourseFactory,
    DecisionFactory,
    DeliveryFactory,
    EnrolmentMetadataFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeInLearnFactory,
    HoldFactory,
    ParticipantFactory,
    ProofFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def run(*options):
    call_command("purge", "--older-than", "30", "--apply", *options)


# Exams that are over


def test_an_exam_that_is_over_goes_with_all_that_is_kept_of_its_people():
    exam()
    exam(assessment_ends_at=None)

    run()

    for model in (Flow, Participant, GradeInLearn, ExportAttempt, ColumnMapping):
        assert not model.objects.exists()


@pytest.mark.parametrize(
    "keep",
    [
        pytest.param(lambda flow: ParticipantFactory(flow=flow, failed=True), id="someone failed"),
        pytest.param(lambda flow: ParticipantFactory(flow=flow, queued=True), id="someone in progress"),
        pytest.param(lambda flow: flow.participants.update(cause="HELD"), id="held back"),
        pytest.param(lambda flow: flow.participants.update(approved_mark="A"), id="a correction not in Learn"),
        pytest.param(lambda flow: CorrectionFactory(participant=flow.participants.get()), id="a correction"),
        pytest.param(lambda flow: DecisionFactory(grade=GradeInLearn.objects.get()), id="a decision"),
        pytest.param(lambda flow: HoldFactory(flow=flow), id="a hold"),
        pytest.param(lambda flow: GradeInLearn.objects.update(left_behind_at=days_ago(60)), id="left behind"),
        pytest.param(lambda flow: ProofFactory(grade=GradeInLearn.objects.get(), different=True), id="different"),
        pytest.param(lambda flow: attempt_of(flow, 29), id="a younger attempt"),
        pytest.param(lambda flow: ExportAttemptFactory(flow=flow, running=True), id="an attempt in progress"),
        pytest.param(lambda flow: flow.save(), id="a younger change"),
        pytest.param(lambda flow: Flow.objects.update(assessment_ends_at=days_ago(29)), id="a period that ended later"),
        pytest.param(lambda flow: Flow.objects.update(roster_imported_at=days_ago(29)), id="a younger roster"),
        pytest.param(
            lambda flow: ColumnMappingFactory(
                flow=FlowFactory(running=True), grade_column=flow.column_mappings.get().grade_column
            ),
            id="a resit into the same column that is not over",
        ),
    ],
)
def test_an_exam_stays_whole_while_something_of_it_is_open_or_younger(keep):
    flow = exam()
    keep(flow)

    run()

    assert Flow.objects.filter(pk=flow.pk).exists()
    assert flow.participants.exists()
    assert flow.column_mappings.exists()


def test_who_was_left_out_on_purpose_or_never_had_a_grade_keeps_no_exam():
    flow = exam()
    ParticipantFactory(flow=flow, skipped=True, failed_at=days_ago(31))
    ParticipantFactory(flow=flow, missing=True)

    run()

    assert not Flow.objects.exists()


def test_an_exam_that_was_deleted_and_is_exported_again_sends_nothing(learn, flow, wiseflow):
    wiseflow.export({"userId": "u1", "mark": "B"})
    ExportAttempt.objects.update(started_at=days_ago(31), finished_at=days_ago(31))
    GradeInLearn.objects.update(since=days_ago(31))
    Flow.objects.update(assessment_ends_at=days_ago(31))
    Flow.history.update(history_date=days_ago(40))
    run()
    assert not Flow.objects.exists()
    learn.calls.clear()

    answer = wiseflow.export({"userId": "u1", "mark": "A"})

    assert answer["numberOfErrors"] == 1
    assert learn.calls.of("gradeValueAPI") == []


def test_a_run_that_is_killed_leaves_what_cannot_send_and_the_next_one_goes_on(monkeypatch):
    exam()
    flow = exam()
    for _ in range(3):
        ParticipantFactory(flow=flow, exported=True)
    monkeypatch.setattr(closing, "PEOPLE_AT_A_TIME", 1)
    delete = Participant.objects.none().__class__.delete
    calls = []

    def die(rows):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return delete(rows)

    monkeypatch.setattr(Participant.objects.none().__class__, "delete", die)
    with pytest.raises(KeyboardInterrupt):
        run()

    left = Flow.objects.get()
    assert left.participants.count() == 3
    assert (left.synchronised_at, left.column_mappings.count()) == (None, 0)
    assert PurgeRun.objects.get().finished_at is None
    run()
    assert not Flow.objects.exists()


def test_of_an_exam_with_evidence_the_register_stays():
    flow = exam(flow_id="4711", title="Anatomy")
    Evidence.objects.create(
        flow=flow,
        reference="0" * 16,
        format="CSV",
        made_by=UserFactory(),
        made_at=days_ago(31),
        rows=1,
        layout=2,
        checksum="a" * 64,
        sha256="b" * 64,
        row_digests=b"12345678",
    )

    run()
    flow.refresh_from_db()

    assert Evidence.objects.get().flow == flow
    assert (flow.exported_count, flow.attempts.count(), flow.participants.count()) == (0, 0, 0)
    assert not Flow.objects.needing_attention(timezone.now()).exists()
    assert purge.count(all_older_than(30, timezone.now()))["flows that are over"] == 0  # it is not found again


def test_flows_that_never_were_anything_go():
    refused = DeliveryFactory(
        refused=True,
        attempt=attempt_of(FlowFactory(assessment_ends_at=None)),
        participant__failed=True,
        participant__cause="NOT_MAPPED",
    )
    young = FlowFactory(assessment_ends_at=None)
    Flow.history.filter(id=refused.participant.flow_id).update(history_date=days_ago(31))

    run()

    assert list(Flow.objects.all()) == [young]


# What was decided and read


def test_decided_corrections_go_and_those_that_are_open_or_not_in_learn_stay():
    old = {"decided_at": days_ago(31), "requested_at": days_ago(31)}
    CorrectionFactory(declined=True, **old)
    CorrectionFactory(approved=True, **old)
    kept = [
        CorrectionFactory(requested_at=days_ago(31)),
        CorrectionFactory(declined=True, decided_at=days_ago(29)),
        CorrectionFactory(approved=True, **old),
    ]
    Participant.objects.filter(pk=kept[2].participant_id).update(approved_mark="A")

    run()

    assert set(Correction.objects.all()) == set(kept)


def test_declined_decisions_go_and_those_in_force_stay():
    DecisionFactory(declined=True, decided_at=days_ago(31))
    kept = [DecisionFactory(approved=True, decided_at=days_ago(31)), DecisionFactory()]

    run()

    assert set(Decision.objects.all()) == set(kept)


def test_proofs_go_but_the_last_of_each_grade():
    grade = GradeInLearnFactory()
    ProofFactory(grade=grade, read_at=days_ago(40))
    last = ProofFactory(grade=grade, read_at=days_ago(31))

    run()

    assert list(Proof.objects.all()) == [last]


def test_checks_with_learn_of_exams_that_are_over_go():
    over, running = FlowFactory(assessment_ends_at=days_ago(31)), FlowFactory(running=True)
    for flow in (over, running):
        LearnCheck.objects.create(flow=flow, tried_at=days_ago(31), checked_at=days_ago(31))

    run()

    assert [check.flow for check in LearnCheck.objects.all()] == [running]


def test_metadata_that_is_in_learn_goes_with_its_history():
    EnrolmentMetadataFactory(in_learn=True, provisioned_at=days_ago(31))
    EnrolmentMetadata.history.update(history_date=days_ago(31))
    kept = [EnrolmentMetadataFactory(), EnrolmentMetadataFactory(in_learn=True, provisioned_at=days_ago(29))]

    run()

    assert set(EnrolmentMetadata.objects.all()) == set(kept)
    assert EnrolmentMetadata.history.count() == 2


# What was logged


def test_old_changes_go_but_the_last_of_what_is_there():
    course, gone = CourseFactory(title="First"), CourseFactory()
    course.title = "Second"
    course.save()
    gone.delete()
    type(course).history.update(history_date=days_ago(31))

    run()

    assert [line.title for line in type(course).history.all()] == ["Second"]


def test_the_log_of_the_admin_and_sessions_that_have_ended_go():
    user = UserFactory()
    for days in (31, 29):
        LogEntry.objects.create(
            user=user, object_repr=f"S-1 {days}", action_flag=CHANGE, change_message="", action_time=days_ago(days)
        )
        SessionStore().create()
    Session.objects.filter(pk=Session.objects.first().pk).update(expire_date=days_ago(31))

    run()

    assert [entry.object_repr for entry in LogEntry.objects.all()] == ["S-1 29"]
    assert Session.objects.count() == 1


# Periods


def test_without_a_period_it_deletes_nothing_and_says_so(capsys):
    exam()

    call_command("purge", "--apply")

    assert capsys.readouterr().out == "Nothing is deleted: neither RETENTION_DAYS nor RETENTION_LOG_DAYS is set.\n"
    assert (Flow.objects.count(), PurgeRun.objects.count()) == (1, 0)
    with pytest.raises(CommandError, match="set RETENTION_DAYS or RETENTION_LOG_DAYS"):
        call_command("purge")


def test_each_period_is_for_its_own_kinds(settings):
    settings.RETENTION_LOG_DAYS = 30
    exam()
    LogEntry.objects.create(
        user=UserFactory(), object_repr="x", action_flag=CHANGE, change_message="", action_time=days_ago(31)
    )

    call_command("purge", "--apply")

    assert Flow.objects.count() == 1
    assert not LogEntry.objects.exists()
    settings.RETENTION_DAYS = 30
    call_command("purge", "--apply")
    assert not Flow.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_clock_purges_by_the_settings(settings):
    settings.RETENTION_DAYS = 30
    exam()

    scheduler.purge_old()

    assert not Flow.objects.exists()
    assert PurgeRun.objects.get().is_scheduled
    assert PurgeRun.objects.get().deleted["flows that are over"] == 1


def test_the_dry_run_counts_what_a_run_then_deletes():
    exam()
    CorrectionFactory(declined=True, decided_at=days_ago(31))
    before = all_older_than(30, timezone.now())

    counted = purge.count(before)
    deleted = purge.purge(before)

    assert deleted.pop("changes") >= counted.pop("changes")  # those of a flow are old once it is gone
    assert counted == deleted
