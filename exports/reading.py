"""WISEflow's request body -> entries. The one place that knows the shape of the body.

The documented shape, with `flowId`, `sourceCode` and `learnUserId` optional:

    {"flowId": "77", "sourceCode": "UNIwise||001||2021",
     "participants": [{"userId": 1, "mark": "75.0", "adminGrade": "", "sourceCode": "", "learnUserId": ""}]}
"""

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from exports.causes import Cause
from exports.rules import Entry
from exports.translating import VALUE_LENGTH

ID_LENGTH = 255  # characters of a flow id, a user id, a source code
ECHO_DIGITS = 4300  # Python's own limit for turning digits into a number
TOO_DEEP = "The body is nested too deeply."


class BodyError(Exception):
    """The body as a whole cannot be read. The sentence says what is wrong and where."""


class Number(str):
    """A JSON number as it was written: 75.0 stays 75.0."""

    __slots__ = ()


class RepeatedKeys(dict[str, Any]):
    """A JSON object that names a key twice, so that nobody can say which value is meant."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = {key for key, count in Counter(key for key, _value in pairs).items() if count > 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadableEntry:
    """An entry that names no person. It is answered and kept by its place in the list, 1 the first."""

    place: int
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """What a body says. `lines` has one item an entry, in their order; `user_ids` echoes each as it came."""

    flow_id: str
    lines: list[Entry | UnreadableEntry] = field(default_factory=list)
    user_ids: list[Any] = field(default_factory=list)


def read(content: bytes) -> Body:
    """Read a whole body. Raises BodyError where no list of participants can be found in it.

    One bad entry never harms the others: it comes out as an Entry with a fault, or as an UnreadableEntry.
    """
    body = parse(content)
    if not isinstance(body, dict):
        raise BodyError(f"The body must be an object with 'participants'; found {described(body)} at the top.")
    if isinstance(body, RepeatedKeys):
        raise BodyError("The body names a key twice at the top, so it cannot be told which value is meant.")
    if "participants" not in body:
        raise BodyError("The body has no 'participants'.")
    participants = body["participants"]
    if not isinstance(participants, list):
        raise BodyError(f"'participants' must be a list; found {described(participants)}.")
    flow_id, source_code = top_text(body, "flowId"), top_text(body, "sourceCode")
    lines = [read_entry(item, place, source_code) for place, item in enumerate(participants, start=1)]
    try:
        user_ids = [echo(item.get("userId")) if isinstance(item, dict) else None for item in participants]
    except RecursionError:
        raise BodyError(TOO_DEEP) from None
    return Body(flow_id=flow_id, lines=refuse_contradictions(lines), user_ids=user_ids)


def top_text(body: dict[str, Any], key: str) -> str:
    """What the body says for all its entries. Raises BodyError."""
    try:
        return text_of(body.get(key), ID_LENGTH)
    except ValueError as reason:
        raise BodyError(f"'{key}' at the top {reason}.") from None


def parse(content: bytes) -> Any:
    """JSON, with every number kept as it was written. Raises BodyError with line and column."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BodyError(f"The body is not UTF-8: byte {error.start + 1} cannot be read.") from None
    if not text.strip():
        raise BodyError("The body is empty; send JSON with 'participants'.")
    try:
        return json.loads(
            text, parse_int=Number, parse_float=Number, parse_constant=refuse_constant, object_pairs_hook=to_object
        )
    except json.JSONDecodeError as error:
        raise BodyError(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise BodyError(TOO_DEEP) from None


def refuse_constant(name: str) -> None:
    raise BodyError(f"The body is not JSON: {name} is no JSON number.")


def to_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else RepeatedKeys(pairs)


def read_entry(item: Any, place: int, source_code: str) -> Entry | UnreadableEntry:
    """One item of the list. `source_code` is the body's own, for entries without one."""
    if not isinstance(item, dict):
        return UnreadableEntry(place=place, detail=f"entry {place} is {described(item)}, not an object")
    try:
        user_id = user_id_of(item)
    except ValueError as reason:
        return UnreadableEntry(place=place, detail=f"userId of entry {place} {reason}")
    is_number = isinstance(item["userId"], Number)
    if isinstance(item, RepeatedKeys):
        return unusable(user_id, is_number, "it names a key twice")
    values: dict[str, str] = {}
    for key, length in FIELDS:
        try:
            values[key] = text_of(item.get(key), length)
        except ValueError as reason:
            return unusable(user_id, is_number, f"{key} {reason}")
    return Entry(
        user_id=user_id,
        user_id_is_number=is_number,
        mark=values["mark"],
        alternative_grade=values["adminGrade"],
        source_code=values["sourceCode"] or source_code,
        learn_user_id=values["learnUserId"],
    )


FIELDS = (
    ("mark", VALUE_LENGTH),
    ("adminGrade", VALUE_LENGTH),
    ("sourceCode", ID_LENGTH),
    ("learnUserId", VALUE_LENGTH),
)


def unusable(user_id: str, is_number: bool, detail: str) -> Entry:
    return Entry(user_id=user_id, user_id_is_number=is_number, fault=Cause.ENTRY_NOT_USABLE, fault_detail=detail)


def user_id_of(item: dict[str, Any]) -> str:
    """The user id as text. Raises ValueError with what is wrong."""
    if "userId" not in item:
        raise ValueError("is missing")
    if isinstance(item, RepeatedKeys) and "userId" in item.repeated:
        raise ValueError("is given twice")
    given = item["userId"]
    if given is None:
        raise ValueError("is null")
    if isinstance(given, Number) and not given.lstrip("-").isdigit():
        raise ValueError("is no whole number")
    user_id = text_of(given, ID_LENGTH)
    if not user_id:
        raise ValueError("is empty")
    return user_id


def text_of(given: Any, length: int) -> str:
    """A text or number as text of at most `length` characters; null and blanks as "". Raises ValueError."""
    if given is None:
        return ""
    if not isinstance(given, str):
        raise ValueError(f"is {described(given)}, not a text or number")  # noqa: TRY004  one kind of error for a field
    if len(given) > length:
        raise ValueError(f"has {len(given)} characters; {length} are allowed")
    if "\0" in given or not (given.isascii() or is_unicode(given)):
        raise ValueError("holds a character that cannot be stored")
    return str(given) if not given.isspace() else ""


def is_unicode(text: str) -> bool:
    """False for a lone surrogate, which JSON can write and no database can store."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def described(value: Any) -> str:
    """What kind of JSON `value` is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Number):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "an object"


def echo(value: Any) -> Any:
    """`value` as it came, for the answer: numbers become numbers again, else WISEflow cannot match the person."""
    if isinstance(value, Number):
        digits = value.lstrip("-")
        if len(digits) > ECHO_DIGITS:
            return str(value)
        return int(value) if digits.isdigit() else finite(value)
    if isinstance(value, dict):
        return {key: echo(item) for key, item in value.items()}
    if isinstance(value, list):
        return [echo(item) for item in value]
    return value


def finite(number: Number) -> float | str:
    """A float, or the text where JSON could not write it (1e999)."""
    value = float(number)
    return value if abs(value) != float("inf") else str(number)


def refuse_contradictions(lines: list[Entry | UnreadableEntry]) -> list[Entry | UnreadableEntry]:
    """The same list, where entries that give one person different grades have that fault, all of them.

    An entry that is unusable for itself contradicts nobody: a good one beside it goes on.
    """
    usable = {line for line in lines if isinstance(line, Entry) and line.fault is None}
    times = Counter(line.user_id for line in usable)
    return [
        replace(line, fault=Cause.CONTRADICTORY_ENTRIES)
        if isinstance(line, Entry) and line.fault is None and times[line.user_id] > 1
        else line
        for line in lines
    ]
