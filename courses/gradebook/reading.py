"""Learn's JSON to records. Pure. What has another type than the documentation says is Unreadable, never absent."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from courses.gradebook.errors import Unreadable
from courses.gradebook.records import SCALES, Change, Column, Course, Grade, Member, Schema, Shown, Symbol
from courses.learn_http.answers import plain
from courses.learn_http.errors import Fault

MAX_TEXT_CHARACTERS = 10_000  # of one value; Learn's own limits are far below
MAX_NUMBER = Decimal(10) ** 12
MAX_DECIMALS = 30
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # as Learn writes its own: it becomes part of an address, and is stored

Fields = dict[str, Any]


def read_json(body: bytes) -> object:
    """The JSON value with exact numbers. Raises ValueError where there is none to be read."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=no_number)
    except (RecursionError, InvalidOperation) as error:
        raise ValueError("no JSON") from error


def no_number(text: str) -> object:
    raise ValueError(text)  # NaN and Infinity are not JSON


def course(fields: Fields, *, course_id: str | None) -> Course:
    """The course that was asked for by its batch uid; None: by Learn's own id."""
    shown = text_or_none(fields, "externalId")
    if shown is not None and course_id is not None and shown.casefold() != course_id.casefold():
        raise Unreadable(Fault.ODD_SHAPE, part="externalId")
    return Course(
        id=own_id(fields, "id"),
        course_id=shown or course_id or "",
        name=text(fields, "name"),
        is_ultra={"Ultra": True, "Classic": False}.get(text(fields, "ultraStatus")),
        is_completed=flag(fields, "closedComplete"),
        availability=text(inner(fields, "availability"), "available", within="availability"),
        has_children=flag(fields, "hasChildren"),
        parent_id=own_id_or_none(fields, "parentId"),
    )


def member(fields: Fields, *, asked: str | None = None) -> Member:
    """`asked`: the batch uid by which one person was asked for, which Learn may hide but not contradict."""
    user = inner(fields, "user")
    learn_user_id = text_or_none(user, "externalId", within="user") or None
    if asked and learn_user_id and learn_user_id.casefold() != asked.casefold():
        raise Unreadable(Fault.ODD_SHAPE, part="user.externalId")
    name = inner(user, "name", within="user")
    names = (text(name, part, within="user.name") for part in ("given", "family"))
    return Member(
        user_id=own_id(fields, "userId"),
        learn_user_id=learn_user_id or asked,
        is_hidden=False,
        name=" ".join(filter(None, names)),
        is_available=available(fields),
        is_student=text(fields, "courseRoleId") == "Student",
        child_course_id=own_id_or_none(fields, "childCourseId"),
    )


def member_and_key(fields: Fields) -> tuple[Member, bool]:
    """Whether Learn showed a batch uid, be it empty."""
    return member(fields), "externalId" in inner(fields, "user")


def column(fields: Fields) -> Column:
    grading = inner(fields, "grading")
    anonymous = text(inner(grading, "anonymousGrading", within="grading"), "type", within="grading.anonymousGrading")
    return Column(
        id=own_id(fields, "id"),
        external_id=text_or_none(fields, "externalId"),
        name=text(fields, "name", is_required=True),
        display_name=text(fields, "displayName"),
        is_external_grade=flag(fields, "externalGrade"),
        points=number(inner(fields, "score"), "possible", within="score"),
        is_available=available(fields),
        grading=text(grading, "type", within="grading"),
        schema_id=own_id_or_none(grading, "schemaId", within="grading"),
        is_anonymous=anonymous not in ("", "None"),
        has_formula=bool(inner(fields, "formula")),
    )


def schema(fields: Fields) -> Schema:
    symbols = fields.get("symbols")
    return Schema(
        id=own_id(fields, "id"),
        title=text(fields, "title"),
        scale=scale(fields),
        symbols=tuple(symbol(row) for row in objects([] if symbols is None else symbols, "symbols")),
    )


def symbol(fields: Fields) -> Symbol:
    return Symbol(
        text=text(fields, "text", within="symbols"),
        lower=number(fields, "lowerBound", within="symbols"),
        upper=number(fields, "upperBound", within="symbols"),
        absolute=number(fields, "absoluteValue", within="symbols"),
    )


def grade(fields: Fields, *, column_id: str) -> Grade:
    """A row of the column. A value beside which nothing is shown is Unreadable: nobody knows what people see."""
    if (answered := own_id_or_none(fields, "columnId")) and answered != column_id:
        raise Unreadable(Fault.ODD_SHAPE, part="columnId")
    entered = bool(text(fields, "text")) or number(fields, "score") is not None
    display = shown(inner(fields, "displayGrade"))
    if entered and display is None:
        raise Unreadable(Fault.ODD_SHAPE, part="displayGrade")
    return Grade(
        user_id=own_id(fields, "userId"),
        shown=display,
        is_exempt=flag(fields, "exempt"),
        is_corrupt=flag(fields, "corrupt"),
        notation_id=text_or_none(fields, "gradeNotationId") or None,
        is_override=entered or flag_or_moment(fields, "overridden"),
        change_index=whole(fields, "changeIndex"),
        changed_at=moment(text(fields, "lastRelevantDate")),
    )


