"""Reconciles flows: what WISEflow holds, what GradeBridge did and what Learn shows."""

import json
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from exports.models import Flow
from exports.reconciling.collecting import Reconciled, reconcile
from exports.reconciling.kinds import Kind
from exports.reconciling.lines import Line
from exports.reconciling.sentences import acts, learn_shown, line_sentences


class Command(BaseCommand):
    help = (
        "Compares what WISEflow holds, what GradeBridge did and what Learn shows, as they were read last: run "
        "fetch_flows and prove before it. Without --flow: all flows. Ends with 1 where something differs or a grade is "
        "missing; one that is missing while the assessment period runs counts only with --flow."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--flow", metavar="ID", help="only this flow")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *, flow: str | None, json: bool, **_: Any) -> None:
        flows = Flow.objects.order_by("pk")
        if flow is not None:
            flows = flows.filter(flow_id=flow)
            if not flows:
                raise CommandError(f"There is no flow {flow}.")
        found, has_problems = [], False
        for reconciled in reconcile(flows.iterator(chunk_size=500), now=timezone.now()):
            result = result_of(reconciled)
            is_asked_for = flow is not None or reconciled.is_over
            has_problems |= bool(result["differences"] or (result["missing"] and is_asked_for))
            if json:
                found.append(result)
            elif text := as_text(reconciled, result):
                self.stdout.write(text)
        if json:
            self.stdout.write(as_json(found))
        elif not has_problems:
            self.stdout.write("No differences.")
        if has_problems:
            raise SystemExit(1)


def result_of(reconciled: Reconciled) -> dict[str, Any]:
    lines = [line for line in reconciled.lines if line.kind.is_difference]
    return {
        "flowId": reconciled.flow.flow_id,
        "expected": len({line.person.pk for line in reconciled.lines if line.person.is_expected}),
        "missing": reconciled.missing,
        "differences": [
            difference(line, kind) for kind in Kind for line in lines if kind.is_difference and kind in line.kinds
        ],
    }


def difference(line: Line, kind: Kind) -> dict[str, Any]:
    """Grades as values for Learn, as far as they are: WISEflow's as it would be sent today."""
    person, spot, written, wiseflow = line.person, line.spot, line.spot.written, line.wiseflow
    course_id, column_name, learn_user_id = spot.place
    return {
        "userId": person.user_id,
        "kind": kind.value,
        "wiseflow": spot.value or wiseflow.given if wiseflow else "",
        "gradebridge": written.value if written else person.given,
        "learn": learn_shown(line),
        "courseId": course_id,
        "columnName": column_name,
        "learnUserId": learn_user_id,
        "exportState": wiseflow.export_state if wiseflow else None,
        "state": person.state,
        "cause": person.cause,
        "proof": line.learn.verdict if line.learn else "",
        "readAt": line.learn.read_at.isoformat() if line.learn else None,
        "sentence": " ".join(filter(None, [line_sentences(line), acts(line)])),
    }


def as_json(found: list[dict[str, Any]]) -> str:
    return json.dumps({"flows": found}, ensure_ascii=False, indent=2)


def as_text(reconciled: Reconciled, result: dict[str, Any]) -> str:
    """Empty for a flow of which there is nothing to say."""
    differences, missing = result["differences"], result["missing"]
    if not differences and not missing:
        return ""
    numbers = Counter(one["kind"] for one in differences)
    kinds = ", ".join(f"{kind} {number}" for kind, number in numbers.items()) or "no differences"
    lines = [f"{result['flowId']}: {len(missing)} of {result['expected']} missing; {kinds}"]
    if reconciled.fetched_at is None:
        lines.append("  WISEflow's API has not been read.")
    if missing:
        lines.append(f"  missing: {', '.join(missing)}")
    lines += (
        f"  {one['userId']}: {one['kind']}. WISEflow: {one['wiseflow'] or '-'}, GradeBridge: "
        f"{one['gradebridge'] or '-'}, Learn: {one['learn'] or '-'}. {one['sentence']}"
        for one in differences
    )
    return "\n".join(lines)
