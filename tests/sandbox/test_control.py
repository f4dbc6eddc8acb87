import pytest
import requests

from sandbox.privileges import PRIVILEGES
from tests.sandbox.conftest import column, item

PLACE = {"course": "BIO", "column": "Exam", "user": "s1"}


def test_the_state_is_shown_replaced_and_merged(learn, caller):
    state = caller.control("GET", "state").json()
    assert state == learn.world.as_json()
    assert caller.control("PUT", "state", json={"courses": {"HIS": {}}}).json()["schemas"] == {}
    caller.control("PATCH", "state", json={"courses": {"HIS": {"users": ["s7"]}}})
    assert learn.world.as_json()["courses"]["HIS"]["users"] == ["s7"]


def test_the_values_of_a_column_come_with_their_history(caller):
    caller.send(item("s1", "1"))
    caller.send(item("s1", "2"))
    answer = caller.control("GET", "values?course=BIO&column=Exam").json()
    assert answer == {"values": {"s1": "2"}, "sent": {"s1": ["1", "2"]}}


def test_a_grade_is_changed_as_a_teacher_does_it(learn, caller):
    place = {"course": "BIO", "column": "Exam", "user": "s1"}
    caller.send(item("s1", "80"))
    typed = {**place, "value": "12", "by": "Prof. Lund", "at": "2026-05-03T10:00:00Z"}
    shown = {"scaleType": "Score", "score": 12.0, "possible": 100.0}
    assert caller.control("POST", "grades", json=typed).json() == {"shown": shown}
    assert caller.control("POST", "grades", json={**place, "exempt": True}).json() == {"shown": shown}
    assert caller.control("POST", "grades", json={**place, "value": None}).json() == {"shown": None}
    log = caller.control("GET", "changes?course=BIO&column=Exam").json()
    assert [(change["by"], change["previous"], change["value"]) for change in log] == [
        ("gradebridge-integration", None, "80"),
        ("Prof. Lund", "80", "12"),
        ("teacher", "12", None),
    ]
    assert log[1]["at"] == "2026-05-03T10:00:00.000+00:00"
    assert learn.world.as_json()["courses"]["BIO"]["columns"]["Exam"]["flags"] == {"s1": {"exempt": True}}


def test_privileges_and_pages_are_settings(learn, caller):
    given = {"privileges": {"system.user.VIEW": False}, "page_ceilings": {"grades": 50}}
    shown = caller.control("PUT", "settings", json=given).json()
    assert not shown["privileges"]["system.user.VIEW"]
    assert shown["privileges"]["system.course.VIEW"]
    assert (shown["page_ceilings"]["grades"], learn.page_ceilings["members"]) == (50, 200)
    assert not learn.privileges.has("system.user.VIEW")


def test_calls_are_listed_and_forgotten(caller):
    caller.send(item())
    listed = caller.control("GET", "calls").json()
    assert [(call["service"], call["ok"]) for call in listed] == [("token", 0), ("gradeValueAPI", 1)]
    assert caller.control("DELETE", "calls").json() == []


def test_faults_are_listed_switched_on_and_removed(caller):
    available = caller.control("GET", "faults").json()["available"]
    assert available["slow_drip"]["parameters"] == {"seconds": 0.2}
    assert "one byte at a time" in available["slow_drip"]["description"]
    on = caller.control("POST", "faults", json={"fault": "server_error", "times": None, "status": 504}).json()["on"]
    assert on == [{"fault": "server_error", "times": None, "skip": 0, "service": None, "status": 504}]
    assert caller.version().status_code == 504
    assert caller.control("DELETE", "faults").json()["on"] == []
    assert caller.version().status_code == 200


def test_settings_are_changed_one_by_one(learn, caller):
    assert caller.control("PUT", "settings", json={"daily_calls": 5, "calls_used": 5}).json() == {
        "latency_ms": 0,
        "daily_calls": 5,
        "calls_used": 5,
        "token_seconds": 3600,
        "duplicate_columns": "refuse",
        "privileges": dict.fromkeys(PRIVILEGES, True),
        "page_ceilings": {"members": 200, "columns": 200, "grades": 100, "schemas": 200, "changes": 100},
    }
    assert caller.send(item()).status_code == 429
    caller.control("PUT", "settings", json={"calls_used": 0, "latency_ms": 1})
    assert caller.send(item()).status_code == 200
    assert learn.latency_ms == 1


def test_the_setting_of_duplicate_columns_says_whether_a_second_column_is_made(learn, caller):
    assert caller.call("gradableItemsAPI", column("Exam")).status_code == 412
    shown = caller.control("PUT", "settings", json={"duplicate_columns": "create"}).json()
    assert shown["duplicate_columns"] == learn.world.duplicate_columns == "create"
    assert caller.call("gradableItemsAPI", column("Exam")).status_code == 200


