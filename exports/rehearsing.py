"""A body from WISEflow -> what an export of it would do now, entry by entry. Nothing is written and nothing is sent."""

from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exports.delivering.judging import Judged, judge_all
from exports.grades.causes import Cause, Detail
from exports.grades.facts import AlreadyExported, Entry, Refused, Send, Verdict
from exports.grades.sentences import error_info
from exports.models import ApiClient, Flow
from exports.reading.body import Body, UnreadableEntry
from exports.receiving import Receipt, answer


class Outcome(models.TextChoices):
    """What would become of an entry."""

    # It would go to the column and Learn user that its line names: check that they are right.
    SEND = "SEND", _("Would be sent")
    # Learn has this grade already: nothing to do.
    ALREADY_EXPORTED = "ALREADY_EXPORTED", _("Already exported")
    # A rule would forbid it: correct what its cause says, or ask an administrator to, before the exam day.
    REFUSED = "REFUSED", _("Would be refused")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """The verdict on one entry, for one place. `user_id` is as it came; what does not apply is empty."""

    user_id: Any
    outcome: Outcome
    value: str = ""  # what would be sent, or what Learn has already
    course_id: str = ""
    column_name: str = ""
    learn_user_id: str = ""
    cause: Cause | None = None
    detail: Detail = field(default_factory=dict)

    @property
    def error_info(self) -> str:
        return error_info(self.cause, self.detail) if self.cause else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsal:
    """`lines` has one item for each place an entry leads to, in the order of the body; `receipt` is the answer if Learn
    took all.
    """

    flow: Flow  # not saved, if it is new
    lines: list[Line]
    receipt: Receipt


def rehearse(flow_id: str, body: Body, client: ApiClient | None) -> Rehearsal:
    """Judge the body as an export by `client` would be judged now. None: a caller of the documented shape.

    Unlike an export it does not sweep: what a dead process left in progress still counts as in progress.
    """
    flow = Flow.objects.filter(flow_id=flow_id).first() or Flow(flow_id=flow_id)
    entries = [line for line in body.lines if isinstance(line, Entry)]
    judged = judge_all(flow, entries, now=timezone.localtime(), client=client)
    return Rehearsal(
        flow=flow,
        lines=[
            line_of(user_id, verdict)
            for line, user_id in zip(body.lines, body.user_ids, strict=True)
            for verdict in verdicts_on(line, judged)
        ],
        receipt=answer(body, judged, undelivered={}),
    )


def verdicts_on(line: Entry | UnreadableEntry, judged: Judged) -> list[Verdict]:
    """One for each source that the entry is for."""
    if isinstance(line, UnreadableEntry):
        return [Refused(Cause.NO_USER_ID, line.detail)]
    return [judged.verdicts[part] for part in judged.parts[line]]


def line_of(user_id: Any, verdict: Verdict) -> Line:
    match verdict:
        case Send(value, column, learn_user_id):
            return Line(
                user_id=user_id,
                outcome=Outcome.SEND,
                value=value,
                course_id=column.course_id,
                column_name=column.name,
                learn_user_id=learn_user_id,
            )
        case AlreadyExported(value):
            return Line(user_id=user_id, outcome=Outcome.ALREADY_EXPORTED, value=value)
        case Refused(cause, detail):
            return Line(user_id=user_id, outcome=Outcome.REFUSED, cause=cause, detail=detail)
