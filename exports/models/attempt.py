"""Export attempts and their deliveries: history, never edited after it settles."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Exists, OuterRef, Q, Sum

from common.database.bulk import among, is_among, update, update_where
from courses.models import NAME_LENGTH, ServiceCall
from exports.grades.causes import Cause
from exports.grades.states import ExportState
from exports.models.api_client import ApiClient
from exports.models.flow import Flow
from exports.models.participant import Participant


class ExportAttemptQuerySet(models.QuerySet["ExportAttempt"]):
    def running(self) -> list[ExportAttempt]:
        """Those that are not finished, as far as a claim asks of them."""
        return list(self.filter(finished_at__isnull=True).only("pk", "trigger", "ends_by", "lease_ends_at").order_by())

    def settle(self, now: datetime) -> list[int]:
        """Finish those whose deliveries are all settled: counts and state. Returns the primary keys of the finished.

        Safe to call from several processes at once: each attempt is finished by one of them.
        """
        open_deliveries = Delivery.objects.filter(attempt=OuterRef("pk"), state__in=Delivery.OPEN)
        ready = self.filter(finished_at__isnull=True).exclude(Exists(open_deliveries))
        with transaction.atomic():
            errors = dict(ready.order_by("pk").select_for_update().values_list("pk", "number_of_errors"))
            delivered: dict[int, int] = defaultdict(int)
            deliveries = Delivery.objects.filter(attempt__in=errors).order_by()
            counts = deliveries.values_list("attempt_id", "state").annotate(
                Sum("entry_count"), Sum("joint_entry_count")
            )
            is_joint = False
            for pk, state, number, joint in counts:
                is_joint = is_joint or joint > 0
                if state == Delivery.State.DELIVERED:
                    delivered[pk] += number
                else:
                    errors[pk] += number
            for pk, number, is_delivered in deliveries.joint_entries() if is_joint else ():
                (delivered if is_delivered else errors)[pk] += number
            update(
                ExportAttempt,
                ("finished_at", "state", "number_of_success", "number_of_errors"),
                [(pk, now, state_of(delivered[pk], errors[pk]).value, delivered[pk], errors[pk]) for pk in errors],
            )
        return list(errors)


def state_of(delivered: int, errors: int) -> ExportState:
    """An attempt's state, from how many of its entries are delivered or not."""
    if errors:
        return ExportState.FAILED
    return ExportState.EXPORTED if delivered else ExportState.NOT_EXPORTED


