"""The raw body, bounded. What it means is for `exports.reading.body` alone."""

import gzip
import io
import zlib

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from rest_framework import exceptions
from rest_framework.request import Request

from exports.api.errors import TooLarge, UnsupportedEncoding

GZIP = ("gzip", "x-gzip")  # two names for one (RFC 9110, 8.4.1.3)
GZIP_FRAME = 1024  # bytes that gzip may add to a body that it cannot make smaller

ENCODING = OpenApiParameter(
    "Content-Encoding",
    location=OpenApiParameter.HEADER,
    enum=["identity", "gzip"],
    description="How the request body is compressed, if it is. `EXPORT_MAX_BYTES` limits its size once unpacked.",
)


def json_bytes(request: Request) -> bytes:
    """The bytes of a JSON body, unpacked, of which no more than EXPORT_MAX_BYTES are held in memory.

    Raises UnsupportedMediaType, UnsupportedEncoding, TooLarge, or ParseError for a body that breaks off. It goes around
    `request.data`, which takes a chunked body, having no Content-Length, for no body at all.
    """
    if request.content_type.partition(";")[0].strip().lower() != "application/json":
        raise exceptions.UnsupportedMediaType(request.content_type)
    encoding = encoding_of(request)
    if encoding and encoding not in GZIP:
        raise UnsupportedEncoding(encoding)
    limit = settings.EXPORT_MAX_BYTES
    if not encoding:
        return refuse_larger(read_body(request, limit + 1), limit)
    max_packed = limit + limit // 500 + GZIP_FRAME  # what cannot be made smaller grows by 5 bytes a block
    packed = refuse_larger(read_body(request, max_packed + 1), max_packed)
    return refuse_larger(unpack(packed, limit + 1), limit)


def encoding_of(request: Request | HttpRequest) -> str:
    """What `Content-Encoding` names, in small letters; "" for a body that is sent as it is."""
    named = str(request.headers.get("Content-Encoding", "")).strip().lower()
    return "" if named == "identity" else named


def read_body(request: Request, length: int) -> bytes:
    """The first bytes of the body, as they were sent. Raises ParseError."""
    is_chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    stream = request.META["wsgi.input"] if is_chunked else request._request  # Django stops at Content-Length
    try:
        content: bytes = stream.read(length)
    except (OSError, ParseException):  # gunicorn's, where the chunks themselves are wrong, is no OSError
        raise exceptions.ParseError(_("The request body was cut off. Nothing was stored.")) from None
    return content


def unpack(packed: bytes, length: int) -> bytes:
    """The first bytes of what gzip has packed: what comes behind them is never unpacked. Raises ParseError."""
    try:
        return gzip.GzipFile(fileobj=io.BytesIO(packed)).read(length)
    except EOFError:
        raise exceptions.ParseError(_("The gzip request body is not complete. Nothing was stored.")) from None
    except (gzip.BadGzipFile, zlib.error):
        raise exceptions.ParseError(
            _("The request body is not valid gzip, although its Content-Encoding says so. Nothing was stored.")
        ) from None


def refuse_larger(content: bytes, allowed: int) -> bytes:
    if len(content) > allowed:
        raise TooLarge(
            _("The request body is larger than %(allowed)s bytes (EXPORT_MAX_BYTES). Nothing was stored.")
            % {"allowed": intcomma(settings.EXPORT_MAX_BYTES)}
        )
    return content
