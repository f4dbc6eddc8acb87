"""Reconciliation as rows of a file: one for each person and place, with all three sides."""

from collections.abc import Iterator
from typing import Any

from exports.models import Proof
from exports.models.in_wiseflow import state_label
from exports.reconciling.collecting import Reconciled
from exports.reconciling.lines import Line
from exports.reconciling.sentences import acts, learn_sentence, learn_shown, line_sentences

COLUMNS = (
    *("flow_id", "flow_title", "user_id", "first_name", "last_name", "source_code"),
    *("course_id", "column_name", "learn_user_id", "expected", "differs", "kinds"),
    *("wiseflow_grade", "wiseflow_value", "wiseflow_export_state", "wiseflow_read_at"),
    *("state", "cause", "value", "since"),
    *("learn_shows", "proof", "learn_read_at", "learn"),
    *("explanation", "what_to_do"),
)


def rows_of(reconciled: Reconciled, *, only_problems: bool = False, may_configure: bool = False) -> Iterator[Any]:
    """Problems first. `only_problems`: no other lines."""
    ordered = sorted(reconciled.lines, key=lambda line: not line.kind.is_problem)  # else people stay in their order
    for line in ordered:
        if line.kind.is_problem or not only_problems:
            yield row_of(reconciled, line, may_configure=may_configure)


def row_of(reconciled: Reconciled, line: Line, *, may_configure: bool) -> tuple[Any, ...]:
    person, spot, wiseflow, written, learn = line.person, line.spot, line.wiseflow, line.spot.written, line.learn
    in_wiseflow: tuple[Any, ...] = ("", "", "", reconciled.fetched_at)
    if wiseflow:
        in_wiseflow = wiseflow.given, spot.value, state_label(wiseflow.export_state), wiseflow.fetched_at
    return (
        *(reconciled.flow.flow_id, reconciled.flow.title, person.user_id, person.first_name, person.last_name),
        spot.source_code,
        *spot.place,
        *(person.is_expected, line.kind.is_problem, " ".join(kind.value for kind in line.kinds)),
        *in_wiseflow,
        *(person.state, person.cause),
        *((written.value, written.since) if written else ("", None)),
        *(learn_shown(line), learn.verdict if learn else "", learn.read_at if learn else None),
        # Of what is proven the cells before it say all.
        "" if learn and learn.verdict == Proof.Verdict.PROVEN else learn_sentence(line),
        *(line_sentences(line), acts(line, may_configure=may_configure)),
    )
