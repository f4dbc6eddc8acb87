"""Asking who is at the keyboard before what cannot be undone: a new key, an approval, a deletion in Learn.

`recently_signed_in` goes around a view or a method of an admin, inside `@action`. Whoever has shown who they are
within REAUTHENTICATE_MINUTES notices nothing. Anyone else is asked first; what they have sent already is kept in the
session, and shown to be sent again, unless there is a password or a code in it.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import structlog
from django import forms
from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget

from common.addresses import caller_address
from common.admin.base import site_page
from common.signing_in.sessions import PROVED_AT
from common.signing_in.ways import PROVIDER, way_of

log = structlog.get_logger(__name__)

P = ParamSpec("P")

CARRIED = "carried"  # in the session: what was sent before the question
NOT_CARRIED = ("csrfmiddlewaretoken",)
# What no session keeps: a form with one of these is typed again.
SECRET = {"password", "password1", "password2", "old_password", "usable_password", "code"}


def recently_signed_in(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    @wraps(view)
    def asked_first(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request = next(each for each in args if isinstance(each, HttpRequest))
        return ask_to_sign_in_again(request) or view(*args, **kwargs)

    return asked_first


def ask_to_sign_in_again(request: HttpRequest) -> HttpResponse | None:
    """Where the person is to go first; None: they have signed in recently. For what only some requests ask."""
    if is_recent(request):
        request.session.pop(CARRIED, None)
        return None
    here = request.get_full_path()
    if request.method == "POST" and SECRET.isdisjoint(request.POST):
        sent = [(name, value) for name, given in request.POST.lists() if name not in NOT_CARRIED for value in given]
        request.session[CARRIED] = {"path": here, "fields": sent}
    return HttpResponseRedirect(f"{reverse('sign-in-again')}?{urlencode({'next': here})}", status=303)


def is_recent(request: HttpRequest) -> bool:
    return bool(time.time() - request.session.get(PROVED_AT, 0) < settings.REAUTHENTICATE_MINUTES * 60)


class PasswordForm(forms.Form):
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST if request.method == "POST" else None)
        self.request = request

    def clean_password(self) -> str:
        """Checked as at the sign-in: who guesses here is locked out too."""
        user: Any = self.request.user
        password: str = self.cleaned_data["password"]
        if authenticate(self.request, username=user.get_username(), password=password) != user:
            raise forms.ValidationError(gettext("This is not your password."))
        return password


def sign_in_again(request: HttpRequest) -> HttpResponse:
    """Asks for the password, or leads to the provider."""
    onward = next_address(request)
    if is_recent(request):
        return go_on(request, onward)
    if way_of(request) == PROVIDER:
        query = urlencode({"again": "1", "next": onward})
        context: dict[str, Any] = {"provider_url": f"{reverse('sign-in-provider')}?{query}"}
        return ask_page(request, context | {"provider": settings.OIDC_NAME})
    form = PasswordForm(request)
    if form.is_bound and form.is_valid():
        request.session[PROVED_AT] = int(time.time())
        log.info("signed_in_again", user=request.user.get_username(), address=caller_address(request))
        return go_on(request, onward)
    return ask_page(request, {"form": form})


def ask_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    title = gettext("Please confirm that it is you")
    context["has_sent"] = request.session.get(CARRIED, {}).get("path") == next_address(request)
    context |= {"back_url": reverse("admin:index"), "minutes": settings.REAUTHENTICATE_MINUTES}
    return site_page(request, "admin/sign_in_again.html", title=title, **context)


def go_on(request: HttpRequest, onward: str) -> HttpResponse:
    """To the page, or first to what was sent to it."""
    sent = request.session.get(CARRIED)
    return HttpResponseRedirect(reverse("carry-on") if sent and sent["path"] == onward else onward)


def carry_on(request: HttpRequest) -> HttpResponse:
    """Shows the button that sends once more what was sent before the question."""
    sent = request.session.get(CARRIED)
    if not sent:
        return HttpResponseRedirect(reverse("admin:index"))
    if not is_recent(request):
        return HttpResponseRedirect(f"{reverse('sign-in-again')}?{urlencode({'next': sent['path']})}")
    title = gettext("Thank you. Do you want to go on?")
    context = {"form_url": sent["path"], "hidden": sent["fields"], "back_url": sent["path"]}
    return site_page(request, "admin/carry_on.html", title=title, **context)


def next_address(request: HttpRequest) -> str:
    """Where `next` leads, if that is on this site."""
    given = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(given, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return given if given and safe else reverse("admin:index")
