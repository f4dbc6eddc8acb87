"""`POST /oauth2/token/`: a bearer token for an API client's name and key (client_credentials)."""

import json
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote_plus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from oauthlib.oauth2 import BackendApplicationServer, RequestValidator
from rest_framework.exceptions import AuthenticationFailed

from exports.api.authentication import BASIC_CHALLENGE, TOKEN_SECONDS, find_client, from_basic, make_token
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
    """What oauthlib asks about the caller. Tokens are signed, so nothing is stored."""

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        try:
            shown = from_basic(request.headers.get("Authorization", ""))
            name, key = shown or (request.client_id or "", request.client_secret or "")
            request.client = find_form_encoded(name, key) if shown else find_client(key, name=name)
        except AuthenticationFailed:
            return False
        request.client.client_id = request.client.name  # the name that oauthlib expects
        return True

    def validate_grant_type(self, client_id: str, grant_type: str, *args: Any, **kwargs: Any) -> bool:
        return grant_type == "client_credentials"

    def validate_scopes(self, *args: Any, **kwargs: Any) -> bool:
        return True  # a client's rights are on the client, not on its token

    def get_default_scopes(self, *args: Any, **kwargs: Any) -> list[str]:
        return []

    def save_bearer_token(self, *args: Any, **kwargs: Any) -> None:
        pass


server = BackendApplicationServer(
    ClientValidator(),
    token_generator=lambda request: make_token(cast("ApiClient", request.client)),
    token_expires_in=TOKEN_SECONDS,
)


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
    response = answer(request)
    if response.status_code != HTTPStatus.OK:
        said = json.loads(response.content)
        note_refusal(response, request, reason=": ".join(filter(None, [said["error"], said.get("error_description")])))
    return response


def answer(request: HttpRequest) -> HttpResponse:
    if encoding := encoding_of(request):
        text = _("The Content-Encoding '%(encoding)s' is not supported. Send the form uncompressed.") % {
            "encoding": encoding
        }
        return JsonResponse(
            {"error": "invalid_request", "error_description": text},
            status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            headers={"Accept-Encoding": "identity"},
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
