"""Who guesses passwords is locked out, and nobody else.

Failures are counted in three ways, each for LOCKOUT_MINUTES after the last of them: of a name at an address (10), of
an address whatever the name (100), and of a name from anywhere (100). A browser in which a person has signed in before
is known by a cookie and counted by itself: no stranger, in the same network or with a thousand addresses, can keep that
person out. Where a proxy that is not in TRUSTED_PROXIES passes a call on, the address alone does not count. While a
lock lasts no password is checked, which would cost a fifth of a second of the processor.
"""

import secrets
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt
from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from common.addresses import caller_address, is_of_unknown_proxy, neighbourhood

FAILURES, MANY_FAILURES = 10, 100
NAME_LENGTH = 255  # of the column in which axes keeps it
STRANGER = "not known"  # a browser in which the person has never signed in
COOKIE, COOKIE_SECONDS = "known_browser", 90 * 24 * 60 * 60


class Lockout(AxesDatabaseHandler):  # type: ignore[misc]  # axes is untyped
    def get_failures(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """How many count against this attempt; FAILURES of them lock it."""
        name = get_client_username(request, credentials)
        if name is None:  # it is no password that is tried
            return 0
        request.axes_user_agent = browser_of(request, name)
        recent = AccessAttempt.objects.filter(
            attempt_time__gte=get_cool_off_threshold(request), user_agent=request.axes_user_agent
        )
        of_name, of_address = Q(username=name), Q(ip_address=request.axes_ip_address)
        if request.axes_user_agent != STRANGER:
            return total(recent.filter(of_name), here=of_name)["here"]
        found = total(recent.filter(of_name | of_address), here=of_name & of_address, name=of_name, address=of_address)
        address = 0 if is_of_unknown_proxy(request) else found["address"]  # else one stranger would lock everyone out
        return FAILURES if max(found["name"], address) >= MANY_FAILURES else found["here"]

    def user_login_failed(self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
        name = get_client_username(request, credentials) if request is not None and credentials else None
        if name is None:
            return
        request.axes_user_agent = browser_of(request, name)
        super().user_login_failed(sender, credentials, request, **kwargs)

    def reset_user_attempts(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """Who signs in clears what was counted here of their own name, and nothing of the address."""
        name = get_client_username(request, credentials)
        own = AccessAttempt.objects.filter(
            username=name, ip_address=request.axes_ip_address, user_agent=browser_of(request, name)
        )
        return int(own.delete()[0])


def total(attempts: QuerySet[Any], **which: Q) -> dict[str, int]:
    sums = {name: Sum("failures_since_start", filter=condition) for name, condition in which.items()}
    return {name: found or 0 for name, found in attempts.aggregate(**sums).items()}


def counted_name(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str | None:
    """The name that was typed, as far as it is kept; None: no password is tried."""
    given = (credentials if credentials else request.POST).get("username")
    return given[:NAME_LENGTH] if isinstance(given, str) else None


def counted_address(request: HttpRequest) -> str | None:
    """The caller's address as it is counted: one household or machine has a whole /64 of IPv6."""
    return neighbourhood(caller_address(request))


# The cookie of a browser in which someone has signed in


def signer(name: str) -> TimestampSigner:
    return TimestampSigner(salt=f"known browser of {name}")


def browser_of(request: HttpRequest, name: str) -> str:
    """What this browser is counted as for that name."""
    try:
        return f"known {signer(name).unsign(request.COOKIES.get(COOKIE, ''), max_age=COOKIE_SECONDS)}"
    except BadSignature:
        return STRANGER


def remember_browser(response: HttpResponse, name: str) -> None:
    """After a sign-in by password."""
    response.set_cookie(
        COOKIE,
        signer(name).sign(secrets.token_urlsafe(12)),
        max_age=COOKIE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def locked_page(request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    minutes = settings.LOCKOUT_MINUTES
    answer = render(request, "registration/locked.html", {"minutes": minutes}, status=429)
    answer["Retry-After"] = str(minutes * 60)
    answer["Cache-Control"] = "no-store"
    return answer
