"""The id of the request that is answered, or of the one that started what is done now: in every line of the log."""

from contextlib import AbstractContextManager

from structlog.contextvars import bound_contextvars, get_contextvars

LENGTH = 64


def current_request_id() -> str:
    """Empty outside of a request and of what one has started."""
    return str(get_contextvars().get("request_id", ""))


def on_behalf_of(request_id: str) -> AbstractContextManager[None]:
    """Lines that are logged inside name this request."""
    return bound_contextvars(**({"request_id": request_id} if request_id else {}))
