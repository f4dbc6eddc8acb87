"""What is known of callers beside their credentials: how often they call, when they last did, and a line in the log."""

from collections.abc import Mapping
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import exceptions, throttling
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common.addresses import caller_address
from exports.api.afterwards import run_afterwards, write
from exports.api.authentication import caller_of, client_of
from exports.api.limits import CallCounter, Usage, client_calls, neighbourhood, wrong_keys
from exports.models import ApiClient
from exports.models.api_client import ADDRESS_LENGTH

log = structlog.get_logger(__name__)

# Who was refused; what else is wrong with a request is no matter of its caller.
OF_CALLERS = (
    exceptions.NotAuthenticated,
    exceptions.AuthenticationFailed,
    exceptions.PermissionDenied,
    exceptions.Throttled,
)


class TooMany(exceptions.Throttled):
    """Beyond a limit, until the minute ends, which Retry-After says: a sentence with the seconds would be another each
    time, and so another row of refused requests. `limit` and `who` say where it is counted.
    """

    def __init__(self, sentence: str, code: str, *, limit: CallCounter, who: str, usage: Usage) -> None:
        exceptions.APIException.__init__(self, sentence, code)
        self.wait = usage.seconds  # becomes Retry-After
        self.limit, self.who, self.usage = limit, who, usage


def count_wrong_key(request: HttpRequest) -> TooMany | None:
    """One more call with wrong credentials; the refusal where its address has made too many of them."""
    who = neighbourhood(caller_address(request))
    usage = wrong_keys.count(who)
    if usage is None or not usage.is_over:
        return None
    sentence = _(
        "Too many calls with wrong credentials came from %(address)s within a minute. A call with the right key is "
        "answered at any time."
    ) % {"address": logged_address(request)}
    return TooMany(sentence, "too_many_wrong_keys", limit=wrong_keys, who=who, usage=usage)


def count_call(client: ApiClient) -> TooMany | None:
    """One more call of the client; the refusal where it has made too many."""
    usage = client_calls.count(str(client.pk))
    if usage is None or not usage.is_over:
        return None
    sentence = _("This API client has made more than %(limit)s calls in a minute.") % {"limit": usage.limit}
    return TooMany(sentence, "too_many_calls", limit=client_calls, who=str(client.pk), usage=usage)


class CallsOfClient(throttling.BaseThrottle):
    """The last gate of a call: whoever comes to it is through, and is logged as accepted."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        if request.auth is not None:  # else the description of the API
            note_accepted(client_of(request), request._request)
        return True


def note_accepted(client: ApiClient, request: HttpRequest) -> None:
    log.info("caller_accepted", client=client.name, address=logged_address(request), method=request.method)


def logged_address(request: HttpRequest) -> str:
    """What a proxy forwards as an address may be anything."""
    return caller_address(request)[:ADDRESS_LENGTH]


def note_refused(
    response: HttpResponse, request: HttpRequest, error: Exception | None, *, client: ApiClient | None = None
) -> int:
    """Log who was refused, and tell the caller when to come again. Returns how many refusals are to be recorded: of a
    flood that is one now and then, with their number.
    """
    times = 1
    if isinstance(error, TooMany):
        times = error.limit.refusals_to_record(error.who)
        for name, figure in error.usage.headers.items():
            response[name] = figure
    if isinstance(error, OF_CALLERS):
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django's line would say no more, at each call
        if times:
            name = client.name if client else ""
            address, reason = logged_address(request), reason_of(error)
            log.warning("caller_refused", client=name, address=address, reason=reason, times=times)
    if isinstance(error, exceptions.AuthenticationFailed):  # beyond the limit nothing is left to share
        run_afterwards(response, lambda: wrong_keys.share(neighbourhood(caller_address(request))))
    return times


def reason_of(error: exceptions.APIException) -> str:
    """A word: sentences may name what no log should."""
    codes = error.get_codes()
    return codes if isinstance(codes, str) else "invalid"


def note_use(response: HttpResponse, request: HttpRequest, client: ApiClient) -> None:
    """Once the caller has its answer: when and from where the client was used, and its calls."""
    now, address = timezone.now(), caller_address(request)

    def note() -> None:
        if client.is_use_due(now):
            write("use_of_client_not_recorded", ApiClient.objects.note_use, client, address, now)
        client_calls.share(str(client.pk))

    run_afterwards(response, note)


class CalledByClients(APIView):
    """A view of the API. Its answers say how many calls the client has left in this minute."""

    throttle_classes = (CallsOfClient,)

    def check_permissions(self, request: Request) -> None:
        """Counts the call first: throttles come after permissions, and would never limit who is refused each time."""
        if request.auth is not None and (refusal := count_call(client_of(request))):
            raise refusal
        super().check_permissions(request)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer: Response = super().finalize_response(request, response, *args, **kwargs)
        if client := caller_of(request):
            add_headers(answer, usage_of(client))
            note_use(answer, request._request, client)
        return answer


def usage_of(client: ApiClient) -> Mapping[str, str]:
    usage = client_calls.usage(str(client.pk))
    return usage.headers if usage else {}


def add_headers(response: HttpResponse, headers: Mapping[str, str]) -> None:
    for name, figure in headers.items():
        response.setdefault(name, figure)
