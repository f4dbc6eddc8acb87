"""Mapping health: what would refuse a flow's grades, or leave them to trust, found before anybody exports."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db import models
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.text import capfirst

from courses.models import GradeSchema
from exports.models import ColumnMapping, ExportState, Flow, Participant, TranslatedGrade
from exports.models.flow import FlowQuerySet
from exports.queueing import column_facts
from exports.rules import Column, Entry
from exports.translating import NUMBER, Marks, NotTranslatable, Scale, is_number

CHUNK = 500  # flows looked at together
MOST_NAMED = 5  # values in one sentence; the others are counted


class Severity(models.TextChoices):
    ERROR = "ERROR", "Error"  # grades would be refused: repair it before the exam day
    NOTE = "NOTE", "Note"  # nothing is refused for it, but nothing is checked either: see that it is meant so


class Kind(models.TextChoices):
    """What is missing or wrong."""

    NOT_MAPPED = "NOT_MAPPED", "No grade column"
    NOT_SYNCHRONISED = "NOT_SYNCHRONISED", "Not synchronised"
    SOURCE_NOT_MAPPED = "SOURCE_NOT_MAPPED", "Source not mapped"
    COLUMN_DELETED = "COLUMN_DELETED", "Column deleted in Learn"
    MARKS_NOT_TRANSLATED = "MARKS_NOT_TRANSLATED", "Marks not translated"
    ALTERNATIVE_GRADE_REFUSED = "ALTERNATIVE_GRADE_REFUSED", "Alternative grade refused"
    VALUE_NOT_SHOWN = "VALUE_NOT_SHOWN", "Value that the column cannot show"

    SOURCE_NOT_GIVEN = "SOURCE_NOT_GIVEN", "People without a source"
    SOURCE_NOT_ON_ROSTER = "SOURCE_NOT_ON_ROSTER", "Source that nobody has"
    ALTERNATIVE_GRADES_UNKNOWN = "ALTERNATIVE_GRADES_UNKNOWN", "Alternative grades not translated"
    SCHEMA_NOT_KNOWN = "SCHEMA_NOT_KNOWN", "Grade schema not known"
    # R8: a flow without a roster trusts WISEflow. That is a way to work, not a mistake, so it is never an error; and
    # where no flow of the site has a roster nobody forgot one, so it is not even said.
    ROSTER_MISSING = "ROSTER_MISSING", "No roster"
    PERIOD_NOT_KNOWN = "PERIOD_NOT_KNOWN", "Assessment period not known"

    @property
    def severity(self) -> Severity:
        return Severity.NOTE if self in NOTES else Severity.ERROR


NOTES = {
    Kind.SOURCE_NOT_GIVEN,
    Kind.SOURCE_NOT_ON_ROSTER,
    Kind.ALTERNATIVE_GRADES_UNKNOWN,
    Kind.SCHEMA_NOT_KNOWN,
    Kind.ROSTER_MISSING,
    Kind.PERIOD_NOT_KNOWN,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing to repair. `repair` is the row whose page in the admin does it."""

    flow: Flow
    kind: Kind
    sentence: str
    repair: models.Model

    @property
    def is_error(self) -> bool:
        return self.kind.severity is Severity.ERROR

    @property
    def place(self) -> str:
        """`Translation Letters`: what to repair, in words."""
        return capfirst(f"{self.repair._meta.verbose_name} {self.repair}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """Of `checked` flows. `finished` more were left out: every grade of theirs is exported."""

    problems: Sequence[Problem]
    checked: int
    finished: int

    @property
    def by_flow(self) -> list[tuple[Flow, list[Problem]]]:
        """The flows with problems, errors first within each."""
        grouped = groupby(self.problems, key=attrgetter("flow"))
        return [(flow, sorted(found, key=lambda problem: not problem.is_error)) for flow, found in grouped]

    @property
    def flows_with_errors(self) -> int:
        return len({problem.flow.pk for problem in self.problems if problem.is_error})

    @property
    def flows_with_notes(self) -> int:
        """Without an error."""
        return len({problem.flow.pk for problem in self.problems}) - self.flows_with_errors

    @property
    def healthy(self) -> int:
        return self.checked - self.flows_with_errors - self.flows_with_notes

    @property
    def sentence(self) -> str:
        counts = f"{self.flows_with_errors} with errors, {self.flows_with_notes} with notes, {self.healthy} without"
        left_out = f" {self.finished} left out: all their grades are exported." if self.finished else ""
        return f"{self.checked} {'flow' if self.checked == 1 else 'flows'} checked: {counts}.{left_out}"


def check(flows: FlowQuerySet) -> Health:
    """Look at all of these flows, in their order, that still have something to export.

    So many statements a chunk, whatever the number of flows, participants and translated grades in it.
    """
    unfinished = flows.exclude(exported_count__gt=0, not_exported_count=0, queued_count=0, failed_count=0)
    pks = list(unfinished.values_list("pk", flat=True))
    site = Site(
        now=timezone.localtime(),
        has_rosters=Flow.objects.filter(roster_imported_at__isnull=False).exists(),
        alternative_grades=frozenset(
            TranslatedGrade.objects.filter(kind=TranslatedGrade.Kind.ALTERNATIVE_GRADE).values_list("given", flat=True)
        ),
    )
    problems: list[Problem] = []
    for start in range(0, len(pks), CHUNK):
        for facts in find_facts(pks[start : start + CHUNK], site):
            for look in LOOKS:
                problems += look(facts, site)
    return Health(problems=problems, checked=len(pks), finished=flows.count() - len(pks))


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A problem of a column and translation, for every flow that is mapped to them."""

    kind: Kind
    sentence: str
    repair: models.Model


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a mapping leads, read once for all the flows of the site that share column and translation."""

    mapping: ColumnMapping
    column: Column
    faults: Sequence[Fault]


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """What holds for all flows."""

    now: datetime
    has_rosters: bool
    alternative_grades: frozenset[str]  # that any translation knows
    targets: dict[tuple[int, int | None], Target] = field(default_factory=dict)

    def target(self, mapping: ColumnMapping) -> Target:
        key = (mapping.grade_column_id, mapping.translation_id)
        if key not in self.targets:
            column = column_facts(mapping)
            faults = [
                *column_faults(mapping),
                *schema_faults(mapping),
                *translation_faults(mapping, column, self.alternative_grades),
            ]
            self.targets[key] = Target(mapping=mapping, column=column, faults=faults)
        return self.targets[key]


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of one flow. `waiting`: people who may yet be exported, by source and alternative grade."""

    flow: Flow
    targets: Mapping[str, Target]  # by source code; "" is the default
    waiting: Mapping[tuple[str, str], int]
    roster_sources: frozenset[str]

    def problem(self, kind: Kind, sentence: str, repair: models.Model | None = None) -> Problem:
        return Problem(flow=self.flow, kind=kind, sentence=sentence, repair=repair or self.flow)


def find_facts(pks: Sequence[int], site: Site) -> Iterator[Facts]:
    flows = Flow.objects.in_bulk(pks)
    targets: dict[int, dict[str, Target]] = defaultdict(dict)
    mappings = ColumnMapping.objects.filter(flow__in=pks).order_by("flow", "source_code")
    related = mappings.select_related("grade_column__course", "grade_column__grade_schema")
    for mapping in related.prefetch_related("translation__grades"):
        targets[mapping.flow_id][mapping.source_code] = site.target(mapping)
    people = Participant.objects.filter(flow__in=pks).order_by()
    waiting: dict[int, dict[tuple[str, str], int]] = defaultdict(dict)
    may_be_exported = people.exclude(state=ExportState.EXPORTED).exclude(added_by=Participant.AddedBy.MANUAL)
    on_roster = may_be_exported.filter(Q(on_roster=True) | Q(flow__roster_imported_at__isnull=True))
    kinds = on_roster.values_list("flow_id", "source_code", "alternative_grade").annotate(Count("pk"))
    for flow, source_code, alternative_grade, number in kinds:
        waiting[flow][source_code, alternative_grade] = number
    roster_sources: dict[int, set[str]] = defaultdict(set)
    for flow, source_code in people.filter(on_roster=True).values_list("flow_id", "source_code").distinct():
        roster_sources[flow].add(source_code)
    for pk in pks:
        if pk in flows:  # else it was deleted meanwhile
            yield Facts(
                flow=flows[pk],
                targets=targets[pk],
                waiting=waiting[pk],
                roster_sources=frozenset(roster_sources[pk]),
            )


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
        begins = timezone.localtime(synchronised_at)
        sentence = f"It counts as synchronised with the SIS from {begins:%-d %B %Y %H:%M} on: refused until then."
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


def look_at_alternative_grades(facts: Facts, site: Site) -> Iterator[Problem]:
    """Those that have been given in this flow, each by the column that it would go to."""
    refused: dict[tuple[str, models.Model], int] = defaultdict(int)
    for (source_code, alternative_grade), number in sorted(facts.waiting.items()):
        target = facts.targets.get(source_code) or facts.targets.get("")
        if target is None or not alternative_grade:
            continue
        try:
            target.column.value(Entry(user_id="", alternative_grade=alternative_grade))
        except NotTranslatable as reason:
            repair: models.Model = target.mapping.translation or target.mapping.grade_column
            refused[f"alternative grade {alternative_grade}: refused, for {reason}.", repair] += number
    for (sentence, place), number in refused.items():
        yield facts.problem(Kind.ALTERNATIVE_GRADE_REFUSED, f"{people(number)} {sentence}", place)


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
    look_at_alternative_grades,
    look_at_roster,
    look_at_period,
)


