"""What goes out about events, and how it is tried again: e-mail to people, messages to other systems."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from exports.models.event import Event

LEASE = timedelta(minutes=10)  # one try takes a fraction of it; later its process is taken for dead
CLAIM_TRIES = 10  # each is lost to another clock
LONGEST_PAUSE = timedelta(hours=1)
TRIED_FOR = timedelta(days=1)


def pause_after(tries: int) -> timedelta:
    """1, 2, 4, 8, 16, 32 minutes, then an hour."""
    return min(timedelta(minutes=2 ** min(tries - 1, 10)), LONGEST_PAUSE)


class OutgoingQuerySet(models.QuerySet[Any]):
    def claim(self, now: datetime) -> Any:
        """The next one that is due, for one try of this process alone; None: there is none.

        Looking and taking are one statement a row, so that two clocks never try the same one at once.
        """
        due = self.filter(state__in=Outgoing.OPEN, next_try_at__lte=now).order_by("next_try_at", "pk")
        for pk, due_at in due.values_list("pk", "next_try_at")[:CLAIM_TRIES]:
            mine = self.model._default_manager.filter(pk=pk, next_try_at=due_at, state__in=Outgoing.OPEN)
            if mine.update(state=Outgoing.State.SENDING, tries=F("tries") + 1, next_try_at=now + LEASE):
                return self.get(pk=pk)
        return None


class Outgoing(models.Model):
    """Sent at least once: a process that dies between sending and recording it leads to one more try."""

    class State(models.TextChoices):
        WAITING = "WAITING", _("Waiting")  # for its first or next try: nothing to do
        SENDING = "SENDING", _("Being sent")  # a try may be in progress until next_try_at: nothing to do
        SENT = "SENT", _("Sent")  # it was accepted: nothing to do
        # It was tried for a day, or must not be sent any more: repair what the reason says.
        GIVEN_UP = "GIVEN_UP", _("Given up")

    OPEN = (State.WAITING, State.SENDING)

    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    next_try_at = models.DateTimeField(_("next try"), default=timezone.now)  # SENDING: not before then
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    # Why the last try failed: {"code": a key of exports/notifying/sentences.py, parameters}
    reason = models.JSONField(_("why it failed"), default=dict, blank=True)

    class Meta:
        abstract = True
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(state__in=["WAITING", "SENDING"]), name="%(class)s_due")
        ]
        constraints = [
            models.CheckConstraint(
                name="%(class)s_finished_when_closed",
                condition=Q(state__in=["WAITING", "SENDING"], finished_at__isnull=True)
                | Q(state__in=["SENT", "GIVEN_UP"], finished_at__isnull=False),
            )
        ]

    def sent(self, now: datetime) -> Self:
        self.state, self.finished_at, self.reason = self.State.SENT, now, {}
        self.save()
        return self

    def failed(self, reason: Mapping[str, Any], now: datetime, *, for_good: bool = False) -> Self:
        """Wait for the next try; or give up, `for_good` or after a day of tries."""
        self.reason = dict(reason)
        if for_good or now - self.created_at >= TRIED_FOR:
            self.state, self.finished_at = self.State.GIVEN_UP, now
        else:
            self.state, self.next_try_at = self.State.WAITING, now + pause_after(self.tries)
        self.save()
        return self


class Digest(Outgoing):
    """One e-mail to one person: all that has happened for them in a burst of events."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="digests", verbose_name=_("person")
    )
    events = models.ManyToManyField(Event, related_name="digests", verbose_name=_("events"))

    objects = OutgoingQuerySet.as_manager()

    class Meta(Outgoing.Meta):
        verbose_name = _("digest")
        verbose_name_plural = _("digests")

    def __str__(self) -> str:
        number = len(self.events.all())
        about = ngettext("Digest of %(count)s event", "Digest of %(count)s events", number)
        return about % {"count": number} if number else gettext("Digest")
