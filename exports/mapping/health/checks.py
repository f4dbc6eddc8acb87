"""What is checked in each flow, a function for each."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.moments import moment
from common.sentences import shortlist
from exports.grades.dates import end_before_synchronisation
from exports.grades.facts import Entry
from exports.grades.translating import NotTranslatable, is_number
from exports.mapping.health.facts import Facts, Site, Target
from exports.mapping.health.problems import Kind, Problem


def check_mapping(facts: Facts, site: Site) -> Iterator[Problem]:
    if not facts.targets:
        sentence = _("No grade column in Learn is chosen for this flow. All its grades will be refused.")
        yield facts.problem(Kind.NOT_MAPPED, sentence)
    for fault in dict.fromkeys(fault for target in facts.targets.values() for fault in target.faults):  # each once
        yield facts.problem(fault.kind, fault.sentence, fault.repair)


def check_synchronisation(facts: Facts, site: Site) -> Iterator[Problem]:
    """R1."""
    synchronised_at = facts.flow.synchronised_at
    if synchronised_at is None:
        sentence = _("This flow is not marked as synchronised with the student system. Its grades will be refused.")
        yield facts.problem(Kind.NOT_SYNCHRONISED, sentence)
    elif synchronised_at > site.now:
        sentence = _(
            "This flow counts as synchronised with the student system from %(moment)s. Until then its grades will be "
            "refused."
        )
        yield facts.problem(Kind.NOT_SYNCHRONISED, sentence % {"moment": moment(synchronised_at)})


def check_sources(facts: Facts, site: Site) -> Iterator[Problem]:
    if not facts.targets:
        return
    if "" not in facts.targets:
        numbers: dict[str, int] = defaultdict(int)
        for (source_code, _alternative_grade), number in facts.waiting.items():
            numbers[source_code] += number
        for source_code, number in sorted(numbers.items()):
            if not source_code:  # an export may name it yet
                sentence = ngettext(
                    "%(count)s participant has no source, and the flow has no grade column for all other sources. "
                    "Their grade will be refused unless WISEflow names their source.",
                    "%(count)s participants have no source, and the flow has no grade column for all other sources. "
                    "Their grades will be refused unless WISEflow names their sources.",
                    number,
                )
                yield facts.problem(Kind.SOURCE_NOT_GIVEN, sentence % {"count": intcomma(number)})
            elif source_code not in facts.targets:
                sentence = ngettext(
                    "%(count)s participant has source %(source_code)s, for which no grade column is chosen. Their "
                    "grade will be refused.",
                    "%(count)s participants have source %(source_code)s, for which no grade column is chosen. Their "
                    "grades will be refused.",
                    number,
                ) % {"count": intcomma(number), "source_code": source_code}
                yield facts.problem(Kind.SOURCE_NOT_MAPPED, sentence)
    if facts.flow.roster_imported_at is not None:
        for source_code in sorted(facts.targets.keys() - facts.roster_sources - {""}):
            sentence = _("No one on the roster has source %(source_code)s. Check the spelling.")
            yield facts.problem(Kind.SOURCE_NOT_ON_ROSTER, sentence % {"source_code": source_code})


def check_sharing(facts: Facts, site: Site) -> Iterator[Problem]:
    """One grade a place."""
    for learn_user_id, user_ids in facts.sharing:
        sentence = _(
            "These participants have the same Learn user (%(learn_user)s): %(people)s. Their grades will be refused."
        )
        yield facts.problem(
            Kind.SAME_LEARN_USER, sentence % {"learn_user": learn_user_id, "people": shortlist(user_ids)}
        )


def check_alternative_grades(facts: Facts, site: Site) -> Iterator[Problem]:
    """Those that have been given in this flow, each by the column that it would go to."""
    refused: dict[tuple[str, str, models.Model], int] = defaultdict(int)
    not_checked: dict[tuple[str, models.Model], int] = defaultdict(int)
    for (source_code, alternative_grade), number in sorted(facts.waiting.items()):
        target = facts.targets.get(source_code) or facts.targets.get("")
        if target is None or not alternative_grade:
            continue
        try:
            value = target.column.value(Entry(user_id="", alternative_grade=alternative_grade))
        except NotTranslatable as error:
            repair: models.Model = target.mapping.translation or target.mapping.grade_column
            refused[alternative_grade, str(error), repair] += number
        else:
            if goes_unchecked(value, target):
                not_checked[alternative_grade, target.mapping.grade_column] += number
    for (alternative_grade, reason, repair), number in refused.items():
        sentence = ngettext(
            "%(count)s participant has alternative grade %(grade)s, which will be refused: %(reason)s.",
            "%(count)s participants have alternative grade %(grade)s, which will be refused: %(reason)s.",
            number,
        ) % {"count": intcomma(number), "grade": alternative_grade, "reason": reason}
        yield facts.problem(Kind.ALTERNATIVE_GRADE_REFUSED, sentence, repair)
    for (alternative_grade, column), number in not_checked.items():
        sentence = ngettext(
            "%(count)s participant has alternative grade %(grade)s, which is sent unchanged. Column %(column)s has no "
            "grade schema, so only Learn can check it.",
            "%(count)s participants have alternative grade %(grade)s, which is sent unchanged. Column %(column)s has "
            "no grade schema, so only Learn can check it.",
            number,
        ) % {"count": intcomma(number), "grade": alternative_grade, "column": column}
        yield facts.problem(Kind.SCHEMA_NOT_KNOWN, sentence, column)


def goes_unchecked(value: str, target: Target) -> bool:
    """What a translation gives is checked with the translation."""
    mapping = target.mapping
    return mapping.translation is None and mapping.grade_column.grade_schema is None and not is_number(value)


def check_roster(facts: Facts, site: Site) -> Iterator[Problem]:
    """R8."""
    if site.has_rosters and facts.flow.roster_imported_at is None:
        sentence = _("No roster is imported. GradeBridge cannot show who is missing or was added by hand.")
        yield facts.problem(Kind.ROSTER_MISSING, sentence)
    if facts.strangers:
        sentence = ngettext(
            "WISEflow has sent %(count)s person, who is not on the roster. Check that the roster has the user ids that "
            "WISEflow sends.",
            "WISEflow has sent %(count)s people, and none of them is on the roster. Check that the roster has the user "
            "ids that WISEflow sends.",
            facts.strangers,
        )
        yield facts.problem(Kind.ROSTER_OF_OTHERS, sentence % {"count": intcomma(facts.strangers)})


def check_period(facts: Facts, site: Site) -> Iterator[Problem]:
    """R2."""
    if facts.flow.assessment_ends_at is None:
        sentence = _("No assessment end date is entered. GradeBridge cannot stop an export that comes too early.")
        yield facts.problem(Kind.PERIOD_NOT_KNOWN, sentence)
    elif doubt := end_before_synchronisation(facts.flow.synchronised_at, facts.flow.assessment_ends_at):
        yield facts.problem(Kind.ENDS_TOO_EARLY, doubt)


CHECKS: Sequence[Callable[[Facts, Site], Iterator[Problem]]] = (
    check_mapping,
    check_synchronisation,
    check_sources,
    check_sharing,
    check_alternative_grades,
    check_roster,
    check_period,
)
