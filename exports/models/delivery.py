"""Deliveries: one participant's value for one place in one attempt. History, never edited after they finish."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, models
from django.db.models import Case, Q, When
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.database.bulk import among, is_among, update_where
from courses.models import NAME_LENGTH
from exports.grades.causes import Cause, cause_choices
from exports.grades.sentences import error_info
from exports.models.attempt import ExportAttempt
from exports.models.participant import Participant

# Primary key, attempt, course id, Learn user, column name, value, whether Learn is read first
Row = tuple[int, int, str, str, str, str, bool]
ROW_COLUMNS = ("id", "attempt_id", "course_id", "learn_user_id", "column_name", "value", "looks_first")


def out_of_time(running: Sequence[ExportAttempt], now: datetime) -> set[int]:
    return {attempt.pk for attempt in running if min(attempt.ends_by, attempt.lease_ends_at) <= now}


def retries_among(running: Sequence[ExportAttempt]) -> set[int]:
    """Those for which no one waits: they go after the exports."""
    in_background = (ExportAttempt.Trigger.RETRY, ExportAttempt.Trigger.PULL)
    return {attempt.pk for attempt in running if attempt.trigger in in_background}


# What was not delivered, then what is in progress, then what was delivered; each by user id.
PROBLEMS_FIRST = (
    Case(When(state="DELIVERED", then=2), When(state__in=["QUEUED", "SENDING"], then=1), default=0),
    "participant__user_id",
    "pk",
)


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def joint_entries(self) -> list[tuple[int, int, set[str]]]:
        """The entries that are for all sources of a person: attempt, number of entries, their deliveries' states."""
        numbers: dict[tuple[int, int, str, str, bool], Counter[str]] = defaultdict(Counter)
        states: dict[tuple[int, int, str, str, bool], set[str]] = defaultdict(set)
        columns = ("attempt_id", "participant_id", "mark", "alternative_grade", "source_code", "joint_entry_count")
        for *entry, source, number, state in self.filter(joint_entry_count__gt=0).values_list(*columns, "state"):
            key = (*entry, bool(source))  # without a source: not usable, and for no other
            numbers[key][source] += number
            states[key].add(state)
        return [(key[0], max(counts.values()), states[key]) for key, counts in numbers.items()]

    def claim_first(
        self, running: Sequence[ExportAttempt], now: datetime, *, most: int, claim: UUID, lease_ends_at: datetime
    ) -> list[Row]:
        """Claim the first `most` that wait, exports before retries, in one statement. Returns their rows.

        Raises IntegrityError where a call to one of their places is in progress, or two lead to one place.
        """
        given_up, retries = out_of_time(running, now), retries_among(running)
        rows = self._claim(given_up | retries, most=most, claim=claim, lease_ends_at=lease_ends_at)
        if not rows and retries - given_up:
            rows = self._claim(given_up, most=most, claim=claim, lease_ends_at=lease_ends_at)
        return sorted(rows)

    def _claim(self, left_out: Collection[int], *, most: int, claim: UUID, lease_ends_at: datetime) -> list[Row]:
        is_left_out, attempts = is_among(left_out)
        first = f"""
            SELECT id FROM exports_delivery WHERE state = 'QUEUED' AND NOT (attempt_id {is_left_out})
            ORDER BY id LIMIT %s
        """  # noqa: S608  no value is in the text
        # An array is made once. PostgreSQL may run a subquery behind IN once a row, each time for others than before.
        one_of = f"IN ({first})" if connection.vendor == "sqlite" else f"= ANY(ARRAY({first} FOR UPDATE SKIP LOCKED))"
        return update_where(
            Delivery,
            {"state": Delivery.State.SENDING.value, "claim": claim, "lease_ends_at": lease_ends_at},
            f"t.id {one_of}",
            [*attempts, most],
            returning=ROW_COLUMNS,
        )

    def waiting(self, running: Sequence[ExportAttempt], now: datetime, *, most: int) -> list[Row]:
        """Up to `most` rows that may be sent now, whoever queued them, locked: in time, with a live process for them.

        Exports go before retries: WISEflow is waiting for its verdicts. No two of the rows lead to one place in Learn,
        and none to a place that a call in progress writes to: they wait for its record, so that the last value sent is
        the one that is there. The rows are taken in the order of the index, and nothing is joined, so that taking a few
        does not look at all that is queued whatever the statistics say.
        """
        given_up, retries = out_of_time(running, now), retries_among(running)
        queued = self.filter(state=Delivery.State.QUEUED).order_by("pk").select_for_update(skip_locked=True)
        rows = queued.exclude(attempt__in=given_up | retries).of_free_places(most)
        if not rows and retries:
            rows = queued.exclude(attempt__in=given_up).of_free_places(most)
        return rows

    def of_free_places(self, most: int) -> list[Row]:
        """The first `most` of these that lead to places of their own to which no call is in progress."""
        free: dict[tuple[str, ...], Row] = {}
        page, last = most, 0
        while page == most and len(free) < most:
            rows = list(self.filter(pk__gt=last).values_list(*ROW_COLUMNS)[:most])
            called = Delivery.objects.places_called({row[3] for row in rows}, {row[2] for row in rows})
            for row in rows:
                if row[2:5] not in called:
                    free.setdefault(row[2:5], row)
            page, last = len(rows), rows[-1][0] if rows else last
        return list(free.values())[:most]

    def places_called(self, learn_users: Collection[str], courses: Collection[str]) -> set[tuple[str, str, str]]:
        """The places of calls in progress, among these: course id, Learn user, column name."""
        sending = self.filter(
            among("learn_user_id", learn_users), among("course_id", courses), state=Delivery.State.SENDING
        )
        return set(sending.order_by().values_list("course_id", "learn_user_id", "column_name"))


