"""The log of who signs in and out, and who fails to: one line each, with name and address.

A name that was typed is logged only if there is such an account: people type passwords into that field.
"""

from typing import Any

import structlog
from django.contrib.auth.models import User
from django.http import HttpRequest

from common.addresses import caller_address
from common.signing_in.ways import way_of

log = structlog.get_logger(__name__)


def signed_in(sender: Any, request: HttpRequest, user: Any, **_: Any) -> None:
    log.info("signed_in", user=user.get_username(), address=caller_address(request), by=way_of(request))


def signed_out(sender: Any, request: HttpRequest, user: Any, **_: Any) -> None:
    """`reason`: why the session has ended, if the person did not sign out."""
    if user is None:
        return
    reason = getattr(request, "session_ended", "")
    event = "session_ended" if reason else "signed_out"
    log.info(event, user=user.get_username(), address=caller_address(request), **({"reason": reason} if reason else {}))


def failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """A wrong name or password. What is refused because of a lock is logged as that, and what a provider says by the
    page that it returns to.
    """
    if request is None or "username" not in credentials or getattr(request, "axes_locked_out", False):
        return
    log.warning("sign_in_failed", user=known_name(credentials["username"]), address=caller_address(request))


def locked_out(sender: Any, request: HttpRequest, username: str | None, **_: Any) -> None:
    log.warning("sign_in_locked", user=known_name(username), address=caller_address(request))


def known_name(typed: str | None) -> str:
    """`typed` if it is the name of an account, else nothing."""
    return typed if typed and User.objects.filter(username=typed).exists() else ""
