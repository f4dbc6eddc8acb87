"""The page on which people set up their second factor, and remove it."""

from typing import Any

import qrcode
import structlog
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django_otp.util import random_hex

from common.addresses import caller_address
from common.admin.base import site_page
from common.signing_in import devices
from common.signing_in.by_password import CodeForm
from common.signing_in.recent import recently_signed_in
from common.signing_in.sessions import SECOND_FACTOR
from common.signing_in.ways import PASSWORD, way_of

log = structlog.get_logger(__name__)

OFFER_SECONDS = 60 * 60  # a page that shows a key is good for so long


@recently_signed_in
def second_factor(request: HttpRequest) -> HttpResponse:
    """To set up, where there is none; else to remove."""
    if settings.SECOND_FACTOR == "off" or way_of(request) != PASSWORD:
        raise Http404
    user = request.user
    assert isinstance(user, User)
    if not devices.has_device(user):
        return set_up(request, user)
    if is_required() and not request.session.get(SECOND_FACTOR):  # signed in before it was required
        logout(request)
        return HttpResponseRedirect(reverse("sign-in"))
    return remove(request, user)


def set_up(request: HttpRequest, user: User) -> HttpResponse:
    """Shows a key as a QR code, and keeps it once a code of it has come back. The page carries the key, signed."""
    problem, key = "", offered_key(request, user)
    if request.method == "POST" and key:
        codes = devices.confirm(user, key, request.POST.get("code", ""))
        if codes:
            request.session[SECOND_FACTOR] = True
            log.info("second_factor_set_up", user=user.get_username(), address=caller_address(request))
            title = gettext("Your second factor is set up")
            return site_page(request, "admin/recovery_codes.html", title=title, codes=codes)
        problem = gettext("This code is wrong. Check the clock of your phone, and enter the code that it shows now.")
    elif request.method == "POST":
        problem = gettext("This page was too old. Let the app scan the new picture.")
    key = key or random_hex(20)
    address = devices.new_device(user, key).config_url
    size, path = drawn(address)
    context: dict[str, Any] = {
        "problem": problem,
        "offer": signing.dumps(key, salt=salt_of(user)),
        "size": size,
        "path": path,
        "typed": in_fours(address),
        "is_required": is_required(),
        "back_url": reverse("admin:index"),
    }
    title, status = gettext("Set up a second factor"), 422 if problem else 200
    return site_page(request, "admin/second_factor.html", title=title, status=status, **context)


def remove(request: HttpRequest, user: User) -> HttpResponse:
    """Needs a code: an open browser is not enough."""
    form = CodeForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_bound and form.is_valid():
        devices.remove(user)
        request.session[SECOND_FACTOR] = False
        log.warning("second_factor_removed", user=user.get_username(), address=caller_address(request))
        messages.success(request, gettext("Your second factor is removed. You sign in with your password alone."))
        return HttpResponseRedirect(reverse("second-factor" if is_required() else "admin:index"))
    left, title = devices.recovery_codes_left(user), gettext("Second factor")
    return site_page(
        request, "admin/remove_second_factor.html", title=title, form=form, left=left, back_url=reverse("admin:index")
    )


def is_required() -> bool:
    return bool(settings.SECOND_FACTOR == "required")


def salt_of(user: User) -> str:
    return f"second factor of {user.pk}"


def offered_key(request: HttpRequest, user: User) -> str:
    """The key that the page has shown to this person; empty: it was none of ours, or is too old."""
    try:
        key: str = signing.loads(request.POST.get("offer", ""), salt=salt_of(user), max_age=OFFER_SECONDS)
    except signing.BadSignature:
        return ""
    return key


def drawn(text: str) -> tuple[int, str]:
    """A QR code as the path of an SVG: its size in squares, and a square for each dark one."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=4)
    code.add_data(text)
    rows = code.get_matrix()
    squares = [f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark]
    return len(rows), "".join(squares)


def in_fours(address: str) -> str:
    """The key as it is typed into an app that cannot see."""
    secret = address.partition("secret=")[2].partition("&")[0]
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
