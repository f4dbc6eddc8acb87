"""Fetching in the background: a button enqueues it, and its outcome is shown on the flow."""

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from exports.fetching.flows import failed, fetch
from exports.fetching.sentences import INTERRUPTED
from exports.models import Flow, FlowInWiseflow


@transaction.atomic
def request_fetch(flows: Sequence[Flow], *, by: User | None) -> int:
    """Have these flows fetched by a task worker. Returns how many; one that is being fetched already is left out."""
    now = timezone.now()
    requested = 0
    for flow in sorted(flows, key=lambda flow: flow.pk):
        known, _is_new = FlowInWiseflow.objects.select_for_update().get_or_create(flow=flow)
        if known.is_being_fetched(now):
            continue
        known.requested_at = now
        known.save(update_fields=["requested_at"])
        fetch_flow.enqueue(flow.pk, by.pk if by else None)
        requested += 1
    return requested


@task()
def fetch_flow(flow_pk: int, by_pk: int | None) -> None:
    """Fetch one flow."""
    flow = Flow.objects.filter(pk=flow_pk).first()
    if flow is None:
        return
    by = User.objects.filter(pk=by_pk).first() if by_pk else None
    try:
        fetch(flow, by=by)
    except Exception:
        failed(flow, {"code": INTERRUPTED}, None)  # the page must not say for ever that it is being fetched
        raise
