"""Wrong credentials from an address that has sent too many of them, refused before anything else looks at the request.

Whatever may be right goes on as usual: the same address may be that of many callers.
"""

import threading
import time
from collections.abc import Iterable
from urllib.parse import unquote_plus

from django.core import signing
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.utils.deprecation import MiddlewareMixin
from rest_framework.exceptions import AuthenticationFailed

from common.addresses import caller_address
from exports.api import callers
from exports.api.authentication import TOKEN_SALT, TOKEN_SECONDS, after, from_basic
from exports.api.limits import neighbourhood, wrong_keys
from exports.api.refusals import note_refusal
from exports.models import ApiClient
from exports.models.api_client import hash_key

ADDRESSES = ("/api/", "/oauth2/")
FRESH = 1.0  # seconds: a key that is younger may be refused for so long where its address floods


class KnownKeys:
    """The hashes of all keys, read at most once a second. What is among them is looked up as usual."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self._hashes: frozenset[str] = frozenset()
        self._read_at = float("-inf")

    def has_any(self, keys: Iterable[str]) -> bool:
        """Also where the database fails: then it is not certain."""
        with self._lock:
            if time.monotonic() > self._read_at + FRESH:
                try:
                    pairs = list(ApiClient.objects.order_by().values_list("key_hash", "previous_key_hash"))
                except DatabaseError:
                    return True
                self._hashes = frozenset(each for pair in pairs for each in pair if each)
                self._read_at = time.monotonic()
            return any(hash_key(key) in self._hashes for key in keys)


known_keys = KnownKeys()


class WrongKeysMiddleware(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if not request.path_info.startswith(ADDRESSES):
            return None
        usage = wrong_keys.usage(neighbourhood(caller_address(request)))
        if usage is None or usage.used < usage.limit or may_be_right(request):
            return None
        with translation.override(translation.get_language_from_request(request)):  # no one has chosen one yet
            refusal = callers.count_wrong_key(request)
            return refuse(request, refusal) if refusal else None


def refuse(request: HttpRequest, refusal: callers.TooMany) -> HttpResponse:
    reason = str(refusal.detail)
    is_oauth = request.path_info.startswith("/oauth2/")
    answer = {"error": "invalid_client", "error_description": reason} if is_oauth else {"detail": reason}
    response = JsonResponse(answer, status=429, headers={"Retry-After": str(refusal.wait)})
    if times := callers.note_refused(response, request, refusal):
        note_refusal(response, request, reason=reason, times=times)
    return response


def may_be_right(request: HttpRequest) -> bool:
    """Whether the credentials are good, are not here to be seen, or there are none."""
    authorization = request.headers.get("Authorization", "")
    key = request.headers.get("X-Api-Key") or after("api-key", authorization)
    if not key and (token := after("bearer", authorization)):
        return is_signed(token)
    if not key:
        try:
            given = from_basic(authorization)
        except AuthenticationFailed:
            return False
        if given is None:
            return True
        key = given[1]
    return known_keys.has_any([key, unquote_plus(key)])


def is_signed(token: str) -> bool:
    try:
        signing.loads(token, salt=TOKEN_SALT, max_age=TOKEN_SECONDS)
    except signing.BadSignature:
        return False
    return True
