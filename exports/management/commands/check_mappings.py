"""Says what would refuse grades before anybody exports them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exports.mapping import health
from exports.models import Flow


class Command(BaseCommand):
    help = (
        "Looks for what is missing or wrong in the mapping of one flow, or of all: a line for each error and note. "
        "Flows whose grades are all exported are left out. Exit code 1 while there is an error."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--flow", metavar="ID", help="the flow's id in WISEflow (default: all flows)")

    def handle(self, *, flow: str | None, **_: Any) -> None:
        flows = Flow.objects.order_by("flow_id")
        if flow is not None:
            flows = flows.filter(flow_id=flow)
            if not flows.exists():
                raise CommandError(f"Flow {flow} is not known.")
        found = health.check(flows)
        for row, problems in found.by_flow:
            for problem in problems:
                severity = problem.kind.severity.label
                self.stdout.write(f"{severity}: flow {row}: {problem.sentence} [{problem.kind}; {problem.place}]")
        self.stdout.write(found.sentence)
        if found.flows_with_errors:
            raise CommandError(
                "Grades of flows with errors would be refused; the admin's Mapping health leads to each."
            )
