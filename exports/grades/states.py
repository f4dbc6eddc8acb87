"""WISEflow's own four words for the state of an export."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ExportState(models.TextChoices):
    """The state of a participant, an attempt or a flow."""

    # WISEflow has sent no grade: nothing to do before the exam ends; after that, have it exported in WISEflow.
    NOT_EXPORTED = "NOT_EXPORTED", _("Not exported")
    # Recorded or being sent: nothing to do.
    QUEUED = "QUEUED", _("In progress")
    # Learn has confirmed it: nothing to do.
    EXPORTED = "EXPORTED", _("Exported")
    # Not delivered: correct what the cause says, or ask an administrator to, then retry.
    FAILED = "FAILED", _("Failed")
