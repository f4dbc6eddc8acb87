"""What happened that people or other systems may want to know, and who of the people wants to."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from courses.models import Course
from exports.grades.causes import Cause
from exports.models.flow import Flow

MAY_SEE_GRADES = "exports.view_participant"  # no one else is sent anything
MAY_APPROVE = "exports.approve_correction"
MAY_APPROVE_DECISIONS = "exports.approve_decision"
MAY_APPROVE_EXEMPTIONS = "exports.approve_exemption"
MAY_CONFIGURE = (
    "exports.change_flow",
    "exports.change_apiclient",
)  # who has one of these is an administrator or integrator
PERMISSIONS = "django.contrib.auth.backends.ModelBackend"


class EventQuerySet(models.QuerySet["Event"]):
    def record_once(self, events: Iterable[Event]) -> list[Event]:
        """Record those about something that no event of their kind is about yet, whoever else does so; returns them."""
        events = list(events)
        known = set(self.filter(about__in=[event.about for event in events]).values_list("kind", "about"))
        new = [event for event in events if (event.kind, event.about) not in known]
        self.bulk_create(new, ignore_conflicts=True)
        return new


class Event(models.Model):
    """Something that happened: counts and causes, and no one's id, name or grade."""

    class Kind(models.TextChoices):
        # An export or a correction ended with failures other than those that a rule leaves out on purpose.
        EXPORT_FAILED = "EXPORT_FAILED", _("An export ended with failures")
        RETRY_FINISHED = "RETRY_FINISHED", _("A retry finished")
        CORRECTION_REQUESTED = "CORRECTION_REQUESTED", _("A correction is waiting for approval")
        DECISION_REQUESTED = "DECISION_REQUESTED", _("Replacing a grade in Learn is waiting for approval")
        EXEMPTION_REQUESTED = "EXEMPTION_REQUESTED", _("An exemption is waiting for approval")
        # Said to all administrators and integrators, whatever they have subscribed to.
        ACCESS_CHANGED = "ACCESS_CHANGED", _("Who may call the API has changed")
        ACCOUNT_CHANGED = "ACCOUNT_CHANGED", _("What an account may do has changed")
        # A run that read grades back has found grades that differ in Learn, or are not shown there.
        DIFFERENCE_FOUND = "DIFFERENCE_FOUND", _("Learn shows other grades than were sent")
        NOT_ARRIVED = "NOT_ARRIVED", _("Grades are expected and have not arrived")
        QUOTA_SHORT = "QUOTA_SHORT", _("Learn's calls are running short")
        MAPPING_FAULTS = "MAPPING_FAULTS", _("An exam ends soon and has mapping errors")
        TEST = "TEST", _("Test")  # of a webhook, which nobody subscribes to

    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    at = models.DateTimeField(_("happened"), default=timezone.now)
    flow = models.ForeignKey(
        Flow, on_delete=models.CASCADE, null=True, blank=True, related_name="events", verbose_name=_("flow")
    )
    # Counts, causes and our own primary keys; which, says exports/notifying/sentences.py kind by kind.
    data = models.JSONField(_("details"), default=dict, blank=True)
    # Of what is watched by the clock: what exactly it is about, so that it is recorded once. Empty: it may happen again
    about = models.CharField(max_length=120, blank=True)
    digested_at = models.DateTimeField(null=True, blank=True)  # it is in the digests of all who want it
    posted_at = models.DateTimeField(null=True, blank=True)  # every webhook that wants it has a message of it

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            models.Index(fields=["id"], condition=Q(digested_at__isnull=True), name="event_undigested"),
            models.Index(fields=["id"], condition=Q(posted_at__isnull=True), name="event_unposted"),
        ]
        constraints = [
            models.UniqueConstraint(name="event_once_about_it", fields=["kind", "about"], condition=~Q(about="")),
        ]

    def __str__(self) -> str:
        return str(self.Kind(self.kind).label)

    @property
    def causes(self) -> dict[str, int]:
        """How many grades were not delivered, by the code of the cause."""
        found: dict[str, int] = self.data.get("causes", {})
        return found


SUBSCRIBABLE = [(kind.value, kind.label) for kind in Event.Kind if kind is not Event.Kind.TEST]


def validate_kinds(kinds: object) -> None:
    known = {kind for kind, _label in SUBSCRIBABLE}
    if not isinstance(kinds, list) or not all(isinstance(kind, str) and kind in known for kind in kinds):
        raise ValidationError(_("Choose kinds of events from the list."))


def validate_causes(causes: object) -> None:
    if not isinstance(causes, list) or not all(isinstance(cause, str) and cause in Cause.values for cause in causes):
        raise ValidationError(_("Choose causes from the list."))


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def able_to_receive(self) -> SubscriptionQuerySet:
        """Of active people who may see grades and have an e-mail address."""
        people = User.objects.with_perm(MAY_SEE_GRADES, backend=PERMISSIONS)
        return self.filter(is_active=True, user__in=people).exclude(user__email="")


class Subscription(models.Model):
    """Of which events one person is sent an e-mail. Each person has their own page for it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="subscription", verbose_name=_("person")
    )
    is_active = models.BooleanField(_("send e-mail"), default=False)
    kinds = models.JSONField(_("kinds of events"), default=list, blank=True, validators=[validate_kinds])
    courses = models.ManyToManyField(
        Course, blank=True, related_name="+", verbose_name=_("courses"), help_text=_("Leave empty for all courses.")
    )
    causes = models.JSONField(
        _("causes"),
        default=list,
        blank=True,
        validators=[validate_causes],
        help_text=_("Of failures, only those with one of these causes. Leave empty for all causes."),
    )
    # Of the browser in which it was saved last: e-mail is written in it.
    language = models.CharField(_("language"), max_length=10, blank=True, editable=False)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["user__username"]
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")

    def __str__(self) -> str:
        return str(self.user)

    def wants(self, event: Event, courses: Collection[int]) -> bool:
        """`courses`: the primary keys of those that the event's flow leads to.

        An event that belongs to no flow is about all courses, and one without failures has any cause.
        """
        if event.kind not in self.kinds:
            return False
        if self.causes and event.causes and not event.causes.keys() & set(self.causes):
            return False
        chosen = {course.pk for course in self.courses.all()}
        return not chosen or event.flow_id is None or not chosen.isdisjoint(courses)
