"""Everything that can go wrong at Learn, by name; what only reading meets is in `reading_faults.py`.

A fault is a function of the call it hits. It may let the service act (`call.carry_out()`: values are stored) or not,
and answers in its place. Its docstring is its description; its keyword arguments are the parameters that can be set.
"""

import gzip
import inspect
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from flask import Response

from sandbox.answers import Answer, HangUp, NoAnswer, error, html
from sandbox.fields import Item
from sandbox.services import TOKEN, Service

BLANKS = b" " * 65_536
Results = list[dict[str, Any]]
Refuse = Callable[[int, Item], bool]


class Reach(StrEnum):
    ANY = "any service; unless told otherwise, all but the token service"
    RESULTS = "services that answer with one result an item"
    TOKEN = "the token service"  # noqa: S105
    READS = "services that read the gradebook"
    PAGES = "services that read the gradebook in pages"

    def covers(self, service: Service) -> bool:
        if self is Reach.RESULTS:
            return service.act is not None
        if self in (Reach.READS, Reach.PAGES):
            return service.read is not None and (service.has_pages or self is Reach.READS)
        return self is Reach.ANY or service is TOKEN


class Call(Protocol):
    """One call to a service, on its way to an answer."""

    def carry_out(self, refuse: Refuse | None = None) -> Answer:
        """Lets the service act. Items for which `refuse(place, item)` is true get ERROR and are not stored."""

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of its address."""

    def address(self, **changed: str) -> str:
        """The relative address of this call, with the parameters `changed`."""

    def wait(self, seconds: float) -> bool:
        """Waits, less long when the sandbox stops: then it returns True."""

    def revoke_token(self) -> None: ...


@dataclass(frozen=True)
class Kind:
    """A fault that there is."""

    act: Callable[..., Response]
    reach: Reach

    @property
    def name(self) -> str:
        return self.act.__name__

    @property
    def description(self) -> str:
        return inspect.getdoc(self.act) or ""

    @property
    def parameters(self) -> dict[str, Any]:
        """Name -> default."""
        return {
            name: parameter.default
            for name, parameter in inspect.signature(self.act).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        }


KINDS: dict[str, Kind] = {}


def fault(reach: Reach) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    def add(act: Callable[..., Response]) -> Callable[..., Response]:
        KINDS[act.__name__] = Kind(act, reach)
        return act

    return add


# Refused before anything is stored


@fault(Reach.ANY)
def bearer_expired(call: Call) -> Response:
    """The token ends before its time: 401, nothing stored; a new token works."""
    call.revoke_token()
    return error(401, "Bearer token is invalid").response()


@fault(Reach.ANY)
def forbidden(_: Call) -> Response:
    """403: the application lacks the entitlement. Nothing stored."""
    return error(403, "User does not have the required entitlement").response()


@fault(Reach.ANY)
def not_installed(_: Call) -> Response:
    """404: the application is not installed on the site. Nothing stored."""
    return error(404, "The requested API does not exist").response()


@fault(Reach.ANY)
def quota_short(_: Call, *, seconds: int = 1) -> Response:
    """429, Retry-After 1 second. Nothing stored."""
    return _quota_used_up(**{"Retry-After": str(seconds)})


@fault(Reach.ANY)
def quota_long(_: Call, *, seconds: int = 7200) -> Response:
    """429, Retry-After 2 hours. Nothing stored."""
    return _quota_used_up(**{"Retry-After": str(seconds)})


@fault(Reach.ANY)
def quota_reset_header(_: Call, *, seconds: int = 7200) -> Response:
    """429 as older sites say it: X-Rate-Limit-Reset (seconds) and no Retry-After. Nothing stored."""
    return _quota_used_up(**{"X-Rate-Limit-Reset": str(seconds)})


def _quota_used_up(**headers: str) -> Response:
    return error(429, "API limit exceeded").response(**{"X-Rate-Limit-Remaining": "0", **headers})


@fault(Reach.ANY)
def server_error(_: Call, *, status: int = 500) -> Response:
    """500 with a JSON body. Nothing stored."""
    return error(status, "An unexpected error occurred").response()


@fault(Reach.ANY)
def bad_gateway(_: Call) -> Response:
    """502 with an HTML page. Nothing stored."""
    return html(502, "Bad Gateway")


@fault(Reach.ANY)
def maintenance(_: Call, *, seconds: int = 120) -> Response:
    """503 with an HTML page and Retry-After. Nothing stored."""
    return html(503, "Learn is being maintained", **{"Retry-After": str(seconds)})


@fault(Reach.ANY)
def html_200(_: Call, *, status: int = 200) -> Response:
    """200 with an HTML log-in page. Nothing stored."""
    return html(status, "Log in to Learn")


@fault(Reach.ANY)
def redirect(_: Call, *, status: int = 302, location: str = "https://elsewhere.invalid/learn") -> Response:
    """302 to another host. Nothing stored."""
    return html(status, "Found", Location=location)


@fault(Reach.ANY)
def silent_before(call: Call, *, seconds: float = 30.0) -> Response:
    """No answer, nothing stored: hangs, then closes the connection."""
    return NoAnswer(lambda: call.wait(seconds))


@fault(Reach.ANY)
def reset_before(_: Call) -> Response:
    """TCP reset, nothing stored."""
    return NoAnswer(reset=True)


# Results that cannot be believed, or only in part


@fault(Reach.RESULTS)
def partial(call: Call, *, every: int = 2) -> Response:
    """412: every second item, from the first, is answered ERROR and not stored."""
    return call.carry_out(lambda place, _: place % every == 0).response()


@fault(Reach.RESULTS)
def random_rejects(call: Call, *, share: float = 0.1, seed: int = 0) -> Response:
    """A tenth of the items, the same ones at every call, are answered ERROR and not stored."""

    def refuse(_: int, item: Item) -> bool:
        name = item.get("name", item.get("title"))
        drawn = zlib.crc32(f"{seed} {item.get('courseId')} {name} {item.get('userId')}".encode(errors="replace"))
        return drawn / 2**32 < share

    return call.carry_out(refuse).response()


@fault(Reach.RESULTS)
def shorter(call: Call) -> Response:
    """All stored, but the last result is missing."""
    return _altered(call, lambda results: results[:-1])


@fault(Reach.RESULTS)
def longer(call: Call) -> Response:
    """All stored, but the last result comes twice."""
    return _altered(call, lambda results: results + results[-1:])


@fault(Reach.RESULTS)
def shuffled(call: Call) -> Response:
    """Results come in reverse order."""
    return _altered(call, lambda results: results[::-1])


@fault(Reach.RESULTS)
def foreign_names(call: Call) -> Response:
    """All stored, but the results name another course and column."""
    return _altered(call, lambda results: [{**result, "courseId": "OTHER", "name": "Other"} for result in results])


@fault(Reach.RESULTS)
def other_spelling(call: Call, *, first: int = 0) -> Response:
    """All stored, but the results write every name in capitals for small letters, and the other way round."""

    def write(place: int, result: dict[str, Any]) -> dict[str, Any]:
        return {**result, "name": result["name"].swapcase()} if place >= first else result

    return _altered(call, lambda results: [write(place, result) for place, result in enumerate(results)])


@fault(Reach.RESULTS)
def no_status(call: Call) -> Response:
    """All stored, but no result has a status."""
    return _altered(call, lambda results: [{k: v for k, v in result.items() if k != "status"} for result in results])


@fault(Reach.RESULTS)
def flaky_message(call: Call) -> Response:
    """Right results, oddly put: status in small letters; messages missing, null, a number, very long, with markup."""
    odd: list[dict[str, Any]] = [
        {},
        {"message": None},
        {"message": 7},
        {"message": "long " * 2000},
        {"message": "<b>\x00"},
    ]

    def dress(place: int, result: dict[str, Any]) -> dict[str, Any]:
        bare = {key: value for key, value in result.items() if key != "message"}
        return {**bare, "status": result["status"].lower(), **odd[place % len(odd)]}

    return _altered(call, lambda results: [dress(place, result) for place, result in enumerate(results)])


def _altered(call: Call, change: Callable[[Results], Results]) -> Response:
    answer = call.carry_out()
    if isinstance(answer.payload, list):
        answer = Answer(answer.status, change(answer.payload))
    return answer.response()


# Stored, but the answer does not arrive whole


@fault(Reach.ANY)
def truncated_json(call: Call) -> Response:
    """All stored; the JSON ends in the middle, with a Content-Length to match."""
    answer = call.carry_out()
    return Response(answer.body[: len(answer.body) // 2], answer.status, mimetype="application/json")


@fault(Reach.ANY)
def cut_off(call: Call) -> Response:
    """All stored; the connection closes in the middle of the announced body."""
    answer = call.carry_out()

    def half() -> Iterator[bytes]:
        yield answer.body[: len(answer.body) // 2]
        raise HangUp

    return answer.announced(half())


@fault(Reach.ANY)
def silent_after(call: Call, *, seconds: float = 30.0) -> Response:
    """All stored, then no answer: hangs, then closes the connection."""
    call.carry_out()
    return NoAnswer(lambda: call.wait(seconds))


@fault(Reach.ANY)
def reset_after(call: Call) -> Response:
    """All stored, then a TCP reset."""
    call.carry_out()
    return NoAnswer(reset=True)


@fault(Reach.ANY)
def slow_drip(call: Call, *, seconds: float = 0.2) -> Response:
    """All stored; the body comes one byte at a time."""
    answer = call.carry_out()

    def drip() -> Iterator[bytes]:
        for place in range(len(answer.body)):
            if call.wait(seconds):
                raise HangUp
            yield answer.body[place : place + 1]

    return answer.announced(drip())


@fault(Reach.ANY)
def endless_body(call: Call, *, seconds: float = 0.01) -> Response:
    """All stored; the body never ends: 64 kB of blanks every hundredth of a second."""
    answer = call.carry_out()

    def blanks() -> Iterator[bytes]:
        yield b"["
        while not call.wait(seconds):
            yield BLANKS

    return Response(blanks(), answer.status, mimetype="application/json")


@fault(Reach.ANY)
def gzip_bomb(call: Call, *, megabytes: int = 1000) -> Response:
    """All stored; the body is 1 MB on the wire and 1000 MB unpacked."""
    answer = call.carry_out()
    packed = gzip.compress(b" " * 1_000_000) * megabytes  # gzip members in a row are one file
    return Response(packed, answer.status, {"Content-Encoding": "gzip"}, "application/json")


# The token service


@fault(Reach.TOKEN)
def token_down(_: Call) -> Response:
    """503 with an HTML page: the developer portal is being maintained."""
    return html(503, "The developer portal is being maintained")


@fault(Reach.TOKEN)
def token_refused(_: Call) -> Response:
    """401 although key and secret are right."""
    return Answer(401, {"error": "invalid_client", "error_description": "Invalid client credentials"}).response()


@fault(Reach.TOKEN)
def token_html(_: Call) -> Response:
    """200 with an HTML page."""
    return html(200, "Log in to Learn")


@fault(Reach.TOKEN)
def token_quota(_: Call, *, seconds: int = 60) -> Response:
    """429 with Retry-After."""
    return _quota_used_up(**{"Retry-After": str(seconds)})
