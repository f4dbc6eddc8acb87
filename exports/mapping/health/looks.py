"""What to look at in each flow, a function for each."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from django.db import models

from common.moments import moment
from common.sentences import shortlist
from exports.grades.facts import Entry
from exports.grades.translating import NotTranslatable, is_number
from exports.mapping.health.facts import Facts, Site, Target
from exports.mapping.health.problems import Kind, Problem


def look_at_mapping(facts: Facts, site: Site) -> Iterator[Problem]:
    if not facts.targets:
        yield facts.problem(Kind.NOT_MAPPED, "Its grades have no grade column in Learn: all are refused.")
    for fault in dict.fromkeys(fault for target in facts.targets.values() for fault in target.faults):  # each once
        yield facts.problem(fault.kind, fault.sentence, fault.repair)


def look_at_synchronisation(facts: Facts, site: Site) -> Iterator[Problem]:
    """R1."""
    synchronised_at = facts.flow.synchronised_at
    if synchronised_at is None:
        sentence = "It is not marked as synchronised with the SIS: all its grades are refused."
        yield facts.problem(Kind.NOT_SYNCHRONISED, sentence)
    elif synchronised_at > site.now:
        begins = moment(synchronised_at)
        sentence = f"It counts as synchronised with the SIS from {begins} on: refused until then."
        yield facts.problem(Kind.NOT_SYNCHRONISED, sentence)


def look_at_sources(facts: Facts, site: Site) -> Iterator[Problem]:
    if not facts.targets:
        return
    if "" not in facts.targets:
        numbers: dict[str, int] = defaultdict(int)
        for (source_code, _alternative_grade), number in facts.waiting.items():
            numbers[source_code] += number
        for source_code, number in sorted(numbers.items()):
            if not source_code:  # an export may name it yet
                sentence = (
                    f"{people(number)} no source, and no grade column takes every other source: "
                    "refused unless WISEflow names their source."
                )
                yield facts.problem(Kind.SOURCE_NOT_GIVEN, sentence)
            elif source_code not in facts.targets:
                sentence = f"{people(number)} source {source_code}, which has no grade column: refused."
                yield facts.problem(Kind.SOURCE_NOT_MAPPED, sentence)
    if facts.flow.roster_imported_at is not None:
        for source_code in sorted(facts.targets.keys() - facts.roster_sources - {""}):
            sentence = f"Nobody on the roster has source {source_code}, which has a grade column: see how it is spelt."
            yield facts.problem(Kind.SOURCE_NOT_ON_ROSTER, sentence)


def look_at_sharing(facts: Facts, site: Site) -> Iterator[Problem]:
    """One grade a place."""
    for learn_user_id, user_ids in facts.sharing:
        sentence = f"{shortlist(user_ids)} lead to one Learn user, {learn_user_id}: their grades are refused."
        yield facts.problem(Kind.SAME_LEARN_USER, sentence)


def look_at_alternative_grades(facts: Facts, site: Site) -> Iterator[Problem]:
    """Those that have been given in this flow, each by the column that it would go to."""
    refused: dict[tuple[str, models.Model], int] = defaultdict(int)
    not_checked: dict[tuple[str, models.Model], int] = defaultdict(int)
    for (source_code, alternative_grade), number in sorted(facts.waiting.items()):
        target = facts.targets.get(source_code) or facts.targets.get("")
        if target is None or not alternative_grade:
            continue
        try:
            value = target.column.value(Entry(user_id="", alternative_grade=alternative_grade))
        except NotTranslatable as reason:
            repair: models.Model = target.mapping.translation or target.mapping.grade_column
            refused[f"alternative grade {alternative_grade}: refused, for {reason}.", repair] += number
        else:
            if goes_unchecked(value, target):
                column = target.mapping.grade_column
                sentence = (
                    f"alternative grade {alternative_grade}, which goes as it is given to column {column}. "
                    "That has no grade schema: only Learn can check it."
                )
                not_checked[sentence, column] += number
    for (sentence, place), number in refused.items():
        yield facts.problem(Kind.ALTERNATIVE_GRADE_REFUSED, f"{people(number)} {sentence}", place)
    for (sentence, place), number in not_checked.items():
        yield facts.problem(Kind.SCHEMA_NOT_KNOWN, f"{people(number)} {sentence}", place)


def goes_unchecked(value: str, target: Target) -> bool:
    """What a translation gives is looked at with the translation."""
    mapping = target.mapping
    return mapping.translation is None and mapping.grade_column.grade_schema is None and not is_number(value)


def look_at_roster(facts: Facts, site: Site) -> Iterator[Problem]:
    """R8."""
    if site.has_rosters and facts.flow.roster_imported_at is None:
        sentence = "It has no roster, other flows have: WISEflow is trusted to export nobody who was added by hand."
        yield facts.problem(Kind.ROSTER_MISSING, sentence)


def look_at_period(facts: Facts, site: Site) -> Iterator[Problem]:
    """R2."""
    if facts.flow.assessment_ends_at is None:
        sentence = "The end of its assessment period is not known: WISEflow is trusted not to export before."
        yield facts.problem(Kind.PERIOD_NOT_KNOWN, sentence)


LOOKS: Sequence[Callable[[Facts, Site], Iterator[Problem]]] = (
    look_at_mapping,
    look_at_synchronisation,
    look_at_sources,
    look_at_sharing,
    look_at_alternative_grades,
    look_at_roster,
    look_at_period,
)


def people(number: int) -> str:
    return "1 person has" if number == 1 else f"{number} people have"
