"""The services of Learn that the sandbox offers. Another Grades Journey service is one function and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gradebridge.sandbox.world import Refused, World

TEXT_LENGTH = 333
GRADES_JOURNEY = "/learn/api/v2/cc/gradejourney"
Item = Mapping[str, Any]
Act = Callable[[World, Item], None]  # carries out one item, or raises Refused


@dataclass(frozen=True, kw_only=True)
class Service:
    """One address of Learn. A service with `act` takes a JSON array and answers with one result an item."""

    name: str
    method: str = "POST"
    path: str
    act: Act | None = None
    done: str = ""  # the message of an item that was carried out


def set_value(world: World, item: Item) -> None:
    """gradeValueAPI: sets one user's value in one column. Raises Refused."""
    world.set_value(
        course_id=text(item, "courseId"),
        user_id=text(item, "userId"),
        column_name=text(item, "name"),
        value=text(item, "value"),
    )


def text(item: Item, name: str, *, most: int = TEXT_LENGTH) -> str:
    """A required text field of at most `most` characters. Raises Refused."""
    value = item.get(name)
    if value is None or value == "":
        raise Refused(f"{name} is missing")
    if not isinstance(value, str):
        raise Refused(f"{name} must be text")
    if len(value) > most:
        raise Refused(f"{name} is longer than {most} characters")
    return value


TOKEN = Service(name="token", path="/learn/api/public/v1/oauth2/token")
VERSION = Service(name="version", method="GET", path="/learn/api/public/v1/system/version")

SERVICES = {
    service.name: service
    for service in (
        TOKEN,
        VERSION,
        Service(
            name="gradeValueAPI",
            path=f"{GRADES_JOURNEY}/gradeValueAPI",
            act=set_value,
            done="Grade value successfully added",
        ),
    )
}
