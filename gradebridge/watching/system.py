"""The page System: how the site is doing, and what to do where it is not well."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from common.admin.base import site_page
from gradebridge.watching.parts import Tone, all_parts


@permission_required("courses.provision", raise_exception=True)
def system_page(request: HttpRequest) -> HttpResponse:
    """For administrators: they alone can do something about it."""
    parts = list(all_parts(timezone.now()))
    context: dict[str, Any] = {
        "parts": parts,
        "problems": sum(part.tone in (Tone.BAD, Tone.WARNING) for part in parts),
        "version": settings.VERSION,
    }
    return site_page(request, "admin/system.html", title=_("System"), **context)
