"""The page for trainers: its forms, and that no other site can send one."""

import pytest
import requests

from sandbox.world import World
from tests.sandbox.conftest import item
from tests.sandbox.reading import READ_STATE

GRADE = {"course": "BIO", "column": "Exam", "user": "s1", "by": "Prof. Lund"}


def send(learn, path: str, form: dict, **headers: str) -> requests.Response:
    return requests.post(f"{learn.url}/sandbox/page/{path}", data=form, headers=headers, timeout=5)


def test_a_trainer_types_another_grade_as_a_teacher(learn, caller):
    caller.send(item("s1", "80"))
    answer = send(learn, "grade", {**GRADE, "value": " 12 ", "act": "type"})
    assert answer.url == f"{learn.url}/sandbox/?course=BIO&column=Exam#opened"
    assert answer.text.count("<details open") == 1
    assert "12 of 100" in answer.text
    assert learn.world.value("BIO", "Exam", "s1") == "12"
    assert [(change.by, change.previous, change.value) for change in learn.world.log("BIO", "Exam")] == [
        ("gradebridge-integration", None, "80"),
        ("Prof. Lund", "80", "12"),
    ]
    assert learn.world.sent("BIO", "Exam", "s1") == ["80"]


def test_a_trainer_clears_a_grade_and_marks_one(learn, caller):
    caller.send(item("s1", "80"))
    send(learn, "grade", {**GRADE, "value": "", "act": "clear"})
    assert learn.world.shown("BIO", "Exam", "s1") is None
    answer = send(learn, "grade", {**GRADE, "value": "<b>Withdrawn", "exempt": "on", "act": "flags"})
    assert learn.world.shown("BIO", "Exam", "s1") == {"scaleType": "Text", "text": "<b>Withdrawn"}
    assert "exempt, &lt;b&gt;Withdrawn" in answer.text


@pytest.mark.parametrize(
    ("path", "form", "message"),
    [
        ("grade", {**GRADE, "value": "101"}, "101 is not a number from 0 to 100."),
        ("grade", {**GRADE, "value": " "}, "Type a value, or choose Clear."),
        ("grade", {**GRADE, "user": "<i>", "value": "1"}, "&#39;&lt;i&gt;&#39; is not a member of &#39;BIO&#39;."),
        ("grade", {"value": "1"}, "There is no course &#39;&#39;."),
        ("faults", {"fault": "shorter", "service": "members"}, "&#39;shorter&#39; does not fit &#39;members&#39;."),
        ("faults", {}, "There is no fault &#39;&#39;."),
        ("ceilings", {"grades": "0"}, "must be a whole number from 1 to 10000."),
    ],
)
def test_what_makes_no_sense_is_said_on_the_page(learn, path, form, message):
    before = learn.world.as_json()
    answer = send(learn, path, form)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert message in answer.text
    assert (learn.world.as_json(), learn.faults.as_json()) == (before, [])


def test_privileges_and_pages_are_switched(learn):
    shown = send(learn, "privileges", {"privilege": ["system.course.VIEW", "system.user.VIEW"]}).text
    assert shown.count("taken away") == 6
    held = [name for name, is_held in learn.privileges.as_json().items() if is_held]
    assert held == ["system.course.VIEW", "system.user.VIEW"]
    send(learn, "ceilings", {"members": "50", "columns": "40", "grades": "30", "schemas": "20", "changes": "10"})
    assert learn.page_ceilings == {"members": 50, "columns": 40, "grades": 30, "schemas": 20, "changes": 10}


def test_faults_are_switched_on_and_removed(learn):
    form = {"fault": "endless_paging", "service": "members", "times": "2", "skip": "1"}
    assert "endless_paging" in send(learn, "faults", form).text
    send(learn, "faults", {"fault": "bad_gateway", "until_removed": "on", "times": "1"})
    assert [(fault["fault"], fault["times"], fault["skip"]) for fault in learn.faults.as_json()] == [
        ("endless_paging", 2, 1),
        ("bad_gateway", None, 0),
    ]
    send(learn, "faults/remove", {})
    assert learn.faults.as_json() == []


def test_a_form_of_another_site_is_refused(learn):
    answer = send(learn, "grade", {**GRADE, "value": "12"}, Origin="https://elsewhere.invalid")
    assert answer.status_code == 403
    assert learn.world.value("BIO", "Exam", "s1") is None
    assert send(learn, "grade", {**GRADE, "value": "12"}, Origin=learn.url).status_code == 200
    assert learn.world.value("BIO", "Exam", "s1") == "12"


def test_the_page_shows_what_a_course_is(learn):
    learn.world.replace(READ_STATE)
    page = requests.get(f"{learn.url}/sandbox/", timeout=5).text
    for shown in ("merged into BIO", "completed", "available: No", "Biology", "2 columns of this name"):
        assert shown in page
    assert "<script" not in page


def test_a_world_with_everything_that_reading_shows_can_be_read_back():
    world = World(READ_STATE)
    world.type_grade("BIO", "Exam", "s1", "80")
    world.flag_grade("BIO", "Exam", "s1", exempt=True, notation="Withdrawn")
    assert World(world.as_json()).as_json() == world.as_json()
