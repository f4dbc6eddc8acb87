"""What an answer to a question about the gradebook means. Pure."""

import re
from collections.abc import Callable
from typing import TypeVar

from courses.gradebook.errors import Unreadable
from courses.gradebook.reading import read_json
from courses.learn_http.answers import Answer, error_message, refusal
from courses.learn_http.errors import Fault, LearnError, NotInstalled, Unavailable, Unconfirmed
from courses.learn_http.transport import StaleConnection

# Learn answers 404 for what it does not have, and also where it lacks the API itself. Only the message can say which.
API_ABSENT = re.compile(r"\bAPI\b|\binstalled\b", re.IGNORECASE)

Body = object  # a JSON value; None: the answer is empty
T = TypeVar("T")


def body_of(
    take: Callable[[Body, int], T],
    answer: Answer,
    *,
    absent: LearnError | Callable[[str], LearnError],
    denied: LearnError,
) -> T:
    """What `take` makes of the body of a success and its size in bytes. Raises LearnError for all else."""
    match answer.status:
        case status if 200 <= status < 300:
            return take(json_of(answer), len(answer.body))
        case status if status >= 500:
            raise Unavailable(Fault.NOT_AVAILABLE)
        case 401 | 429 | 301 | 302 | 303 | 307 | 308:
            raise refusal(answer)
        case 403 | 404 if not error_message(answer.body):  # Learn always says something: these words are another's
            raise Unreadable(Fault.NOT_AS_DOCUMENTED, status=answer.status)
        case 403:
            raise denied
        case 404:
            raise meaning_of_404(error_message(answer.body), absent)
        case _ if not isinstance(json_or_none(answer), dict):
            raise Unreadable(Fault.NOT_AS_DOCUMENTED, status=answer.status)
    raise refusal(answer)


def json_of(answer: Answer) -> Body:
    if not answer.body.strip():
        return None
    try:
        return read_json(answer.body)
    except ValueError as error:
        raise Unreadable(Fault.NOT_AS_DOCUMENTED, status=answer.status) from error


def json_or_none(answer: Answer) -> Body:
    try:
        return read_json(answer.body)
    except ValueError:
        return None


def meaning_of_404(message: str, absent: LearnError | Callable[[str], LearnError]) -> LearnError:
    if API_ABSENT.search(message):
        return NotInstalled()
    return absent if isinstance(absent, LearnError) else absent(message)


def lost(error: Unconfirmed) -> LearnError:
    """What an answer that did not arrive means to one who only reads. A stale connection is tried again as it is."""
    if isinstance(error, StaleConnection):
        return error
    if error.code == Fault.ANSWER_TOO_LARGE:
        return Unreadable(Fault.ANSWER_TOO_LARGE)
    return Unavailable(error.code, **error.params)
