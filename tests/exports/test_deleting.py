"""Flows that were never used are deleted with what came of them, and no others."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from exports.deleting import delete_never_used, what_goes
from exports.grades.causes import Cause
from exports.models import (
    ColumnMapping,
    Delivery,
    Evidence,
    ExportAttempt,
    Flow,
    FlowInWiseflow,
    Participant,
    PersonInWiseflow,
    WebhookMessage,
)
from tests.factories import (
    ColumnMappingFactory,
    CorrectionFactory,
    DecisionFactory,
    DeliveryFactory,
    EventFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeInLearnFactory,
    HoldFactory,
    UserFactory,
    WebhookMessageFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def stray(wiseflow):
    """What a mistyped id makes: a flow with a refused person."""
    wiseflow.export({"userId": "u1", "mark": "B"}, path="/api/wiseflow/flows/typo/export")
    return Flow.objects.get(flow_id="typo")


def never_used():
    return set(Flow.objects.never_used().values_list("flow_id", flat=True))


def test_it_goes_with_people_attempts_and_refused_grades(stray):
    found = what_goes([stray.pk])
    assert (found.flows, found.participants, found.attempts, found.deliveries, found.kept) == (1, 1, 1, 1, 0)

    assert delete_never_used([stray.pk], by=None) == ["typo"]

    assert [model.objects.count() for model in (Flow, Participant, ExportAttempt, Delivery)] == [0, 0, 0, 0]


def mapped(flow):
    ColumnMappingFactory(flow=flow)


def was_mapped(flow):
    ColumnMappingFactory(flow=flow)
    ColumnMapping.objects.all().delete()


def with_grade(flow):
    GradeInLearnFactory(participant=flow.participants.get())


def in_progress(flow):
    DeliveryFactory(participant=flow.participants.get(), attempt=flow.attempts.get(), queued=True)


def failed(flow):
    DeliveryFactory(participant=flow.participants.get(), attempt=flow.attempts.get(), failed=True)


def running(flow):
    ExportAttemptFactory(flow=flow, running=True)


def held(flow):
    HoldFactory(flow=flow)


def person_held(flow):
    HoldFactory(participant=flow.participants.get(), flow=flow)


def corrected(flow):
    CorrectionFactory(participant=flow.participants.get(), mark_before="B", value_before="B")


def decided(flow):
    DecisionFactory(participant=flow.participants.get(), course_id="c", column_name="n", learn_user_id="u")


def documented(flow):
    digests = {"checksum": "0" * 64, "sha256": "0" * 64, "row_digests": b""}
    fields = {"flow": flow, "reference": "1", "format": "CSV", "made_at": timezone.now(), "rows": 0, "layout": 1}
    Evidence.objects.create(**fields, **digests, made_by=UserFactory())


def fetched(flow):
    FlowInWiseflow.objects.create(flow=flow)


def person_fetched(flow):
    PersonInWiseflow.objects.create(participant=flow.participants.get(), number=1, fetched_at=timezone.now())


def with_roster(flow):
    Flow.objects.filter(pk=flow.pk).update(roster_imported_at=timezone.now())


def with_person_on_roster(flow):
    flow.participants.update(on_roster=True)


KEPT = [mapped, was_mapped, with_grade, in_progress, failed, running, held, person_held, corrected, decided, documented]
KEPT += [fetched, person_fetched, with_roster, with_person_on_roster]


@pytest.mark.parametrize("that_is", KEPT)
def test_what_someone_uses_is_kept(stray, that_is):
    assert never_used() == {"typo"}
    that_is(stray)

    assert never_used() == set()
    assert what_goes([stray.pk]).kept == 1
    assert delete_never_used([stray.pk], by=None) == []
    assert Flow.objects.filter(pk=stray.pk).exists()
    assert stray.participants.count() == 1


def test_it_is_kept_while_something_about_it_is_being_sent(stray):
    message = WebhookMessageFactory(event=EventFactory(flow=stray))
    assert never_used() == set()

    WebhookMessage.objects.filter(pk=message.pk).update(state="GIVEN_UP", finished_at=timezone.now())
    assert never_used() == {"typo"}


def test_one_that_came_into_use_since_it_was_looked_at_is_kept(stray):
    keys = list(Flow.objects.never_used().values_list("pk", flat=True))
    ColumnMappingFactory(flow=stray)

    assert delete_never_used(keys, by=None) == []


def test_an_export_of_a_deleted_flow_makes_it_anew(stray, wiseflow):
    delete_never_used([stray.pk], by=None)

    wiseflow.export({"userId": "u1", "mark": "B"}, path="/api/wiseflow/flows/typo/export")

    assert Flow.objects.get().attempts.count() == 1


def test_thousands_go_within_seconds(db):
    now = timezone.now()
    flows = Flow.objects.bulk_create([Flow(flow_id=f"typo{number}") for number in range(4_000)])
    people = Participant.objects.bulk_create(
        Participant(flow=flow, user_id="u", state="FAILED", cause=Cause.NOT_MAPPED, failed_at=now) for flow in flows
    )
    attempts = ExportAttempt.objects.bulk_create(
        ExportAttempt(flow=flow, started_at=now, finished_at=now, ends_by=now, lease_ends_at=now, state="FAILED")
        for flow in flows
    )
    Delivery.objects.bulk_create(
        Delivery(participant=person, attempt=attempt, state="REFUSED", cause=Cause.NOT_MAPPED, finished_at=now)
        for person, attempt in zip(people, attempts, strict=True)
    )
    kept = FlowFactory(mapped=True)
    began = time.monotonic()

    assert len(delete_never_used([flow.pk for flow in flows] + [kept.pk], by=None)) == 4_000

    assert timedelta(seconds=time.monotonic() - began) < timedelta(seconds=60)  # on a busy machine
    assert list(Flow.objects.all()) == [kept]
    assert Delivery.objects.count() == 0
