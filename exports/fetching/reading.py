"""WISEflow's API -> all that is fetched of one flow, as values. It reads everything before anything is stored."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from common import spelling
from courses.models import NAME_LENGTH
from exports.grades.facts import BY_HAND, BY_SIS
from exports.wiseflow import Assessment, Fault, ModuleMissing, NotOnLicence, Person, Unreadable, Wiseflow

ID_LENGTH = 255
TITLE_LENGTH = 333
STATE_LENGTH = 40
NUMBER = re.compile(r"-?[0-9]+([.,][0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPerson:
    """A participant of the flow. `sources`: codes of the SIS sources that have added them; none: added by hand."""

    user_id: str
    number: int  # the participant id
    is_activated: bool
    learn_user_id: str  # empty: WISEflow has no external id of theirs that can be one
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    sources: tuple[str, ...]
    grade: str = field(repr=False)
    alternative_grade: str = field(repr=False)
    graded_at: datetime | None
    export_state: int | None
    exported_at: datetime | None

    @property
    def added_by(self) -> str:
        return BY_SIS if self.sources else BY_HAND


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFlow:
    """A flow as WISEflow has it now."""

    title: str
    state: str
    assessment_ends_at: datetime | None
    sources: tuple[str, ...]
    people: Sequence[FetchedPerson]
    modifier: Decimal | None

    @property
    def is_synchronised(self) -> bool:
        """As far as can be inferred (R1): the API does not say it."""
        return any(person.sources for person in self.people)


class ExternalIdUnknown(Exception):
    """The licence has no external id of the name that this site is set to: no one would seem to have a Learn user."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name)
        self.name, self.known = name, known


def read(client: Wiseflow, flow_id: str, *, external_id: str, until: float) -> FetchedFlow:
    """Everything of one flow. Raises WiseflowError or ExternalIdUnknown, and then nothing of it is known.

    For n people and s sources of n_s people it costs 4 + ceil(n/100) + the sum of ceil(n_s/100) calls, and one more
    where a grade is a number, or no one has the external id. `external_id`: the name of the one that is Learn's batch
    uid.
    """
    head = client.flow(flow_id, until=until)
    dates = client.dates(flow_id, until=until)
    people = client.participants(flow_id, until=until)
    if people and not any(external_id in person.external_ids for person in people):
        known = client.user_data_types(until=until)
        if external_id not in known:
            raise ExternalIdUnknown(external_id, [shown(name, ID_LENGTH) for name in known])
    sources: dict[str, set[int]] = {}
    for source in client.sources(flow_id, until=until):
        added = sources.setdefault(source_code(source.code), set())
        added |= set(client.source_participants(flow_id, source, until=until))
    assessments = {found.participant_id: found for found in client.assessments(flow_id, until=until)}
    return FetchedFlow(
        title=shown(head.title, TITLE_LENGTH),
        state=shown(head.state, STATE_LENGTH),
        assessment_ends_at=dates.assessment_ends_at,
        sources=tuple(sources),
        people=[of_person(person, sources, assessments.get(person.participant_id), external_id) for person in people],
        modifier=modifier(client, flow_id, list(assessments.values()), until),
    )


def of_person(
    person: Person, sources: Mapping[str, set[int]], assessment: Assessment | None, external_id: str
) -> FetchedPerson:
    given = [assessment.graded_at, assessment.alternative_grade_at] if assessment else []
    return FetchedPerson(
        user_id=str(person.user_id),
        number=person.participant_id,
        is_activated=person.is_activated,
        learn_user_id=usable(person.external_ids.get(external_id, ""), NAME_LENGTH),
        first_name=shown(person.first_name, ID_LENGTH),
        last_name=shown(person.last_name, ID_LENGTH),
        sources=tuple(code for code, added in sources.items() if person.participant_id in added),
        grade=exact(assessment.grade if assessment else "", "grade"),
        alternative_grade=exact(assessment.alternative_grade if assessment else "", "adminGrade"),
        graded_at=max(filter(None, given), default=None),
        export_state=assessment.export_state if assessment else None,
        exported_at=assessment.exported_at if assessment else None,
    )


def modifier(client: Wiseflow, flow_id: str, assessments: Sequence[Assessment], until: float) -> Decimal | None:
    """By what the flow's numbers are multiplied; None: it has none yet, or the licence does not let it be read."""
    if not any(NUMBER.fullmatch(assessment.grade) for assessment in assessments):
        return None
    try:
        found = client.grading_scale(flow_id, until=until).modifier
    except (ModuleMissing, NotOnLicence):
        return None
    exponent = found.normalize().as_tuple().exponent
    if found >= 10**10 or not isinstance(exponent, int) or exponent < -5:
        raise Unreadable(Fault.UNEXPECTED_SHAPE, call="grading_scale", field="modifier")
    return found


def source_code(code: str) -> str:
    """Raises Unreadable for one that could be confused with another."""
    found = usable(code, ID_LENGTH)
    if not found:
        raise Unreadable(Fault.UNEXPECTED_SHAPE, call="sources", field="code")
    return found


def exact(grade: str, name: str) -> str:
    """A grade as it is. One that cannot be kept as it is must not look like none: raises Unreadable."""
    if grade and not (found := usable(grade, NAME_LENGTH)):
        raise Unreadable(Fault.UNEXPECTED_SHAPE, call="assessments", field=name)
    return found if grade else ""


def usable(text: str, most: int) -> str:
    """An id as this site spells ids; "" where it cannot be one."""
    try:
        found = spelling.clean(text)
    except spelling.BadCharacter:
        return ""
    return found if len(found) <= most else ""


def shown(text: str, most: int) -> str:
    """A name or title, which no one compares: without what cannot be seen, and cut."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:most].strip()
