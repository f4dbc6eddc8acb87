"""WISEflow's request body -> entries. The one place that knows the shape of the body: a profile says it (R13).

The documented shape, with all but `participants` and `userId` optional:

    {"flowId": "77", "sourceCode": "UNIwise||001||2021",
     "participants": [{"userId": 1, "mark": "75.0", "adminGrade": "", "sourceCode": "", "learnUserId": "",
                       "addedBy": "SIS"}]}
"""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from common import spelling
from exports.grades.causes import Cause, Detail
from exports.grades.facts import BY_HAND, BY_SIS, Entry
from exports.grades.sentences import KINDS
from exports.grades.translating import VALUE_LENGTH
from exports.reading.bounds import MAX_DEPTH, is_too_deep, max_values, outline, values_in
from exports.reading.expressions import TooManySteps
from exports.reading.flow_ids import refuse_nameless
from exports.reading.profiles import DOCUMENTED_PROFILE, Profile
from exports.reading.values import Number, RepeatedKeys, Unreadable, found_kind

ID_LENGTH = 255  # characters of a flow id, a user id, a source code
EXACT_UP_TO = 2**53  # a float beyond it may be another number than was written
ECHO_DIGITS = 4300  # Python's own limit for turning digits into a number


class BodyError(Exception):
    """The body as a whole cannot be read. The sentence says what is wrong and where."""

    flow_id = ""  # that the body names, as far as it could be read


class TooManyParticipants(BodyError):
    """The list is longer than is allowed. None of its entries was read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadableEntry:
    """An entry that names no person. It is answered and kept by its place in the list, 1 the first."""

    place: int
    detail: Detail


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """What a body says. `lines` has one item an entry, in their order; `user_ids` echoes each as it came."""

    flow_id: str
    lines: list[Entry | UnreadableEntry] = field(default_factory=list)
    user_ids: list[Any] = field(default_factory=list)


def read(content: bytes, profile: Profile = DOCUMENTED_PROFILE, *, most: int | None = None) -> Body:
    """Read a whole body. Raises BodyError where no list of participants can be found in it, and TooManyParticipants,
    before any of them is read, where it has more than `most`.

    One bad entry never harms the others: it comes out as an Entry with a fault, or as an UnreadableEntry.
    """
    body, shape = parse(content, most), Shape(profile)
    try:
        return read_parsed(body, shape, most)
    except BodyError as error:
        error.flow_id = named_flow(body, shape)
        raise


def read_parsed(body: Any, shape: "Shape", most: int | None) -> Body:
    """The same of a body that is JSON."""
    try:
        participants = shape.participants(body)
        if most is not None and len(participants) > most:
            raise TooManyParticipants(
                _("The request body has %(count)s participants; %(allowed)s are allowed (EXPORT_MAX_PARTICIPANTS).")
                % {"count": intcomma(len(participants)), "allowed": intcomma(most)}
            )
        flow_id, source_code = shape.top_text("flow_id", body), shape.top_text("source_code", body)
        read_lines = [shape.read_entry(item, place, source_code) for place, item in enumerate(participants, start=1)]
    except TooManySteps as spent:
        raise BodyError(
            _(
                "The expression '%(expression)s' takes too long for this request body. "
                "Simplify it in the request profile."
            )
            % {"expression": spent}
        ) from None
    lines = [line for line, _user_id in read_lines]
    return Body(flow_id=flow_id, lines=lines, user_ids=[echo(user_id) for _line, user_id in read_lines])


def named_flow(body: Any, shape: "Shape") -> str:
    """The flow that a body names which cannot be used otherwise; "" where it cannot be read either."""
    try:
        return shape.top_text("flow_id", body)
    except (BodyError, TooManySteps):
        return ""


def resolve_flow_id(in_address: str, in_body: str) -> str:
    """The flow the grades are for. Raises BodyError where that is not certain."""
    try:
        in_address = text_of(in_address, ID_LENGTH)
    except Unreadable as error:
        raise unreadable(error, _("the flow id in the address")) from None
    try:
        refuse_nameless(in_address or in_body)
    except ValueError as reason:
        raise BodyError(str(reason)) from None
    if in_address and in_body and in_address != in_body:
        raise BodyError(
            _("The address names flow '%(in_address)s', but the request body names flow '%(in_body)s'.")
            % {"in_address": in_address, "in_body": in_body}
        )
    if not (in_address or in_body):
        raise BodyError(
            _(
                "No flow is named. Send 'flowId' in the request body, or use the address "
                "/api/wiseflow/flows/FLOW_ID/export."
            )
        )
    return in_address or in_body


def parse(content: bytes, most: int | None = None) -> Any:
    """JSON, with every number kept as it was written. Raises BodyError with line and column."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BodyError(
            _("The request body is not UTF-8: byte %(byte)s cannot be read.") % {"byte": error.start + 1}
        ) from None
    if not text.strip():
        raise BodyError(_("The request body is empty. Send JSON with a list of participants."))
    check_bounds(content, most)
    try:
        return json.loads(
            text, parse_int=Number, parse_float=Number, parse_constant=refuse_constant, object_pairs_hook=to_object
        )
    except json.JSONDecodeError as error:
        raise BodyError(
            _("The request body is not JSON: %(problem)s at line %(line)s, column %(column)s.")
            % {"problem": error.msg, "line": error.lineno, "column": error.colno}
        ) from None


