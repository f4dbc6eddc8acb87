"""The call log."""

from django.db import models


class ServiceCall(models.Model):
    """One call to a service of Learn: counts and times, nothing of a person. The quota is counted from these."""

    service = models.CharField(max_length=40)
    items = models.PositiveIntegerField()
    status = models.PositiveSmallIntegerField("HTTP status", null=True, blank=True)  # None: no answer came
    ok_count = models.PositiveIntegerField("OK")
    error_count = models.PositiveIntegerField("errors")
    seconds = models.FloatField()
    started_at = models.DateTimeField(db_index=True)
    error = models.CharField(max_length=40, blank=True)  # the error's class, where the call did not end in results
    rate_limit = models.PositiveIntegerField("quota a day", null=True, blank=True)  # as Learn said in its answer
    rate_remaining = models.PositiveIntegerField("calls left", null=True, blank=True)
    lifts_at = models.DateTimeField("quota lifts", null=True, blank=True)  # Learn takes no more calls before then

    class Meta:
        ordering = ["-pk"]
        verbose_name = "call to Learn"
        verbose_name_plural = "calls to Learn"
        indexes = [
            models.Index(fields=["lifts_at"], condition=models.Q(lifts_at__isnull=False), name="service_call_lifts_at")
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.pk}"
