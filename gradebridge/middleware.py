"""What every address of the site has in common."""

import logging
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils.deprecation import MiddlewareMixin

from common.database.failures import failure_of

log = logging.getLogger(__name__)


class DatabaseFailureMiddleware(MiddlewareMixin):
    """Answers what the database could not do with what happened and what to do: 503 while it is away or somebody else
    changes the same rows, 400 for a search or filter that it cannot execute. What was recorded before stays recorded.
    """

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        failure = failure_of(exception)
        if failure is None:
            return None
        log.log(failure.level, "%s (%s)", failure.name, type(exception).__name__)
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
            return HttpResponseBadRequest("The address holds a NUL character.\n", content_type="text/plain")
        return None
