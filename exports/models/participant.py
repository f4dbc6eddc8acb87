"""One person in one flow, and the state of their grade."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from courses.models import NAME_LENGTH
from exports.grades.causes import HELD_BACK, SKIPS, Cause, cause_choices
from exports.grades.sentences import error_info, of_source
from exports.grades.states import ExportState
from exports.models.api_client import ApiClient
from exports.models.flow import IS_EXPECTED, IS_MISSING, Flow

if TYPE_CHECKING:
    from exports.models.grade_in_learn import GradeInLearn


class ParticipantQuerySet(models.QuerySet["Participant"]):
    def failed(self) -> ParticipantQuerySet:
        return self.filter(state=ExportState.FAILED)

    def expected(self) -> ParticipantQuerySet:
        """On their flow's roster, and not known to have been added by hand (R8): a grade has to come."""
        return self.filter(IS_EXPECTED)

    def missing(self) -> ParticipantQuerySet:
        """Expected, and WISEflow has sent no grade."""
        return self.filter(IS_MISSING)

    def faults(self) -> ParticipantQuerySet:
        """The failed, without those whom a rule leaves out on purpose."""
        return self.failed().exclude(cause__in=SKIPS)

    def left_roster(self) -> ParticipantQuerySet:
        """Taken off by a roster that replaced the one before, and kept because something of theirs is here."""
        return self.filter(left_roster_at__isnull=False)

    def without_anything(self) -> ParticipantQuerySet:
        """Of whom nothing has come and nothing was done: no grade, delivery, correction, decision or hold; nor are they
        in the flow, as far as WISEflow's API says.
        """
        nothing = self.filter(state=ExportState.NOT_EXPORTED, mark="", alternative_grade="")
        for name in ("Delivery", "GradeInLearn", "Correction", "Decision", "Hold"):
            theirs = apps.get_model(f"exports.{name}").objects.filter(participant=OuterRef("pk")).order_by()
            nothing = nothing.exclude(Exists(theirs))
        listed = apps.get_model("exports.PersonInWiseflow").objects.filter(participant=OuterRef("pk"), is_listed=True)
        return nothing.exclude(Exists(listed.order_by()))

    def skipped(self) -> ParticipantQuerySet:
        """The failed who are left out on purpose: no assessment, not from the SIS, held."""
        return self.failed().filter(cause__in=SKIPS)

    def retryable(self) -> ParticipantQuerySet:
        """The failed, and the exported whose approved correction a rule has refused or whose other mark was held.
        Without those who were forgotten: no one knows who they are.
        """
        waits = ~Q(approved_mark="") | Q(cause__in=HELD_BACK)
        known = self.filter(forgotten_at__isnull=True)
        return known.filter(Q(state=ExportState.FAILED) | Q(state=ExportState.EXPORTED) & waits)

    def not_held(self) -> ParticipantQuerySet:
        """Without those who are held themselves, or with their flow. A pause of all sending is not looked at."""
        holds = apps.get_model("exports.Hold").objects.open().order_by()
        held, held_flows = holds.of_people().values("participant"), holds.of_flows().values("flow")
        return self.exclude(pk__in=held).exclude(flow__in=held_flows)

    def released(self) -> ParticipantQuerySet:
        """The failed who were held and are not any more: nothing is sent before someone retries them."""
        return self.failed().filter(cause=Cause.HELD).not_held()

    def with_grades(self) -> ParticipantQuerySet:
        """Each with what is in Learn of theirs now, so that a page asks once."""
        grades = apps.get_model("exports.GradeInLearn").objects.in_learn().order_by("left_behind_at", "-pk")
        grades = grades.select_related("proof").with_kept()
        return self.prefetch_related(Prefetch("grades", queryset=grades, to_attr="found_in_learn"))


