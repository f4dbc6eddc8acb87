"""The main job over real processes: a thousand people with every kind of refusal, the same again, repair, retry."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.end_to_end.conftest import PASSWORD, Site

pytestmark = pytest.mark.timeout(300)

COURSE, COLUMN, FLOW = "CHE200-2026", "Final exam", "4711"
ON_ROSTER = range(1, 961)
BY_HAND = range(961, 971)
NOT_IN_LEARN = range(1, 21)


def entry(number: int) -> dict[str, Any]:
    """Every other user id comes as a number."""
    user_id: Any = number if number % 2 else str(number)
    if number % 50 == 0:
        return {"userId": user_id, "mark": None, "adminGrade": ""}
    if number % 41 == 0:
        return {"userId": user_id, "mark": ["A"]}
    if number % 17 == 0:
        return {"userId": user_id, "mark": "12", "adminGrade": "U"}
    return {"userId": user_id, "mark": f"{number % 100}.50"}


def people_who_succeed() -> dict[str, str]:
    expected = {}
    for number in ON_ROSTER:
        given = entry(number)
        value = given.get("adminGrade") or given.get("mark")
        if isinstance(value, str) and value and number not in NOT_IN_LEARN:
            expected[f"s{number}"] = value
    return expected


BODY: list[Any] = [
    *(entry(number) for number in range(1, 991)),
    "no object",
    None,
    {},
    {"userId": None, "mark": "A"},
    {"userId": True, "mark": "A"},
    {"userId": {"id": 7}, "mark": "A"},
    {"userId": "501", "mark": "1"},  # contradicts entry 501
    {"userId": 502, "mark": "2.50"},  # equal to entry 502, whose id is a text
    {"userId": "bad\u0000id", "mark": "A"},
    {"userId": 10**30, "mark": "A"},
]


@pytest.fixture
def prepared(site: Site, tmp_path: Path) -> Site:
    mappings = tmp_path / "mappings.csv"
    mappings.write_text(
        "flow_id,flow_title,course_id,column_name,synchronised_at,assessment_ends_at\n"
        f"{FLOW},Chemistry,{COURSE},{COLUMN},2026-05-01T12:00,2026-05-02T12:00\n"
    )
    site.manage("import_mappings", str(mappings))
    roster = tmp_path / "roster.csv"
    rows = [f"{number},s{number},SIS" for number in ON_ROSTER] + [f"{number},s{number},MANUAL" for number in BY_HAND]
    roster.write_text("\n".join(["user_id,learn_user_id,added_by", *rows]))
    site.manage("import_roster", FLOW, str(roster))
    enrolled = [f"s{number}" for number in ON_ROSTER if number not in NOT_IN_LEARN]
    enrol(site, enrolled)
    return site


def enrol(site: Site, users: list[str]) -> None:
    world = {"courses": {COURSE: {"users": users, "columns": {COLUMN: {"points": None}}}}}
    requests.patch(f"{site.learn}/sandbox/state", json=world, timeout=10).raise_for_status()


def post(site: Site, key: str, participants: list[Any]) -> dict[str, Any]:
    response = requests.post(
        f"{site.url}/api/wiseflow/flows/{FLOW}/export",
        json={"participants": participants},
        headers={"Authorization": f"Api-Key {key}"},
        timeout=60,
    )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_a_thousand_participants_with_every_refusal(prepared: Site) -> None:
    site = prepared
    key = site.manage("create_api_client", "WISEflow").strip()
    assert len(BODY) == 1000

    answer = post(site, key, BODY)

    expected = people_who_succeed()
    del expected["s501"]  # contradictory
    assert site.values(COURSE, COLUMN) == expected
    assert (
        answer["numberOfSuccess"] + answer["numberOfErrors"]
        == 1000
        == len(answer["errors"]) + answer["numberOfSuccess"]
    )
    assert answer["numberOfSuccess"] == len(expected) + 1  # entry 502 stands twice
    assert errors_name_their_people(answer)

    calls = len(site.calls())
    again = post(site, key, BODY)

    assert again["numberOfSuccess"] == answer["numberOfSuccess"]
    assert [call["items"] for call in site.calls()[calls:]] == [len(NOT_IN_LEARN)]  # whom Learn has not confirmed

    confirmed = [item for item in BODY if isinstance(item, dict) and f"s{item.get('userId')}" in expected]
    calls = len(site.calls())
    assert post(site, key, confirmed)["numberOfErrors"] == 0
    assert len(site.calls()) == calls

    retry_from_the_admin_after_repair(site, key, expected)


def errors_name_their_people(answer: dict[str, Any]) -> bool:
    """Each error's userId is that of an entry, in its type, in the order of the body."""
    given = [item.get("userId") if isinstance(item, dict) else None for item in BODY]
    places = iter([(type(user_id), user_id) for user_id in given])
    return all((type(error["userId"]), error["userId"]) in places for error in answer["errors"])


def retry_from_the_admin_after_repair(site: Site, key: str, expected: dict[str, str]) -> None:
    """The people whom Learn did not know are enrolled; whoever was never assessed is exported with a mark."""
    enrol(site, [f"s{number}" for number in NOT_IN_LEARN])
    repaired = {f"s{number}": str(entry(number).get("adminGrade") or entry(number)["mark"]) for number in NOT_IN_LEARN}
    site.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org")
    before = len(site.calls())

    admin = Admin(site)
    admin.retry_failed_of_flow()
    site.start_worker()
    admin.wait_until_retried()

    assert sum(call["items"] for call in site.calls()[before:]) == len(NOT_IN_LEARN)
    assert site.values(COURSE, COLUMN) == expected | repaired
    state = requests.get(f"{site.url}/api/wiseflow/flows/{FLOW}/export", headers={"X-Api-Key": key}, timeout=10).json()
    assert state["counts"]["EXPORTED"] == len(expected) + len(NOT_IN_LEARN)
    assert state["attempts"][0]["trigger"] == "RETRY"


class Admin:
    """A person at the admin, through its pages' own forms."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.session = requests.Session()
        self.post("/admin/login/", username="root", password=PASSWORD, next="/admin/")

    def get(self, path: str) -> str:
        return self.session.get(self.site.url + path, timeout=10).text

    def post(self, path: str, **data: str) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path))
        assert token
        response = self.session.post(self.site.url + path, data={"csrfmiddlewaretoken": token[1], **data}, timeout=30)
        assert response.ok, response.text
        return response.text

    def retry_failed_of_flow(self) -> None:
        listed = re.search(
            r'name="_selected_action" value="(\d+)"', self.get("/admin/exports/flow/?state__exact=FAILED")
        )
        assert listed
        confirmation = self.post("/admin/exports/flow/", action="retry_failed", _selected_action=listed[1])
        assert COLUMN in confirmation
        self.post("/admin/exports/flow/", action="retry_failed", _selected_action=listed[1], post="yes")

    def wait_until_retried(self) -> None:
        end = time.monotonic() + 60
        while self.is_running():
            assert time.monotonic() < end
            time.sleep(0.2)

    def is_running(self) -> bool:
        return 'name="_selected_action"' in self.get("/admin/exports/exportattempt/?state__exact=QUEUED")