def column_faults(mapping: ColumnMapping) -> Iterator[Fault]:
    column = mapping.grade_column
    if not column.takes_grades:
        sentence = f"Column {column} was deleted in Learn, or is about to be: all grades for it are refused."
        yield Fault(kind=Kind.COLUMN_DELETED, sentence=sentence, repair=column)


def schema_faults(mapping: ColumnMapping) -> Iterator[Fault]:
    """A schema that does not tell its symbols, or not in a way that can be read, lets every value through."""
    schema: GradeSchema | None = mapping.grade_column.grade_schema
    if schema is None:
        return
    bounds = [bound for _name, separator, bound in parts_of(schema) if separator]
    if not schema.symbols:
        sentence = f"The symbols of grade schema {schema} are not entered: only Learn can check the values."
    elif not all(name for name, _separator, _bound in parts_of(schema)) or not all(map(NUMBER.fullmatch, bounds)):
        sentence = f"The symbols of grade schema {schema} are not written as P=80:F=0, so they may not be Learn's."
    else:
        return
    yield Fault(kind=Kind.SCHEMA_NOT_KNOWN, sentence=sentence, repair=schema)


def parts_of(schema: GradeSchema) -> list[tuple[str, str, str]]:
    return [pair.partition("=") for pair in schema.symbols.split(":")]


