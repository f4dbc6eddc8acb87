"""Flows that never had a column or a delivered grade, deleted with what came of them: refused grades, no others.

A mistyped id at the caller makes such flows, and so may a flood of calls.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

import structlog
from django.contrib.auth.models import User
from django.db import transaction

from common.database.bulk import among
from common.database.retrying import despite_conflicts
from exports.models import Delivery, ExportAttempt, Flow, Participant

log = structlog.get_logger(__name__)

CHUNK = 200  # flows in one transaction, so that no export waits for long


@dataclass(frozen=True, kw_only=True, slots=True)
class WhatGoes:
    """What would be deleted, and how many of the given flows are kept."""

    flows: int
    participants: int
    attempts: int
    deliveries: int
    kept: int


def what_goes(keys: Collection[int]) -> WhatGoes:
    flows = Flow.objects.filter(among("pk", keys)).never_used().order_by().values("pk")
    found = flows.count()
    return WhatGoes(
        flows=found,
        participants=Participant.objects.filter(flow__in=flows).count(),
        attempts=ExportAttempt.objects.filter(flow__in=flows).count(),
        deliveries=Delivery.objects.filter(attempt__in=ExportAttempt.objects.filter(flow__in=flows)).count(),
        kept=len(keys) - found,
    )


def delete_never_used(keys: Collection[int], *, by: User | None) -> list[str]:
    """Delete those of these flows that were never used, in chunks. Returns their flow ids.

    A flow that came into use since it was looked at is kept: each chunk looks again with its flows locked, as an export
    locks them.
    """
    deleted: list[str] = []
    for chunk in chunks(sorted(keys)):
        deleted += despite_conflicts(delete_chunk, chunk)
    log.info("flows_deleted", number=len(deleted), by=by.pk if by else None)
    return deleted


@transaction.atomic
def delete_chunk(keys: list[int]) -> list[str]:
    given = Flow.objects.filter(pk__in=keys)
    list(given.select_for_update().order_by("pk").values_list("pk", flat=True))
    flows = dict(given.never_used().order_by().values_list("pk", "flow_id"))
    given.filter(pk__in=flows).delete()
    return list(flows.values())


def chunks(keys: list[int]) -> Iterator[list[int]]:
    left = iter(keys)
    while chunk := list(islice(left, CHUNK)):
        yield chunk