class Participant(models.Model):
    """One person in one flow.

    `mark` and `alternative_grade` are what WISEflow gave last. What is in Learn is in the ledger (`grades`). Both
    outlive the deliveries, so a purge of old deliveries never sends a grade twice.
    """

    class AddedBy(models.TextChoices):
        SIS = "SIS", _("Student system")
        MANUAL = "MANUAL", _("By hand")

    flow = models.ForeignKey(
        Flow, on_delete=models.CASCADE, related_name="participants", db_index=False, verbose_name=_("flow")
    )
    user_id = models.CharField(_("user id"), max_length=255, help_text=_("The student's id in WISEflow."))
    user_id_is_number = models.BooleanField(default=False, editable=False)  # how WISEflow last wrote it: echoed so
    learn_user_id = models.CharField(
        _("Learn user"),
        max_length=NAME_LENGTH,
        blank=True,
        help_text=_(
            "The student's batch uid, the ID in Learn's data integration. Leave empty if the Learn account has the "
            "same id as in WISEflow, or if the client's request profile derives it."
        ),
    )
    # WISEflow's API was read and has no batch uid of theirs: the user id is none.
    learn_user_is_unknown = models.BooleanField(default=False, db_default=False, editable=False)
    # As the roster says: shown beside the ids, and deleted by a purge.
    first_name = models.CharField(_("first name"), max_length=255, blank=True)
    last_name = models.CharField(_("last name"), max_length=255, blank=True)
    # {SIS source: how the person was added there}, as in `added_by`; null where only a body has named the source. A map
    # on the row rather than a table: it is read and written with the row, ten thousand at a time.
    sources = models.JSONField(_("sources"), default=dict, blank=True)
    on_roster = models.BooleanField(_("on the roster"), default=False)
    left_roster_at = models.DateTimeField(_("taken off the roster"), null=True, blank=True)
    added_by = models.CharField(_("added by"), max_length=6, choices=AddedBy, blank=True)

    # Who exported them last: a retry finds the Learn user by the same caller's rule. No constraint in the database: it
    # would be checked for each of ten thousand rows, and a client that has exported anyone is not deleted.
    api_client = models.ForeignKey(
        ApiClient,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("API client"),
    )

    mark = models.CharField(_("mark"), max_length=NAME_LENGTH, blank=True)
    alternative_grade = models.CharField(_("alternative grade"), max_length=NAME_LENGTH, blank=True)

    state = models.CharField(_("state"), max_length=12, choices=ExportState, default=ExportState.NOT_EXPORTED)
    cause = models.CharField(_("cause"), max_length=40, choices=cause_choices, blank=True)
    detail = models.JSONField(_("detail"), default=dict, blank=True)  # parameters of the cause's sentence
    # Of several sources the one that the cause is about.
    cause_source_code = models.CharField(_("source of the cause"), max_length=255, blank=True)
    failed_at = models.DateTimeField(
        _("failed since"), null=True, blank=True
    )  # of the last failure, also once it is over
    changed_since_export = models.BooleanField(_("changed since export"), default=False)

    # Learn has shown a grade of others at a place of theirs: it is read before anything is sent there. Never taken
    # back: once something of theirs has arrived, their place is read anyway.
    looks_first = models.BooleanField(_("looks first"), default=False, db_default=False, editable=False)

    # Since then the ids are pseudonyms, and names and grades are gone: nothing is sent, read back or expected any more.
    forgotten_at = models.DateTimeField(_("forgotten"), null=True, blank=True, editable=False)

    # The mark that an approved correction lets replace the exported one; empty again once Learn has it.
    approved_mark = models.CharField(_("approved mark"), max_length=NAME_LENGTH, blank=True, editable=False)
    # Empty: all of their sources.
    approved_source_code = models.CharField(
        _("source of the approved mark"), max_length=255, blank=True, editable=False
    )

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        indexes = [
            # The flow's state, its failed participants. Nearly all are exported one day: they cost no entry here.
            models.Index(
                fields=["flow", "state"], condition=Q(state__in=["QUEUED", "FAILED"]), name="participant_unsettled"
            ),
            # The Failed list over all flows, newest first.
            models.Index(fields=["-id"], condition=Q(state="FAILED"), name="participant_failed"),
            # The failures by cause over all flows, and those of a span of time. The flow is in it so that they are
            # counted from the index alone.
            models.Index(
                fields=["cause", "failed_at", "flow"], condition=Q(state="FAILED"), name="participant_failed_cause"
            ),
            models.Index(fields=["-id"], condition=Q(changed_since_export=True), name="participant_changed"),
            models.Index(fields=["flow"], condition=Q(changed_since_export=True), name="participant_changed_in_flow"),
            # Corrections that a rule has refused, for a retry.
            models.Index(fields=["flow"], condition=~Q(approved_mark=""), name="participant_correction"),
            # The exported whose other mark was held, for a retry.
            models.Index(
                fields=["flow"],
                condition=Q(state="EXPORTED", cause__in=["HELD", "PAUSED"]),
                name="participant_held_back",
            ),
            # Who is missing, over all flows and in one.
            models.Index(
                fields=["flow", "user_id"],
                condition=Q(state="NOT_EXPORTED", on_roster=True) & ~Q(added_by="MANUAL"),
                name="participant_missing",
            ),
        ]
        constraints = [
            models.UniqueConstraint(name="participant_once_a_flow", fields=["flow", "user_id"]),
            models.CheckConstraint(name="participant_state_known", condition=Q(state__in=ExportState.values)),
            models.CheckConstraint(
                name="participant_failed_has_cause", condition=~Q(state=ExportState.FAILED) | ~Q(cause="")
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(user)s in flow %(flow)s") % {"user": self.user_id, "flow": self.flow.flow_id}

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def is_expected(self) -> bool:
        return self.on_roster and self.added_by != self.AddedBy.MANUAL

    @property
    def is_missing(self) -> bool:
        return self.is_expected and self.state == ExportState.NOT_EXPORTED

    @property
    def in_learn(self) -> list[GradeInLearn]:
        """What is in Learn of theirs, or may be: where they lead to first, then what was left behind elsewhere."""
        found: list[GradeInLearn] | None = getattr(self, "found_in_learn", None)
        if found is None:
            found = list(
                apps.get_model("exports.GradeInLearn")
                .objects.in_learn()
                .select_related("proof")
                .filter(participant=self)
            )
        return sorted(found, key=lambda grade: (grade.is_left_behind, grade.source_code, grade.pk))

    @property
    def value_in_learn(self) -> str:
        """The one value that is in Learn for certain. Empty: there is none, or there are different ones."""
        return one_value([grade for grade in self.in_learn if not grade.is_left_behind] or self.in_learn)

    @property
    def exported_at(self) -> datetime | None:
        """When the latest of what is in Learn for certain was confirmed."""
        return max((grade.since for grade in self.in_learn if grade.is_certain), default=None)

    @property
    def source_names(self) -> str:
        return ", ".join(self.sources)

    @property
    def error_info(self) -> str:
        if not self.cause:
            return ""
        text = error_info(Cause(self.cause), self.detail)
        return of_source(self.cause_source_code, text) if self.cause_source_code else text


def one_value(grades: list[GradeInLearn]) -> str:
    values = {grade.value if grade.is_certain else "" for grade in grades}
    return values.pop() if len(values) == 1 else ""
