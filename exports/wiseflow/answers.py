"""What WISEflow's JSON means. Pure: no call is made here.

What is not as the document says is Unreadable as a whole: an answer is believed, or nothing of it is.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from exports.wiseflow.errors import Fault, Unreadable
from exports.wiseflow.holdings import (
    STATES,
    Assessment,
    Dates,
    FlowHead,
    FoundFlow,
    Person,
    Scale,
    Source,
    TrailEvent,
)

MAX_ID = 2**63 - 1  # what a database can hold
MAX_SMALL = 2**31 - 1
LATEST = 253_402_300_799  # 9999-12-31, in Unix seconds
MAX_TEXT = 10_000  # characters; the rest is cut off: nothing that long is a name or a grade


class Item:
    """One JSON object of the answer to `call`, whose fields are read or refused."""

    def __init__(self, call: str, value: object) -> None:
        self.call = call
        if not isinstance(value, dict):
            raise Unreadable(Fault.UNEXPECTED_SHAPE, call=call, field="")
        self._value: Mapping[str, Any] = value

    def refuse(self, name: str) -> Unreadable:
        return Unreadable(Fault.UNEXPECTED_SHAPE, call=self.call, field=name)

    def id(self, name: str) -> int:
        value = self._value.get(name)
        if type(value) is not int or not 0 <= value <= MAX_ID:
            raise self.refuse(name)
        return value

    def small(self, name: str) -> int | None:
        """Any whole number that a column holds."""
        value = self._value.get(name)
        if value is None:
            return None
        if type(value) is not int or abs(value) > MAX_SMALL:
            raise self.refuse(name)
        return value

    def text(self, name: str) -> str:
        """Empty where there is none. A number is text as it is written."""
        value = self._value.get(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise self.refuse(name)
        return str(value)[:MAX_TEXT]

    def flag(self, name: str, *, otherwise: bool) -> bool:
        value = self._value.get(name)
        if value is None:
            return otherwise
        if not isinstance(value, bool):
            raise self.refuse(name)
        return value

    def time(self, name: str) -> datetime | None:
        """From Unix seconds; 0 is none."""
        value = self._value.get(name)
        if value is None or value == 0:
            return None
        if type(value) is not int or not 0 < value <= LATEST:
            raise self.refuse(name)
        return datetime.fromtimestamp(value, UTC)

    def inside(self, name: str) -> "Item":
        """The object in a field; an empty one where there is none."""
        value = self._value.get(name)
        return Item(self.call, {} if value is None else value)

    def items(self, name: str) -> list["Item"]:
        value = self._value.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.refuse(name)
        return [Item(self.call, item) for item in value]

    def has(self, name: str) -> bool:
        return self._value.get(name) is not None


def unwrapped(call: str, answer: object) -> object:
    """What an answer carries: newer paths wrap it in `data`, older ones do not."""
    if isinstance(answer, dict) and "data" in answer and ("success" in answer or "pagination" in answer):
        if answer.get("success") is False:
            raise Unreadable(Fault.UNEXPECTED_SHAPE, call=call, field="success")
        return answer["data"]
    return answer


def one(call: str, answer: object) -> Item:
    return Item(call, unwrapped(call, answer))


def listed(call: str, answer: object) -> list[Item]:
    found = unwrapped(call, answer)
    if not isinstance(found, list):
        raise Unreadable(Fault.UNEXPECTED_SHAPE, call=call, field="data")
    return [Item(call, item) for item in found]


def total_of(call: str, answer: object) -> int:
    """How many items there are on all pages."""
    return one_of(call, answer).inside("pagination").id("total")


def one_of(call: str, answer: object) -> Item:
    return Item(call, answer)


def read_flow(item: Item, flow_id: int) -> FlowHead:
    if item.id("id") != flow_id:
        raise item.refuse("id")
    return FlowHead(flow_id=flow_id, title=item.text("name"), subtitle=item.text("subName"), state=state_of(item))


def state_of(item: Item) -> str:
    """A name in a search, a number in a flow; one that the document does not have stays as it is."""
    text = item.text("state")
    return BY_NUMBER.get(text, text[:40])


BY_NUMBER = {str(number): name for number, name in enumerate(STATES)}


def read_dates(item: Item) -> Dates:
    if not (item.has("marking") or item.has("participation")):
        raise item.refuse("marking")  # else an answer about something else would say that no end is known
    marking, participation = item.inside("marking"), item.inside("participation")
    return Dates(
        participation_ends_at=participation.time("latestIndividualEnd") or participation.time("end"),
        assessment_ends_at=marking.time("latestIndividualEnd") or marking.time("end"),
    )


def read_found(item: Item) -> FoundFlow:
    return FoundFlow(
        flow_id=item.id("flowId"),
        title=item.text("title"),
        state=state_of(item),
        marking_ends_at=item.inside("marking").time("end"),
    )


def read_source(item: Item) -> Source:
    code = item.text("code")
    if not code:
        raise item.refuse("code")
    return Source(source_id=item.id("sourceId"), code=code)


def read_person(item: Item) -> Person:
    user = item.inside("user")
    return Person(
        participant_id=item.id("participantId"),
        user_id=item.id("userId"),
        is_activated=item.flag("activated", otherwise=True),
        first_name=user.text("firstName"),
        last_name=user.text("lastName"),
        external_ids={given.text("name"): given.text("value") for given in user.items("externalIds")},
    )


def read_assessment(item: Item) -> Assessment:
    return Assessment(
        participant_id=item.id("participantId"),
        grade=item.text("grade").strip(),
        alternative_grade=item.text("adminGrade").strip(),
        graded_at=item.time("date"),
        alternative_grade_at=item.time("adminGradeDate"),
        export_state=item.small("exportState"),
        exported_at=item.time("exportDate"),
        export_message=item.text("exportMessage"),
    )


def read_trail(item: Item) -> TrailEvent:
    by = item.inside("triggeredBy")
    return TrailEvent(
        by=by.id("userId") if by.has("userId") else None,
        grade=item.inside("grade").text("value"),
        kind=item.text("type"),
        at=item.time("timestamp"),
    )


def read_scale(item: Item) -> Scale:
    modifier = item.inside("input").text("modifier") or "1"
    try:
        number = Decimal(modifier)
    except InvalidOperation:
        raise item.refuse("modifier") from None
    if not number.is_finite() or number <= 0:
        raise item.refuse("modifier")
    options = item.inside("list").items("options")
    return Scale(modifier=number, grades=tuple(option.text("grade") for option in options))


def one_each(call: str, assessments: Iterable[Assessment]) -> list[Assessment]:
    """The assessments by participant. One that is there twice with two grades is not to be believed."""
    found: dict[int, Assessment] = {}
    for assessment in assessments:
        other = found.setdefault(assessment.participant_id, assessment)
        if (other.grade, other.alternative_grade) != (assessment.grade, assessment.alternative_grade):
            raise Unreadable(Fault.TWICE, call=call, field="participantId")
    return list(found.values())
