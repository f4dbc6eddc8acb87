"""Forgetting a student: their ids become pseudonyms in every table, and names, grades and free texts go.

Rows, states, causes, counts and moments stay as they are. What that means for the ledger: docs/privacy.md.
"""

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, JSONField, Model, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from courses.models import EnrolmentMetadata, ProvisioningStep
from exports.grades.causes import HELD_BACK, Cause
from exports.models import (
    ColumnMapping,
    Correction,
    Decision,
    Delivery,
    ExportState,
    Flow,
    GradeInLearn,
    Hold,
    Participant,
)
from exports.privacy.kept import log_entries, own_rows, rows_of_others, rows_without_use
from exports.privacy.people import Person
from exports.privacy.sessions import sessions_with
from exports.privacy.tables import OWN, Becomes, models_searched
from exports.privacy.texts import MASK, Ids

log = structlog.get_logger(__name__)

PREFIX = "forgotten-"
TextChange = tuple[type[Model], Any, dict[str, Any], dict[str, Any]]  # primary key, columns as they are, and are to be
MAX_ROUNDS = 3  # of looking for what others have written since the search


class NotForgotten(Exception):
    """Something is open. Nothing was changed. The argument is a sentence for each thing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgotten:
    """`rows`: how many were changed or deleted, or would be, by table."""

    pseudonym: str
    rows: Mapping[str, int]


def new_aliases(person: Person) -> dict[str, str]:
    """A random pseudonym for the person, numbered for each further id: two ids stay two, so that every constraint holds
    that held before. Nothing leads from it to the id, and the next call has another one.
    """
    pseudonym = PREFIX + secrets.token_hex(8)
    return {each: numbered(pseudonym, place) for place, each in enumerate(person.ids, start=1)}


def numbered(pseudonym: str, number: int) -> str:
    return pseudonym if number == 1 else f"{pseudonym}-{number}"


def forget(person: Person, *, apply: bool) -> Forgotten:
    """Forget them in one transaction, or only count.

    Raises NotForgotten. An export into one of their flows waits as long.
    """
    aliases = new_aliases(person)
    with transaction.atomic():
        lock(person)
        if open_now := list(obstacles(person)):
            raise NotForgotten(" ".join(open_now))
        changes = Changes(person, aliases)
        changes.gather()
        if apply:
            changes.apply()
    counts = changes.counts()
    if apply:
        for _round in range(MAX_ROUNDS):  # what was written in other flows since then
            if not replace(changes.texts()):
                break
        log.info("person_forgotten", participants=len(person.participants), rows=sum(counts.values()))
    return Forgotten(pseudonym=changes.pseudonym, rows=counts)


def lock(person: Person) -> None:
    """The flows first, as everyone does, then their participants."""
    theirs = Participant.objects.filter(pk__in=person.participants).order_by().values_list("flow_id", flat=True)
    pks = {*theirs, *flows_of_grades(person)}
    list(Flow.objects.filter(pk__in=pks).select_for_update(no_key=True).order_by("pk").values_list("pk"))
    list(Participant.objects.filter(pk__in=person.participants).select_for_update().order_by("pk").values_list("pk"))


def flows_of_grades(person: Person) -> set[int]:
    """Flows of what is in Learn of this student, as far as is known, and those that lead to the same columns: none of
    them may replace it unseen once it is forgotten where it is.
    """
    there = Q(is_in_learn=True) | Q(ended_as=GradeInLearn.Ending.DEALT_WITH)
    grades = GradeInLearn.objects.filter(there, participant__in=person.participants).order_by()
    in_column = grades.filter(
        course_id=OuterRef("grade_column__course__course_id"), column_name=OuterRef("grade_column__name")
    )
    leading = ColumnMapping.objects.filter(Exists(in_column)).order_by()
    return {
        *grades.values_list("participant__flow_id", flat=True),
        *leading.values_list("flow_id", flat=True),
    }


def obstacles(person: Person) -> Iterator[str]:
    """What has to be finished first, in a sentence each."""
    people = Participant.objects.filter(pk__in=person.participants)
    theirs = Q(participant__in=person.participants)
    if (
        people.filter(state=ExportState.QUEUED).exists()
        or Delivery.objects.filter(theirs, state__in=Delivery.OPEN).exists()
    ):
        yield _("A grade of this student is in progress. Try again once it is finished.")
    if Correction.objects.filter(theirs, state=Correction.State.ASKED).exists():
        yield _("A correction of this student is waiting for approval. Approve, decline or withdraw it first.")
    if people.exclude(approved_mark="").exists():
        yield _("An approved correction of this student is not in Learn yet. Retry it first.")
    if Decision.objects.filter(theirs, state=Decision.State.ASKED).exists():
        yield _("A decision about a grade of this student is waiting for approval. Decide it first.")
    if people.filter(cause__in=HELD_BACK).exists() or Hold.objects.open().filter(theirs).exists():
        yield _("A grade of this student is held. Release it, and retry it or leave it to a later export, first.")
    metadata = EnrolmentMetadata.objects.filter(user_id__in=person.ids)
    if ProvisioningStep.objects.filter(metadata__in=metadata, state__in=ProvisioningStep.OPEN).exists():
        yield _("Metadata of this student is being set in Learn. Try again once it is finished.")


class Changes:
    """What forgetting one student changes, and how many rows that is by table."""

    def __init__(self, person: Person, aliases: dict[str, str]) -> None:
        self.person, self.aliases = person, aliases
        self.pseudonym = next(iter(aliases.values()))
        self.ids = Ids(aliases)
        self.own: dict[type[Model], dict[Any, dict[str, Any]]] = {}
        self.others: list[TextChange] = []
        self.deleted: dict[type[Model], list[Any]] = {}
        self.sessions: list[str] = []

    def gather(self) -> None:
        for model, rows in own_rows(self.person):
            _path, columns = OWN[model._meta.label]
            self.own[model] = {
                row["pk"]: {name: self.becomes(model, name, row[name], how) for name, how in columns.items()}
                for row in rows.values("pk", *columns)
            }
        about = {"object_repr": self.pseudonym, "change_message": ""}
        self.own[LogEntry] = dict.fromkeys(log_entries(self.person).values_list("pk", flat=True), about)
        for model, rows in rows_without_use(self.person):
            self.deleted[model] = list(rows.values_list("pk", flat=True))
        for model, column, rows in rows_of_others(self.person):
            for pk, value in rows.values_list("pk", column):
                self.others.append((model, pk, {column: value}, {column: self.aliases[value]}))
        self.others.extend(self.texts())
        self.sessions = list(sessions_with(self.ids))

    def counts(self) -> dict[str, int]:
        """How many rows are changed or deleted, by table."""
        rows = {(model, pk) for model, pk, _old, _new in self.others}
        rows.update((model, pk) for found in (self.own, self.deleted) for model, pks in found.items() for pk in pks)
        numbers = Counter(model._meta.db_table for model, _pk in rows)
        numbers[Session._meta.db_table] = len(self.sessions)
        return dict(sorted((+numbers).items()))

    def becomes(self, model: type[Model], name: str, value: Any, how: Becomes) -> Any:
        if how is Becomes.NOTHING or not value:
            return {} if isinstance(model._meta.get_field(name), JSONField) else ""
        return self.alias_of(value) if how is Becomes.ALIAS else MASK

    def alias_of(self, given: str) -> str:
        """Also of a Learn user that they only led to once."""
        return self.aliases.setdefault(given, numbered(self.pseudonym, len(self.aliases) + 1))

    def texts(self) -> Iterator[TextChange]:
        """Where their ids are in rows that are not theirs."""
        for model in models_searched():
            theirs = {*self.own.get(model, ()), *self.deleted.get(model, ())}
            for pk, old, new in self.ids.rows(model):
                if pk not in theirs:
                    yield model, pk, old, new

    def apply(self) -> None:
        now = timezone.now()
        self.end_grades(now)
        for model, rows in self.own.items():
            for pk, changed in rows.items():
                model._base_manager.filter(pk=pk).update(**changed)
        self.finish_people(now)
        ProvisioningStep.objects.filter(metadata__in=self.deleted[EnrolmentMetadata]).update(metadata=None)
        for model, pks in self.deleted.items():
            rows_left = model._base_manager.filter(pk__in=pks)
            rows_left._raw_delete(rows_left.db)  # what Django announces would be written into the history
        replace(self.others)
        Session.objects.filter(pk__in=self.sessions).delete()

    def end_grades(self, now: datetime) -> None:
        """No one here knows any more where they are. Whoever exports this student again finds them in Learn first."""
        flows = Flow.objects.filter(pk__in=flows_of_grades(self.person)).order_by("pk")
        for flow in flows.filter(protect_first_export=False):
            flow.protect_first_export = True
            flow.save(update_fields=["protect_first_export"])
        grades = GradeInLearn.objects.in_learn().filter(participant__in=self.person.participants)
        grades.update(is_in_learn=None, until=now, ended_as=GradeInLearn.Ending.FORGOTTEN)

    def finish_people(self, now: datetime) -> None:
        """Their states stay; nothing is expected, retried or looked at any more."""
        people = Participant.objects.filter(pk__in=self.person.participants)
        people.filter(state=ExportState.FAILED).update(cause=Cause.FORGOTTEN)
        people.exclude(state=ExportState.FAILED).update(cause="")
        people.update(
            forgotten_at=now,
            user_id_is_number=False,
            learn_user_is_unknown=False,
            cause_source_code="",
            on_roster=False,
            left_roster_at=None,
            changed_since_export=False,
            looks_first=False,
        )
        Flow.objects.refresh(set(people.order_by().values_list("flow_id", flat=True)))


def replace(changes: Iterable[TextChange]) -> int:
    """Change each row that is still as it was read: what someone writes just now is not lost. Returns how many were."""
    return sum(model._base_manager.filter(pk=pk, **old).update(**new) for model, pk, old, new in changes)
