"""How long a sign-in lasts: while the person does something, and for a working day at the longest."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import ngettext

from common.signing_in.ways import PASSWORD, way_of

# In the session, as seconds since 1970
SIGNED_IN_AT, SEEN_AT = "signed_in_at", "seen_at"
PROVED_AT = "proved_at"  # when the person last showed who they are
SECOND_FACTOR = "second_factor"  # whether a code was given as well

IDLE, TOO_LONG = "idle", "too_long"
WITHOUT_SECOND_FACTOR = ("second-factor", "sign-in", "sign-in-again", "carry-on", "admin:logout", "admin:jsi18n")


def begin(sender: Any, request: HttpRequest, **_: Any) -> None:
    """Someone has signed in."""
    now = int(time.time())
    request.session.update({SIGNED_IN_AT: now, SEEN_AT: now, PROVED_AT: now})


class SessionsMiddleware(MiddlewareMixin):
    """Ends sessions in which nothing is done, and those that have lasted long enough."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if not request.path.startswith(reverse("admin:index")) or SESSION_KEY not in request.session:
            return None
        now, session = int(time.time()), request.session
        reason = why_ended(session, now)
        if reason and is_by_itself(request):
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})  # the page is loaded anew, and says why
        if reason:
            request.session_ended = reason  # type: ignore[attr-defined]  # for the log
            logout(request)
            messages.info(request, why_sentence(reason))
        elif not is_by_itself(request) and now - session.get(SEEN_AT, 0) >= min(60, idle_seconds() // 10):
            session[SEEN_AT] = now
        return None

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Where the second factor is required, there is nothing to see before it is set up."""
        match = request.resolver_match
        if settings.SECOND_FACTOR != "required" or match is None or match.view_name in WITHOUT_SECOND_FACTOR:
            return None
        if not request.path.startswith(reverse("admin:index")) or not request.user.is_authenticated:
            return None
        if way_of(request) != PASSWORD or request.session.get(SECOND_FACTOR):
            return None
        return HttpResponseRedirect(reverse("second-factor"))


def is_by_itself(request: HttpRequest) -> bool:
    """Whether a page asks without its reader, as the dashboard does every few seconds: that is no sign of life."""
    return request.headers.get("HX-Request") == "true"


def idle_seconds() -> int:
    return int(settings.SESSION_IDLE_MINUTES) * 60


def why_ended(session: Any, now: int) -> str:
    """Empty: it goes on. What has no times was not begun by a sign-in of this version."""
    if now - session.get(SIGNED_IN_AT, 0) >= settings.SESSION_HOURS * 3600:
        return TOO_LONG
    return IDLE if now - session.get(SEEN_AT, 0) >= idle_seconds() else ""


def why_sentence(reason: str) -> str:
    if reason == IDLE:
        number = settings.SESSION_IDLE_MINUTES
        text = ngettext(
            "You were signed out because nothing was done for %(number)s minute.",
            "You were signed out because nothing was done for %(number)s minutes.",
            number,
        )
    else:
        number = settings.SESSION_HOURS
        text = ngettext(
            "You were signed out: a sign-in lasts %(number)s hour.",
            "You were signed out: a sign-in lasts %(number)s hours.",
            number,
        )
    return text % {"number": number}
