"""The start page: what needs someone, why, and the one next act. It updates itself."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from exports.admin.desk import days, pulse
from exports.admin.desk.panels import Panels, access_changes, digest, panels, recent_panels, start_panel
from exports.admin.desk.pulse import Pulse
from exports.admin.desk.rights import may_see_grades
from exports.models import ExportAttempt, Participant

EVERY, EVERY_IDLE = 2, 10  # seconds between two questions, while something runs and while nothing does


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback for the start page. The number of statements does not depend on the number of rows."""
    context |= {"title": _("Dashboard"), "access_changes": access_changes(request, timezone.now())}
    if not may_see_grades(request):
        return context
    now = timezone.localtime()
    before = pulse.read(now)  # first, so that what changes from here on is seen as a change
    context |= {"may_see_grades": True}
    if is_empty():
        shown: Panels = {"start": start_panel(request)}
        return context | {"is_empty": True, "panels": shown, "watch": watch(before, shown, only="start")}
    shown = panels(request, before, now)
    return context | {"panels": shown, "watch": watch(before, shown), "chart_options": days.OPTIONS}


def dashboard_changes(request: HttpRequest) -> HttpResponse:
    """What has changed on the page since it was shown. 204: nothing, which one statement a second finds for everyone.

    The address says what the page shows: `seen`, the token of a pulse, and `have`, the digests of its panels. The page
    of an empty site has `only` one panel, and is shown anew once something has arrived.
    """
    now = timezone.localtime()
    current = pulse.recent(now)
    if request.GET.get("seen") == current.token:
        return HttpResponse(status=204)
    if not may_see_grades(request):
        raise PermissionDenied
    have, only = request.GET.get("have", "").split(), request.GET.get("only", "")
    if only and not is_empty():
        return HttpResponse(headers={"HX-Refresh": "true"})
    shown = {"start": start_panel(request)} if only else recent_panels(request, current, now)
    changed = {name: panel for name, panel in shown.items() if digest(panel) not in have}
    context = {"changed": changed.items(), "watch": watch(current, shown, only=only)}
    return render(request, "admin/exports/desk/changes.html", context)


def watch(seen: Pulse, shown: Panels, *, only: str = "") -> dict[str, Any]:
    """Where the page asks for changes, and how often. `only`: the one panel of an empty site."""
    have = " ".join(digest(panel) for panel in shown.values())
    query = urlencode({"seen": seen.token, "have": have} | ({"only": only} if only else {}))
    return {"address": f"{reverse('dashboard-changes')}?{query}", "every": EVERY if seen.running else EVERY_IDLE}


def is_empty() -> bool:
    return not ExportAttempt.objects.exists() and not Participant.objects.exists()
