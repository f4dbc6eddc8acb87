"""`POST /oauth2/token/`: a bearer token for an API client's name and key (client_credentials)."""

import json
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote_plus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from oauthlib.oauth2 import BackendApplicationServer, RequestValidator, UnauthorizedClientError
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied

from common.addresses import caller_address
from exports.api import callers
from exports.api.authentication import (
    BASIC_CHALLENGE,
    TOKEN_SECONDS,
    find_client,
    from_basic,
    make_token,
    network_refusal,
)
from exports.api.parsers import encoding_of
from exports.api.refusals import note_refusal
from exports.models import ApiClient

MAX_FORM_BYTES = 64 * 1024


def find_form_encoded(name: str, key: str) -> ApiClient:
    """The client by name and key as they are or, as RFC 6749 (2.3.1) has them in Basic, form-encoded."""
    try:
        return find_client(key, name=name)
    except AuthenticationFailed:
        return find_client(unquote_plus(key), name=unquote_plus(name))


class ClientValidator(RequestValidator):
    """What oauthlib asks about one caller. Tokens are signed, so nothing is stored."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.client: ApiClient | None = None  # once its credentials were good
        self.has_shown_key = False

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        authorization = request.headers.get("Authorization", "")
        self.has_shown_key = bool(authorization or request.client_id or request.client_secret)
        try:
            shown = from_basic(authorization)
            name, key = shown or (request.client_id or "", request.client_secret or "")
            client = find_form_encoded(name, key) if shown else find_client(key, name=name)
        except AuthenticationFailed:
            return False
        self.client = request.client = client
        if refusal := network_refusal(client, self.address):
            raise UnauthorizedClientError(refusal)
        request.client.client_id = client.name  # the name that oauthlib expects
        return True

    def validate_grant_type(self, client_id: str, grant_type: str, *args: Any, **kwargs: Any) -> bool:
        return grant_type == "client_credentials"

    def validate_scopes(self, *args: Any, **kwargs: Any) -> bool:
        return True  # a client's rights are on the client, not on its token

    def get_default_scopes(self, *args: Any, **kwargs: Any) -> list[str]:
        return []

    def save_bearer_token(self, *args: Any, **kwargs: Any) -> None:
        pass


def lifetime(client: ApiClient) -> int:
    """Seconds until a token made now ends: never later than its client or the key that was shown for it."""
    ends = [client.expires_at, client.previous_key_ends_at if client.shown_hash == client.previous_key_hash else None]
    left = [int((end - timezone.now()).total_seconds()) for end in ends if end is not None]
    return max(0, min([TOKEN_SECONDS, *left]))


def form_of(request: HttpRequest) -> str:
    """The form, also where it comes in chunks, without the line break that a file ends with."""
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        try:
            content: bytes = request.META["wsgi.input"].read(MAX_FORM_BYTES)
        except (OSError, ParseException):  # it broke off: a form that names nothing
            content = b""
    else:
        content = request.body
    return content.decode(errors="replace").strip()


@csrf_exempt
@require_POST
def token(request: HttpRequest) -> HttpResponse:
    """Answers as RFC 6749 says: the token, or `error` and `error_description`. A refusal is noted."""
    validator = ClientValidator(caller_address(request))
    response, error = bounded(answer(request, validator), request, validator)
    client = validator.client
    if response.status_code == HTTPStatus.OK and client is not None:
        callers.note_accepted(client, request)
    else:
        said = json.loads(response.content)
        times = callers.note_refused(response, request, error, client=client)
        reason = ": ".join(filter(None, [said["error"], said.get("error_description")]))
        note_refusal(response, request, reason=reason, client=client, times=times)
    if client is not None:
        callers.note_use(response, request, client)
    return response


def bounded(
    response: HttpResponse, request: HttpRequest, validator: ClientValidator
) -> tuple[HttpResponse, APIException | None]:
    """The answer, or that there were too many calls; and why the caller is refused, if it is."""
    error: APIException | None = None
    if validator.client is not None:
        if refusal := callers.count_call(validator.client):
            return too_many("slow_down", refusal), refusal  # RFC 8628 has registered it for this address
        if response.status_code == HTTPStatus.BAD_REQUEST and not validator.client.allows(validator.address):
            error = PermissionDenied(code="network")
    elif response.status_code == HTTPStatus.UNAUTHORIZED:
        error = AuthenticationFailed()
        if validator.has_shown_key and (refusal := callers.count_wrong_key(request)):
            return too_many("invalid_client", refusal), refusal
    return response, error


def too_many(error: str, refusal: callers.TooMany) -> HttpResponse:
    return JsonResponse(
        {"error": error, "error_description": str(refusal.detail)},
        status=HTTPStatus.TOO_MANY_REQUESTS,
        headers={"Retry-After": str(refusal.wait), "Cache-Control": "no-store", "Pragma": "no-cache"},
    )


def answer(request: HttpRequest, validator: ClientValidator) -> HttpResponse:
    if encoding := encoding_of(request):
        text = _("The Content-Encoding '%(encoding)s' is not supported. Send the form uncompressed.") % {
            "encoding": encoding
        }
        return JsonResponse(
            {"error": "invalid_request", "error_description": text},
            status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            headers={"Accept-Encoding": "identity"},
        )
    server = BackendApplicationServer(
        validator,
        token_generator=lambda asked: make_token(cast("ApiClient", asked.client)),
        token_expires_in=lambda asked: lifetime(cast("ApiClient", asked.client)),
    )
    headers, body, status = server.create_token_response(
        request.build_absolute_uri(request.path),  # without its query, where no credentials belong
        "POST",
        form_of(request),
        dict(request.headers),
    )
    if status == HTTPStatus.UNAUTHORIZED:  # oauthlib asks for a Bearer, which is what there is none of yet
        headers["WWW-Authenticate"] = BASIC_CHALLENGE
    return HttpResponse(body, status=status, headers=headers)
