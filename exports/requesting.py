"""What corrections, decisions and exemptions have in common: a request waits until another person has decided it."""

from enum import Enum
from functools import partial
from typing import Any, TypeVar

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from common import spelling
from common.moments import moment
from courses import sentences
from exports.models.request import Requested, RequestState
from exports.reading.body import text_of
from exports.reading.values import Unreadable

log = structlog.get_logger(__name__)

REASON_LENGTH = 2000  # characters

Row = TypeVar("Row", bound=Requested)


class NotPossible(Exception):
    """Nothing was recorded. The sentence says why, and what to do. `obstacle`: of the module that raises it."""

    def __init__(self, obstacle: Enum, sentence: str) -> None:
        super().__init__(obstacle, sentence)
        self.obstacle, self.sentence = obstacle, sentence

    def __str__(self) -> str:
        return self.sentence


def still_waiting(row: Row) -> Row | str:
    """The row as it is now, if it is not decided yet; else a sentence that says what was decided. Call it with the row
    of what it is about locked.
    """
    now: Row = type(row)._default_manager.select_related("decided_by").get(pk=row.pk)
    if now.state == RequestState.ASKED:
        return now
    assert now.decided_at is not None  # a constraint holds them together
    if now.state == RequestState.APPROVED:
        template = _("This was approved by %(person)s on %(when)s. There is nothing to do.")
    elif now.decided_by_id == now.requested_by_id:
        template = _("This request was withdrawn by %(person)s on %(when)s. There is nothing to do.")
    else:
        template = _("This was declined by %(person)s on %(when)s. There is nothing to do.")
    return template % {"person": now.decided_by, "when": moment(now.decided_at)}


def decide(row: Row, state: RequestState, *, by: User, decline_reason: str = "", **fields: Any) -> Row:
    """Record the decision, with what else it changes of the row. Call it in a transaction."""
    changed = {"state": state, "decided_by": by, "decided_at": timezone.now(), "decline_reason": decline_reason}
    for name, value in (changed | fields).items():
        setattr(row, name, value)
    row.save(update_fields=[*changed, *fields])
    line = partial(log.info, "request_decided", kind=row._meta.model_name, row=row.pk, state=state.value, by=str(by))
    transaction.on_commit(line)
    return row


def usable(text: str, length: int, *, name: str, allowed: str = "") -> str:
    """The text without blanks around it; empty where there is nothing in it. Raises ValueError with a sentence that
    calls it `name`.
    """
    try:
        return text_of(text, length, allowed=allowed)
    except Unreadable as unreadable:
        raise ValueError(sentences.ended(capfirst(str(unreadable.at(name))))) from None


def usable_reason(reason: str) -> str:
    """Without blanks around it. Raises ValueError with a sentence."""
    if reason := usable(reason, REASON_LENGTH, name=_("the reason"), allowed=spelling.MULTILINE):
        return reason
    raise ValueError(_("Enter a reason."))
