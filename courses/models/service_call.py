"""The call log."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ServiceCall(models.Model):
    """One call to a service of Learn: counts and times, nothing of a person. The quota is counted from these."""

    service = models.CharField(_("service"), max_length=40)
    items = models.PositiveIntegerField(_("items"))
    status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)  # None: no answer came
    ok_count = models.PositiveIntegerField(_("accepted"))
    error_count = models.PositiveIntegerField(_("rejected"))
    seconds = models.FloatField(_("seconds"))
    started_at = models.DateTimeField(_("started"), db_index=True)
    # The error's class, where the call did not end in results.
    error = models.CharField(_("error"), max_length=40, blank=True)
    rate_limit = models.PositiveIntegerField(_("daily call limit"), null=True, blank=True)  # as Learn's answer says
    rate_remaining = models.PositiveIntegerField(_("calls left"), null=True, blank=True)
    lifts_at = models.DateTimeField(
        _("sending can resume"), null=True, blank=True
    )  # Learn accepts no calls before then

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("call to Learn")
        verbose_name_plural = _("calls to Learn")
        indexes = [
            models.Index(fields=["lifts_at"], condition=models.Q(lifts_at__isnull=False), name="service_call_lifts_at")
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.pk}"
