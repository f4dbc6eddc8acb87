"""Errors of a whole request. Everything about a single grade is a verdict in a 200."""

from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from common.database.failures import Failure, failure_of
from exports.api import callers
from exports.api.authentication import caller_of
from exports.api.refusals import note_refusal

log = structlog.get_logger(__name__)


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class UnsupportedEncoding(exceptions.APIException):
    """The body is compressed in a way that nothing here unpacks."""

    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE
    default_code = "unsupported_encoding"
    unpacked = "gzip"  # what is, as the answer's Accept-Encoding (RFC 9110, 15.5.16)

    def __init__(self, encoding: str) -> None:
        super().__init__(
            _("The Content-Encoding '%(encoding)s' is not supported. Send the request body uncompressed, or use gzip.")
            % {"encoding": encoding}
        )


class DatabaseFailed(exceptions.APIException):
    """GradeBridge's own database could not do it. What was recorded before stays recorded."""

    default_code = "database_failed"

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.sentence)
        self.status_code = failure.status
        self.wait = failure.wait  # seconds, becomes Retry-After; None: none


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's handler, with what the database could not do as 503 or 400, and 415 as it should be. A
    refusal is noted.
    """
    if failure := failure_of(error):
        log.log(failure.level, "database_failed", failure=failure.name, error=type(error).__name__)
        error = DatabaseFailed(failure)
    view, request = context["view"], context["request"]
    knows_callers = bool(view.authentication_classes)  # not the description of the API, which all may read
    if knows_callers and isinstance(error, exceptions.AuthenticationFailed):
        error = callers.count_wrong_key(request._request) or error
    response = exception_handler(error, context)
    if response is not None and isinstance(error, UnsupportedEncoding):
        response["Accept-Encoding"] = error.unpacked
    if response is not None and knows_callers:
        client = caller_of(request)
        times = callers.note_refused(response, request._request, error, client=client)
        note_refusal(
            response,
            request._request,
            reason=str(response.data.get("detail", "")),
            client=client,
            flow_id=context["kwargs"].get("flow_id") or getattr(view, "named_flow", ""),
            times=times,
        )
    return response


class NoSuchAddressView(APIView):
    """Any address below /api/ that is none: 404 as the API says it, not as a page."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise exceptions.NotFound(_("This address does not exist. /api/docs/ lists all addresses."))


def refuse_malformed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django refuses before any view is asked, such as an unknown host: for programs in their form, not a page."""
    sentence = _("The request is malformed, or names a host that this site does not answer to (ALLOWED_HOSTS).")
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": sentence}, status=400)
    if request.path.startswith("/oauth2/"):
        return JsonResponse({"error": "invalid_request", "error_description": sentence}, status=400)
    return defaults.bad_request(request, exception)
