"""Wiseflow: reads what a licence of WISEflow holds. It has no call that changes anything there."""

import json
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from exports.wiseflow import answers
from exports.wiseflow.answers import Item
from exports.wiseflow.connection import Connection, Request
from exports.wiseflow.errors import Fault, NotOnLicence, Unreadable
from exports.wiseflow.holdings import Assessment, Dates, FlowHead, FoundFlow, Person, Scale, Source, TrailEvent

PAGE = 100  # items; WISEflow gives no more
MAX_PAGES = 1_000
MAX_SOURCES = 500
NOT_CONCLUDED = ["NOT_ACTIVATED", "ACTIVATED", "PARTICIPATION_STARTED", "PARTICIPATION_ENDED"]  # as a search names them

T = TypeVar("T")


class Wiseflow:
    """One licence of WISEflow. Thread-safe; one for a process (see `Connection`).

    Every call takes `until`, a time.monotonic() moment beyond which nothing goes on, and raises WiseflowError. A list
    is whole, or the call raises: no half of it is returned.
    """

    def __init__(
        self,
        *,
        url: str,
        client_id: str = "",
        client_secret: str = "",
        api_key: str = "",
        timeout: float = 20,
        version: str = "",
    ) -> None:
        self._connection = Connection(
            url=url,
            client_id=client_id,
            client_secret=client_secret,
            api_key=api_key,
            timeout=timeout,
            version=version,
        )

    def flow(self, flow_id: str, *, until: float) -> FlowHead:
        number = number_of(flow_id)
        return answers.read_flow(self._one("flow", f"/flow/{number}", until), number)

    def dates(self, flow_id: str, *, until: float) -> Dates:
        return answers.read_dates(self._one("dates", f"/flows/{number_of(flow_id)}/dates", until))

    def sources(self, flow_id: str, *, until: float) -> list[Source]:
        """The flow's sources, the master first."""
        found = self._list("sources", f"/flows/{number_of(flow_id)}/sources", until)
        if len(found) > MAX_SOURCES:
            raise Unreadable(Fault.TOO_LARGE, call="sources")
        return distinct("sources", "sourceId", [answers.read_source(item) for item in found], by_source)

    def participants(self, flow_id: str, *, until: float) -> list[Person]:
        """All of them, the deactivated as well."""
        path = f"/flows/{number_of(flow_id)}/participants"
        found = self._pages("participants", path, answers.read_person, by_participant, until)
        return distinct("participants", "userId", found, by_user)

    def source_participants(self, flow_id: str, source: Source, *, until: float) -> list[int]:
        """The participant ids of whom this source has added to the flow."""
        path = f"/flows/{number_of(flow_id)}/sources/{source.source_id}/participants"
        return self._pages("source_participants", path, lambda item: item.id("participantId"), itself, until)

    def assessments(self, flow_id: str, *, until: float) -> list[Assessment]:
        """What each participant got, one each. Who has none yet may be missing."""
        found = self._list("assessments", f"/flow/{number_of(flow_id)}/assessments", until)
        return answers.one_each("assessments", map(answers.read_assessment, found))

    def trail(self, flow_id: str, participant_id: int, *, until: float) -> list[TrailEvent]:
        """Who changed the participant's grade, and when, in WISEflow's order."""
        path = f"/flows/{number_of(flow_id)}/participants/{participant_id}/marking-audit-trail"
        return self._pages("trail", path, answers.read_trail, None, until)

    def grading_scale(self, flow_id: str, *, until: float) -> Scale:
        return answers.read_scale(self._one("grading_scale", f"/flows/{number_of(flow_id)}/grading-scale", until))

    def user_data_types(self, *, until: float) -> list[str]:
        """The names of the external ids that the licence keeps of its people."""
        found = self._list("user_data_types", "/license/user-data-types", until)
        return [item.text("name") for item in found]

    def search(self, *, marking_ends_after: datetime, marking_ends_before: datetime, until: float) -> list[FoundFlow]:
        """The flows from the student system whose marking ends between two moments, and that are not concluded."""
        asked = {
            "metadata": {"isSis": True, "states": NOT_CONCLUDED},
            "dates": {"marking": {"end": int(marking_ends_before.timestamp()), "endComparator": "LESS"}},
        }
        found = self._pages("search", "/flows/search", answers.read_found, by_flow, until, asked=asked)
        return [flow for flow in found if flow.marking_ends_at and flow.marking_ends_at >= marking_ends_after]

    def _one(self, call: str, path: str, until: float) -> Item:
        return answers.one(call, self._connection.read(Request(call=call, method="GET", path=path), until=until))

    def _list(self, call: str, path: str, until: float) -> list[Item]:
        return answers.listed(call, self._connection.read(Request(call=call, method="GET", path=path), until=until))

    def _pages(
        self,
        call: str,
        path: str,
        read: Callable[[Item], T],
        key: Callable[[T], Hashable] | None,
        until: float,
        *,
        asked: dict[str, Any] | None = None,
    ) -> list[T]:
        """Everything on all pages. Where it changes while it is read, nothing: someone could be missing from it."""
        found: list[T] = []
        total: int | None = None
        for _page in range(MAX_PAGES):
            request = Request(
                call=call,
                method="POST" if asked else "GET",
                path=f"{path}?offset={len(found)}&limit={PAGE}",
                body=json.dumps(asked).encode() if asked else None,
            )
            answer = self._connection.read(request, until=until)
            items, now_in_all = answers.listed(call, answer), answers.total_of(call, answer)
            if total is not None and now_in_all != total:
                raise Unreadable(Fault.CHANGED_WHILE_READ, call=call)
            total = now_in_all
            if total > MAX_PAGES * PAGE:
                raise Unreadable(Fault.TOO_LARGE, call=call)
            found += [read(item) for item in items]
            if len(found) > total or (not items and len(found) < total):
                raise Unreadable(Fault.UNEXPECTED_SHAPE, call=call, field="total")
            if len(found) == total:
                return distinct(call, "id", found, key) if key else found
        raise Unreadable(Fault.ENDLESS, call=call)


def number_of(flow_id: str) -> int:
    """WISEflow's own id of a flow is a number. Raises NotOnLicence for any other."""
    if not flow_id.isascii() or not flow_id.isdigit() or len(flow_id) > 18:
        raise NotOnLicence(Fault.NOT_A_NUMBER, flow_id=flow_id[:100])
    return int(flow_id)


def distinct(call: str, field: str, items: Sequence[T], key: Callable[[T], Hashable]) -> list[T]:
    """The items, none of which may be there twice: pages that repeat themselves hide someone."""
    if len({key(item) for item in items}) != len(items):
        raise Unreadable(Fault.TWICE, call=call, field=field)
    return list(items)


def by_source(source: Source) -> Hashable:
    return source.source_id


def by_participant(person: Person) -> Hashable:
    return person.participant_id


def by_user(person: Person) -> Hashable:
    return person.user_id


def by_flow(flow: FoundFlow) -> Hashable:
    return flow.flow_id


def itself(item: int) -> Hashable:
    return item
