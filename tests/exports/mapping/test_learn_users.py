"""To whom in Learn a grade goes, and whose it must not replace there."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from courses.models import GradeColumn
from exports.delivering import judging
from exports.delivering.queueing import queue
from exports.grades.causes import Cause
from exports.grades.facts import Entry, Refused
from exports.models import Delivery, ExportAttempt, Flow
from tests.factories import (
    LONG_AGO,
    ApiClientFactory,
    ColumnMappingFactory,
    CourseFactory,
    FlowFactory,
    GradeColumnFactory,
    GradeInLearnFactory,
    ParticipantFactory,
    RequestProfileFactory,
)

pytestmark = pytest.mark.django_db


def record(flow, *entries, client=None):
    """Queue `entries` of a body of `client`, None for a retry, and deliver nothing."""
    now = timezone.now()
    attempt = ExportAttempt(
        flow=flow, api_client=client, started_at=now, ends_by=now + timedelta(minutes=1), lease_ends_at=now
    )
    with transaction.atomic():
        return queue(flow, entries, attempt)


def entry(user_id="u1", mark="A", **fields):
    return Entry(user_id=user_id, mark=mark, **fields)


@pytest.fixture
def mapped():
    return FlowFactory(mapped=True)


class TestLearnUserRule:
    """A retry or correction finds the Learn user as the caller's own export did."""

    @pytest.fixture
    def client_with_rule(self):
        return ApiClientFactory(profile=RequestProfileFactory(learn_user_rule="PREFIX", learn_user_text="stud_"))

    @pytest.fixture
    def refused(self, mapped, client_with_rule):
        """`u1` was exported by that client while the flow was not synchronised."""
        Flow.objects.update(synchronised_at=None)
        mapped.refresh_from_db()
        record(mapped, entry(), client=client_with_rule)
        Flow.objects.update(synchronised_at=LONG_AGO)
        mapped.refresh_from_db()

    def learn_user(self):
        return Delivery.objects.latest("pk").learn_user_id

    def test_also_after_another_client_has_exported_others(self, mapped, refused):
        record(mapped, entry("u2"), client=ApiClientFactory())

        record(mapped, entry())  # as a retry does: for no client

        assert self.learn_user() == "stud_u1"

    def test_also_when_the_attempts_are_purged(self, mapped, refused):
        ExportAttempt.objects.all().delete()

        record(mapped, entry())

        assert self.learn_user() == "stud_u1"

    def test_by_the_rule_as_it_is_today(self, mapped, refused, client_with_rule):
        profile = client_with_rule.profile
        profile.learn_user_text = "S-"
        profile.save()

        record(mapped, entry())

        assert self.learn_user() == "S-u1"

    def test_a_client_that_has_exported_somebody_cannot_be_deleted(self, refused, client_with_rule):
        with pytest.raises(ProtectedError):
            client_with_rule.delete()


def causes(queued):
    return [verdict.cause for verdict in queued.judged.verdicts.values() if isinstance(verdict, Refused)]


@pytest.fixture
def shared_place():
    """A flow whose grades go to the place where the alternative grade of `u9` is."""
    flow = FlowFactory()
    column = GradeColumnFactory(course=CourseFactory(course_id="BIO"), name="Exam")
    ColumnMappingFactory(flow=flow, grade_column=column)
    ParticipantFactory(flow=flow, user_id="u9", learn_user_id="anna", exported_alternative=True)
    flow.refresh_from_db()
    return flow


def test_nobody_of_the_flow_replaces_anothers_alternative_grade(shared_place):
    queued = record(shared_place, entry(learn_user_id="anna"), entry("u2", learn_user_id="bert"))

    assert causes(queued) == [Cause.ALTERNATIVE_GRADE_OF_ANOTHER]
    assert queued.in_progress == 1


@pytest.mark.parametrize("few", [0, 500])
def test_nor_while_the_flow_has_not_counted_it_yet(shared_place, monkeypatch, few):
    """A flow's counts follow when its attempt is finished, not when a grade is recorded."""
    monkeypatch.setattr(judging, "LOOKUP_LIMIT", few)
    Flow.objects.update(exported_count=0)
    shared_place.refresh_from_db()

    queued = record(shared_place, entry(learn_user_id="anna"))

    assert causes(queued) == [Cause.ALTERNATIVE_GRADE_OF_ANOTHER]


def test_a_resit_in_another_flow_may_follow_an_alternative_grade(shared_place):
    resit = FlowFactory()
    ColumnMappingFactory(flow=resit, grade_column=GradeColumn.objects.get(name="Exam"))

    assert record(resit, entry(learn_user_id="anna")).in_progress == 1


def test_a_correction_leaves_the_alternative_grades_of_all_flows_alone(shared_place):
    other = FlowFactory()
    ColumnMappingFactory(flow=other, grade_column=GradeColumn.objects.get(name="Exam"))
    corrected = ParticipantFactory(flow=other, user_id="u1", state="EXPORTED", mark="B", approved_mark="C")
    GradeInLearnFactory(participant=corrected, course_id="BIO", column_name="Exam", learn_user_id="another")

    queued = record(other, replace(entry(mark="C", learn_user_id="anna"), is_correction=True))

    assert causes(queued) == [Cause.ALTERNATIVE_GRADE_OF_ANOTHER]


@pytest.mark.parametrize(("of_roster", "of_body"), [("MANUAL", "SIS"), ("SIS", "MANUAL"), ("MANUAL", "")])
def test_who_was_added_by_hand_by_the_roster_or_the_body_is_refused(mapped, of_roster, of_body):
    ParticipantFactory(flow=mapped, user_id="u1", on_roster=True, added_by=of_roster)

    queued = record(mapped, replace(entry(), added_by=of_body))

    assert causes(queued) == [Cause.ADDED_BY_HAND]
    assert causes(record(mapped, entry())) == [Cause.ADDED_BY_HAND]
