"""The connection to Learn: what is configured, what is left of the quota, and a test."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from common.admin.base import site_page
from courses import quota
from courses.connection import READING_PRIVILEGES, try_connection, works
from courses.models import ServiceCall


@permission_required("courses.provision", raise_exception=True)
def connection_page(request: HttpRequest) -> HttpResponse:
    """Shows; a POST tests the connection and shows what was found."""
    findings = try_connection() if request.method == "POST" else []
    context: dict[str, Any] = {
        "findings": findings,
        "works": works(findings),
        "reading_privileges": READING_PRIVILEGES,
        "url": settings.LEARN_URL,
        "key": masked(settings.LEARN_KEY),
        "timeout": settings.LEARN_TIMEOUT,
        "batch_size": settings.LEARN_BATCH_SIZE,
        "concurrency": settings.LEARN_CONCURRENCY,
        "daily_calls": settings.LEARN_DAILY_CALLS,
        "calls_left": quota.calls_left(timezone.now()),
        "lifts_at": quota.lifts_at(timezone.now()),
        "last_call": ServiceCall.objects.first(),
    }
    return site_page(request, "admin/courses/connection.html", title=_("Connection to Learn"), **context)


def masked(key: str) -> str:
    """Enough of it to tell two applications apart."""
    return f"{key[:4]}…" if len(key) > 8 else "…"