class Delivery(models.Model):
    """One participant's value for one place in one attempt, and what became of it. A retry is a new delivery."""

    class State(models.TextChoices):
        # Recorded, not sent: nothing to do.
        QUEUED = "QUEUED", _("Waiting")
        # A call may be in progress until lease_ends_at: nothing to do.
        SENDING = "SENDING", _("Being sent")
        # Learn has confirmed it: nothing to do.
        DELIVERED = "DELIVERED", _("Delivered")
        # A rule forbids it, and it was not sent: correct what the cause says, or ask an administrator to, then retry.
        REFUSED = "REFUSED", _("Refused by a rule")
        # Learn has not accepted it: correct what Learn's message says, or ask an administrator to, then retry.
        REJECTED = "REJECTED", _("Rejected by Learn")
        # It did not reach Learn: retry. If the cause names the connection, ask an administrator to check it first.
        FAILED = "FAILED", _("Not sent")
        # It may have reached Learn: retry. Sending the same grade again is safe.
        UNCONFIRMED = "UNCONFIRMED", _("Not confirmed")

    OPEN = (State.QUEUED, State.SENDING)

    # No constraint in the database on these two: it would be checked for each of ten thousand rows, a tenth of what an
    # export costs PostgreSQL. A delivery is recorded in the transaction that has made or locked both, and both are only
    # deleted by Django, which deletes their deliveries too.
    attempt = models.ForeignKey(
        ExportAttempt,
        on_delete=models.CASCADE,
        related_name="deliveries",
        db_constraint=False,
        verbose_name=_("export attempt"),
    )
    participant = models.ForeignKey(
        Participant,
        on_delete=models.CASCADE,
        related_name="deliveries",
        db_constraint=False,
        verbose_name=_("participant"),
    )
    source_code = models.CharField(_("source"), max_length=255, blank=True)
    entry_count = models.PositiveIntegerField(_("entries"), default=1)  # equal entries of one person share a delivery
    # Entries that name no source, of a person who has several: successes only where all such deliveries are.
    joint_entry_count = models.PositiveIntegerField(_("entries for all sources"), default=0)

    mark = models.CharField(_("mark"), max_length=NAME_LENGTH, blank=True)
    alternative_grade = models.CharField(_("alternative grade"), max_length=NAME_LENGTH, blank=True)

    # What goes to Learn, as it was decided at the time.
    course_id = models.CharField(_("course"), max_length=NAME_LENGTH, blank=True)
    column_name = models.CharField(_("column"), max_length=NAME_LENGTH, blank=True)
    learn_user_id = models.CharField(_("Learn user"), max_length=NAME_LENGTH, blank=True)
    value = models.CharField(_("value"), max_length=NAME_LENGTH, blank=True)

    # A grade that GradeBridge did not write may be at the place: it is read before anything is sent there.
    looks_first = models.BooleanField(_("looks first"), default=False, db_default=False, editable=False)
    state = models.CharField(_("state"), max_length=11, choices=State)
    cause = models.CharField(_("cause"), max_length=40, choices=cause_choices, blank=True)
    detail = models.JSONField(_("detail"), default=dict, blank=True)  # parameters of the cause's sentence
    claim = models.UUIDField(_("claim"), null=True, blank=True)  # the batch that sends it
    lease_ends_at = models.DateTimeField(_("lease ends"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes = [
            models.Index(fields=["id"], condition=Q(state="QUEUED"), name="delivery_queued"),
        ]
        constraints = [
            models.UniqueConstraint(
                name="delivery_one_open_a_source",
                fields=["participant", "source_code"],
                condition=Q(state__in=["QUEUED", "SENDING"]),
            ),
            # Never two calls at once for one place in Learn: no one would know which value is there.
            models.UniqueConstraint(
                name="delivery_one_call_a_place",
                fields=["learn_user_id", "course_id", "column_name"],
                condition=Q(state="SENDING"),
            ),
            models.CheckConstraint(
                name="delivery_state_known",
                condition=Q(
                    state__in=["QUEUED", "SENDING", "DELIVERED", "REFUSED", "REJECTED", "FAILED", "UNCONFIRMED"]
                ),
            ),
            models.CheckConstraint(
                name="delivery_finished_when_closed",
                condition=Q(state__in=["QUEUED", "SENDING"], finished_at__isnull=True)
                | (~Q(state__in=["QUEUED", "SENDING"]) & Q(finished_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="delivery_error_has_cause",
                condition=Q(state__in=["QUEUED", "SENDING", "DELIVERED"]) | ~Q(cause=""),
            ),
            # Nothing empty is ever sent (R7).
            models.CheckConstraint(
                name="delivery_sent_has_value",
                condition=Q(state="REFUSED") | ~Q(value=""),
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(user)s in attempt %(number)s") % {
            "user": self.participant.user_id,
            "number": self.attempt_id,
        }

    @property
    def error_info(self) -> str:
        return error_info(Cause(self.cause), self.detail) if self.cause else ""
