"""What every address of the site has in common."""

import logging
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils.deprecation import MiddlewareMixin

log = logging.getLogger(__name__)


class DatabaseAwayMiddleware(MiddlewareMixin):
    """Answers 503 while the database does not answer. What was recorded before stays recorded."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, (OperationalError, InterfaceError)):
            return None
        log.error("The database does not answer: %s", type(exception).__name__)
        return HttpResponse(
            "GradeBridge's database is not available. Try again in a minute.\n",
            status=503,
            content_type="text/plain",
            headers={"Retry-After": "60"},
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
