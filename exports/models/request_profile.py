"""Where a caller's body holds what GradeBridge needs (R13)."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from courses.models import Spelled
from exports.reading.profiles import DOCUMENTED, EXPRESSION_LENGTH, BadExpression, BadRule, LearnUserRule, Profile, Rule


class RequestProfile(Spelled):
    """The shape of the body that an API client sends: a JMESPath expression for each thing that is read.

    The first three expressions search the body, the others each entry of the list of participants. An empty expression
    finds nothing.
    """

    name = models.CharField(_("name"), max_length=100, unique=True)
    flow_id = models.CharField(_("flow id"), max_length=EXPRESSION_LENGTH, blank=True, default=DOCUMENTED["flow_id"])
    source_code = models.CharField(
        _("source"),
        max_length=EXPRESSION_LENGTH,
        blank=True,
        default=DOCUMENTED["source_code"],
        help_text=_("Used for entries that name no source of their own."),
    )
    participants = models.CharField(
        _("list of participants"), max_length=EXPRESSION_LENGTH, default=DOCUMENTED["participants"]
    )
    user_id = models.CharField(_("user id"), max_length=EXPRESSION_LENGTH, default=DOCUMENTED["user_id"])
    learn_user_id = models.CharField(
        _("Learn user id"), max_length=EXPRESSION_LENGTH, blank=True, default=DOCUMENTED["learn_user_id"]
    )
    mark = models.CharField(_("mark"), max_length=EXPRESSION_LENGTH, blank=True, default=DOCUMENTED["mark"])
    alternative_grade = models.CharField(
        _("alternative grade"), max_length=EXPRESSION_LENGTH, blank=True, default=DOCUMENTED["alternative_grade"]
    )
    entry_source_code = models.CharField(
        _("source of an entry"), max_length=EXPRESSION_LENGTH, blank=True, default=DOCUMENTED["entry_source_code"]
    )
    added_by = models.CharField(
        _("added by"),
        max_length=EXPRESSION_LENGTH,
        blank=True,
        default=DOCUMENTED["added_by"],
        help_text=_("Must return SIS, MANUAL or nothing."),
    )
    learn_user_rule = models.CharField(
        _("Learn user"),
        max_length=7,
        choices=Rule,
        default=Rule.AS_IS,
        help_text=_("How to derive the Learn user from the user id, if neither the body nor the roster names one."),
    )
    learn_user_text = models.CharField(
        _("prefix, suffix or pattern"),
        max_length=100,
        blank=True,
        help_text=_(
            "A pattern is a regular expression that matches the whole user id. Its one group is the Learn user."
        ),
    )

    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]
        verbose_name = _("request profile")
        verbose_name_plural = _("request profiles")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        errors = {}
        try:
            self.profile()
        except BadExpression as bad:
            errors[bad.field] = str(bad)
        try:
            self.rule()
        except BadRule as bad:
            errors["learn_user_text"] = str(bad)
        if errors:
            raise ValidationError(errors)

    def profile(self) -> Profile:
        """Raises BadExpression."""
        return Profile.compile({name: getattr(self, name) for name in DOCUMENTED})

    def rule(self) -> LearnUserRule:
        """Raises BadRule."""
        return LearnUserRule.compile(Rule(self.learn_user_rule), self.learn_user_text)
