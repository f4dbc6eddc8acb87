"""A line in the log for each request, and an id that names the request in the log, on its attempt and in its answer."""

import re
import time
from typing import Any
from uuid import uuid4

import structlog
from django.contrib.auth.models import User
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django_structlog import signals
from django_structlog.middlewares import RequestMiddleware as BaseRequestMiddleware

from common.addresses import bare, caller_address, is_trusted_proxy
from common.request_ids import LENGTH, current_request_id
from exports.models import ApiClient

HEADER = "X-Request-Id"
REQUEST_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:=+/-]{{0,{LENGTH - 1}}}", re.ASCII)
GROUP = re.compile(r"\(\?P(<\w+>)[^()]*\)")  # of an address that is written as a regular expression
END = re.compile(r"(?:/\?|\(\?:/\|\$\))?\$?$")


class RequestMiddleware(BaseRequestMiddleware):
    """Of a request its method, the pattern of its address, status, duration, caller; never its path or query, which may
    hold the id of a student or a token.
    """

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """`POST /api/wiseflow/flows/<flow_id>/export`. An address that does not exist has no pattern."""
        if request.resolver_match is None:
            return str(request.method)
        pattern = GROUP.sub(r"\1", request.resolver_match.route.removeprefix("^"))
        return f"{request.method} /{END.sub('', pattern, count=1)}"

    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        """Name who asks: whoever is signed in, or the API client. Nobody is looked up for that."""
        user = getattr(request, "_cached_user", None)  # of Django, once someone has asked for request.user
        if isinstance(user, User):
            structlog.contextvars.bind_contextvars(user=user.get_username())
        client = getattr(request, "user", None)
        if type(client) is ApiClient:  # isinstance would look up who is signed in
            structlog.contextvars.bind_contextvars(client=client.name)


@receiver(signals.bind_extra_request_metadata)
def begin(request: HttpRequest, **_: Any) -> None:
    structlog.contextvars.bind_contextvars(request_id=request_id_of(request))
    vars(request)["began_at"] = time.monotonic()


@receiver(signals.bind_extra_request_finished_metadata)
def end(request: HttpRequest, response: HttpResponse, log_kwargs: dict[str, Any], **_: Any) -> None:
    response[HEADER] = current_request_id()
    log_kwargs["seconds"] = round(time.monotonic() - vars(request)["began_at"], 3)
    log_kwargs["address"] = caller_address(request)
    if row := row_of(request):
        log_kwargs["row"] = row


@receiver(signals.update_failure_response)
def end_failure(response: HttpResponse, **_: Any) -> None:
    response[HEADER] = current_request_id()


def request_id_of(request: HttpRequest) -> str:
    """As one of TRUSTED_PROXIES says it in X-Request-Id, else a new one: a stranger could use another's."""
    said = request.headers.get(HEADER, "")
    if REQUEST_ID.fullmatch(said) and is_trusted_proxy(bare(str(request.META.get("REMOTE_ADDR", "")))):
        return said
    return uuid4().hex


def row_of(request: HttpRequest) -> int | None:
    """The primary key of the row that a page of the admin is about."""
    said = str(request.resolver_match.kwargs.get("object_id", "")) if request.resolver_match else ""
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None
