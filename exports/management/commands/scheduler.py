"""The clock: does what must be done now and then. One is enough; two do no harm."""

import logging
import signal
import sys
from typing import Any

from apscheduler.schedulers.blocking import BlockingScheduler
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, connection

from courses import provisioning
from exports import tasks
from exports.delivering import settling

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Runs in the foreground and finishes attempts, provisioning runs and tasks whose process died (see `sweep`)."

    def handle(self, **_: Any) -> None:
        scheduler = BlockingScheduler(timezone=settings.TIME_ZONE)
        scheduler.add_job(sweep, "interval", seconds=max(1, settings.LEARN_TIMEOUT), max_instances=1, coalesce=True)
        for end in (signal.SIGTERM, signal.SIGINT):
            signal.signal(end, lambda *_: sys.exit(0))
        self.stdout.write(f"Sweeping every {max(1, settings.LEARN_TIMEOUT):g} seconds. Ctrl-C ends it.")
        self.stdout.flush()
        try:
            scheduler.start()
        except SystemExit:
            self.stdout.write("Stopped.")


def sweep() -> None:
    """One sweep. Where the database fails, the next one tries again."""
    try:
        if finished := settling.sweep():
            log.warning("%s attempts of dead processes were finished", finished)
        if finished := provisioning.sweep():
            log.warning("%s provisioning runs of dead processes were finished", finished)
        tasks.settle_dead_tasks()
    except (OperationalError, InterfaceError):
        log.warning("The database failed; the next sweep tries again", exc_info=True)
    finally:
        connection.close()
