"""What was found of a flow in Learn before its exam, by the last look at its courses, columns and enrolments."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from exports.models.flow import Flow

PATIENCE = timedelta(minutes=30)  # a check that was requested longer ago has been lost


class LearnCheck(models.Model):
    """The last look of one flow, replaced as a whole by the next one.

    A look that could not be taken changes nothing of what the last one found: `problem` says why, and `tried_at` when.
    """

    flow = models.OneToOneField(Flow, on_delete=models.CASCADE, related_name="learn_check", verbose_name=_("flow"))
    # When Learn was looked at; null: it never was.
    checked_at = models.DateTimeField(_("checked"), null=True, blank=True)
    # Codes and parameters: see exports/mapping/health/findings.py. People are in them by primary key alone.
    findings: models.JSONField[list[dict[str, Any]]] = models.JSONField(_("findings"), default=list, blank=True)
    errors = models.PositiveIntegerField(_("errors"), default=0)
    warnings = models.PositiveIntegerField(_("warnings"), default=0)
    notes = models.PositiveIntegerField(_("notes"), default=0)
    # Why the last try has not looked, as code and parameters; empty: it has.
    problem: models.JSONField[dict[str, Any]] = models.JSONField(_("problem"), default=dict, blank=True)
    tried_at = models.DateTimeField(_("last tried"), null=True, blank=True)
    # Someone has requested a look that has not been taken yet.
    requested_at = models.DateTimeField(_("requested"), null=True, blank=True)

    class Meta:
        ordering = ["flow"]
        verbose_name = _("check with Learn")
        verbose_name_plural = _("checks with Learn")
        permissions = [("check_with_learn", _("Can check flows and students with Learn"))]
        indexes = [
            models.Index(fields=["flow"], condition=Q(errors__gt=0), name="learn_check_with_errors"),
            models.Index(fields=["tried_at"], name="learn_check_tried"),  # the dashboard asks for the last one
        ]

    def __str__(self) -> str:
        return gettext("Check of flow %(flow)s with Learn") % {"flow": self.flow.flow_id}

    def is_awaited(self, now: datetime) -> bool:
        """Whether a look has been requested, and may still be taken."""
        return self.requested_at is not None and now - self.requested_at < PATIENCE
