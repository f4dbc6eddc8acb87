"""A site with Grades Journey, and its items."""

import json
import re
from collections import deque
from collections.abc import Callable

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from courses.grades_journey import (
    ColumnToDelete,
    EnrolmentData,
    ExternalGradeColumn,
    GradableItem,
    GradeValue,
    Item,
    ItemType,
    SchemaItem,
)
from tests.courses.learn_http.pretend import PretendSite, answer, result

VERSION_PATH = "/learn/api/public/v1/system/version"
SERVICE_PATH = re.compile(r"/learn/api/v2/cc/gradejourney/(\w+)")

REPEATABLE = (GradeValue, ExternalGradeColumn, EnrolmentData)
NOT_REPEATABLE = (SchemaItem, GradableItem, ColumnToDelete)


def grade(user: str = "u1", *, course: str = "c1", column: str = "Exam", value: str = "B") -> GradeValue:
    return GradeValue(course_id=course, user_id=user, name=column, value=value)


def grades(count: int, **fields: str) -> list[GradeValue]:
    return [grade(f"u{number}", **fields) for number in range(1, count + 1)]


def item_of(kind: type[Item], number: int) -> Item:
    """An item of the kind whose names no item of another number has."""
    name = f"n{number}"
    fields = {
        GradeValue: {"course_id": "c1", "user_id": name, "name": name, "value": "B"},
        SchemaItem: {"title": name, "symbols": "P=50:F=0"},
        GradableItem: {"course_id": "c1", "name": name, "item_type": ItemType.MANUAL_COLUMN},
        ColumnToDelete: {"course_id": "c1", "name": name},
        ExternalGradeColumn: {"course_id": "c1", "name": name},
        EnrolmentData: {"course_id": "c1", "user_id": name, "optional_data": "EnrollType=Audit"},
    }
    return kind(**fields[kind])


def items_of(kind: type[Item], count: int) -> list[Item]:
    return [item_of(kind, number) for number in range(1, count + 1)]


class PretendLearn(PretendSite):
    """A site that stores values, refuses whom or what `refused` names, and gives the answers in `script` first.

    Of the services other than that of grade values it does nothing but answer.
    """

    def __init__(self, server: HTTPServer) -> None:
        super().__init__(server)
        self.refused: set[str] = set()
        self.stored: dict[tuple[str, str, str], str] = {}
        self.services: list[str] = []  # of each call
        self.batches: list[list[str]] = []  # of each call the users, or what has none by its name, as they came
        self.bearers: list[str] = []
        self.script: deque[Response | Callable[[list[dict[str, str]]], Response]] = deque()
        self.version: Response = answer({"learn": {"major": 4000, "minor": 0, "patch": 0, "build": "rel.3+1234"}})
        server.expect_request(VERSION_PATH, method="GET").respond_with_handler(self._give_version)
        server.expect_request(SERVICE_PATH, method="POST").respond_with_handler(self._take_items)

    def _give_version(self, request: Request) -> Response:
        with self._lock:
            self.bearers.append(request.headers.get("Authorization", ""))
            return self.script.popleft() if self.script else self.version

    def _take_items(self, request: Request) -> Response:
        items = json.loads(request.data)
        with self._lock:
            self.services.append(request.path.rpartition("/")[2])
            self.batches.append([subject(item) for item in items])
            self.bearers.append(request.headers.get("Authorization", ""))
            scripted = self.script.popleft() if self.script else self.respond
        return scripted if isinstance(scripted, Response) else scripted(items)

    def respond(self, items: list[dict[str, str]]) -> Response:
        return answer(self.take(items))

    def take(self, items: list[dict[str, str]]) -> list[dict[str, str]]:
        results = []
        for item in items:
            if subject(item) in self.refused:
                results.append(result(item, "ERROR", f"No enrolment of {subject(item)}"))
            else:
                if "value" in item:
                    self.stored[item["courseId"], item["userId"], item["name"]] = item["value"]
                results.append(result(item))
        return results


def subject(item: dict[str, str]) -> str:
    return item.get("userId") or result(item)["name"]
