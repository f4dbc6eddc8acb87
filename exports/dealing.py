"""Grades that were left behind in Learn: a person has looked there, and says that they are gone."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

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
        said = [self.sentence_of_marked() if self.marked else _("No grade was marked.")]
        if self.in_place:
            said.append(self.sentence_of_those_in_place())
        if self.ended:
            said.append(self.sentence_of_ended())
        return " ".join(said)

    def sentence_of_marked(self) -> str:
        return ngettext(
            "%(count)s grade was marked as dealt with.", "%(count)s grades were marked as dealt with.", self.marked
        ) % {"count": intcomma(self.marked)}

    def sentence_of_those_in_place(self) -> str:
        return ngettext(
            "%(count)s grade was not marked, because it was not left behind: retry or correct it. It can be marked "
            "once its participant has a grade at another place.",
            "%(count)s grades were not marked, because they were not left behind: retry or correct them. They can be "
            "marked once their participants have grades at other places.",
            self.in_place,
        ) % {"count": intcomma(self.in_place)}

    def sentence_of_ended(self) -> str:
        return ngettext(
            "%(count)s grade was not marked, because it is no longer in Learn as far as is known.",
            "%(count)s grades were not marked, because they are no longer in Learn as far as is known.",
            self.ended,
        ) % {"count": intcomma(self.ended)}


@transaction.atomic
def deal_with(grades: Collection[int], *, by: User) -> Dealt:
    """End those of these grades in Learn that were left behind. `by` says that they are no longer there.

    A grade that its person leads to stays: what is right for it is a retry or a correction. Without it in the ledger
    another grade could be exported in its place (R3). The same holds for one at the wrong place, and for one in doubt,
    until a retry has brought a grade to where the person leads.
    """
    chosen = GradeInLearn.objects.filter(among("pk", grades))
    flows = Flow.objects.filter(pk__in=chosen.order_by().values("participant__flow")).order_by("pk")
    list(flows.select_for_update().values_list("pk"))  # an export that leads back there is seen, or has to wait
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
