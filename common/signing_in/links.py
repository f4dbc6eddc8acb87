"""What the user menu leads to."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from common.signing_in.ways import PASSWORD, way_of


def account_links(request: HttpRequest) -> list[dict[str, Any]]:
    """For people who sign in with a password; who comes from the provider changes theirs there."""
    if way_of(request) != PASSWORD:
        return []
    links = [{"title": _("Change password"), "link": reverse("admin:password_change")}]
    if settings.SECOND_FACTOR != "off":
        links.append({"title": _("Second factor"), "link": reverse("second-factor")})
    return links
