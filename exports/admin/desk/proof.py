"""How much is proven in Learn's own gradebook: the figures of the dashboard and of the pages of a flow, an attempt and
a column, each with the list of exactly its grades.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from courses.connection import READING_PRIVILEGES
from courses.sentences import sentence
from exports.admin.desk import addresses
from exports.models import ProofState
from exports.models.grade_in_learn import GradeInLearnQuerySet

MAX_READ = 200  # of the grades that could not be read: their reasons are counted
MAX_REASONS = 3
PRIVILEGE_MISSING = ("NOT_READABLE", "USER_HIDDEN", "MEMBER_DISABLED")


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    state: ProofState
    number: int
    list: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProofSummary:
    """`figures`: of those states that there are. `reasons`: sentences, why grades could not be read."""

    figures: Sequence[Figure]
    total: int
    proven: int
    reasons: Sequence[str]
    privileges: Sequence[str]  # to ask for; empty: none is missing, as far as is known
    read_at: datetime | None = None  # when the last change was read

    @property
    def differing(self) -> int:
        wrong = (ProofState.DIFFERENT, ProofState.ABSENT)
        return sum(figure.number for figure in self.figures if figure.state in wrong)


def proof_summary(grades: GradeInLearnQuerySet, *, with_time: bool = False, **filters: str | int) -> ProofSummary:
    """Of these grades; `filters` are those of the list that shows them."""
    counts = grades.proof_counts()
    reasons = why_unreadable(grades) if counts[ProofState.UNREADABLE] else Counter[str]()
    return ProofSummary(
        figures=[
            Figure(state=state, number=number, list=addresses.grades(**filters, proof=state.value))
            for state, number in counts.items()
            if number
        ],
        total=sum(counts.values()),
        proven=counts[ProofState.PROVEN],
        reasons=[sentence for sentence, _number in reasons.most_common(MAX_REASONS)],
        privileges=READING_PRIVILEGES if any(reasons[sentence] for sentence in of_privileges()) else (),
        read_at=grades.current().aggregate(at=Max("proof__read_at"))["at"] if with_time else None,
    )


def why_unreadable(grades: GradeInLearnQuerySet) -> Counter[str]:
    """Sentences by how many of the newest grades they are said of."""
    rows = grades.in_proof_state(ProofState.UNREADABLE).order_by("-participant")
    return Counter(sentence(detail) for detail in rows.values_list("proof__detail", flat=True)[:MAX_READ])


def of_privileges() -> list[str]:
    return [sentence({"code": code}) for code in PRIVILEGE_MISSING]
