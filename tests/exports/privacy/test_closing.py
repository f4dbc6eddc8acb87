"""Which exams are over, where others lead to the same columns of Learn, and what comes while one is deleted."""

import pytest
from django.utils import timezone

from exports.models import ColumnMapping, Flow, GradeInLearn, Participant
from exports.privacy import closing, purge
from exports.privacy.retention import all_older_than
from tests.exports.privacy.exams import days_ago, exam
from tests.factories import (
    ColumnMappingFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    ParticipantFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def run():
    return purge.purge(all_older_than(30, timezone.now()))


def column_of(flow):
    return flow.column_mappings.get().grade_column


def resit_of(flow, **traits):
    resit = exam(**traits)
    resit.column_mappings.update(grade_column=column_of(flow))
    return resit


def test_an_exam_stays_while_a_resit_into_its_column_has_something_open():
    flow = exam()
    ParticipantFactory(flow=resit_of(flow), failed=True, failed_at=days_ago(31))

    run()

    assert GradeInLearn.objects.filter(participant__flow=flow).exists()


@pytest.mark.parametrize("ending", [None, "DEALT_WITH"])
def test_an_exam_stays_while_another_leads_to_a_column_that_its_grades_are_or_were_in(ending):
    flow = exam()
    other = FlowFactory(running=True)
    ColumnMappingFactory(flow=other, grade_column=column_of(flow))
    GradeInLearn.objects.update(course_id=column_of(flow).course.course_id, column_name=column_of(flow).name)
    flow.column_mappings.all().delete()
    if ending:
        GradeInLearn.objects.update(is_in_learn=None, until=days_ago(31), ended_as=ending, dealt_with_by=UserFactory())
    Flow.history.update(history_date=days_ago(40))
    ColumnMapping.history.update(history_date=days_ago(40))

    run()

    assert GradeInLearn.objects.filter(participant__flow=flow).exists()


def test_an_exam_and_its_resit_go_together_once_both_are_over():
    resit_of(exam())

    run()

    assert not Flow.objects.exists()


@pytest.mark.parametrize("step", [1, 2, 3])
def test_an_export_that_comes_while_an_exam_is_deleted_is_kept(monkeypatch, step):
    flow = exam()
    ParticipantFactory(flow=flow, exported=True)
    monkeypatch.setattr(closing, "PEOPLE_AT_A_TIME", 1)
    lock, locked = Flow.objects.all().__class__.select_for_update, []

    def come_first(flows, **options):
        locked.append(1)
        if len(locked) == step + 1:
            DeliveryFactory(
                refused=True,
                attempt=ExportAttemptFactory(flow=flow, started_at=timezone.now(), finished_at=timezone.now()),
                participant=ParticipantFactory(flow=flow, failed=True, cause="NOT_MAPPED"),
            )
        return lock(flows, **options)

    monkeypatch.setattr(Flow.objects.all().__class__, "select_for_update", come_first)
    deleted = closing.delete_flows(Flow.objects.all())

    assert deleted == 0
    assert Participant.objects.filter(flow=flow, cause="NOT_MAPPED").exists()
    assert flow.attempts.filter(started_at__gte=days_ago(1)).exists()
