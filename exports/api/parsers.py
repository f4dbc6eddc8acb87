"""The raw body, bounded. What it means is for `exports.reading` alone."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from exports.api.errors import TooLarge


class BoundedJsonBytes(BaseParser):
    """The bytes of a JSON body of at most EXPORT_MAX_BYTES."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Raises TooLarge before more than the limit is held in memory."""
        environ = (parser_context or {})["request"].META
        limit = settings.EXPORT_MAX_BYTES
        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            stream = environ["wsgi.input"]  # Django reads no further than Content-Length, which a chunked body lacks
        elif int(environ.get("CONTENT_LENGTH") or 0) > limit:
            raise TooLarge(too_large(limit))
        content = stream.read(limit + 1)
        if len(content) > limit:
            raise TooLarge(too_large(limit))
        return content


def too_large(limit: int) -> str:
    return f"The body is larger than {limit} bytes (EXPORT_MAX_BYTES); nothing was stored."
