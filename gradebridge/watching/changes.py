"""A line in the log for each change of the configuration; what was changed is under *Changes*."""

from typing import Any

import structlog
from django.db.models import Model
from django.dispatch import receiver
from simple_history.signals import post_create_historical_record

log = structlog.get_logger(__name__)

CHANGES = {"+": "added", "~": "changed", "-": "deleted"}


@receiver(post_create_historical_record)
def log_change(instance: Model, history_instance: Any, history_user: Any = None, **_: Any) -> None:
    """By primary key: some rows are about a student."""
    log.info(
        "configuration_changed",
        model=instance._meta.label_lower,
        row=history_instance.id,
        change=CHANGES.get(history_instance.history_type, history_instance.history_type),
        by=str(history_user or "command line"),
    )
