"""Which values follow WISEflow, and which were entered or received here and are kept.

The rule is one comparison: a value that is as WISEflow had it at the last fetch follows WISEflow; so does one that is
still empty. Any other came from somebody here, and wins. Pure.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exports.fetching.reading import FetchedPerson
from exports.grades.facts import BY_HAND, BY_SIS
from exports.grades.states import ExportState


@dataclass(frozen=True, slots=True)
class OnRoster:
    """Whether and how someone is on a roster. Off it nothing else counts."""

    is_on: bool = False
    sources: frozenset[str] = frozenset()  # those that have added them
    added_by: str = ""


OFF = OnRoster()


def here(row: Mapping[str, Any]) -> OnRoster:
    """As a participant's row says. A source that only a body has named is no part of a roster."""
    if not row["on_roster"]:
        return OFF
    return OnRoster(True, frozenset(code for code, how in row["sources"].items() if how == BY_SIS), row["added_by"])


def there(sources: Collection[str], *, is_expected_to_be_on: bool) -> OnRoster:
    """As WISEflow says, or said."""
    if not is_expected_to_be_on:
        return OFF
    return OnRoster(True, frozenset(sources), BY_SIS if sources else BY_HAND)


def before(record: Mapping[str, Any] | None) -> OnRoster | None:
    """As WISEflow said at the last fetch; None: it was never asked about this person."""
    if record is None:
        return None
    return there(record["sources"], is_expected_to_be_on=record["is_listed"] and record["is_activated"])


def follows_roster(row: Mapping[str, Any], record: Mapping[str, Any] | None, now: OnRoster) -> bool:
    """Whether the person's place on the roster is WISEflow's to say."""
    found, said = here(row), before(record)
    if found in (said, now):
        return True
    if said is None and found == OFF:
        return row["left_roster_at"] is None  # else a file took them off
    # A roster without sources says nothing that WISEflow's could contradict: it is completed.
    is_bare = found.is_on and not found.sources and found.added_by in ("", BY_SIS)
    return is_bare and now.is_on and now.added_by == BY_SIS


def follows(value: Any, said: Any) -> bool:
    """Whether any other value is WISEflow's to say."""
    return value in (said, "", None)


def row_after(
    person: FetchedPerson | None, row: Mapping[str, Any], record: Mapping[str, Any] | None, now: datetime
) -> dict[str, Any]:
    """The person's columns as they are to be. None: WISEflow lists them no more."""
    sources = person.sources if person else ()
    wanted = there(sources, is_expected_to_be_on=person is not None and person.is_activated)
    after = dict(row)
    if follows_roster(row, record, wanted):
        after |= roster_after(wanted, sources, row, now)
    if person is not None:
        for name in ("learn_user_id", "first_name", "last_name"):
            if follows(row[name], record[name] if record else ""):
                after[name] = getattr(person, name)
        after["learn_user_is_unknown"] = not after["learn_user_id"]
    return after


def roster_after(wanted: OnRoster, in_order: Collection[str], row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    # What WISEflow has sent may be of a source that has gone: it stays known, but is no part of the roster.
    is_untouched = row["state"] == ExportState.NOT_EXPORTED
    kept: dict[str, str | None] = {
        code: None for code, how in row["sources"].items() if how is None or not is_untouched
    }
    sources: dict[str, str | None] = {**dict.fromkeys(in_order if wanted.is_on else (), BY_SIS)}
    sources |= {code: how for code, how in kept.items() if code not in sources}
    if not wanted.is_on:
        left = now if row["on_roster"] else row["left_roster_at"]
        return {"on_roster": False, "left_roster_at": left, "sources": sources}
    return {"on_roster": True, "left_roster_at": None, "sources": sources, "added_by": wanted.added_by}
