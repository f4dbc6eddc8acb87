"""Retries failed grades, and delivers them itself."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count

from exports import retrying
from exports.delivering import finishing
from exports.grades.causes import Cause
from exports.management.commands.sweep import still_running
from exports.models import Delivery, ExportAttempt, Flow, Participant
from exports.tasks import deliver_attempt


class Command(BaseCommand):
    help = "Retries the failed grades of one flow, or of all, and waits for Learn. Exit code 1 if any stays failed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--flow", metavar="ID", help="the flow's id in WISEflow (default: all flows)")

    def handle(self, *, flow: str | None, **_: Any) -> None:
        participants, running = Participant.objects.all(), ExportAttempt.objects.all()
        if flow is not None:
            if not Flow.objects.filter(flow_id=flow).exists():
                raise CommandError(f"Flow {flow} is not known.")
            participants, running = participants.filter(flow__flow_id=flow), running.filter(flow__flow_id=flow)
        finishing.sweep()  # what a dead process left behind is failed too
        if sentence := still_running(running):
            self.stdout.write(sentence)
        attempts: list[ExportAttempt] = []
        run, _is_new = retrying.begin(retrying.Scope(flow=Flow.objects.filter(flow_id=flow).first()), by=None)
        for failed_flow in set(participants.retryable().values_list("flow_id", flat=True)):
            retry = retrying.retry_in(run, participants.filter(flow=failed_flow), in_background=False)
            for attempt in retry.attempts:
                deliver_attempt.call(attempt.pk)
            attempts += retry.attempts
        if not attempts:
            run.delete()
            self.stdout.write("Nothing to retry: no grade has failed.")
            return
        delivered = Delivery.objects.filter(attempt__in=attempts, state=Delivery.State.DELIVERED).count()
        causes = dict(participants.retryable().order_by("cause").values_list("cause").annotate(Count("pk")))
        self.stdout.write(
            f"{len(attempts)} {'attempt' if len(attempts) == 1 else 'attempts'}, "
            f"{delivered} delivered, {sum(causes.values())} still failed"
        )
        for cause, count in causes.items():
            self.stdout.write(f"{count} {cause}: {Cause(cause).label}")
        if causes:
            raise CommandError("Some grades are still failed. The admin shows the reason for each.")
