"""What WISEflow held of a flow and its people when its own API was last read.

It is also what tells who entered a value here: one that is as WISEflow had it follows WISEflow; any other was entered
or received here, and is kept.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Count, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from courses.models import NAME_LENGTH
from exports.grades.states import ExportState
from exports.models.flow import Flow
from exports.models.participant import Participant

PATIENCE = timedelta(minutes=15)  # a fetch that was requested longer ago and has not ended is taken to be lost


class FlowInWiseflow(models.Model):
    """A flow as WISEflow had it, and how the last fetch ended. Without a row nothing was ever fetched."""

    flow = models.OneToOneField(Flow, on_delete=models.CASCADE, related_name="in_wiseflow", verbose_name=_("flow"))
    title = models.CharField(_("title"), max_length=333, blank=True)
    state = models.CharField(_("state in WISEflow"), max_length=40, blank=True)
    assessment_ends_at = models.DateTimeField(_("assessment ends"), null=True, blank=True)
    # When the flow was first found with people from a source: what the flow was given as its synchronisation.
    synchronised_at = models.DateTimeField(_("synchronised"), null=True, blank=True)
    sources = models.JSONField(_("sources"), default=list, blank=True)  # [code, ...], the master first
    # By what numbers are stored multiplied (89.99 as 8999: 100); null: not known, or no grade is a number
    modifier = models.DecimalField(_("modifier"), max_digits=15, decimal_places=5, null=True, blank=True)
    # How many people: {"listed", "by_hand", "deactivated", "unknown", "kept"}
    counts = models.JSONField(_("numbers"), default=dict, blank=True)
    fetched_at = models.DateTimeField(_("fetched"), null=True, blank=True)
    requested_at = models.DateTimeField(_("fetch requested"), null=True, blank=True)  # null: none is in progress
    failed_at = models.DateTimeField(_("not fetched"), null=True, blank=True)  # the last time, if it failed
    failure = models.JSONField(_("failure"), default=dict, blank=True)  # {"code": ..., parameters}; {}: it succeeded

    class Meta:
        verbose_name = _("flow in WISEflow")
        verbose_name_plural = _("flows in WISEflow")
        permissions = [
            ("fetch_flow", _("Can fetch flows from WISEflow")),
            ("pull_grades", _("Can export grades from WISEflow's API")),
        ]

    def __str__(self) -> str:
        return str(self.flow)

    def is_being_fetched(self, now: datetime) -> bool:
        return self.requested_at is not None and now < self.requested_at + PATIENCE


class PersonInWiseflowQuerySet(models.QuerySet["PersonInWiseflow"]):
    def graded_not_exported(self) -> PersonInWiseflowQuerySet:
        """Expected, with a grade in WISEflow, of which nothing has come."""
        expected = {f"participant__{name}": value for name, value in MISSING_FIELDS.items()}
        graded = ~Q(grade="") | ~Q(alternative_grade="")
        return self.filter(graded, **expected, is_listed=True, is_activated=True).exclude(
            participant__added_by=Participant.AddedBy.MANUAL
        )

    def number_graded(self, flows: Collection[int]) -> dict[int, int]:
        """How many of them there are, by the primary keys of those of these flows that WISEflow was asked about."""
        fetched = FlowInWiseflow.objects.filter(flow__in=flows, fetched_at__isnull=False)
        numbers = dict.fromkeys(fetched.order_by().values_list("flow_id", flat=True), 0)
        if not numbers:
            return numbers
        graded = self.graded_not_exported().filter(participant__flow__in=numbers).order_by()
        return numbers | dict(graded.values_list("participant__flow").annotate(people=Count("pk")))


MISSING_FIELDS = {"on_roster": True, "state": ExportState.NOT_EXPORTED}  # as in IS_MISSING, over the participant


class PersonInWiseflow(models.Model):
    """A participant as WISEflow had them, with what they got there. A grade "" is none."""

    participant = models.OneToOneField(
        Participant, on_delete=models.CASCADE, related_name="in_wiseflow", verbose_name=_("participant")
    )
    number = models.BigIntegerField(_("participant id in WISEflow"))
    is_listed = models.BooleanField(_("in the flow"), default=True)  # not once WISEflow lists them no more
    is_activated = models.BooleanField(_("activated"), default=True)  # else no grade is expected
    learn_user_id = models.CharField(_("Learn user"), max_length=NAME_LENGTH, blank=True)  # empty: not known there
    first_name = models.CharField(_("first name"), max_length=255, blank=True)
    last_name = models.CharField(_("last name"), max_length=255, blank=True)
    sources = models.JSONField(_("sources"), default=list, blank=True)  # [code, ...]; empty: added by hand
    grade = models.CharField(_("grade"), max_length=NAME_LENGTH, blank=True)
    alternative_grade = models.CharField(_("alternative grade"), max_length=NAME_LENGTH, blank=True)
    graded_at = models.DateTimeField(_("graded"), null=True, blank=True)
    # 0 not exported, 1 queued, 2 exported, 3 failed; any other as WISEflow gave it. Null: WISEflow does not say
    export_state = models.IntegerField(_("export state"), null=True, blank=True)
    exported_at = models.DateTimeField(_("exported"), null=True, blank=True)
    fetched_at = models.DateTimeField(_("fetched"))

    objects = PersonInWiseflowQuerySet.as_manager()

    class Meta:
        verbose_name = _("participant in WISEflow")
        verbose_name_plural = _("participants in WISEflow")

    def __str__(self) -> str:
        return str(self.participant)

    @property
    def export_state_label(self) -> str:
        return state_label(self.export_state)

    @property
    def given(self) -> str:
        """The assessment: the alternative grade overrides the mark."""
        return self.alternative_grade or self.grade

    @property
    def is_expected(self) -> bool:
        """A grade of theirs has to come, as far as WISEflow says."""
        return self.is_listed and self.is_activated and bool(self.sources)


EXPORT_STATES: dict[int | None, Any] = {
    0: _("Not exported"),
    1: _("Queued"),
    2: _("Exported"),
    3: _("Failed"),
    None: _("WISEflow does not say"),
}


def state_label(export_state: int | None) -> str:
    """WISEflow's own word for it; a state that it has not documented is shown as its number."""
    if export_state in EXPORT_STATES:
        return str(EXPORT_STATES[export_state])
    return gettext("Unknown (%(number)s)") % {"number": export_state}
