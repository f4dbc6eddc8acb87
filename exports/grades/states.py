"""WISEflow's own four words for where an export stands."""

from django.db import models


class ExportState(models.TextChoices):
    """The state of a participant, an attempt or a flow."""

    NOT_EXPORTED = "NOT_EXPORTED", "Not exported"  # no grade has come yet: nothing to do
    QUEUED = "QUEUED", "Queued"  # on its way: wait
    EXPORTED = "EXPORTED", "Exported"  # Learn confirmed it: nothing to do
    FAILED = "FAILED", "Failed"  # read the cause, repair it, retry
