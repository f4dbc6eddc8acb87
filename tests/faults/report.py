"""What the run found out about each fault: as a table on the terminal, and as docs/reliability.md."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from exports.models import ExportAttempt, Participant

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"

SECTIONS = (
    "Learn fails one call of three, once",
    "Learn fails from the second call on",
    "The token service fails",
    "The network fails",
    "The database fails during a call",
    "A process is killed with `kill -9`",
    "Learn cannot be read before twelve grades there are to be replaced",
    "Learn fails one call of three, once, and does not let anyone look",
    "Learn fails from the second call on, and does not let anyone look",
)
COLUMNS = ("Fault", "Answer to WISEflow", "States after", "After one retry")

BEFORE_THE_TABLES = """\
# Reliability

Every line below is a fault that `tests/faults/` brought about, and what came of it. The run writes this page; no one
edits it. On SQLite and on PostgreSQL the lines are the same.

    GRADEBRIDGE_WRITE_RELIABILITY=1 .venv/bin/python -m pytest tests/faults

## What is tried

An export of twelve people's grades in batches of four: marks, alternative grades, one entry given twice. With them come
a person without an assessment and an entry without a user id; they are refused every time and left out of the
tables. One fault at a time. Every request is real HTTP on loopback, to the sandbox Learn or to a server that misbehaves
in its place; the processes that are killed are real ones.

## What holds after each of them

- Every entry is in exactly one state. Nothing is being sent any more once the attempt has ended; after a kill the sweep
  ends it when the lease has run out.
- A grade that was reported as exported is in Learn with that value. A grade that is called failed, rejected or refused
  is not.
- The counts add up: those of the answer, of the attempt and of the flow.
- Nothing is sent again by itself. Neither a sweep, nor another worker, nor another flow's export carries any along.
- One retry, with Learn healthy again, brings all twelve to EXPORTED with the right values.
- No one ever has two open deliveries for one source.
- Before a grade in Learn is replaced it is read. Where that fails for the moment nothing is sent; where Learn never
  lets GradeBridge read, the grade is sent as on a site without the privileges.

DELIVERED: Learn confirmed it, by its answer or by what its gradebook shows. REJECTED: Learn said no. FAILED: it did not
arrive. UNCONFIRMED: it may have arrived; the next look at Learn's gradebook decides it, and a retry only sets the same
value again.
"""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line. `section` and `place` say where it comes on the page."""

    section: int
    place: int
    fault: str
    told: str
    after: str
    retried: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Self:
        return cls(**given)

    def cells(self) -> tuple[str, ...]:
        return self.fault, self.told, self.after, self.retried


def told(answer: dict[str, Any] | None, people: Iterable[str]) -> str:
    """WISEflow's answer about `people`, in short; the time at which a quota lifts is left out."""
    if answer is None:
        return "Nothing: the connection broke."
    errors = {str(error["userId"]): error["errorInfo"] for error in answer["errors"]}
    about = [errors.get(person, "exported") for person in people]
    sentences = Counter(re.sub(r"\bon \d+ \w+ \d+ \d+:\d+", "on …", sentence) for sentence in about)
    exported = sentences.pop("exported", 0)
    lines = [f"{exported} exported." if exported else ""]
    lines += [f"{number} errors: {sentence}" for sentence, number in sorted(sentences.items())]
    return " ".join(filter(None, lines))


def delivery_states(attempt: ExportAttempt, people: Iterable[str]) -> str:
    deliveries = attempt.deliveries.filter(participant__user_id__in=people)
    return counted(deliveries.values_list("state", flat=True))


def participant_states(people: Iterable[str]) -> str:
    return counted(Participant.objects.filter(user_id__in=people).values_list("state", flat=True))


def counted(states: Iterable[str]) -> str:
    """`4 DELIVERED, 8 FAILED`"""
    return ", ".join(f"{number} {state}" for state, number in sorted(Counter(states).items()))


def tables(findings: Iterable[Finding]) -> str:
    """Markdown: a table a section."""
    lines: list[str] = []
    ordered = sorted(findings, key=lambda finding: (finding.section, finding.place))
    for number, title in enumerate(SECTIONS):
        lines += ["", f"## {title}", "", line(COLUMNS), line(["---"] * len(COLUMNS))]
        lines += [line(finding.cells()) for finding in ordered if finding.section == number]
    return "\n".join(lines)


def line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def is_whole(findings: Iterable[Finding]) -> bool:
    """Whether something was found in every section, so that the page would not lose one."""
    return {finding.section for finding in findings} == set(range(len(SECTIONS)))


def write_page(findings: Iterable[Finding]) -> None:
    PAGE.write_text(BEFORE_THE_TABLES + tables(findings) + "\n")
