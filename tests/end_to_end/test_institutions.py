"""Three institutions whose bodies look nothing like the documented one: set up by the admin alone, then exported."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from exports.delivering import workers
from sandbox.server import SandboxLearn
from tests.exports.corrections import run_tasks
from tests.signed_in import signed_in, text_of

COURSES: dict[str, Any] = {
    "CHE": {"users": ["ann", "bo"], "columns": {"Final exam": {"points": None}}},
    "DAN": {"users": ["s1001", "s1002", "s1004"], "columns": {"Eksamen": {"points": 100}}},
    "BIO": {"users": ["1@east.example"], "columns": {"Theory": {"points": 100}}},
    "LAB": {"users": ["2@east.example", "3@east.example"], "columns": {"Practical": {"points": 100}}},
}


class Institution:
    """Its administrator in front of the admin, its WISEflow at the endpoint, and the Learn that both lead to."""

    def __init__(self, administrator: Client, url: str, learn: SandboxLearn) -> None:
        self.administrator, self.url, self.learn = administrator, url, learn
        self.key = ""

    def save(self, model: str, page: str, **fields: Any) -> str:
        """Send the form of a page; returns the page that follows."""
        response = self.administrator.post(f"/admin/{model}/{page}", fields)
        assert response.status_code == 302, text_of(response)
        return text_of(self.administrator.get(response.url))

    def pk_of(self, model: str, name: str) -> str:
        """The primary key of the row whose page the list leads to by `name`."""
        listed = text_of(self.administrator.get(f"/admin/{model}/?q={name}"))
        found = re.search(rf'href="/admin/{model}/(\d+)/change/[^"]*"', listed)
        assert found, listed
        return found[1]

    def add_profile(self, **expressions: str) -> None:
        empty = dict.fromkeys(("flow_id", "source_code", "learn_user_id", "alternative_grade", "entry_source_code"), "")
        self.profile = {"name": "Ours", "added_by": "", **empty, **expressions}
        self.save("exports/requestprofile", "add/", **self.profile)
        client = {
            "name": "WISEflow",
            "is_active": "on",
            "may_export": "on",
            "profile": self.pk_of("exports/requestprofile", "Ours"),
            "allowed_networks": "[]",
        }
        page = text_of(self.administrator.post("/admin/exports/apiclient/add/", client))
        found = re.search(r"<code class=['\"]gb-key['\"]>([^<]+)</code>", html.unescape(page))
        assert found
        self.key = found[1]

    def change_profile(self, **expressions: str) -> None:
        pk = self.pk_of("exports/requestprofile", "Ours")
        self.save("exports/requestprofile", f"{pk}/change/", **self.profile | expressions)

    def add_column(self, course: str, name: str) -> str:
        self.save("courses/course", "add/", course_id=course, title=course, experience="ULTRA")
        course_pk = self.pk_of("courses/course", course)
        self.save("courses/gradecolumn", "add/", course=course_pk, name=name, item_type="MANUAL_COLUMN", points="100")
        return self.pk_of("courses/gradecolumn", name)

    def add_flow(self, flow_id: str, columns: dict[str, str]) -> None:
        """`columns`: primary key of the grade column by source."""
        rows = {"TOTAL_FORMS": str(len(columns)), "INITIAL_FORMS": "0"}
        for number, (source, column) in enumerate(columns.items()):
            rows |= {f"{number}-source_code": source, f"{number}-grade_column": column}
        mappings = {f"column_mappings-{name}": value for name, value in rows.items()}
        synchronised = {"synchronised_at_0": "01/05/2026", "synchronised_at_1": "09:00"}
        self.save("exports/flow", "add/", flow_id=flow_id, title="Exam", **synchronised, **mappings)

    def import_roster(self, flow_id: str, text: str) -> None:
        self.import_file(f"/admin/exports/flow/{self.pk_of('exports/flow', flow_id)}/roster/import/", text)

    def import_file(self, page: str, text: str) -> None:
        preview = self.administrator.post(page, {"file": SimpleUploadedFile("file.csv", text.encode())})
        packed = re.search(r'name="packed" value="([^"]+)"', preview.content.decode())
        assert packed, text_of(preview)
        assert self.administrator.post(page, {"packed": packed[1]}).status_code == 302

    def try_it(self, body: Any, **fields: str) -> str:
        form = self.profile | fields | {"sample": json.dumps(body)}
        return text_of(self.administrator.post("/admin/exports/requestprofile/try/", form))

    def export(self, body: Any) -> dict[str, Any]:
        """What WISEflow does, and is answered."""
        response = requests.patch(
            f"{self.url}/api/wiseflow/export", json=body, headers={"X-Api-Key": self.key}, timeout=30
        )
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def retry_failed(self, flow_id: str) -> None:
        row = self.pk_of("exports/flow", flow_id)
        self.administrator.post(
            "/admin/exports/flow/", {"action": "retry_failed", "_selected_action": row, "post": "yes"}
        )
        run_tasks()

    def values(self, course: str, column: str) -> dict[str, str]:
        state = requests.get(f"{self.learn.url}/sandbox/state", timeout=10).json()
        values: dict[str, str] = state["courses"][course]["columns"][column]["values"]
        return values


@pytest.fixture
def institution(learn: SandboxLearn, live_server: Any) -> Iterator[Institution]:
    learn.world.replace({"courses": COURSES})
    yield Institution(signed_in(is_superuser=True), live_server.url, learn)
    workers.workers.wait_until_idle(seconds=10)


def errors(answer: dict[str, Any]) -> dict[Any, str]:
    return {error["userId"]: error["errorInfo"] for error in answer["errors"]}


def test_north_nests_everything_and_finds_learn_users_by_a_pattern(institution: Institution) -> None:
    north = institution
    north.add_profile(
        flow_id="export.flow.id",
        participants="export.cohorts[].candidates[]",
        user_id="person.login",
        mark="outcomes[?kind=='FINAL'].grade | [0]",
        alternative_grade="outcomes[?kind=='ABSENCE'].code | [0]",
        learn_user_rule="PATTERN",
        learn_user_text=r"(.+)@north\.example",
    )
    north.add_flow("4711", {"": north.add_column("CHE", "Final exam")})
    cohorts = [
        {"name": "A", "candidates": [candidate("ann@north.example", kind="FINAL", grade="B")]},
        {"name": "B", "candidates": [candidate("bo@guest.example", kind="ABSENCE", code="FE")]},
        {"name": "C", "candidates": []},
    ]
    body = {"export": {"flow": {"id": 4711}, "cohorts": cohorts}}
    assert "does not fit the pattern" in north.try_it(body)

    answer = north.export(body)

    assert (answer["numberOfSuccess"], answer["numberOfErrors"]) == (1, 1)
    assert "does not fit the pattern" in errors(answer)["bo@guest.example"]
    assert north.values("CHE", "Final exam") == {"ann": "B"}

    north.retry_failed("4711")
    assert north.values("CHE", "Final exam") == {"ann": "B"}
    north.change_profile(learn_user_text="([^@]+)@.+")
    north.retry_failed("4711")
    assert north.values("CHE", "Final exam") == {"ann": "B", "bo": "FE"}
    assert north.export(body) == {"numberOfSuccess": 2, "numberOfErrors": 0, "errors": []}


def candidate(login: str, **outcome: str) -> dict[str, Any]:
    return {"person": {"login": login}, "outcomes": [{"kind": "DRAFT", "grade": "E"}, outcome]}


def test_south_names_everything_its_own_way_and_puts_a_letter_before_the_number(institution: Institution) -> None:
    south = institution
    south.add_profile(
        flow_id="eksamen",
        participants="studerende",
        user_id="studienummer",
        mark="karakter",
        alternative_grade='"særkode"',
        added_by="tilmeldt",
        learn_user_rule="PREFIX",
        learn_user_text="s",
    )
    south.add_flow("DK-7", {"": south.add_column("DAN", "Eksamen")})
    south.import_roster("DK-7", "user_id,added_by\n1001,SIS\n1002,SIS\n1003,SIS\n1004,SIS\n")
    people = [
        {"studienummer": 1001, "karakter": 75.0, "særkode": None, "tilmeldt": "sis"},
        {"studienummer": 1002, "karakter": 88, "tilmeldt": "Manual"},
        {"studienummer": 1003, "karakter": "12", "tilmeldt": "SIS"},
        {"studienummer": 1005, "karakter": "12", "tilmeldt": "SIS"},
        {"studienummer": 1004, "karakter": 10, "tilmeldt": True},
        {"karakter": 10},
    ]
    body = {"eksamen": "DK-7", "studerende": people}

    answer = south.export(body)

    told = errors(answer)
    assert answer["numberOfSuccess"] == 1
    assert "added by hand" in told[1002]
    assert "not enrolled" in told[1003]
    assert "roster" in told[1005]
    assert "tilmeldt is true or false" in told[1004]
    assert "studienummer is missing" in told[None]
    assert south.values("DAN", "Eksamen") == {"s1001": "75.0"}

    requests.patch(f"{south.learn.url}/sandbox/state", json={"courses": {"DAN": {"users": ["s1003"]}}}, timeout=10)
    south.retry_failed("DK-7")
    assert south.values("DAN", "Eksamen") == {"s1001": "75.0", "s1003": "12"}


def test_east_sends_one_list_of_rows_with_a_source_in_each(institution: Institution) -> None:
    east = institution
    east.add_profile(
        flow_id="[0][0]",
        participants="@",
        user_id="[1]",
        mark="[2]",
        alternative_grade="[3]",
        entry_source_code="[4]",
        learn_user_rule="SUFFIX",
        learn_user_text="@east.example",
    )
    theory, practical = east.add_column("BIO", "Theory"), east.add_column("LAB", "Practical")
    east.add_flow("9", {"UNIwise||001||2026": theory, "UNIwise||002||2026": practical})
    body = [
        ["9", 1, "61.50", "", "UNIwise||001||2026"],
        ["9", 2, "70", None, "UNIwise||002||2026"],
        ["9", "3", 80.0, "", "UNIwise||003||2026"],
    ]

    answer = east.export(body)

    assert answer["numberOfSuccess"] == 2
    assert "No Learn column is chosen for source UNIwise||003||2026" in errors(answer)["3"]
    assert east.values("BIO", "Theory") == {"1@east.example": "61.50"}
    assert east.values("LAB", "Practical") == {"2@east.example": "70"}

    mapping = "flow_id,source_code,course_id,column_name\n9,UNIwise||003||2026,LAB,Practical\n"
    east.import_file("/admin/exports/flow/import/", mapping)
    east.retry_failed("9")
    assert east.values("LAB", "Practical") == {"2@east.example": "70", "3@east.example": "80.0"}
    assert east.export(body) == {"numberOfSuccess": 3, "numberOfErrors": 0, "errors": []}
