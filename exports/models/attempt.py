"""Export attempts and their deliveries: history, never edited after it settles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Exists, OuterRef, Q, Sum

from courses.models import NAME_LENGTH, ServiceCall
from exports.causes import Cause
from exports.models.api_client import ApiClient
from exports.models.bulk import among, is_among, update
from exports.models.flow import Flow
from exports.models.participant import Participant
from exports.states import ExportState


class ExportAttemptQuerySet(models.QuerySet["ExportAttempt"]):
    def settle(self, now: datetime) -> list[int]:
        """Finish those whose deliveries are all settled: counts and state. Returns the primary keys of the finished.

        Safe to call from several processes at once: each attempt is finished by one of them.
        """
        open_deliveries = Delivery.objects.filter(attempt=OuterRef("pk"), state__in=Delivery.OPEN)
        ready = self.filter(finished_at__isnull=True).exclude(Exists(open_deliveries))
        with transaction.atomic():
            errors = dict(ready.order_by("pk").select_for_update().values_list("pk", "number_of_errors"))
            delivered: dict[int, int] = defaultdict(int)
            entries = Delivery.objects.filter(attempt__in=errors).order_by().values_list("attempt_id", "state")
            for pk, state, number in entries.annotate(Sum("entry_count")):
                if state == Delivery.State.DELIVERED:
                    delivered[pk] += number
                else:
                    errors[pk] += number
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
    api_client = models.ForeignKey(ApiClient, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
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


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def waiting(self, now: datetime, *, most: int) -> list[Row]:
        """Up to `most` rows that may be sent now, whoever queued them, locked: in time, with somebody alive for them.

        Exports go before retries: WISEflow waits for its verdicts. No two of the rows lead to one place in Learn, and
        none to a place that a call is on its way to: they wait for its record, so that the last value sent is the one
        that stands. The rows are taken in the order of the index, and nothing is joined, so that taking a few does not
        look at all that is queued whatever the statistics say.
        """
        running = ExportAttempt.objects.filter(finished_at__isnull=True)
        given_up, retries = set[int](), set[int]()
        for pk, trigger, ends_by, lease_ends_at in running.values_list("pk", "trigger", "ends_by", "lease_ends_at"):
            if min(ends_by, lease_ends_at) <= now:
                given_up.add(pk)
            elif trigger == ExportAttempt.Trigger.RETRY:
                retries.add(pk)
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

    def settle_as(self, state: Delivery.State, cause: Cause, detail: str = "", *, now: datetime) -> int:
        """Settle those of these that are open as not delivered, with their participants. Returns how many."""
        with transaction.atomic():
            still_open = self.filter(state__in=Delivery.OPEN).order_by("pk").select_for_update()
            pks = list(still_open.values_list("pk", flat=True))
            Delivery.objects.filter(among("pk", pks)).update(state=state, cause=cause, detail=detail, settled_at=now)
            settle_participants(pks)
        return len(pks)


class Delivery(models.Model):
    """One participant's value in one attempt, and what became of it. A retry is a new delivery."""

    class State(models.TextChoices):
        QUEUED = "QUEUED", "Queued"  # recorded, not sent: nothing to do
        SENDING = "SENDING", "Sending"  # a call may be in flight until lease_ends_at
        DELIVERED = "DELIVERED", "Delivered"  # Learn confirmed it
        REFUSED = "REFUSED", "Refused"  # a rule forbids it: repair the cause, then retry
        REJECTED = "REJECTED", "Rejected"  # Learn said no: repair the data in Learn, then retry
        FAILED = "FAILED", "Failed"  # did not arrive: retry
        UNCONFIRMED = "UNCONFIRMED", "Unconfirmed"  # may have arrived: retry, the same value is only set again

    OPEN = (State.QUEUED, State.SENDING)

    attempt = models.ForeignKey(ExportAttempt, on_delete=models.CASCADE, related_name="deliveries")
    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="deliveries")
    entry_count = models.PositiveIntegerField(default=1)  # equal entries of one person share a delivery

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
                name="delivery_one_open_a_participant",
                fields=["participant"],
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


def settle_participants(deliveries: Collection[int]) -> None:
    """Bring the participants of these deliveries, all just settled, to where their delivery stands.

    Who was changed since export stays so where a correction delivers another mark than WISEflow gave last.
    """
    is_one, parameters = is_among(deliveries)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE exports_participant SET
                state = CASE WHEN d.state = 'DELIVERED' THEN 'EXPORTED' ELSE 'FAILED' END,
                cause = d.cause,
                detail = d.detail,
                changed_since_export = exports_participant.changed_since_export AND NOT (
                    d.state = 'DELIVERED' AND d.mark = exports_participant.mark
                    AND d.alternative_grade = exports_participant.alternative_grade
                ),
                exported_at = CASE WHEN d.state = 'DELIVERED' THEN d.settled_at ELSE exported_at END,
                exported_value = CASE WHEN d.state = 'DELIVERED' THEN d.value ELSE exported_value END,
                exported_course_id = CASE WHEN d.state = 'DELIVERED' THEN d.course_id ELSE exported_course_id END,
                exported_column_name = CASE WHEN d.state = 'DELIVERED' THEN d.column_name ELSE exported_column_name END,
                exported_learn_user_id =
                    CASE WHEN d.state = 'DELIVERED' THEN d.learn_user_id ELSE exported_learn_user_id END,
                exported_mark = CASE WHEN d.state = 'DELIVERED' THEN d.mark ELSE exported_mark END,
                exported_alternative_grade =
                    CASE WHEN d.state = 'DELIVERED' THEN d.alternative_grade ELSE exported_alternative_grade END,
                approved_mark = CASE WHEN d.state = 'DELIVERED' THEN '' ELSE approved_mark END
            FROM exports_delivery AS d
            WHERE d.participant_id = exports_participant.id AND d.id {is_one}
            """,  # noqa: S608  no value is in the text
            parameters,
        )
