"""Filters of the list of participants: who failed since a time, and who was part of an attempt or a retry."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.filters import TODAY, kept
from common.moments import short_moment, year_refusal
from exports.models import Delivery, ExportAttempt, ExportState, Participant, RetryRun

LAST_HOUR = "hour"


def moment_of(text: str, now: datetime) -> datetime:
    """`today`, `hour` (the last one), `14:00` (of today), a day or a moment as in ISO 8601, which is in the site's zone
    unless it says another. Raises ValueError for anything else, and for years that no one means.
    """
    local = timezone.localtime(now)
    if text == TODAY:
        return timezone.make_aware(datetime.combine(local, time()))
    if text == LAST_HOUR:
        return now - timedelta(hours=1)
    with suppress(ValueError):
        return timezone.make_aware(datetime.combine(local, time.fromisoformat(text).replace(tzinfo=None)))
    date, _sign, offset = text.rpartition(" ")  # an address turns the + of an offset into a space
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = datetime.fromisoformat(f"{date}+{offset}")
    if reason := year_refusal(when):  # near the first and the last year there is no other zone to turn it into
        raise ValueError(reason)
    return when if timezone.is_aware(when) else timezone.make_aware(when)


class FailedSince(admin.SimpleListFilter):
    """The failed who failed today, in the last hour, or since a time that is typed."""

    title = _("failed since")
    parameter_name = "failed_since"
    template = "admin/exports/failed_since.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(TODAY, gettext("Today")), (LAST_HOUR, gettext("In the last hour"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Participant]) -> QuerySet[Participant]:
        if since := self.since:
            return queryset.filter(state=ExportState.FAILED, failed_at__gte=since)
        return queryset

    @property
    def since(self) -> datetime | None:
        """Raises IncorrectLookupParameters where what was typed is no time."""
        text = self.value()
        try:
            return moment_of(text, timezone.now()) if text else None
        except ValueError as error:
            raise IncorrectLookupParameters(error) from error

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """With what else the list is filtered by, for the form that asks for a time."""
        yield from super().choices(changelist)
        typed = self.value() not in (None, TODAY, LAST_HOUR)
        yield {
            "form": True,
            "kept": kept(changelist, self.expected_parameters()),
            "typed": short_moment(self.since) if typed and self.since else "",
        }


class InDeliveries(admin.SimpleListFilter):
    """The people of one attempt or retry, chosen by a link on its page. Offers no list: it would be endless."""

    model: type[ExportAttempt | RetryRun]
    path: str  # from a delivery to it

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = self.value()
        if not chosen:
            return []
        try:
            row = self.model._default_manager.filter(pk=chosen).first()
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error
        return [(str(chosen), str(row or "?"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Participant]) -> QuerySet[Participant]:
        if not self.value():
            return queryset
        deliveries = Delivery.objects.filter(**{self.path: self.value()}).order_by()
        return queryset.filter(pk__in=deliveries.values("participant"))


class OfAttempt(InDeliveries):
    title = _("attempt")
    parameter_name = "attempt"
    model = ExportAttempt
    path = "attempt"


class OfRetry(InDeliveries):
    title = _("retry")
    parameter_name = "run"
    model = RetryRun
    path = "attempt__retry_run"
