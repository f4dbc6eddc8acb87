"""The cells that corrections and decisions have in common: about whom, who requested it, who decided it, and why."""

from typing import Any

from django.contrib import admin
from django.utils import formats, timezone
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from common.admin.cells import link
from exports.models import Correction, Decision
from exports.templatetags.grades import person, person_cell

MAX_CHARACTERS = 60  # of a flow's title or a reason in a cell

Requested = Correction | Decision


class ShowsRequests:
    """For the admin of what one person requests and another decides."""

    @admin.display(description=_("User id"))
    def user_id(self, row: Requested) -> str:
        return person_cell(row.participant, row.participant.user_id)

    @admin.display(description=_("Participant"))
    def of_participant(self, row: Requested) -> str:
        return person(row.participant)

    @admin.display(description=_("Flow"))
    def of_flow(self, row: Requested) -> str:
        return link(row.participant.flow, Truncator(row.participant.flow).chars(MAX_CHARACTERS))

    @admin.display(description=_("Reason"))
    def short_reason(self, row: Requested) -> str:
        return Truncator(row.reason).chars(MAX_CHARACTERS)

    @admin.display(description=_("Requested"))
    def asked(self, row: Requested) -> str:
        return by_and_when(row.requested_by, row.requested_at)

    @admin.display(description=_("Decided"))
    def decided(self, row: Requested) -> str | None:
        return by_and_when(row.decided_by, row.decided_at) if row.decided_by else None


def by_and_when(who: object, when: Any) -> str:
    return f"{who}, {formats.date_format(timezone.localtime(when), 'SHORT_DATETIME_FORMAT')}"
