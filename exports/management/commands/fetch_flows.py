"""Fetches flows from WISEflow's API, and waits for it."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from exports.fetching import flows as fetching
from exports.fetching.connection import is_offered
from exports.fetching.flows import Outcome
from exports.fetching.sentences import failure_of, sentence
from exports.models import Flow
from exports.wiseflow import WiseflowError

MAX_DAYS = 366


class Command(BaseCommand):
    help = (
        "Reads flows in WISEflow's API: title, end, sources, roster, and the grades that it holds. Without options "
        "those that end within 14 days or ended within the last 30. Exit code 1 if one could not be fetched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--flow", metavar="ID", help="the id of one flow (default: those that are due)")
        parser.add_argument(
            "--ending-within",
            metavar="DAYS",
            type=int,
            help="add the flows of the student system that end within DAYS, and fetch all that do",
        )
        parser.add_argument("--json", action="store_true", help="print what was fetched as JSON")

    def handle(self, *, flow: str | None, ending_within: int | None, **options: Any) -> None:
        if not is_offered():
            raise CommandError("WISEFLOW_URL is not set, so WISEflow's API is not read.")
        if ending_within is not None and not 0 <= ending_within <= MAX_DAYS:
            raise CommandError(f"--ending-within must be from 0 to {MAX_DAYS} days.")
        chosen, problem = self.choose(flow, ending_within)
        outcomes = list(fetching.fetch_all(chosen))
        left = len(chosen) - len(outcomes)
        if options["json"]:
            self.stdout.write(json.dumps({"flows": [as_json(outcome) for outcome in outcomes], "error": problem}))
        else:
            for outcome in outcomes:
                self.stdout.write(line(outcome))
        failures = sum(bool(outcome.failure) for outcome in outcomes)
        if problem:
            raise CommandError(problem)
        if failures or left:
            raise CommandError(f"{failures + left} of {len(outcomes) + left} flows could not be fetched.")

    def choose(self, flow_id: str | None, ending_within: int | None) -> tuple[list[Flow], str]:
        """Which flows, and why the search for further ones failed, if it did."""
        now = timezone.now()
        problem = ""
        if ending_within is not None:
            ahead = timedelta(days=ending_within)
            try:
                fetching.add_ending(now, ahead=ahead)
            except WiseflowError as error:
                problem = sentence(failure_of(error))
            if flow_id is None:
                return list(fetching.due(now, ahead=ahead, behind=timedelta(0))), problem
        if flow_id is None:
            return list(fetching.due(now)), problem
        flows = list(Flow.objects.filter(flow_id=flow_id))
        if not flows:
            raise CommandError(f"Flow {flow_id} is not known.")
        return flows, problem


def as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "flowId": outcome.flow_id,
        "title": outcome.title,
        "fetched": not outcome.failure,
        "counts": outcome.counts,
        "failure": outcome.failure.get("code", ""),
        "error": outcome.sentence,
    }


def line(outcome: Outcome) -> str:
    if outcome.failure:
        return f"{outcome.flow_id}: {outcome.sentence}"
    counts = outcome.counts
    return (
        f"{outcome.flow_id}: {counts['listed']} participants, {counts['by_hand']} added by hand, "
        f"{counts['deactivated']} deactivated, {counts['unknown']} without a Learn user"
    )