def translation_faults(mapping: ColumnMapping, column: Column, known: frozenset[str]) -> Iterator[Fault]:
    """What the column cannot show of what its translation gives. `known`: alternative grades of all translations."""
    translation, translator, scale = mapping.translation, column.translator, column.scale
    if translation is None or translator is None or scale is None:
        return

    def fault(kind: Kind, sentence: str, repair: models.Model = translation) -> Fault:
        return Fault(kind=kind, sentence=sentence, repair=repair)

    if translator.marks is Marks.TABLE and not translator.marks_table:
        yield fault(Kind.MARKS_NOT_TRANSLATED, f"Translation {translation} has no marks: every mark is refused.")
    if translator.marks is Marks.NUMERIC and not shows_numbers(scale):
        sentence = f"Translation {translation} gives numbers, column {mapping.grade_column} shows none: refused."
        yield fault(Kind.MARKS_NOT_TRANSLATED, sentence)
    marks = translator.marks_table if translator.marks is Marks.TABLE else {}
    lines = [*marks.items(), *translator.alternatives.items()]
    if reasons := [reason for given, value in lines if (reason := refusal(given, value, scale))]:
        sentence = f"Column {mapping.grade_column} cannot show what translation {translation} gives: {named(reasons)}."
        yield fault(Kind.VALUE_NOT_SHOWN, sentence)
    words = sorted({value for _given, value in lines if not is_number(value)})
    if words and mapping.grade_column.grade_schema is None:
        sentence = (
            f"Column {mapping.grade_column} has no grade schema, translation {translation} gives words "
            f"({named(words, ', ')}): only Learn can check them."
        )
        yield fault(Kind.SCHEMA_NOT_KNOWN, sentence, mapping.grade_column)
    if not translator.alternatives:
        sentence = f"Translation {translation} has no alternative grades: each of them is refused."
        yield fault(Kind.ALTERNATIVE_GRADES_UNKNOWN, sentence)
    elif missing := sorted(known - translator.alternatives.keys()):
        sentence = f"Translation {translation} lacks alternative grades that others have: {named(missing, ', ')}."
        yield fault(Kind.ALTERNATIVE_GRADES_UNKNOWN, sentence)


def shows_numbers(scale: Scale) -> bool:
    return scale.takes_numbers or not scale.symbols or any(map(NUMBER.fullmatch, scale.symbols))


def refusal(given: str, value: str, scale: Scale) -> str:
    """Why the scale refuses the value; "" where it does not."""
    try:
        scale.check(value)
    except NotTranslatable as reason:
        return f"for {given}, {reason}"
    return ""


def named(items: Sequence[Any], separator: str = "; ") -> str:
    more = len(items) - MOST_NAMED
    return separator.join(items[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def people(number: int) -> str:
    return "1 person has" if number == 1 else f"{number} people have"
