"""Grades that were left behind in Learn: somebody has looked there, and says that they are gone."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from common.database.bulk import among
from exports.grades.causes import Cause
from exports.models import Flow, GradeInLearn


@dataclass(frozen=True, kw_only=True, slots=True)
class Dealt:
    """How many of the chosen grades were marked as dealt with, and why the others were not."""

    marked: int
    in_place: int  # their person leads there
    ended: int  # no longer in Learn, as far as is known

    def sentence(self) -> str:
        parts = [f"{count(self.marked)} marked as dealt with."] if self.marked else ["Nothing was marked."]
        if self.in_place:
            parts.append(
                f"{count(self.in_place)} not marked, because it was not left behind: retry or correct such a grade. "
                "Once its person leads to another place and has a grade there, it can be marked."
            )
        if self.ended:
            parts.append(f"{count(self.ended)} not marked, because it is no longer in Learn as far as is known.")
        return " ".join(parts)


def count(number: int) -> str:
    return "1 grade was" if number == 1 else f"{number} grades were"


@transaction.atomic
def deal_with(grades: Collection[int], *, by: User) -> Dealt:
    """End those of these grades in Learn that were left behind. `by` says that they are no longer there.

    A grade that its person leads to stays: what is right for it is a retry or a correction. Without it in the ledger
    another grade could be exported in its place (R3). The same holds for one at the wrong place, and for one in doubt,
    until a retry has brought a grade to where the person leads.
    """
    chosen = GradeInLearn.objects.filter(among("pk", grades))
    flows = Flow.objects.filter(pk__in=chosen.order_by().values("participant__flow")).order_by("pk")
    list(flows.select_for_update().values_list("pk"))  # an export that leads back there is seen, or waits
    kinds = Counter(
        "ended" if until else "left_behind" if left_behind_at and cause != Cause.MISPLACED else "in_place"
        for until, left_behind_at, cause in chosen.values_list("until", "left_behind_at", "participant__cause")
    )
    marked = (
        chosen.left_behind()
        .exclude(participant__cause=Cause.MISPLACED)
        .update(until=timezone.now(), is_in_learn=None, ended_as=GradeInLearn.Ending.DEALT_WITH, dealt_with_by=by)
    )
    return Dealt(marked=marked, in_place=kinds["in_place"], ended=kinds["ended"])
