"""The clock: does what must be done regularly. One is enough; two do no harm."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from common import stopping
from courses import provisioning
from courses.reading_back import DELIVERIES_WAIT
from courses.sentences import sentence
from exports import tasks
from exports.delivering import finishing
from exports.fetching.connection import is_offered
from exports.fetching.flows import fetch_due
from exports.mapping.health import checking, saying
from exports.models import RefusedRequest
from exports.models.refused_request import KEPT
from exports.notifying import digests, watching, webhooks
from exports.proving import background, runs
from exports.wiseflow import WiseflowError

log = logging.getLogger(__name__)

NIGHT = 2  # o'clock, in the site's time zone


class Command(BaseCommand):
    help = (
        "Runs in the foreground. Finishes attempts, provisioning runs and tasks whose process died (see `sweep`), "
        "sends e-mail and webhook messages about what has happened, reads grades back from Learn to prove them, checks "
        "with Learn every night what the next exams need there, reads WISEflow's API where it is set up, and deletes "
        "refused requests once they are 90 days old."
    )

    def handle(self, **_: Any) -> None:
        scheduler = BackgroundScheduler(timezone=settings.TIME_ZONE)
        alone = {"max_instances": 1, "coalesce": True}
        scheduler.add_job(sweep, "interval", seconds=max(1, settings.LEARN_TIMEOUT), **alone)
        # Each in a thread of its own: a slow mail server or receiver holds up nothing else.
        scheduler.add_job(notify_people, "interval", minutes=1, **alone)
        scheduler.add_job(notify_systems, "interval", minutes=1, **alone)
        scheduler.add_job(prove_due, "interval", minutes=1, **alone)
        scheduler.add_job(prove_again, "cron", hour=NIGHT, misfire_grace_time=6 * 3600, **alone)
        scheduler.add_job(check_with_learn, "cron", hour=NIGHT, minute=30, misfire_grace_time=6 * 3600, **alone)
        scheduler.add_job(check_mappings, "interval", hours=1, next_run_time=timezone.now(), **alone)
        if is_offered():
            scheduler.add_job(fetch_flows, "interval", hours=1, next_run_time=timezone.now(), **alone)
        soon = timezone.now() + timedelta(minutes=1)  # one that is restarted every day does it too
        scheduler.add_job(forget_refusals, "interval", days=1, next_run_time=soon, **alone)
        # In threads of its own: it would take what a signal raises for a fault of the job that it starts just then.
        scheduler.start()
        with suppress(SystemExit):
            for end in (signal.SIGTERM, signal.SIGINT):
                signal.signal(end, lambda *_: sys.exit(0))
            stopping.listen()  # what runs for long ends early
            self.stdout.write(f"Sweeping every {max(1, settings.LEARN_TIMEOUT):g} seconds. Press Ctrl-C to stop.")
            self.stdout.flush()
            threading.Event().wait()
        scheduler.shutdown()  # what it does now is done to its end
        self.stdout.write("Stopped.")


@contextmanager
def tick(what: str) -> Iterator[None]:
    """Where the database fails, the next tick tries again."""
    try:
        yield
    except (OperationalError, InterfaceError):
        log.warning("The database failed; the next %s tries again", what, exc_info=True)
    except Exception:
        log.exception("The next %s tries again", what)  # one fault must not stop all else that the clock does
    finally:
        connection.close()


def sweep() -> None:
    """One sweep."""
    with tick("sweep"):
        if finished := finishing.sweep():
            log.warning("%s attempts of dead processes were finished", finished)
        if finished := provisioning.sweep():
            log.warning("%s provisioning runs of dead processes were finished", finished)
        tasks.finish_dead_tasks()
        background.finish_overdue()


def notify_people() -> None:
    """Notice what no one causes, gather what has happened into digests, and send them."""
    now = timezone.now()
    with tick("look at what no one causes"):
        watching.watch(now)
    with tick("digest"):
        digests.make_digests(now)
        if sent := digests.send_digests():
            log.info("%s digests were sent", sent)


def notify_systems() -> None:
    """Post what has happened to those webhooks that want it."""
    with tick("message to a webhook"):
        webhooks.queue_messages(timezone.now())
        if posted := webhooks.post_messages():
            log.info("%s messages were posted to webhooks", posted)


def prove_due() -> None:
    """Read back what was sent some minutes ago; rest for a quarter of an hour where Learn cannot answer."""
    with tick("look at Learn's gradebook"):
        now = timezone.now()
        if now < proving_rests["until"] or not (grades := runs.due(now)).exists():
            return
        proved = runs.prove(grades, gives_way=True)
        if proved.stopped and proved.stopped != DELIVERIES_WAIT:
            proving_rests["until"] = now + timedelta(minutes=15)
            log.info("Proving rests until %s: %s", proving_rests["until"], sentence(proved.stopped))


proving_rests = {"until": datetime.min.replace(tzinfo=UTC)}


def prove_again() -> None:
    """Look at the columns with young grades, one call for each that has not changed."""
    if settings.PROVE_AFTER is None:
        return
    with tick("nightly look at Learn's gradebook"):
        proved = runs.prove(runs.young(timezone.now()), gives_way=True, only_changes=True)
        if proved.stopped:
            log.info("The nightly look ended after %s columns: %s", proved.columns, sentence(proved.stopped))


def check_with_learn() -> None:
    """Look in Learn at what the exams that end within two weeks need there."""
    with tick("check with Learn"):
        checked = checking.check_with_learn(checking.ending_soon(timezone.now()), gives_way=True)
        if checked.stopped:
            log.info(
                "The check with Learn ended after %s flows: %s", checked.flows, saying.stopped_sentence(checked.stopped)
            )


def check_mappings() -> None:
    """Look at the mappings of exams that end soon."""
    with tick("look at the mappings"):
        watching.watch_mappings(timezone.now())


def fetch_flows() -> None:
    """Read WISEflow's API about the flows that are young or end soon."""
    with tick("fetch from WISEflow"):
        try:
            outcomes = fetch_due(timezone.now())
        except WiseflowError as error:
            log.warning("WISEflow's API could not be read; the next hour tries again: %s", error.code)
        else:
            log.info("%s flows were fetched from WISEflow", sum(not outcome.failure for outcome in outcomes))


def forget_refusals() -> None:
    """Delete the refused requests that are old enough."""
    with tick("deletion of refused requests"):
        deleted, _ = RefusedRequest.objects.older_than(timezone.now() - KEPT).delete()
        if deleted:
            log.info("%s refused requests older than %s days were deleted", deleted, KEPT.days)
