"""To the university's sign-in provider and back."""

import time
from typing import Any

import structlog
from django.conf import settings
from django.contrib import auth
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from common.addresses import caller_address
from common.signing_in.provider import ProviderFailed, described
from common.signing_in.provider_backend import CLOCK_SECONDS
from common.signing_in.recent import go_on
from common.signing_in.refusals import SENTENCES, STATUS, Reason, Refused
from common.signing_in.sessions import PROVED_AT
from common.signing_in.ways import is_provider_offered

log = structlog.get_logger(__name__)

AGAIN_SINCE = "again_since"  # in the session: when a person who is signed in was asked to sign in again


@method_decorator(never_cache, name="dispatch")
class ToProviderView(OIDCAuthenticationRequestView):  # type: ignore[misc]  # the library is untyped
    """`again`: the provider must ask for password and second factor anew, whatever it remembers."""

    def __init__(self, **given: Any) -> None:
        super(OIDCAuthenticationRequestView, self).__init__(**given)  # the library asks for the addresses here
        self.OIDC_RP_CLIENT_ID = settings.OIDC_RP_CLIENT_ID

    def get(self, request: HttpRequest) -> HttpResponse:
        if not is_provider_offered():
            raise Http404
        try:
            self.OIDC_OP_AUTH_ENDPOINT = described()["authorization_endpoint"]
        except ProviderFailed as error:
            return refusal_page(request, Refused(Reason.PROVIDER, str(error)))
        if is_again(request):
            request.session[AGAIN_SINCE] = int(time.time())
        else:
            request.session.pop(AGAIN_SINCE, None)
        response: HttpResponse = super().get(request)
        return response

    def get_extra_params(self, request: HttpRequest) -> dict[str, str]:
        return {"prompt": "login", "max_age": "0"} if is_again(request) else {}


def is_again(request: HttpRequest) -> bool:
    return request.GET.get("again") == "1" and request.user.is_authenticated


@method_decorator(never_cache, name="dispatch")
class FromProviderView(OIDCAuthenticationCallbackView):  # type: ignore[misc]  # the library is untyped
    """Where the provider leads back to."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if not is_provider_offered():
            raise Http404
        self.since: Any = request.session.get(AGAIN_SINCE)
        self.person_before = request.user.pk
        if "error" in request.GET:  # of which the library would sign out who is signed in, whoever has made the link
            # Its code alone, which the standard names; the description is for developers and may name the person.
            return refusal_page(request, Refused(Reason.CANCELLED, request.GET["error"][:60]))
        try:
            response: HttpResponse = super().get(request)
        except Refused as refused:
            return refusal_page(request, refused)
        except SuspiciousOperation:
            return refusal_page(request, Refused(Reason.TOO_LATE))
        return response

    def login_failure(self) -> HttpResponse:
        """What came is no answer to this browser."""
        raise Refused(Reason.TOO_LATE)

    def login_success(self) -> HttpResponse:
        request, onward = self.request, self.success_url
        authenticated_at = self.user.authenticated_at
        known_at = int(min(authenticated_at, time.time())) if isinstance(authenticated_at, (int, float)) else 0
        if self.since is not None and self.person_before is not None:
            return self.signed_in_again(known_at, onward)
        auth.login(request, self.user)
        request.session[PROVED_AT] = known_at  # the provider may remember the person since this morning
        return HttpResponseRedirect(onward)

    def signed_in_again(self, known_at: int, onward: str) -> HttpResponse:
        request = self.request
        request.session.pop(AGAIN_SINCE, None)
        if self.user.pk != self.person_before:
            raise Refused(Reason.OTHER_PERSON)
        if known_at < self.since - CLOCK_SECONDS:
            raise Refused(Reason.NOT_AGAIN)
        request.session[PROVED_AT] = int(time.time())
        log.info("signed_in_again", user=self.user.get_username(), address=caller_address(request))
        return go_on(request, onward)

    @property
    def success_url(self) -> str:
        return self.request.session.get("oidc_login_next") or reverse("admin:index")


def refusal_page(request: HttpRequest, refused: Refused) -> HttpResponse:
    """What went wrong, and what to do."""
    reason, address = refused.reason, caller_address(request)
    log.warning("sign_in_refused", reason=str(reason), detail=refused.detail, address=address, by="provider")
    context = {"sentence": SENTENCES[reason], "reason": str(reason), "provider": settings.OIDC_NAME}
    return render(request, "registration/not_signed_in.html", context, status=STATUS.get(reason, 403))
