"""The clock: does what must be done regularly. One is enough; two do no harm."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from common import stopping
from courses import provisioning
from courses.reading_back import DELIVERIES_WAIT
from exports import tasks
from exports.delivering import finishing
from exports.fetching.connection import is_offered
from exports.fetching.flows import fetch_due
from exports.mapping.health import checking
from exports.models import Heartbeat, RefusedRequest
from exports.models.refused_request import KEPT
from exports.notifying import digests, watching, webhooks
from exports.privacy.purge import purge
from exports.privacy.retention import by_settings
from exports.proving import background, runs
from exports.wiseflow import WiseflowError

log = structlog.get_logger(__name__)

NIGHT = 2  # o'clock, in the site's time zone


class Command(BaseCommand):
    help = (
        "Runs in the foreground. Finishes attempts, provisioning runs and tasks whose process died (see `sweep`), "
        "sends e-mail and webhook messages about what has happened, reads grades back from Learn to prove them, checks "
        "with Learn every night what the next exams need there, reads WISEflow's API where it is set up, deletes "
        "refused requests once they are 90 days old, and every night what is older than RETENTION_DAYS and "
        "RETENTION_LOG_DAYS, where they are set."
    )

    def handle(self, **_: Any) -> None:
        scheduler = BackgroundScheduler(timezone=settings.TIME_ZONE)
        alone = {"max_instances": 1, "coalesce": True}
        scheduler.add_job(give_sign_of_life, "interval", minutes=1, next_run_time=timezone.now(), **alone)
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
        if settings.RETENTION_DAYS or settings.RETENTION_LOG_DAYS:
            scheduler.add_job(purge_old, "cron", hour=NIGHT + 1, misfire_grace_time=6 * 3600, **alone)
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
        log.warning("clock_waits_for_database", job=what, exc_info=True)  # the next tick tries again
    except Exception:
        log.exception("clock_job_crashed", job=what)  # one fault must not stop all else that the clock does
    finally:
        connection.close()


def give_sign_of_life() -> None:
    """Show that the clock runs, and ask the workers whether they do."""
    with tick("sign of life"):
        Heartbeat.objects.beat(Heartbeat.Name.CLOCK)
        tasks.ask_workers()


def sweep() -> None:
    """One sweep."""
    with tick("sweep"):
        attempts, provisioning_runs = finishing.sweep(), provisioning.sweep()
        if attempts or provisioning_runs:
            log.warning("sweep_finished", attempts=attempts, provisioning_runs=provisioning_runs)
        tasks.finish_dead_tasks()
        background.finish_overdue()
        Heartbeat.objects.beat(Heartbeat.Name.SWEEP)


def notify_people() -> None:
    """Notice what no one causes, gather what has happened into digests, and send them."""
    now = timezone.now()
    with tick("look at what no one causes"):
        watching.watch(now)
    with tick("digest"):
        digests.make_digests(now)
        if sent := digests.send_digests():
            log.info("digests_sent", number=sent)


def notify_systems() -> None:
    """Post what has happened to those webhooks that want it."""
    with tick("message to a webhook"):
        webhooks.queue_messages(timezone.now())
        if posted := webhooks.post_messages():
            log.info("webhook_messages_posted", number=posted)


def prove_due() -> None:
    """Read back what was sent some minutes ago; rest for a quarter of an hour where Learn cannot answer."""
    with tick("look at Learn's gradebook"):
        now = timezone.now()
        if now < proving_rests["until"] or not (grades := runs.due(now)).exists():
            return
        proved = runs.prove(grades, gives_way=True)
        if proved.stopped and proved.stopped != DELIVERIES_WAIT:
            proving_rests["until"] = now + timedelta(minutes=15)
            log.info("proving_rests", until=proving_rests["until"].isoformat(), reason=proved.stopped.get("code"))


proving_rests = {"until": datetime.min.replace(tzinfo=UTC)}


def prove_again() -> None:
    """Look at the columns with young grades, one call for each that has not changed."""
    if settings.PROVE_AFTER is None:
        return
    with tick("nightly look at Learn's gradebook"):
        proved = runs.prove(runs.young(timezone.now()), gives_way=True, only_changes=True)
        if proved.stopped:
            log.info("nightly_look_stopped", columns=proved.columns, reason=proved.stopped.get("code"))


def check_with_learn() -> None:
    """Look in Learn at what the exams that end within two weeks need there."""
    with tick("check with Learn"):
        checked = checking.check_with_learn(checking.ending_soon(timezone.now()), gives_way=True)
        if checked.stopped:
            log.info("check_with_learn_stopped", flows=checked.flows, reason=checked.stopped.get("code"))


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
            log.warning("wiseflow_not_read", reason=str(error.code))  # the next hour tries again
        else:
            failed = sum(bool(outcome.failure) for outcome in outcomes)
            log.info("fetch_finished", flows=len(outcomes), failed=failed)


def purge_old() -> None:
    """Delete what is older than its period."""
    with tick("purge"):
        purge(by_settings(timezone.now()), is_scheduled=True)


def forget_refusals() -> None:
    """Delete the refused requests that are old enough."""
    with tick("deletion of refused requests"):
        deleted, _ = RefusedRequest.objects.older_than(timezone.now() - KEPT).delete()
        if deleted:
            log.info("old_refused_requests_deleted", number=deleted)
