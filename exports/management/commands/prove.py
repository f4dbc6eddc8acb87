"""Proves the grades in Learn: reads the gradebook back and compares."""

import json
from argparse import ArgumentParser
from collections import Counter, defaultdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from courses.sentences import sentence
from exports.models import Flow, GradeInLearn, Proof
from exports.models.grade_in_learn import GradeInLearnQuerySet, proof_state_of
from exports.models.proof import ProofState
from exports.proving.columns import DIFFERS
from exports.proving.runs import prove, young
from exports.proving.sentences import proof_sentence


class Command(BaseCommand):
    help = (
        "Reads back what Learn's gradebook shows in place of the grades that were sent, and lists what is different. "
        "Without an option: the grades of the last PROVE_DAYS days. Ends with 1 where something differs and is not "
        "kept, or could not be looked at."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--flow", metavar="ID", help="only the grades of this flow")
        parser.add_argument("--all", action="store_true", help="all grades, whatever their age")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *, flow: str | None, all: bool, json: bool, **_: Any) -> None:
        grades = chosen(flow, is_all=all)
        proved = prove(grades)
        found = result(grades)
        self.stdout.write(as_json(found) if json else as_text(found))
        if proved.stopped:
            raise CommandError(sentence(proved.stopped))
        if any(row["differences"] for row in found):
            raise SystemExit(1)


def chosen(flow_id: str | None, *, is_all: bool) -> GradeInLearnQuerySet:
    if flow_id is not None:
        flow = Flow.objects.filter(flow_id=flow_id).first()
        if flow is None:
            raise CommandError(f"There is no flow {flow_id}.")
        return GradeInLearn.objects.in_learn().filter(participant__flow=flow)
    return GradeInLearn.objects.in_learn() if is_all else young(timezone.now())


def result(grades: GradeInLearnQuerySet) -> list[dict[str, Any]]:
    """Of each flow the numbers of its grades by verdict, and what is different in Learn and not kept."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    differences: dict[str, list[dict[str, Any]]] = defaultdict(list)
    rows = grades.select_related("participant__flow", "proof").with_kept()
    rows = rows.order_by("participant__flow_id", "participant_id", "pk")
    for grade in rows.iterator(chunk_size=2000):
        flow_id, proof = grade.participant.flow.flow_id, grade.proof
        counts[flow_id][proof.verdict if proof else ""] += 1
        if proof and proof.verdict in DIFFERS and proof_state_of(grade) is not ProofState.KEPT:
            differences[flow_id].append(difference(grade, proof))
    return [
        {
            "flowId": flow_id,
            "counts": {verdict: numbers[verdict] for verdict in Proof.Verdict.values},
            "differences": differences[flow_id],
        }
        for flow_id, numbers in counts.items()
    ]


def difference(grade: GradeInLearn, proof: Proof) -> dict[str, Any]:
    return {
        "userId": grade.participant.user_id,
        "courseId": grade.course_id,
        "columnName": grade.column_name,
        "learnUserId": grade.learn_user_id,
        "value": grade.value,
        "shown": proof.shown,
        "proof": proof.verdict,
        "sentence": proof_sentence(proof),
    }


def as_json(found: list[dict[str, Any]]) -> str:
    return json.dumps({"flows": found}, ensure_ascii=False, indent=2)


def as_text(found: list[dict[str, Any]]) -> str:
    lines = []
    for flow in found:
        counts = flow["counts"]
        lines.append(
            f"{flow['flowId']}: {counts['PROVEN']} proven, {counts['DIFFERENT']} different, {counts['ABSENT']} not "
            f"shown, {counts['UNREADABLE']} not readable"
        )
        lines += (
            f"  {row['userId']}: sent {row['value']} to {row['columnName']} of {row['courseId']} for "
            f"{row['learnUserId']}. {row['sentence']}"
            for row in flow["differences"]
        )
    return "\n".join(lines) or "There is nothing to prove."
