"""Shows what would refuse grades, before an export."""

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from exports.mapping import health
from exports.mapping.health import checking, saying
from exports.mapping.health.findings import Code
from exports.mapping.health.saying import Said
from exports.models import Flow, LearnCheck
from exports.models.flow import FlowQuerySet

UNREAD = (Code.NOT_READ, Code.USERS_HIDDEN)


class Command(BaseCommand):
    help = (
        "Checks the mapping of one flow, or of all: a line for each error, warning and note. "
        "Finished flows, whose grades are all exported, are not checked. With --learn, Learn is read as well: for the "
        "one flow, or for all that end within 14 days. Exit code 1 if there is an error, or Learn could not be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--flow", metavar="ID", help="the flow's id in WISEflow (default: all flows)")
        parser.add_argument("--learn", action="store_true", help="read courses, columns and enrolments in Learn, too")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *, flow: str | None, learn: bool, json: bool, **_: Any) -> None:
        flows = chosen(flow)
        found = health.check(flows)
        looked = LooksInLearn(flows if flow is not None else checking.ending_soon(timezone.now())) if learn else None
        if json:
            self.stdout.write(as_json(found, looked))
        else:
            for line in [*lines(found), *(looked.lines() if looked else [])]:
                self.stdout.write(line)
            if flow is None:
                for about in health.check_clients():
                    self.stdout.write(f"{health.Severity.NOTE.label}: client {about.client}: {about.sentence}")
            self.stdout.write(found.sentence)
        if looked and looked.checked.stopped:
            raise CommandError(saying.stopped_sentence(looked.checked.stopped))
        if found.flows_with_errors or (looked and looked.has_errors):
            raise CommandError("Grades of flows with errors will be refused. See Mapping health in the admin.")
        if looked and looked.is_incomplete:
            raise CommandError("Not everything could be read in Learn. See the notes above.")


def chosen(flow_id: str | None) -> FlowQuerySet:
    flows = Flow.objects.order_by("flow_id")
    if flow_id is not None:
        flows = flows.filter(flow_id=flow_id)
        if not flows.exists():
            raise CommandError(f"Flow {flow_id} is not known.")
    return flows


class LooksInLearn:
    """What a look at Learn finds of these flows, which it takes at once."""

    def __init__(self, flows: FlowQuerySet) -> None:
        self.flows = list(flows)
        self.checked = checking.check_with_learn(self.flows)
        self.checks = {check.flow_id: check for check in LearnCheck.objects.filter(flow__in=self.flows)}
        self.said: Mapping[int, Sequence[Said]] = saying.say(self.looked_at.values())

    @property
    def looked_at(self) -> dict[int, LearnCheck]:
        """Those of this run: what an earlier one found is no answer to this one."""
        return {flow: check for flow, check in self.checks.items() if not check.problem}

    @property
    def has_errors(self) -> bool:
        return any(check.errors for check in self.looked_at.values())

    @property
    def is_incomplete(self) -> bool:
        return any(each.code in UNREAD for theirs in self.said.values() for each in theirs)

    def lines(self) -> list[str]:
        found = [
            f"{each.severity.label}: flow {flow}: {each.sentence} {each.what_to_do} [{each.code}; Learn]"
            for flow in self.flows
            for each in self.said.get(flow.pk, ())
        ]
        return [*found, f"Looked up in Learn: {self.checked.flows} of {len(self.flows)} flows."]


def lines(found: health.Health) -> list[str]:
    return [
        f"{problem.kind.severity.label}: flow {row}: {problem.sentence} [{problem.kind}; {problem.place}]"
        for row, problems in found.by_flow
        for problem in problems
    ]


def as_json(found: health.Health, looked: LooksInLearn | None) -> str:
    """A flow has `problems`, and `learn` if it was looked up there: null where that could not be done."""
    flows: dict[str, dict[str, Any]] = {}
    for row, problems in found.by_flow:
        flows[row.flow_id] = {"flowId": row.flow_id, "problems": [problem_of(problem) for problem in problems]}
    for flow in looked.flows if looked else ():
        kept = flows.setdefault(flow.flow_id, {"flowId": flow.flow_id, "problems": []})
        kept["learn"] = learn_of(flow, looked) if looked else None
    return json.dumps({"flows": list(flows.values())}, ensure_ascii=False, indent=2)


def problem_of(problem: health.Problem) -> dict[str, str]:
    return {
        "code": problem.kind.value,
        "severity": problem.kind.severity.value,
        "sentence": problem.sentence,
        "repair": problem.place,
    }


def learn_of(flow: Flow, looked: LooksInLearn) -> dict[str, Any] | None:
    check = looked.looked_at.get(flow.pk)
    if check is None or check.checked_at is None:
        return None
    return {
        "checkedAt": check.checked_at.isoformat(),
        "findings": [
            {
                "code": each.code.value,
                "severity": each.severity.value,
                "sentence": each.sentence,
                "repair": each.what_to_do,
                "people": [person.user_id for person in each.people],
            }
            for each in looked.said.get(flow.pk, ())
        ],
    }
