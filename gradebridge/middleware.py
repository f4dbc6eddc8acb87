"""What every address of the site has in common."""

from collections.abc import Callable
from typing import Any

import structlog
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _

from common.database.failures import failure_of

log = structlog.get_logger(__name__)


class DatabaseFailureMiddleware(MiddlewareMixin):
    """Answers what the database could not do with what happened and what to do: 503 while it is away or someone else
    changes the same rows, 400 for a search or filter that it cannot execute. What was recorded before stays recorded.
    """

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        failure = failure_of(exception)
        if failure is None:
            return None
        log.log(failure.level, "database_failed", failure=failure.name, error=type(exception).__name__)
        return HttpResponse(
            f"{failure.sentence}\n",
            status=failure.status,
            content_type="text/plain",
            headers={"Retry-After": str(failure.wait)} if failure.wait else {},
        )


class NoNulMiddleware(MiddlewareMixin):
    """Answers 400 where the admin's query holds a NUL: its lists filter by what stands there, and PostgreSQL fails."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        match = request.resolver_match
        if match and "admin" in match.app_names and "%00" in request.META.get("QUERY_STRING", ""):
            return HttpResponseBadRequest(_("The address contains a NUL character.") + "\n", content_type="text/plain")
        return None


class SignedOutMiddleware(MiddlewareMixin):
    """Who sends something to the admin after the session has ended reads after the log-in that nothing was done.

    The log-in leads on to the page, and not to what was asked for there.
    """

    mark = "sent_while_signed_out"

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or not request.path.startswith(reverse("admin:index")):
            return None
        if request.user.is_authenticated:
            if request.session.pop(self.mark, False):
                messages.warning(request, _("Nothing was done: you were signed out. Please try again."))
        elif request.method == "POST" and match.view_name not in ("sign-in", "admin:logout"):
            request.session[self.mark] = True
        return None
