"""Clients that expire, whose requests cannot be read, or in whose exports no grade is found: their request profile may
be wrong.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.moments import moment
from exports.grades.causes import Cause
from exports.models import ApiClient, ExportAttempt, RefusedRequest

EXPIRES_SOON = timedelta(days=30)
NOT_READ = 400  # the status of a request whose body cannot be used


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientProblem:
    client: ApiClient
    sentence: str


def check_clients() -> list[ClientProblem]:
    """Two statements."""
    return expiring_clients(timezone.now()) + unread_clients()


def expiring_clients(now: datetime) -> list[ClientProblem]:
    """Of the active clients, the first to expire first."""
    expiring = ApiClient.objects.expiring(now, EXPIRES_SOON)
    return [ClientProblem(client=client, sentence=expiry_of(client, now)) for client in expiring]


def expiry_of(client: ApiClient, now: datetime) -> str:
    assert client.expires_at is not None
    if client.expires_at <= now:
        text = _("The API client %(client)s has expired (%(moment)s): it is refused.")
    else:
        text = _("The API client %(client)s expires on %(moment)s. From then on it is refused.")
    return text % {"client": client, "moment": moment(client.expires_at)}


def unread_clients() -> list[ClientProblem]:
    """Of the active clients that may export. One statement."""
    exports = ExportAttempt.objects.filter(api_client=OuterRef("pk"), trigger=ExportAttempt.Trigger.EXPORT)
    latest = exports.order_by("-pk")
    refused = RefusedRequest.objects.filter(client=OuterRef("pk"), status=NOT_READ).order_by("-last_at", "-pk")
    of_latest = ExportAttempt.objects.filter(pk=OuterRef("export")).annotate(
        people=Count("deliveries"), ungraded=Count("deliveries", filter=Q(deliveries__cause=Cause.NO_ASSESSMENT))
    )
    without_grades = of_latest.filter(people__gt=0, people=F("ungraded"))
    clients = ApiClient.objects.filter(is_active=True, may_export=True).annotate(
        export=Subquery(latest.values("pk")[:1]),
        exported_at=Subquery(latest.values("started_at")[:1]),
        refused_at=Subquery(refused.values("last_at")[:1]),
        refused_because=Subquery(refused.values("reason")[:1]),
        ungraded=Subquery(without_grades.values("ungraded")[:1]),
        flow_name=Subquery(without_grades.values("flow__flow_id")[:1]),
    )
    return [ClientProblem(client=client, sentence=said) for client in clients if (said := sentence_of(client))]


def sentence_of(client: Any) -> str:
    """Nothing has been read since a request was refused, or the latest export had no grade for anyone."""
    if client.refused_at and (client.exported_at is None or client.refused_at > client.exported_at):
        return _(
            "The latest request of %(client)s (%(moment)s) could not be read: %(reason)s Compare its request profile "
            "with what it sends."
        ) % {"client": client, "moment": moment(client.refused_at), "reason": client.refused_because}
    if client.ungraded:
        return ngettext(
            "The latest export of %(client)s (flow %(flow)s) had %(count)s participant, without any grade. If there is "
            "one in WISEflow, the request profile looks for it in the wrong place.",
            "The latest export of %(client)s (flow %(flow)s) had %(count)s participants, without any grade. If there "
            "are some in WISEflow, the request profile looks for them in the wrong place.",
            client.ungraded,
        ) % {"client": client, "flow": client.flow_name, "count": intcomma(client.ungraded)}
    return ""
