"""Exemptions: what keeps delivered grades as they are is lifted by two people.

One requests it with a reason, another approves it, and then it happens: overwriting is allowed, a mapping is unlocked,
a column is deleted in Learn, or counts as not there. Where no grade was delivered yet, one person does all of these.
"""

from enum import Enum, auto
from functools import partial

import structlog
from django.contrib.auth.models import User
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from courses.models import GradeColumn
from exports.mapping import deleting, locking
from exports.models import Delivery, Event, Exemption, Flow, GradeInLearn
from exports.requesting import NotPossible, decide, still_waiting, usable_reason

log = structlog.get_logger(__name__)

Kind = Exemption.Kind


class Obstacle(Enum):
    """Why an exemption cannot be requested, approved or declined."""

    NOT_NEEDED = auto()  # nothing keeps anyone from doing it, or it is done
    IN_THE_WAY = auto()  # it cannot be done now
    REASON_NOT_USABLE = auto()
    ANOTHER_OPEN = auto()  # one request of a kind at a time
    SAME_PERSON = auto()  # no one approves their own request
    ALREADY_DECIDED = auto()


class NotExempted(NotPossible):
    """Nothing was recorded. The sentence says why, and what to do."""


def ask_for_flow(flow: Flow, kind: Exemption.Kind, *, reason: str, by: User) -> Exemption:
    """Record that `by` requests it. Nothing changes. Raises NotExempted."""
    reason = reason_for(reason)
    with transaction.atomic():
        locked = Flow.objects.select_for_update().get(pk=flow.pk)
        refuse_flow(locked, kind)
        refuse_another(Exemption.objects.filter(flow=locked, kind=kind).exists_asked())
        return record(kind, reason, by, flow=locked, subject=str(locked), grades=number_delivered(locked))


def ask_for_column(column: GradeColumn, kind: Exemption.Kind, *, reason: str, by: User) -> Exemption:
    """The same for a grade column."""
    reason = reason_for(reason)
    with transaction.atomic():
        locked = locked_column(column.pk)
        refuse_column(locked, kind)
        refuse_another(Exemption.objects.filter(column=locked).exists_asked())
        return record(kind, reason, by, column=locked, subject=str(locked), grades=number_in(locked))


def record(kind: Exemption.Kind, reason: str, by: User, **about: object) -> Exemption:
    exemption = Exemption.objects.create(
        kind=kind, reason=reason, requested_by=by, requested_at=timezone.now(), **about
    )
    data = {"exemption": exemption.pk}
    Event.objects.create(kind=Event.Kind.EXEMPTION_REQUESTED, flow=exemption.flow, data=data)
    line = partial(log.info, "exemption_requested", exemption=exemption.pk, kind=kind.value, by=str(by))
    transaction.on_commit(line)
    return exemption


def approve(exemption: Exemption, *, by: User) -> Exemption:
    """Record the approval, and do what was requested, in one transaction. Raises NotExempted."""
    with transaction.atomic():
        flow = Flow.objects.select_for_update().get(pk=exemption.flow_id) if exemption.flow_id else None
        column = locked_column(exemption.column_id) if exemption.column_id else None
        lock(exemption)
        exemption = waiting(exemption)
        refuse_approval(exemption, by=by)
        if flow:
            lift_of_flow(flow, exemption)
        elif column:
            lift_of_column(column, exemption, by=by)
        return decide(exemption, Exemption.State.APPROVED, by=by)


def lift_of_flow(flow: Flow, exemption: Exemption) -> None:
    flow._change_reason = f"Exemption {exemption.pk}."  # type: ignore[attr-defined]  # for the history
    if exemption.kind == Kind.UNLOCK_MAPPING:
        locking.unlock(flow)
    else:
        flow.allow_overwrite = True
        flow.save(update_fields=["allow_overwrite"])


def lift_of_column(column: GradeColumn, exemption: Exemption, *, by: User) -> None:
    if exemption.kind == Kind.NOT_IN_LEARN:
        deleting.mark_as_not_in_learn(GradeColumn.objects.filter(pk=column.pk))
        return
    try:
        deleting.delete_in_learn(column, typed_name=column.name, although_graded=True, by=by)
    except deleting.DeletionRefused as refused:
        raise NotExempted(Obstacle.IN_THE_WAY, str(refused)) from None


def decline(exemption: Exemption, *, by: User, reason: str = "") -> Exemption:
    """Nothing happens: a person who may approve declines it for a reason, or the person who requested it withdraws it.
    Raises NotExempted.
    """
    if by.pk != exemption.requested_by_id:
        reason = reason_for(reason)
    with transaction.atomic():
        lock(exemption)
        return decide(waiting(exemption), Exemption.State.DECLINED, by=by, decline_reason=reason)


