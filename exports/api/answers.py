"""What the API's description says of answers that are not 200: all that are really given, with bodies and headers."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from exports.api.schema import WAITING


class RefusalSerializer(serializers.Serializer[Any]):
    """Why the whole request was refused, with nothing of it stored; or, with 503, could not be brought to an end."""

    detail = serializers.CharField(help_text="What was wrong, and what to do, in the caller's language.")


def refusal(description: str) -> OpenApiResponse:
    return OpenApiResponse(RefusalSerializer, description=description)


def from_the_server(description: str) -> OpenApiResponse:
    """Given by the web server, which refuses a request before it is read as one of the API's."""
    return OpenApiResponse(OpenApiTypes.STR, description=description)


def header(name: str, description: str, *statuses: int, kind: Any = str) -> OpenApiParameter:
    return OpenApiParameter(
        name, kind, location=OpenApiParameter.HEADER, description=description, response=[str(code) for code in statuses]
    )


READING: dict[Any, OpenApiResponse] = {
    400: refusal("A parameter of the query is not usable, or the host is not one of ALLOWED_HOSTS."),
    401: refusal("There are no credentials, or they are unknown, no longer active or expired."),
    403: refusal("The API client may not do this, or not from this address."),
    404: refusal("There is no such flow, or no such page of its participants."),
    405: refusal("The address has no such method."),
    429: refusal("Too many requests, or too many wrong credentials. Wait as long as Retry-After says."),
    503: refusal("The database is not available, or others changed the same rows again and again."),
    (400, "text/html"): from_the_server("The request is not HTTP, or what it says is not usable."),
    (414, "text/html"): from_the_server("The address is longer than 8,190 bytes."),
    (431, "text/html"): from_the_server("The headers are too many or too long."),
}

EXPORTING: dict[Any, OpenApiResponse] = {
    **{status: answer for status, answer in READING.items() if status != 404},
    400: refusal("The body cannot be read, or names no flow. The answer says where. Nothing was stored."),
    413: refusal("The body, unpacked, has too many bytes (EXPORT_MAX_BYTES) or entries (EXPORT_MAX_PARTICIPANTS)."),
    415: refusal("The body is not application/json, or compressed in a way that is not supported."),
}

HEADERS = [
    header("X-Request-Id", "Names the request in the log of the site.", 200, 400, 401, 403, 404, 405, 413, 415, 503),
    header("WWW-Authenticate", "The schemes in which a key may be sent.", 401),
    header("Allow", "The methods that the address has.", 405),
    header("Retry-After", WAITING["Retry-After"], 429, 503, kind=int),
    *(
        header(name, WAITING[name], 200, 429, kind=int)
        for name in ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    ),
]
HEADERS_OF_EXPORTS = [*HEADERS, header("Accept-Encoding", "How a body may be compressed.", 415)]
