"""Who calls: an API key in one of four wrappings, and what the caller may do."""

import base64
import binascii
from typing import TYPE_CHECKING, Any, cast

from django.core import signing
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request

from common.addresses import caller_address
from exports.models import ApiClient
from exports.models.api_client import FLOW_REFUSED, hash_key

if TYPE_CHECKING:  # the views import this module
    from rest_framework.views import APIView

TOKEN_SECONDS = 3600
TOKEN_SALT = "exports.api.bearer"  # noqa: S105  a salt is no secret
REALM = 'realm="GradeBridge"'
BASIC_CHALLENGE = f'Basic {REALM}, charset="UTF-8"'
# Whole, since many callers send what they have only once it is requested by name. A Bearer needs at least a
# realm (RFC 6750), and Python's urllib looks for nothing but schemes with one.
CHALLENGE = f"Api-Key {REALM}, {BASIC_CHALLENGE}, Bearer {REALM}"
CALLERS = ApiClient.objects.select_related("profile").order_by()  # it is read with: one statement


def find_client(key: str, *, name: str | None = None) -> ApiClient:
    """The client that may call now with this key (and name). Raises AuthenticationFailed, without saying which part was
    wrong.
    """
    now, shown_hash = timezone.now(), hash_key(key)
    client = CALLERS.able_to_call(now).with_key(shown_hash, now).first()
    if client is None or (name is not None and client.name != name):
        raise exceptions.AuthenticationFailed(gettext("The API key is unknown or no longer active."))
    client.shown_hash = shown_hash
    return client


class KeyAuthentication(authentication.BaseAuthentication):
    """One way to show a key. Whoever is turned away is shown all of them, not only the first."""

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class ApiKeyAuthentication(KeyAuthentication):
    """`Authorization: Api-Key KEY` or `X-Api-Key: KEY`."""

    def authenticate(self, request: Request) -> tuple[ApiClient, str] | None:
        key = request.headers.get("X-Api-Key") or after("api-key", request.headers.get("Authorization", ""))
        return (find_client(key), "key") if key else None


class BasicAuthentication(KeyAuthentication):
    """HTTP Basic with the client's name and key."""

    def authenticate(self, request: Request) -> tuple[ApiClient, str] | None:
        given = from_basic(request.headers.get("Authorization", ""))
        if given is None:
            return None
        name, key = given
        return find_client(key, name=name), "basic"


class BearerAuthentication(KeyAuthentication):
    """A token from `/oauth2/token/`. It stops working with its client, and with the key it was made for."""

    def authenticate(self, request: Request) -> tuple[ApiClient, str] | None:
        token = after("bearer", request.headers.get("Authorization", ""))
        if not token:
            return None
        try:
            pk, key_mark = signing.loads(token, salt=TOKEN_SALT, max_age=TOKEN_SECONDS)
        except signing.BadSignature:
            raise exceptions.AuthenticationFailed(gettext("The bearer token is not valid or has expired.")) from None
        now = timezone.now()
        client = CALLERS.able_to_call(now).filter(pk=pk).first()
        if client is None or not client.has_key_of(key_mark, now):
            raise exceptions.AuthenticationFailed(gettext("The API client of the bearer token is no longer active."))
        return client, "bearer"


def make_token(client: ApiClient) -> str:
    """A signed token that names the client and the beginning of its key's hash."""
    return signing.dumps([client.pk, client.key_mark], salt=TOKEN_SALT)


def after(scheme: str, authorization: str) -> str:
    """What follows `scheme` in an Authorization header, or ""."""
    given, _separator, value = authorization.partition(" ")
    return value.strip() if given.lower() == scheme else ""


def from_basic(authorization: str) -> tuple[str, str] | None:
    """Name and key of a Basic header, None for another scheme. Raises AuthenticationFailed for a broken one."""
    encoded = after("basic", authorization)
    if not encoded:
        return None
    try:
        name, separator, key = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        separator = ""
    if not separator:
        raise exceptions.AuthenticationFailed(gettext("The Basic credentials are not NAME:KEY in base64."))
    return name, key


def client_of(request: Request) -> ApiClient:
    """The caller of an authenticated request."""
    return cast("ApiClient", request.user)


def caller_of(request: Request) -> ApiClient | None:
    """The caller, if it is known by now. Asks for no authentication, which may have failed because of the database."""
    return client_of(request) if getattr(request, "_auth", None) is not None else None


def network_refusal(client: ApiClient, address: str) -> str:
    """Why the client may not call from there; empty: it may."""
    if client.allows(address):
        return ""
    return gettext("This API client may not call from %(address)s.") % {"address": address}


class FlowNotAllowed(exceptions.PermissionDenied):
    """None of the client's patterns is for the flow."""

    default_detail: Any = FLOW_REFUSED
    default_code = "flow"


class IsAllowedClient(permissions.BasePermission):
    """The caller may call from where it is, may use the flow in the address and, to export, has that right."""

    message: Any = _("This API client is not allowed to do that.")
    code = "permission_denied"

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if request.auth is None:
            return False
        client = client_of(request)
        if refusal := network_refusal(client, caller_address(request)):
            self.message, self.code = refusal, "network"
            return False
        if view.kwargs.get("flow_id") and not client.may_use(view.kwargs["flow_id"].strip()):
            raise FlowNotAllowed
        if request.method in permissions.SAFE_METHODS or client.may_export:
            return True
        self.message, self.code = gettext("This API client may read states but not export."), "reads_only"
        return False
