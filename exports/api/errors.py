"""Errors of a whole request. Everything about a single grade is a verdict in a 200."""

import logging
from typing import Any

from django.db import InterfaceError, OperationalError
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

log = logging.getLogger(__name__)


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class DatabaseAway(exceptions.APIException):
    """GradeBridge's own database does not answer. What was recorded before stays recorded."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "GradeBridge's database is not available. Send the export again in a minute."
    default_code = "database_away"
    wait = 60  # seconds, becomes Retry-After


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's handler, with the database's absence as 503."""
    if isinstance(error, (OperationalError, InterfaceError)):
        log.error("The database does not answer: %s", type(error).__name__)
        error = DatabaseAway()
    return exception_handler(error, context)


class NoSuchAddressView(APIView):
    """Any address below /api/ that is none: 404 as the API says it, not as a page."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise exceptions.NotFound("There is no such address. /api/docs/ lists them all.")
