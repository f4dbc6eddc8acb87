"""What was held or paused, and may be sent now: the retry that a page offers after a release."""

from dataclasses import dataclass
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Count, Min
from django.urls import reverse
from django.utils.http import urlencode

from exports.grades.causes import HELD_BACK, Cause
from exports.models import Flow, Hold, Participant


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldBack:
    """So many grades, all of one cause, and the form that leads to the confirmation of their retry."""

    cause: Cause
    number: int
    address: str
    fields: list[tuple[str, Any]]


def held_back(flow: Flow | None = None, participant: Participant | None = None) -> list[HeldBack]:
    """Of a flow, a participant, or everyone; one for each cause. Empty while a hold would refuse them again."""
    people = Participant.objects.retryable().filter(cause__in=HELD_BACK).order_by()
    if participant is not None:
        people, flow = people.filter(pk=participant.pk), participant.flow
    query = {"flow__exact": flow.pk} if flow else {}
    people = people.filter(flow=flow) if flow else people
    counts = list(people.not_held().values("cause").annotate(number=Count("pk"), first=Min("pk")).order_by("cause"))
    if not counts or Hold.objects.open().pauses().exists():
        return []
    return [
        HeldBack(
            cause=Cause(found["cause"]),
            number=found["number"],
            address=f"{reverse('admin:exports_participant_changelist')}?"
            f"{urlencode(query | {'cause__exact': found['cause']})}",
            fields=[
                ("action", "retry_failed"),
                (ACTION_CHECKBOX_NAME, found["first"]),
                ("select_across", int(participant is None)),
            ],
        )
        for found in counts
    ]