def shown(display: Fields) -> Shown | None:
    """None where neither a text nor a score is shown."""
    within = "displayGrade"
    words, score = text(display, "text", within=within), number(display, "score", within=within)
    possible = number(display, "possible", within=within)
    if not words and score is None:
        text(display, "scaleType", within=within)  # of the right type, whatever it says
        return None
    return Shown(scale=scale(display, within=within), score=score, possible=possible, text=words)


# Learn documents no fields of the log. The first of these that holds a text, or an object with one, is taken.
BY = ("modifier", "modifiedBy", "by", "instructor", "creator", "createdBy", "modifierId")
WHOSE = ("userId", "user", "studentId", "student")
WHEN = ("logged", "date", "modified", "created", "timestamp", "time")
WHAT = ("description", "event", "eventKey", "action", "type", "event_key")
VALUE = ("value", "grade", "text", "score")
PREVIOUS = ("previousValue", "previousGrade", "previousText", "previousScore")
OF_PERSON = ("name", "userName", "externalId", "id", "userId")


def change(fields: Fields) -> Change:
    """Tolerant: it is shown to people, and nothing is concluded from it."""
    value, previous = first(fields, VALUE), first(fields, PREVIOUS)
    values = f"{previous} → {value}".rstrip() if previous else value
    return Change(
        by=first(fields, BY, inside=OF_PERSON),
        at=moment(first(fields, WHEN)),
        what=": ".join(filter(None, (first(fields, WHAT), values))),
        user_id=first(fields, WHOSE, inside=("id", "userId")) or None,
    )


def first(fields: Fields, names: tuple[str, ...], *, inside: tuple[str, ...] = ()) -> str:
    """The first text or number under one of the names, as one bounded line; empty: there is none.

    In an object it is what is under one of the names `inside`, and no deeper; a name may have two parts.
    """
    for name in names:
        value = fields.get(name)
        if isinstance(value, dict):
            parts = (value.get("given"), value.get("family"))
            found = " ".join(filter(None, map(line, parts))) or first(value, inside)
        else:
            found = line(value)
        if found:
            return found
    return ""


def line(value: object) -> str:
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return plain(str(value)) if is_number else plain(value)


def objects(rows: object, part: str) -> list[Fields]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unreadable(Fault.ODD_SHAPE, part=part)
    return rows


def an_object(body: object) -> Fields:
    if not isinstance(body, dict):
        raise Unreadable(Fault.NOT_AS_DOCUMENTED, status=200)
    return body


def inner(fields: Fields, name: str, *, within: str = "") -> Fields:
    """The object; empty where it is left out or null."""
    value = fields.get(name)
    if value is None:
        return {}
    return value if isinstance(value, dict) else odd(name, within)


def text(fields: Fields, name: str, *, within: str = "", is_required: bool = False) -> str:
    """The text, exactly; empty where it is left out or null."""
    value = fields.get(name)
    if value is None and not is_required:
        return ""
    return value if isinstance(value, str) and len(value) <= MAX_TEXT_CHARACTERS else odd(name, within)


def text_or_none(fields: Fields, name: str, *, within: str = "") -> str | None:
    return None if fields.get(name) is None else text(fields, name, within=within)


def own_id(fields: Fields, name: str, *, within: str = "") -> str:
    """An id of Learn's own."""
    value = fields.get(name)
    return value if isinstance(value, str) and ID.fullmatch(value) else odd(name, within)


def own_id_or_none(fields: Fields, name: str, *, within: str = "") -> str | None:
    return own_id(fields, name, within=within) if fields.get(name) not in (None, "") else None


def flag(fields: Fields, name: str) -> bool:
    """False where it is left out or null."""
    value = fields.get(name)
    if value is None:
        return False
    return value if isinstance(value, bool) else odd(name, "")


def flag_or_moment(fields: Fields, name: str) -> bool:
    """What says since when it is so, says that it is so."""
    return bool(fields[name]) if isinstance(fields.get(name), str) else flag(fields, name)


def whole(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    return value if type(value) is int and 0 <= value < 10**18 else odd(name, "")


def number(fields: Fields, name: str, *, within: str = "") -> Decimal | None:
    """Exactly as Learn wrote it, within reason."""
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is int and abs(value) <= MAX_NUMBER:
        return Decimal(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= MAX_NUMBER:
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and abs(exponent) <= MAX_DECIMALS:
            return value
    return odd(name, within)


def scale(fields: Fields, *, within: str = "") -> str:
    value = fields.get("scaleType")
    return value if isinstance(value, str) and value in SCALES else odd("scaleType", within)


def available(fields: Fields) -> bool:
    """Of a member or a column. Where Learn does not say, it is."""
    return text(inner(fields, "availability"), "available", within="availability") in ("", "Yes")


def moment(words: str) -> datetime | None:
    """None where the text is no moment; without an offset it is in UTC, as all of Learn's are."""
    try:
        found = datetime.fromisoformat(words)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def odd(name: str, within: str) -> NoReturn:
    raise Unreadable(Fault.ODD_SHAPE, part=f"{within}.{name}" if within else name)
