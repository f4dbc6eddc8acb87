"""Errors of a whole request. Everything about a single grade is a verdict in a 200."""

import logging
from typing import Any

from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from common.database.failures import Failure, failure_of

log = logging.getLogger(__name__)


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class DatabaseFailed(exceptions.APIException):
    """GradeBridge's own database could not do it. What was recorded before stays recorded."""

    default_code = "database_failed"

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.sentence)
        self.status_code = failure.status
        self.wait = failure.wait  # seconds, becomes Retry-After; None: none


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's handler, with what the database could not do as 503 or 400."""
    if failure := failure_of(error):
        log.log(failure.level, "%s (%s)", failure.name, type(error).__name__)
        error = DatabaseFailed(failure)
    return exception_handler(error, context)


class NoSuchAddressView(APIView):
    """Any address below /api/ that is none: 404 as the API says it, not as a page."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise exceptions.NotFound("There is no such address. /api/docs/ lists them all.")
