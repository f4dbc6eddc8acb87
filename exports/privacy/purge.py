"""Deleting what is old, in chunks. A run that is killed has deleted what it had come to; the next one goes on."""

from typing import Any

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from common import stopping
from exports.models import Heartbeat, PurgeRun
from exports.privacy.retention import Before, kinds

log = structlog.get_logger(__name__)

CHUNK = 200  # rows in one transaction; an attempt includes its deliveries


def count(before: Before) -> dict[str, int]:
    """How much a run would delete now, by kind."""
    return {kind.code: kind.count() for kind in kinds(before)}


def purge(before: Before, *, is_scheduled: bool = False) -> dict[str, int]:
    """Delete what is older than these moments. Returns how much it was, by kind."""
    run = PurgeRun.objects.create(started_at=timezone.now(), is_scheduled=is_scheduled)
    deleted: dict[str, int] = {}
    for kind in kinds(before):
        if stopping.is_requested():
            break
        if kind.goes_with:
            deleted[kind.code] = kind.count()  # they are deleted with the next kind
            continue
        deleted[kind.code] = sum(kind.how(rows) if kind.how else delete(rows) for rows in kind.rows)
        PurgeRun.objects.filter(pk=run.pk).update(deleted=deleted)
    if stopping.is_requested():  # the run stays unfinished, and the next one goes on
        log.info("purge_interrupted", run=run.pk, is_scheduled=is_scheduled, rows=sum(deleted.values()))
        return deleted
    PurgeRun.objects.filter(pk=run.pk).update(finished_at=timezone.now())
    Heartbeat.objects.beat(Heartbeat.Name.PURGE)
    log.info("purge_finished", run=run.pk, is_scheduled=is_scheduled, rows=sum(deleted.values()))
    return deleted


def delete(rows: QuerySet[Any]) -> int:
    """In chunks, so that no export waits for long. Returns how many."""
    deleted, rest = 0, rows
    while True:
        with transaction.atomic():
            pks = list(rest.order_by("pk").values_list("pk", flat=True)[:CHUNK])
            _all, numbers = rows.filter(pk__in=pks).delete()
        deleted += numbers.get(rows.model._meta.label, 0)
        if len(pks) < CHUNK or stopping.is_requested():
            return deleted
        rest = rows.filter(pk__gt=pks[-1])  # from here: what was looked at before costs nothing, and cannot stop it
