"""The sign-in page, and the code that is asked for after the password of who has set up a second factor."""

import time
from typing import Any

import structlog
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from common.addresses import caller_address
from common.signing_in import devices
from common.signing_in.lockout import remember_browser
from common.signing_in.sessions import SECOND_FACTOR
from common.signing_in.ways import BY_PASSWORD, is_password_offered, is_provider_offered

log = structlog.get_logger(__name__)

HALF = "half_signed_in"  # in the session of someone whose password was right, and whose code is still to come
HALF_SECONDS = 5 * 60


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class SignInView(LoginView):
    """Both ways to sign in. The address is that of Django's own page, which it takes the place of."""

    template_name = "registration/sign_in.html"
    authentication_form = AuthenticationForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if admin.site.has_permission(request):
            return HttpResponseRedirect(self.get_success_url())
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not is_password_offered():
            raise PermissionDenied
        return super().post(request, *args, **kwargs)

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        onward = self.get_redirect_url() or reverse("admin:index")
        query = urlencode({"next": onward})
        ways = {"is_password_offered": is_password_offered(), "is_provider_offered": is_provider_offered()}
        shown = {
            "title": gettext("Log in"),
            "app_path": self.request.get_full_path(),
            "provider_url": f"{reverse('sign-in-provider')}?{query}",
        }
        given = super().get_context_data(**kwargs)
        return {**admin.site.each_context(self.request), **given, **shown, **ways, "provider": settings.OIDC_NAME}

    def form_valid(self, form: Any) -> HttpResponse:
        user: User = form.get_user()
        if settings.SECOND_FACTOR != "off" and devices.has_device(user):
            self.request.session[HALF] = {"user": user.pk, "at": int(time.time()), "next": self.get_success_url()}
            return HttpResponseRedirect(reverse("sign-in-code"))
        return arrive(self.request, user, self.get_success_url())


def arrive(request: HttpRequest, user: User, onward: str, *, with_code: bool = False) -> HttpResponse:
    """Sign the person in for good."""
    login(request, user, backend=BY_PASSWORD)
    request.session[SECOND_FACTOR] = with_code
    response = HttpResponseRedirect(onward)
    remember_browser(response, user.get_username())
    return response


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data)
        self.user = user

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        seconds = devices.seconds_to_wait(self.user, code)
        if seconds:
            text = gettext("There were too many wrong codes. Try again in %(seconds)s seconds.")
            raise forms.ValidationError(text % {"seconds": seconds})
        if not devices.accepts(self.user, code):
            raise forms.ValidationError(gettext("This code is wrong, or was used already."))
        return code


@never_cache
def code_page(request: HttpRequest) -> HttpResponse:
    """The second step: a code of the app, or one of the recovery codes."""
    half: Any = request.session.get(HALF)
    user = still_waiting(half)
    if user is None:
        request.session.pop(HALF, None)
        return HttpResponseRedirect(reverse("sign-in"))
    form = CodeForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_bound and form.is_valid():
        del request.session[HALF]
        return arrive(request, user, half["next"], with_code=True)
    if form.is_bound:
        log.warning("second_factor_failed", user=user.get_username(), address=caller_address(request))
    return render(request, "registration/code.html", {**admin.site.each_context(request), "form": form})


def still_waiting(half: Any) -> User | None:
    """Whose code is awaited, if the password was given a short while ago and the account is still good."""
    if not half or time.time() - half["at"] >= HALF_SECONDS:
        return None
    return User.objects.filter(pk=half["user"], is_active=True, is_staff=True).first()
