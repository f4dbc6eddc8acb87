"""One person in one flow, and where their grade stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from django.db import models
from django.db.models import Q

from courses.models import NAME_LENGTH
from exports.causes import Cause
from exports.models.api_client import ApiClient
from exports.models.bulk import among, update
from exports.models.flow import Flow
from exports.states import ExportState

# A participant's primary key, and what was delivered: course id, Learn user, column name, value.
Delivered = tuple[int, str, str, str, str]


class ParticipantQuerySet(models.QuerySet["Participant"]):
    def failed(self) -> ParticipantQuerySet:
        return self.filter(state=ExportState.FAILED)

    def retryable(self) -> ParticipantQuerySet:
        """The failed, and the exported whose approved correction a rule has refused."""
        return self.filter(Q(state=ExportState.FAILED) | Q(state=ExportState.EXPORTED) & ~Q(approved_mark=""))

    def mark_replaced(self, delivered: Collection[Delivered]) -> None:
        """Say of everybody else whose grade one of the `delivered` has replaced in Learn that it stands no more.

        Two flows, or two people of one flow, may lead to one Learn user in one column. A correction of what stands no
        more is void.
        """
        placed: dict[tuple[str, str, str], list[tuple[int, str]]] = defaultdict(list)
        for participant, course_id, learn_user_id, column_name, value in delivered:
            placed[course_id, learn_user_id, column_name].append((participant, value))
        # All parts are constants to the planner and nothing is joined, so that the index is taken whatever the
        # statistics say: with old ones a join walked all of the table for each batch.
        standing = self.filter(
            among("exported_learn_user_id", {user for _course, user, _column in placed}),
            among("exported_course_id", {course for course, _user, _column in placed}),
            state__in=[ExportState.EXPORTED, ExportState.FAILED],  # failed: an overwrite of theirs is in doubt
            exported_at__isnull=False,
        ).order_by("pk")
        columns = ("exported_course_id", "exported_learn_user_id", "exported_column_name")
        rows = [
            (pk, Cause.REPLACED.value, value, True, "")
            for pk, exported_value, *place in standing.values_list("pk", "exported_value", *columns)
            for participant, value in placed.get(tuple(place), ())
            if participant != pk and value != exported_value
        ]
        if rows:
            list(self.filter(pk__in=[row[0] for row in rows]).order_by("pk").select_for_update())
        update(Participant, ("cause", "detail", "changed_since_export", "approved_mark"), rows)


class Participant(models.Model):
    """One person in one flow.

    `mark` and `alternative_grade` are what WISEflow gave last; `exported_*` is what stands in Learn. The row outlives
    the deliveries, so a purge of old deliveries never makes a grade travel twice.
    """

    class AddedBy(models.TextChoices):
        SIS = "SIS", "SIS"
        MANUAL = "MANUAL", "By hand"

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="participants", db_index=False)
    user_id = models.CharField("user id", max_length=255, help_text="The person's id in WISEflow.")
    user_id_is_number = models.BooleanField(default=False, editable=False)  # how WISEflow last wrote it: echoed so
    learn_user_id = models.CharField(
        "Learn user",
        max_length=NAME_LENGTH,
        blank=True,
        help_text=(
            "The batch uid in Learn. Empty: by the rule of the caller's request profile, else the WISEflow user id."
        ),
    )
    source_code = models.CharField(max_length=255, blank=True)
    on_roster = models.BooleanField(default=False)
    added_by = models.CharField(max_length=6, choices=AddedBy, blank=True)

    # Who exported them last: a retry finds the Learn user by the same caller's rule. No constraint in the database: it
    # would be checked for each of ten thousand rows, and a client that has exported anybody is not deleted.
    api_client = models.ForeignKey(
        ApiClient,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )

    mark = models.CharField(max_length=NAME_LENGTH, blank=True)
    alternative_grade = models.CharField(max_length=NAME_LENGTH, blank=True)

    state = models.CharField(max_length=12, choices=ExportState, default=ExportState.NOT_EXPORTED)
    cause = models.CharField(max_length=40, choices=Cause.choices, blank=True)
    detail = models.TextField(blank=True)
    changed_since_export = models.BooleanField(default=False)

    exported_value = models.CharField(max_length=NAME_LENGTH, blank=True)
    exported_at = models.DateTimeField(null=True, blank=True)
    # Where it stands in Learn.
    exported_course_id = models.CharField(max_length=NAME_LENGTH, blank=True)
    exported_column_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    exported_learn_user_id = models.CharField(max_length=NAME_LENGTH, blank=True)
    exported_mark = models.CharField(max_length=NAME_LENGTH, blank=True)
    exported_alternative_grade = models.CharField(max_length=NAME_LENGTH, blank=True)

    # The mark that an approved correction lets replace the exported one; empty again once Learn has it.
    approved_mark = models.CharField(max_length=NAME_LENGTH, blank=True, editable=False)

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            # The flow's state, its failed participants. Nearly all are exported one day: they cost no entry here.
            models.Index(
                fields=["flow", "state"], condition=Q(state__in=["QUEUED", "FAILED"]), name="participant_unsettled"
            ),
            # The Failed list over all flows, newest first.
            models.Index(fields=["-id"], condition=Q(state="FAILED"), name="participant_failed"),
            models.Index(fields=["-id"], condition=Q(changed_since_export=True), name="participant_changed"),
            models.Index(fields=["flow"], condition=Q(changed_since_export=True), name="participant_changed_in_flow"),
            # Corrections that a rule has refused, for a retry.
            models.Index(fields=["flow"], condition=~Q(approved_mark=""), name="participant_correction"),
            # Whose grade a new one replaces, see `mark_replaced`.
            # Not partial: with old statistics a planner takes a partial index for empty, and walks all of it.
            models.Index(fields=["exported_learn_user_id", "exported_course_id"], name="participant_exported_to"),
        ]
        constraints = [
            models.UniqueConstraint(name="participant_once_a_flow", fields=["flow", "user_id"]),
            models.CheckConstraint(name="participant_state_known", condition=Q(state__in=ExportState.values)),
            # Never a success without what was confirmed and when.
            models.CheckConstraint(
                name="participant_exported_has_value",
                condition=~Q(state=ExportState.EXPORTED) | (Q(exported_at__isnull=False) & ~Q(exported_value="")),
            ),
            models.CheckConstraint(
                name="participant_failed_has_cause", condition=~Q(state=ExportState.FAILED) | ~Q(cause="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in flow {self.flow.flow_id}"

    @property
    def is_lost(self) -> bool:
        """It was exported, and its column was deleted in Learn: the grade stands nowhere."""
        is_exported = self.state == ExportState.EXPORTED
        return self.exported_at is not None and not self.exported_column_name and not is_exported

    @property
    def value_in_learn(self) -> str:
        """Empty: nothing, as far as is known."""
        return "" if self.is_lost else self.exported_value

    @property
    def error_info(self) -> str:
        return Cause(self.cause).error_info(self.detail) if self.cause else ""