def lock(exemption: Exemption) -> None:
    """Until the end of the transaction, and after the flow and the column: who approves it and who declines it wait
    for each other.
    """
    rows = Exemption.objects.filter(pk=exemption.pk).order_by()
    list(rows.select_for_update(no_key=True).values_list("pk"))


def waiting(exemption: Exemption) -> Exemption:
    """The exemption as it is now, if it is not decided yet. Raises NotExempted."""
    found = still_waiting(exemption)
    if isinstance(found, str):
        raise NotExempted(Obstacle.ALREADY_DECIDED, found)
    return found


def refuse_approval(exemption: Exemption, *, by: User) -> None:
    """Raises NotExempted where `by` could not approve it now."""
    if by.pk == exemption.requested_by_id:
        raise NotExempted(Obstacle.SAME_PERSON, _("You requested this yourself. Another person must approve it."))
    if exemption.flow:
        refuse_flow(exemption.flow, Kind(exemption.kind))
    elif exemption.column is None or str(exemption.column) != exemption.subject:
        raise NotExempted(
            Obstacle.IN_THE_WAY, _("The grade column was renamed or removed since this was requested. Decline it.")
        )
    else:
        refuse_column(exemption.column, Kind(exemption.kind))


def refuse_flow(flow: Flow, kind: Exemption.Kind) -> None:
    """Raises NotExempted where one person can do it alone, or it is done."""
    if kind == Kind.UNLOCK_MAPPING:
        is_needed = not locking.is_unlocked(flow) and locking.grades_of(flow) is not None
        sentence = _("There is nothing to unlock: the mapping can be changed.")
    else:
        is_needed = needs_second_person(flow)
        sentence = _("No second person is needed: overwriting is allowed, or no grade of this flow was delivered yet.")
    if not is_needed:
        raise NotExempted(Obstacle.NOT_NEEDED, sentence)


def refuse_column(column: GradeColumn, kind: Exemption.Kind) -> None:
    """Raises NotExempted where the column holds nothing, or cannot be touched now."""
    content = deleting.content_of(column)
    if not content.holds_grades:
        raise NotExempted(Obstacle.NOT_NEEDED, _("No second person is needed: no grade is in this column."))
    if kind == Kind.DELETE_COLUMN and (reason := deleting.reason_to_keep(column, content, although_graded=True)):
        raise NotExempted(Obstacle.IN_THE_WAY, reason)


def needs_second_person(flow: Flow) -> bool:
    """Whether overwriting is not allowed, and a grade of the flow was delivered: allowing it could change that one."""
    return not flow.allow_overwrite and any(rows.exists() for rows in delivered_of(flow))


def number_delivered(flow: Flow) -> int:
    """How many grades of the flow are in Learn, were there, or are being sent there."""
    return sum(rows.count() for rows in delivered_of(flow))


def delivered_of(flow: Flow) -> tuple[QuerySet[GradeInLearn], QuerySet[Delivery]]:
    """What is in Learn or was, and what is being sent."""
    being_sent = Delivery.objects.filter(participant__flow=flow, state__in=Delivery.OPEN)
    return GradeInLearn.objects.filter(participant__flow=flow), being_sent


def number_in(column: GradeColumn) -> int:
    return GradeInLearn.objects.in_column(column).count()


def locked_column(pk: int) -> GradeColumn:
    """Flows are locked before columns, as everywhere."""
    deleting.lock_flows([pk])
    return GradeColumn.objects.select_related("course").select_for_update(of=("self",)).get(pk=pk)


def refuse_another(is_open: bool) -> None:
    if is_open:
        raise NotExempted(
            Obstacle.ANOTHER_OPEN, _("The same request is waiting for approval. Approve or decline it first.")
        )


def reason_for(reason: str) -> str:
    """Without blanks around it. Raises NotExempted."""
    try:
        return usable_reason(reason)
    except ValueError as unusable:
        raise NotExempted(Obstacle.REASON_NOT_USABLE, str(unusable)) from None


def number_sentence(exemption: Exemption) -> str:
    """How many grades it was about when it was requested."""
    text = ngettext("%(count)s grade of it was in Learn.", "%(count)s grades of it were in Learn.", exemption.grades)
    return text % {"count": intcomma(exemption.grades)}


def number_now_sentence(exemption: Exemption) -> str:
    """How many grades it is about now; empty where they are as many as when it was requested, or it is decided."""
    number = exemption.grades
    if exemption.state == Exemption.State.ASKED and exemption.flow:
        number = number_delivered(exemption.flow)
    elif exemption.state == Exemption.State.ASKED and exemption.column:
        number = number_in(exemption.column)
    if number == exemption.grades:
        return ""
    return ngettext("Now it is %(count)s grade.", "Now it is %(count)s grades.", number) % {"count": intcomma(number)}
