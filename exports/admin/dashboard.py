"""The start page: did everything arrive, and if not, what is to be done?"""

from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.utils import timezone

from common.admin.cells import span
from courses import quota
from exports.grades.causes import Cause
from exports.models import Correction, ExportAttempt, ExportState, Flow, Participant

LATEST = 8  # attempts

SHOWN = ["exports.view_flow", "exports.view_participant", "exports.view_exportattempt"]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback for the start page. The number of statements does not depend on the number of rows."""
    context |= {"title": "Dashboard"}
    if not request.user.has_perms(SHOWN):
        return context
    people = Participant.objects.order_by()
    states = Flow.objects.counts()
    causes = people.failed().values_list("cause").annotate(number=Count("pk")).order_by("-number", "cause")
    return context | {
        "may_see_grades": True,
        "states": list(states.items()),
        "has_grades": any(states.values()),
        "flows_failed": Flow.objects.filter(state=ExportState.FAILED).count(),
        "changed": people.filter(changed_since_export=True).count(),
        "corrections": Correction.objects.filter(state=Correction.State.ASKED).count(),
        "causes": [(Cause(cause), grades) for cause, grades in causes],
        "quota": quota.forecast(states[ExportState.QUEUED], now=timezone.localtime()),
        "attempts": [
            {"row": attempt, "took": took(attempt)} for attempt in ExportAttempt.objects.select_related("flow")[:LATEST]
        ],
    }


def took(attempt: ExportAttempt) -> str:
    return span(attempt.finished_at - attempt.started_at) if attempt.finished_at else "running"