def test_a_wrong_setting_changes_none(learn, caller):
    caller.control("PUT", "settings", json={"latency_ms": 5, "duplicate_columns": "both"})
    assert (learn.latency_ms, learn.world.duplicate_columns) == (0, "refuse")


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("PUT", "state", {"course": {}}, "the state has no 'course'. It has: courses, people, schemas."),
        ("PATCH", "state", [], "The body must be a JSON object."),
        ("GET", "values?course=BIO", None, "Name a course and a column"),
        ("GET", "values?course=HIS&column=Exam", None, "There is no course 'HIS'. Courses: BIO, MED."),
        ("GET", "values?course=BIO&column=Lab", None, "'BIO' has no column 'Lab'. Columns: Essay, Exam, Notes, Oral."),
        ("POST", "faults", {"times": 1}, "Name a fault"),
        ("POST", "faults", {"fault": "sleepy"}, "There is no fault 'sleepy'. Faults: bad_gateway,"),
        ("POST", "faults", {"fault": "shorter", "self": 1}, "'shorter' has no parameter 'self'."),
        ("POST", "faults", {"fault": "shorter", "service": {}}, "There is no service '{}'."),
        ("POST", "grades", {"course": "BIO", "column": "Exam"}, "'user' must be text."),
        ("POST", "grades", {**PLACE}, "Say what changes: 'value', 'exempt', 'corrupt' or 'notation'."),
        ("POST", "grades", {**PLACE, "value": 12}, "'value' must be text."),
        ("POST", "grades", {**PLACE, "value": "101"}, "101 is not a number from 0 to 100."),
        ("POST", "grades", {**PLACE, "exempt": "yes"}, "'exempt' must be true or false."),
        ("POST", "grades", {**PLACE, "value": "1", "at": "noon"}, "'at' must be a moment such as"),
        ("POST", "grades", {**PLACE, "value": "1", "user": "s9"}, "'s9' is not a member of 'BIO'."),
        ("POST", "grades", {**PLACE, "grade": "1"}, "the grade has no 'grade'."),
        ("GET", "changes?course=BIO", None, "Name a course and a column"),
        ("PUT", "settings", {"privileges": {"all": False}}, "'privileges' has no 'all'."),
        ("PUT", "settings", {"privileges": {"system.user.VIEW": 0}}, "Each of 'privileges' must be true or false."),
        ("PUT", "settings", {"page_ceilings": {"grades": 0}}, "Each of 'page_ceilings' must be a whole number from 1"),
        ("PUT", "settings", {"page_ceilings": {"grade": 5}}, "'page_ceilings' has no 'grade'."),
        ("PUT", "settings", {"latency": 5}, "the list of settings has no 'latency'"),
        ("PUT", "settings", {"latency_ms": -1}, "'latency_ms' must be a whole number from 0"),
        ("PUT", "settings", {"duplicate_columns": True}, "'duplicate_columns' must be one of create, refuse."),
        ("PUT", "settings", {"duplicate_columns": ["create"]}, "'duplicate_columns' must be one of create, refuse."),
    ],
)
def test_what_makes_no_sense_is_answered_with_a_clear_sentence(caller, method, path, body, message):
    answer = caller.control(method, path, json=body)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


def test_a_body_that_is_not_declared_as_json_is_refused(learn, caller):
    answer = caller.control("POST", "faults", data='{"fault": "shorter"}', headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert learn.faults.as_json() == []


def test_the_page_shows_what_there_is_and_is_safe_with_any_text(learn, caller):
    learn.faults.add("slow_drip", skip=3)
    caller.send(item("s1", "<script>\ud800", column="Notes"))
    answer = requests.get(f"{learn.url}/sandbox/", timeout=5)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "after 2 that pass" in answer.text
    assert "&lt;script&gt;\\ud800" in answer.text
    assert "<script" not in answer.text
    assert """curl --json '{"fault": "gzip_bomb", "times": 1}'""" in answer.text


def test_the_page_shows_the_columns_as_they_were_made_and_the_metadata(learn, caller):
    learn.world.duplicate_columns = "create"
    made = column("Essay", course="MED", itemType="WIKI", dueDate="2026-05-31", attempts=2, instructions="<script>")
    caller.call("gradableItemsAPI", made, column("Essay", course="MED", points=12.5))
    caller.call("externalGradeColumnAPI", {"courseId": "MED", "name": "Essay"})
    caller.call("userMetadataAPI", {"courseId": "MED", "userId": "s1", "optionalData": "EnrollType=<script>"})
    caller.call("gradeSchemasAPI", {"title": "PF", "symbols": "P=80:F=0", "optionalData": "sisSchemaID=PF"})
    page = requests.get(f"{learn.url}/sandbox/", timeout=5).text
    for shown in (
        "WIKI, 100 points",
        "external grade",
        "2 columns of this name",
        "MANUAL_COLUMN, 12.5 points",
        "2026-05-31",
        "EnrollType=&lt;script&gt;",
        "sisSchemaID=PF",
        """curl -X PUT --json '{"duplicate_columns": "refuse"}'""",
    ):
        assert shown in page
    assert "<script" not in page
    assert "contentAreaName" not in page  # not set
