"""The raw body, bounded. What it means is for `exports.reading.body` alone."""

from django.conf import settings
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from rest_framework import exceptions
from rest_framework.request import Request

from exports.api.errors import TooLarge


def json_bytes(request: Request) -> bytes:
    """The bytes of a JSON body, of which no more than EXPORT_MAX_BYTES are held in memory.

    Raises UnsupportedMediaType, TooLarge, or ParseError for a body that breaks off. It goes around `request.data`,
    which takes a chunked body, having no Content-Length, for no body at all.
    """
    if request.content_type.partition(";")[0].strip().lower() != "application/json":
        raise exceptions.UnsupportedMediaType(request.content_type)
    limit = settings.EXPORT_MAX_BYTES
    is_chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    stream = request.META["wsgi.input"] if is_chunked else request._request  # Django stops at Content-Length
    try:
        content: bytes = stream.read(limit + 1)
    except (OSError, ParseException):  # gunicorn's, where the chunks themselves are wrong, is no OSError
        raise exceptions.ParseError("The body broke off; nothing was stored.") from None
    if len(content) > limit:
        raise TooLarge(f"The body is larger than {limit} bytes (EXPORT_MAX_BYTES); nothing was stored.")
    return content