def check_bounds(content: bytes, most: int | None) -> None:
    """Raises BodyError, and TooManyParticipants for more values than `most` participants can have."""
    outlined = outline(content)
    if is_too_deep(outlined):
        raise BodyError(
            _("The request body is nested too deeply: %(allowed)s lists and objects inside one another are allowed.")
            % {"allowed": MAX_DEPTH}
        )
    if values_in(outlined) > max_values(most):
        raise TooManyParticipants(
            _(
                "The request body has more than %(allowed)s values. The number of participants that are allowed "
                "(EXPORT_MAX_PARTICIPANTS) cannot have so many."
            )
            % {"allowed": intcomma(max_values(most))}
        )


def refuse_constant(name: str) -> None:
    raise BodyError(_("The request body is not JSON: %(name)s is not a JSON number.") % {"name": name})


def to_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else RepeatedKeys(pairs)


class Shape:
    """A profile at work on one body. In errors an expression stands for what it finds."""

    def __init__(self, profile: Profile) -> None:
        self.expressions = profile.expressions
        self.find = profile.finders()
        self.user_key = profile.expressions["user_id"].key
        # Where entries must be objects, a mere key is looked up at once: there are many entries.
        self.fields = [
            (self.expressions[name].key if self.user_key is not None else None, self.find[name], read, length, name)
            for name, read, length in FIELDS
        ]

    def participants(self, body: Any) -> list[Any]:
        """The list of entries. Raises BodyError."""
        if isinstance(body, RepeatedKeys):
            raise BodyError(_("The request body is ambiguous: a key appears twice at its top level."))
        expression = self.expressions["participants"]
        if expression.key is not None and not isinstance(body, dict):
            raise BodyError(
                _("The request body must be an object with '%(expression)s', but it is %(found)s.")
                % {"expression": expression, "found": KINDS[found_kind(body)]}
            )
        if expression.key is not None and expression.key not in body:
            raise BodyError(_("The request body has no '%(expression)s'.") % {"expression": expression})
        try:
            found = self.find["participants"](body)
        except Unreadable as error:
            raise unreadable(error, f"'{expression}'") from None
        if not isinstance(found, list):
            raise BodyError(
                _("In the request body '%(expression)s' must be a list, but it is %(found)s.")
                % {"expression": expression, "found": KINDS[found_kind(found)]}
            )
        return found

    def top_text(self, name: str, body: Any) -> str:
        """What the body says for all its entries. Raises BodyError."""
        try:
            return text_of(self.find[name](body), ID_LENGTH)
        except Unreadable as error:
            raise unreadable(error, f"'{self.expressions[name]}'") from None

    def read_entry(self, item: Any, place: int, source_code: str) -> tuple[Entry | UnreadableEntry, Any]:
        """One item of the list, and its user id as it came. `source_code` is the body's, for entries without one."""
        if self.user_key is not None and not isinstance(item, dict):
            detail = {"reason": "NO_OBJECT", "place": place, "found": found_kind(item)}
            return UnreadableEntry(place=place, detail=detail), None
        given = None
        try:
            given = self.find_user_id(item)
            user_id = user_id_of(given)
        except Unreadable as error:
            detail = {**error.at(self.expressions["user_id"]).detail, "place": place}
            return UnreadableEntry(place=place, detail=detail), self.as_it_came(given, item)
        is_number = isinstance(given, Number)
        try:
            values = self.values(item)
        except Unreadable as error:
            return unusable(user_id, is_number, error.detail), given
        mark, alternative_grade, own_source_code, learn_user_id, added_by = values
        entry = Entry(
            user_id=user_id,
            user_id_is_number=is_number,
            mark=mark,
            alternative_grade=alternative_grade,
            source_code=own_source_code or source_code,
            learn_user_id=learn_user_id,
            added_by=added_by,
        )
        return entry, given

    def find_user_id(self, item: Any) -> Any:
        """Raises Unreadable."""
        if self.user_key is None:
            return self.find["user_id"](item)
        if self.user_key not in item:
            raise Unreadable("FIELD_MISSING")
        if isinstance(item, RepeatedKeys) and self.user_key in item.repeated:
            raise Unreadable("FIELD_TWICE")
        return item[self.user_key]

    def as_it_came(self, given: Any, item: Any) -> Any:
        """A user id that is not usable. What an expression has put together came from nowhere."""
        if self.user_key is not None:
            return item.get(self.user_key)
        return given if isinstance(given, (str, bool)) else None

    def values(self, item: Any) -> list[str]:
        """One for each of FIELDS. Raises Unreadable."""
        if isinstance(item, RepeatedKeys):
            raise Unreadable("KEY_TWICE")
        values = []
        for key, find, read_text, length, name in self.fields:
            try:
                found = find(item) if key is None else item.get(key)
                values.append("" if found is None or found == "" else read_text(found, length))
            except Unreadable as error:
                raise error.at(self.expressions[name]) from None
        if values[-1]:
            values[-1] = values[-1].upper()
            if values[-1] not in (BY_SIS, BY_HAND):
                raise Unreadable("FIELD_ADDED_BY", field=str(self.expressions["added_by"]))
        return values