class ExportAttempt(models.Model):
    """One run: WISEflow's call, or a manager's retry. Never reused."""

    class Trigger(models.TextChoices):
        EXPORT = "EXPORT", "Export from WISEflow"
        RETRY = "RETRY", "Retry"
        CORRECTION = "CORRECTION", "Correction"

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    trigger = models.CharField(max_length=10, choices=Trigger, default=Trigger.EXPORT)
    state = models.CharField(max_length=12, choices=ExportState, default=ExportState.QUEUED)
    api_client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    requested_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    ends_by = models.DateTimeField(help_text="No call to Learn begins for this attempt after this time.")
    lease_ends_at = models.DateTimeField(help_text="A process works on this attempt until then; later it is swept.")
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    cancelled_at = models.DateTimeField(null=True, blank=True)
    calls = models.ManyToManyField(
        ServiceCall, blank=True, related_name="attempts"
    )  # a call may carry several attempts
    # Entries, not deliveries: what WISEflow was told.
    number_of_success = models.PositiveIntegerField(default=0)
    number_of_errors = models.PositiveIntegerField(default=0)
    # Entries that name no person: [{"entry": 1-based place in the body, "cause": code, "detail": text}, ...]
    unreadable_entries = models.JSONField(default=list, blank=True)

    objects = ExportAttemptQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["flow", "-id"], name="attempt_flow"),
            models.Index(fields=["state", "-id"], name="attempt_state"),
            models.Index(fields=["lease_ends_at"], condition=Q(finished_at__isnull=True), name="attempt_open"),
        ]
        constraints = [
            models.CheckConstraint(name="attempt_state_known", condition=Q(state__in=ExportState.values)),
            models.CheckConstraint(
                name="attempt_requested_by_and_when",
                condition=Q(requested_by__isnull=True, requested_at__isnull=True)
                | Q(requested_by__isnull=False, requested_at__isnull=False),
            ),
            models.CheckConstraint(
                name="attempt_cancelled_by_and_when",
                condition=Q(cancelled_by__isnull=True, cancelled_at__isnull=True)
                | Q(cancelled_by__isnull=False, cancelled_at__isnull=False),
            ),
            models.CheckConstraint(
                name="attempt_finished_when_settled",
                condition=Q(state=ExportState.QUEUED, finished_at__isnull=True)
                | (~Q(state=ExportState.QUEUED) & Q(finished_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_trigger_display()} {self.pk} of flow {self.flow.flow_id}"

    def finish(self, now: datetime, *, delivered: int, errors: int) -> None:
        """Settle it with so many more entries delivered, or not. It is not saved."""
        self.finished_at = now
        self.number_of_success += delivered
        self.number_of_errors += errors
        self.state = state_of(self.number_of_success, self.number_of_errors)

    @property
    def is_cancellable(self) -> bool:
        """A retry that runs can be cancelled. An export cannot: WISEflow waits for its verdicts."""
        return self.trigger == self.Trigger.RETRY and self.finished_at is None and self.cancelled_at is None


Row = tuple[int, int, str, str, str, str]  # primary key, attempt, course id, Learn user, column name, value


def out_of_time(running: Sequence[ExportAttempt], now: datetime) -> set[int]:
    return {attempt.pk for attempt in running if min(attempt.ends_by, attempt.lease_ends_at) <= now}


def retries_among(running: Sequence[ExportAttempt]) -> set[int]:
    return {attempt.pk for attempt in running if attempt.trigger == ExportAttempt.Trigger.RETRY}


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def joint_entries(self) -> list[tuple[int, int, bool]]:
        """The entries that are for all sources of a person: attempt, number of entries, whether all are delivered."""
        numbers: dict[tuple[int, int, str, str, bool], Counter[str]] = defaultdict(Counter)
        undelivered = set[tuple[int, int, str, str, bool]]()
        columns = ("attempt_id", "participant_id", "mark", "alternative_grade", "source_code", "joint_entry_count")
        for *entry, source, number, state in self.filter(joint_entry_count__gt=0).values_list(*columns, "state"):
            key = (*entry, bool(source))  # without a source: not usable, and for no other
            numbers[key][source] += number
            if state != Delivery.State.DELIVERED:
                undelivered.add(key)
        return [(key[0], max(counts.values()), key not in undelivered) for key, counts in numbers.items()]

    def claim_first(
        self, running: Sequence[ExportAttempt], now: datetime, *, most: int, claim: UUID, lease_ends_at: datetime
    ) -> list[Row]:
        """Claim the first `most` that wait, exports before retries, in one statement. Returns their rows.

        Raises IntegrityError where a call is on its way to one of their places, or two lead to one place.
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
            returning=("id", "attempt_id", "course_id", "learn_user_id", "column_name", "value"),
        )

    def waiting(self, running: Sequence[ExportAttempt], now: datetime, *, most: int) -> list[Row]:
        """Up to `most` rows that may be sent now, whoever queued them, locked: in time, with somebody alive for them.

        Exports go before retries: WISEflow waits for its verdicts. No two of the rows lead to one place in Learn, and
        none to a place that a call is on its way to: they wait for its record, so that the last value sent is the one
        that is there. The rows are taken in the order of the index, and nothing is joined, so that taking a few does
        not look at all that is queued whatever the statistics say.
        """
        given_up, retries = out_of_time(running, now), retries_among(running)
        queued = self.filter(state=Delivery.State.QUEUED).order_by("pk").select_for_update(skip_locked=True)
        rows = queued.exclude(attempt__in=given_up | retries).of_free_places(most)
        if not rows and retries:
            rows = queued.exclude(attempt__in=given_up).of_free_places(most)
        return rows

    def of_free_places(self, most: int) -> list[Row]:
        """The first `most` of these that lead to places of their own which no call is on its way to."""
        columns = ("pk", "attempt_id", "course_id", "learn_user_id", "column_name", "value")
        free: dict[tuple[str, ...], Row] = {}
        page, last = most, 0
        while page == most and len(free) < most:
            rows = list(self.filter(pk__gt=last).values_list(*columns)[:most])
            called = Delivery.objects.places_called({row[3] for row in rows}, {row[2] for row in rows})
            for row in rows:
                if row[2:5] not in called:
                    free.setdefault(row[2:5], row)
            page, last = len(rows), rows[-1][0] if rows else last
        return list(free.values())[:most]

    def places_called(self, learn_users: Collection[str], courses: Collection[str]) -> set[tuple[str, str, str]]:
        """Where a call is on its way to, among these: course id, Learn user, column name."""
        sending = self.filter(
            among("learn_user_id", learn_users), among("course_id", courses), state=Delivery.State.SENDING
        )
        return set(sending.order_by().values_list("course_id", "learn_user_id", "column_name"))


class Delivery(models.Model):
    """One participant's value for one place in one attempt, and what became of it. A retry is a new delivery."""

    class State(models.TextChoices):
        QUEUED = "QUEUED", "Queued"  # recorded, not sent: nothing to do
        SENDING = "SENDING", "Sending"  # a call may be in flight until lease_ends_at
        DELIVERED = "DELIVERED", "Delivered"  # Learn confirmed it
        REFUSED = "REFUSED", "Refused"  # a rule forbids it: repair the cause, then retry
        REJECTED = "REJECTED", "Rejected"  # Learn said no: repair the data in Learn, then retry
        FAILED = "FAILED", "Failed"  # did not arrive: retry
        UNCONFIRMED = "UNCONFIRMED", "Unconfirmed"  # may have arrived: retry, the same value is only set again

    OPEN = (State.QUEUED, State.SENDING)

    # No constraint in the database on these two: it would be checked for each of ten thousand rows, a tenth of what an
    # export costs PostgreSQL. A delivery is recorded in the transaction that has made or locked both, and both are only
    # deleted by Django, which takes their deliveries along.
    attempt = models.ForeignKey(ExportAttempt, on_delete=models.CASCADE, related_name="deliveries", db_constraint=False)
    participant = models.ForeignKey(
        Participant, on_delete=models.CASCADE, related_name="deliveries", db_constraint=False
    )
    source_code = models.CharField(max_length=255, blank=True)
    entry_count = models.PositiveIntegerField(default=1)  # equal entries of one person share a delivery
    # Entries that name no source, of a person who has several: successes only where all such deliveries are.
    joint_entry_count = models.PositiveIntegerField(default=0)

    mark = models.CharField(max_length=NAME_LENGTH, blank=True)
    alternative_grade = models.CharField(max_length=NAME_LENGTH, blank=True)

    # What goes to Learn, as it was decided at the time.
    course_id = models.CharField(max_length=NAME_LENGTH, blank=True)
    column_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    learn_user_id = models.CharField(max_length=NAME_LENGTH, blank=True)
    value = models.CharField(max_length=NAME_LENGTH, blank=True)

    state = models.CharField(max_length=11, choices=State)
    cause = models.CharField(max_length=40, choices=Cause.choices, blank=True)
    detail = models.TextField(blank=True)
    claim = models.UUIDField(null=True, blank=True)  # the batch it travels in
    lease_ends_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["id"], condition=Q(state="QUEUED"), name="delivery_queued"),
        ]
        constraints = [
            models.UniqueConstraint(
                name="delivery_one_open_a_source",
                fields=["participant", "source_code"],
                condition=Q(state__in=["QUEUED", "SENDING"]),
            ),
            # Never two calls at once for one place in Learn: nobody would know which value stands there.
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
                name="delivery_settled_when_closed",
                condition=Q(state__in=["QUEUED", "SENDING"], settled_at__isnull=True)
                | (~Q(state__in=["QUEUED", "SENDING"]) & Q(settled_at__isnull=False)),
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
        return f"{self.participant.user_id} in attempt {self.attempt_id}"

    @property
    def error_info(self) -> str:
        return Cause(self.cause).error_info(self.detail) if self.cause else ""