def unreadable(error: Unreadable, where: str) -> BodyError:
    """Of what the body says once, for all its entries."""
    return BodyError(capfirst(f"{error.at(where)}."))


def described(value: Any) -> str:
    """What kind of JSON `value` is, in words."""
    return str(KINDS[found_kind(value)])


def unusable(user_id: str, is_number: bool, detail: Detail) -> Entry:
    return Entry(user_id=user_id, user_id_is_number=is_number, fault=Cause.ENTRY_NOT_USABLE, fault_detail=detail)


def user_id_of(given: Any) -> str:
    """The user id as text. Raises Unreadable."""
    if given is None:
        raise Unreadable("FIELD_NULL")
    user_id = text_of(whole(given) if isinstance(given, Number) else given, ID_LENGTH)
    if not user_id:
        raise Unreadable("FIELD_EMPTY")
    return user_id


def whole(number: Number) -> str:
    """The digits of a whole number however it is written: some callers have no others than 1001.0 and 1.001E3.

    Raises Unreadable. One that is longer than an id may be is left to `text_of`.
    """
    if number.lstrip("-").isdigit():
        return "0" if number == "-0" else str(number)
    try:
        exact = Decimal(number)
    except ArithmeticError:  # an exponent of more digits than Decimal takes
        raise Unreadable("FIELD_NOT_WHOLE") from None
    if len(number) > ID_LENGTH or exact.adjusted() >= ID_LENGTH or exact != exact.to_integral_value():
        raise Unreadable("FIELD_NOT_WHOLE")
    digits = format(exact, "f").partition(".")[0]
    return digits if exact else "0"


def text_of(given: Any, length: int, allowed: str = "") -> str:
    """A text or number as clean text of at most `length` characters; null as "". Raises Unreadable."""
    if given is None:
        return ""
    if not isinstance(given, str):
        raise Unreadable("FIELD_OF_KIND", found=found_kind(given))
    text = given.strip()
    if not text.isprintable():  # as `clean` does first: a body has fifty thousand texts, and a call for each costs
        try:
            text = spelling.clean(text, allowed)
        except spelling.BadCharacter as error:
            raise Unreadable("FIELD_CHARACTER", kind=error.kind, character=error.code_point) from None
    if len(text) > length:
        raise Unreadable("FIELD_TOO_LONG", length=len(text), max=length)
    return text


def grade_of(given: Any, length: int) -> str:
    """The same of a mark or an alternative grade; one in which nothing can be seen is none (R7)."""
    try:
        return text_of(given, length)
    except Unreadable:
        if isinstance(given, str) and spelling.is_blank(given):
            return ""
        raise


# What an entry holds besides its user id, how it is read, and how many characters it may have.
FIELDS = (
    ("mark", grade_of, VALUE_LENGTH),
    ("alternative_grade", grade_of, VALUE_LENGTH),
    ("entry_source_code", text_of, ID_LENGTH),
    ("learn_user_id", text_of, VALUE_LENGTH),
    ("added_by", text_of, ID_LENGTH),
)


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


def finite(number: Number) -> float | int | str:
    """A float; a whole number where a float would be another one; the text where JSON could not write it (1e999)."""
    value = float(number)
    if abs(value) == float("inf"):
        return str(number)
    if len(number) <= ID_LENGTH and abs(value) >= EXACT_UP_TO and Decimal(repr(value)) != Decimal(number):
        exact = Decimal(number)
        return int(exact) if exact == exact.to_integral_value() else value
    return value
