"""The public gradebook API, over HTTP."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.server import SandboxLearn
from sandbox.world import World
from tests.sandbox.conftest import Caller, column, item
from tests.sandbox.reading import READ_STATE, Reader

INTERNAL_ID = re.compile(r"_\d+_1")


@pytest.fixture
def reader(learn, caller) -> Reader:
    learn.world.replace(READ_STATE)
    return Reader(caller)


def test_a_course_is_found_by_each_of_its_ids(reader):
    by_uid = reader.course("externalId:BIO")
    assert by_uid == reader.course("courseId:BIO101") == reader.course(by_uid["id"])
    assert INTERNAL_ID.fullmatch(by_uid["id"])
    assert (
        by_uid.items()
        >= {
            "externalId": "BIO",
            "courseId": "BIO101",
            "name": "Biology",
            "ultraStatus": "Ultra",
            "closedComplete": False,
            "hasChildren": True,
        }.items()
    )
    assert by_uid["availability"]["available"] == "Yes"
    assert "parentId" not in by_uid


def test_a_merged_a_completed_and_an_unknown_course(reader):
    assert reader.course("externalId:BIO-A")["parentId"] == reader.course()["id"]
    old = reader.course("externalId:OLD")
    assert (old["closedComplete"], old["availability"]["available"]) == (True, "No")
    answer = reader.get("/v3/courses/externalId:NONE")
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
    assert "does not exist" in answer.json()["message"]


def test_fields_cut_an_answer_down(reader):
    found = reader.course(fields="id,availability.available,parentId")
    assert set(found) == {"id", "availability"}
    assert found["availability"] == {"available": "Yes"}


def test_members_come_with_those_of_merged_courses(reader):
    members = reader.rows("/v1/courses/externalId:BIO/users", expand="user", limit=2)
    by_name = {row["user"]["userName"]: row for row in members}
    assert sorted(by_name) == ["guest", "s1", "s2", "s3", "s7", "t1"]
    assert by_name["s1"]["user"]["externalId"] == "s1"
    assert by_name["s1"]["user"]["name"] == {"given": "Ada", "family": "Berg"}
    assert "externalId" not in by_name["guest"]["user"]
    assert by_name["s3"]["availability"] == {"available": "Disabled"}
    assert (by_name["t1"]["courseRoleId"], by_name["s1"]["courseRoleId"]) == ("Instructor", "Student")
    assert by_name["s7"]["childCourseId"] == reader.course("externalId:BIO-A")["id"]
    assert "childCourseId" not in by_name["s1"]


def test_members_without_expand_are_ids_alone(reader):
    assert all("user" not in row for row in reader.rows("/v1/courses/externalId:BIO/users"))
    trimmed = reader.rows("/v1/courses/externalId:BIO/users", expand="user", fields="userId,user.externalId")
    assert all(set(row) <= {"userId", "user"} and set(row["user"]) <= {"externalId"} for row in trimmed)


@pytest.mark.parametrize(("user", "status"), [("s1", 200), ("s7", 200), ("guest", 404), ("s9", 404)])
def test_one_member_is_found_by_the_external_id(reader, user, status):
    assert reader.get(f"/v1/courses/externalId:BIO/users/externalId:{user}").status_code == status


def test_one_member_is_found_by_the_internal_id(reader):
    row = reader.get("/v1/courses/externalId:BIO/users/externalId:s1", expand="user").json()
    again = reader.get(f"/v1/courses/externalId:BIO/users/{row['userId']}", expand="user").json()
    assert again == row
    assert row["user"]["externalId"] == "s1"


def test_columns_say_how_they_are_graded(reader):
    found = {row["name"]: row for row in reader.rows("/v2/courses/externalId:BIO/gradebook/columns")}
    kinds = {name: row["grading"]["type"] for name, row in found.items()}
    assert kinds == {**dict.fromkeys(READ_STATE["courses"]["BIO"]["columns"], "Manual"), "Total": "Calculated"}
    assert found["Blind"]["grading"]["anonymousGrading"] == {"type": "AfterAllGraded"}
    assert found["Exam"]["grading"]["anonymousGrading"] == {"type": "None"}
    assert "formula" in found["Total"]
    assert "formula" not in found["Exam"]
    assert (found["Essay"]["score"]["possible"], found["Essay"]["externalGrade"]) == (20.0, False)
    schemas = {row["id"]: row for row in reader.rows("/v1/courses/externalId:BIO/gradebook/schemas")}
    scales = {name: schemas[row["grading"]["schemaId"]]["scaleType"] for name, row in found.items()}
    assert scales.items() >= {"Essay": "Tabular", "Exam": "Score", "Lab": "Percent", "Notes": "Text"}.items()
    assert schemas[found["Essay"]["grading"]["schemaId"]]["title"] == "Letters"


def test_the_name_of_a_column_is_searched_for_anywhere_in_it_and_two_can_share_one(reader):
    names = [row["name"] for row in reader.rows("/v2/courses/externalId:BIO/gradebook/columns", name="exam")]
    assert names == ["Exam", "Exam retake"]
    twice = reader.rows("/v2/courses/externalId:BIO/gradebook/columns", name="Twice")
    assert [row["score"]["possible"] for row in twice] == [100.0, 30.0]
    assert twice[0]["id"] != twice[1]["id"]


def test_the_symbols_of_a_schema_come_with_their_bounds(reader):
    schemas = {row["title"]: row for row in reader.rows("/v1/courses/externalId:BIO/gradebook/schemas")}
    assert [(s["text"], s["lowerBound"], s["upperBound"]) for s in schemas["Letters"]["symbols"]] == [
        ("A", 90.0, 100.0),
        ("B", 80.0, 90.0),
        ("F", 0.0, 80.0),
        ("U", 0.0, 0.0),
    ]
    assert "symbols" not in schemas["Percentage"]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Exam", "75.5", {"scaleType": "Score", "score": 75.5, "possible": 100.0}),
        ("Essay", "B", {"scaleType": "Tabular", "score": 17.0, "possible": 20.0, "text": "B"}),
        ("Essay", "17", {"scaleType": "Tabular", "score": 17.0, "possible": 20.0, "text": "B"}),
        ("Oral", "Pass", {"scaleType": "Tabular", "score": 0.0, "possible": 100.0, "text": "Pass"}),
        ("Notes", "75.0", {"scaleType": "Text", "text": "75.0"}),
        ("Lab", "15", {"scaleType": "Percent", "score": 75.0, "possible": 100.0}),
    ],
)
def test_a_value_that_was_sent_is_shown_at_once(learn, caller, reader, name, value, shown):
    assert caller.send(item("s1", value, column=name)).status_code == 200
    grade = reader.grade(column=name)
    assert grade["displayGrade"] == shown == learn.world.shown("BIO", name, "s1")
    assert (grade["exempt"], grade["corrupt"]) == (False, False)
    assert "overridden" not in grade
    assert "text" not in grade
    assert "score" not in grade


def test_a_column_with_a_schema_can_show_scores_or_text(learn, caller, reader):
    learn.world.merge({"courses": {"BIO": {"columns": {"Essay": {"shownAs": "score"}}}}})
    caller.send(item("s1", "B", column="Essay"))
    assert reader.grade(column="Essay")["displayGrade"] == {"scaleType": "Score", "score": 17.0, "possible": 20.0}
    learn.world.merge({"courses": {"BIO": {"columns": {"Essay": {"shownAs": "text"}}}}})
    assert reader.grade(column="Essay")["displayGrade"] == {"scaleType": "Text", "text": "B"}


def test_where_nothing_was_entered_the_place_is_named_alone(reader):
    assert set(reader.grade()) == {"userId", "columnId"}
    assert reader.rows(f"{reader.column()}/users") == []
    assert reader.get(f"{reader.column()}/users/lastChanged").json() == {}


def test_all_grades_come_in_pages_that_are_followed(learn, reader):
    users = [f"u{number:03}" for number in range(250)]
    learn.world.merge({"courses": {"BIO": {"users": users}}})
    for user in users:
        learn.world.type_grade("BIO", "Exam", user, "50")
    path = f"{reader.column()}/users"
    first = reader.get(path, limit=100).json()
    assert len(first["results"]) == 100
    assert first["paging"]["nextPage"] == f"/learn/api/public{path}?limit=100&offset=100"
    before = len(learn.calls)
    rows = reader.rows(path, limit=100)
    assert len(learn.calls) - before == 3
    assert len({row["userId"] for row in rows}) == 250
    assert [call.items for call in list(learn.calls)[before:]] == [100, 100, 50]


@pytest.mark.parametrize(
    ("path", "largest"),
    [
        ("/v1/courses/externalId:BIO/users", 200),
        ("/v2/courses/externalId:BIO/gradebook/columns", 200),
        ("{column}/users", 100),
    ],
)
def test_a_larger_page_than_the_largest_is_refused(learn, reader, path, largest):
    path = path.format(column=reader.column())
    assert reader.get(path, limit=largest).status_code == 200
    answer = reader.get(path, limit=largest + 1)
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
    name = learn.calls[-1].service
    learn.page_ceilings[name] = 1
    assert reader.get(path, limit=2).status_code == 400
    assert len(reader.get(path).json()["results"]) <= 1


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "-1"}, {"limit": "x"}, {"offset": "-5"}, {"changeIndex": "now"}, {"limit": "9" * 30}],
)
def test_a_senseless_query_is_refused(reader, query):
    assert reader.get(f"{reader.column()}/users", **query).status_code == 400


def test_the_change_index_grows_and_finds_later_changes_alone(learn, caller, reader):
    caller.send(item("s1", "1"), item("s2", "2"))
    path = f"{reader.column()}/users"
    seen = reader.get(f"{path}/lastChanged").json()
    assert seen["userId"] == reader.grade("externalId:s2")["userId"]
    assert reader.rows(path, changeIndex=seen["changeIndex"]) == []
    learn.world.type_grade("BIO", "Exam", "s1", "9")
    (changed,) = reader.rows(path, changeIndex=seen["changeIndex"])
    assert changed["changeIndex"] > seen["changeIndex"]
    assert changed == reader.get(f"{path}/lastChanged").json() == reader.grade()
    assert changed["firstRelevantDate"] <= changed["lastRelevantDate"]


def test_a_cleared_grade_shows_nothing_and_counts_as_a_change(learn, caller, reader):
    caller.send(item("s1", "1"))
    before = reader.grade()["changeIndex"]
    learn.world.type_grade("BIO", "Exam", "s1", None)
    cleared = reader.grade()
    assert "displayGrade" not in cleared
    assert cleared["changeIndex"] > before
    assert learn.world.shown("BIO", "Exam", "s1") is None


def test_a_calculated_column_never_counts_changes(reader):
    (grade,) = reader.rows(f"{reader.column('Total')}/users")
    assert (grade["changeIndex"], grade["displayGrade"]["score"]) == (0, 90.0)
    assert reader.get(f"{reader.column('Total')}/users/lastChanged").json()["changeIndex"] == 0


def test_an_anonymous_column_cannot_be_read(reader):
    path = f"{reader.column('Blind')}/users"
    statuses = [reader.get(path + end).status_code for end in ("", "/lastChanged", "/externalId:s1")]
    assert statuses == [403, 403, 403]


def test_a_disabled_member_is_absent_unless_asked_for(learn, caller, reader):
    caller.send(item("s1", "1"), item("s3", "3"))
    path = f"{reader.column()}/users"
    assert len(reader.rows(path)) == 1
    assert len(reader.rows(path, includeDisabledMemberships="true")) == 2
    assert reader.get(f"{path}/externalId:s3").status_code == 404
    assert reader.get(f"{path}/lastChanged").json() == reader.grade()
    learn.privileges.take_away("course.gradebook-grades.EXECUTE")
    assert reader.get(path, includeDisabledMemberships="true").status_code == 403
    assert len(reader.rows(path)) == 1


def test_flags_and_a_notation_are_shown(learn, caller, reader):
    caller.send(item("s1", "80"))
    learn.world.flag_grade("BIO", "Exam", "s1", exempt=True, corrupt=True, notation="Withdrawn")
    grade = reader.grade()
    assert (grade["exempt"], grade["corrupt"]) == (True, True)
    assert grade["displayGrade"] == {"scaleType": "Text", "text": "Withdrawn"}
    assert INTERNAL_ID.fullmatch(grade["gradeNotationId"])
    learn.world.flag_grade("BIO", "Exam", "s1", exempt=False, notation="")
    grade = reader.grade()
    assert (grade["exempt"], grade["corrupt"], grade["displayGrade"]["score"]) == (False, True, 80.0)


def test_what_a_teacher_types_is_an_override(learn, reader):
    learn.world.type_grade("BIO", "Essay", "s1", "A", by="Prof. Lund")
    grade = reader.grade(column="Essay")
    assert (grade["text"], grade["score"]) == ("A", 19.0)
    assert grade["overridden"] == grade["lastRelevantDate"]


def test_the_log_says_who_changed_what_and_when(learn, caller, reader):
    caller.send(item("s1", "80"))
    at = datetime.now(UTC) + timedelta(hours=1)
    learn.world.type_grade("BIO", "Exam", "s1", "12", by="Prof. Lund", at=at)
    path = f"{reader.column(version='v1')}/logs"
    typed, sent = reader.rows(path, sort="logged(desc)")
    assert (typed["modifier"]["name"], typed["score"], typed["previousScore"]) == ("Prof. Lund", 12.0, 80.0)
    assert sent["modifier"]["name"] == "gradebridge-integration"
    assert sent["user"]["name"] == "Ada Berg"
    assert reader.rows(path, since=at.isoformat()) == [typed]
    assert reader.rows(path, until=(at - timedelta(minutes=1)).isoformat()) == [sent]
    assert reader.rows(path, sort="logged") == [sent, typed]
    assert reader.get(path, sort="score").status_code == 400
    assert reader.get(path, since="yesterday").status_code == 400


def test_a_value_for_a_merged_course_is_in_its_parent(learn, caller, reader):
    assert caller.send(item("s7", "61", course="BIO-A")).status_code == 200
    (grade,) = reader.rows(f"{reader.column()}/users")
    assert grade["displayGrade"]["score"] == 61.0
    assert learn.world.value("BIO-A", "Exam", "s7") == learn.world.value("BIO", "Exam", "s7") == "61"
    assert learn.world.sent("BIO-A", "Exam", "s7") == learn.world.sent("BIO", "Exam", "s7") == ["61"]
    assert caller.send(item("s7", "62", course="BIO-A", column="Own")).status_code == 200
    assert learn.world.value("BIO-A", "Own", "s7") == "62"


@pytest.mark.parametrize(
    ("user", "course", "message"),
    [
        ("s1", "OLD", "Course OLD is completed and takes no values"),
        ("guest", "BIO", "User guest is not enrolled in course BIO"),
        ("s1", "BIO-A", "User s1 is not enrolled in course BIO-A"),
    ],
)
def test_grades_journey_refuses_what_cannot_be_graded(learn, caller, reader, user, course, message):
    answer = caller.send(item(user, "1", course=course))
    assert (answer.status_code, answer.json()[0]["message"]) == (412, message)
    assert learn.world.writes == 0


@pytest.mark.parametrize(
    ("missing", "refused"),
    [
        ("system.course.VIEW", {"course"}),
        ("course.gradebook.MODIFY", {"columns", "schemas", "grades", "lastChanged", "grade", "changes"}),
        ("course.gradebook-grades.VIEW", {"grades", "lastChanged", "grade", "changes"}),
        ("course.gradebook-grades.EXECUTE", {"changes"}),
        ("course.configure-properties.EXECUTE", set()),
        ("system.user.VIEW", set()),
        ("system.courseuserlist.VIEW", set()),
        ("system.user.course.enrollment.VIEW", set()),
    ],
)
def test_a_missing_privilege_refuses_what_needs_it(learn, reader, missing, refused):
    exam, log = reader.column(), reader.column(version="v1")
    paths = {
        "course": "/v3/courses/externalId:BIO",
        "members": "/v1/courses/externalId:BIO/users",
        "member": "/v1/courses/externalId:BIO/users/externalId:s1",
        "columns": "/v2/courses/externalId:BIO/gradebook/columns",
        "schemas": "/v1/courses/externalId:BIO/gradebook/schemas",
        "grades": f"{exam}/users",
        "lastChanged": f"{exam}/users/lastChanged",
        "grade": f"{exam}/users/externalId:s1",
        "changes": f"{log}/logs",
    }
    learn.privileges.take_away(missing)
    statuses = {name: reader.get(path).status_code for name, path in paths.items()}
    assert statuses == {name: 403 if name in refused else 200 for name in paths}
    assert [call.service for call in list(learn.calls)[-len(paths) :]] == list(paths)
    learn.privileges.give_back()
    assert {reader.get(path).status_code for path in paths.values()} == {200}


def test_members_need_one_of_two_privileges(learn, reader):
    learn.privileges.take_away("system.courseuserlist.VIEW", "system.user.course.enrollment.VIEW")
    assert reader.get("/v1/courses/externalId:BIO/users").status_code == 403


@pytest.mark.parametrize("missing", ["course.configure-properties.EXECUTE", "system.user.VIEW"])
def test_without_a_privilege_external_ids_are_hidden_from_all(learn, reader, missing):
    learn.privileges.take_away(missing)
    members = reader.rows("/v1/courses/externalId:BIO/users", expand="user")
    assert len(members) == 6
    assert not any("externalId" in row["user"] for row in members)


def test_ids_stay_when_the_world_is_added_to_and_a_column_made_anew_has_another(learn, caller, reader):
    caller.send(item("s1", "1"))
    before = reader.grade()
    learn.world.merge({"courses": {"BIO": {"users": ["s8"], "columns": {"Exam": {"points": 90}}}}})
    after = reader.grade()
    assert (after["columnId"], after["userId"], after["changeIndex"]) == (
        before["columnId"],
        before["userId"],
        before["changeIndex"],
    )
    assert len(learn.world.log("BIO", "Exam")) == 1
    caller.call("gradeColumnDeleteAPI", {"courseId": "BIO", "name": "Exam"})
    assert reader.get(f"/v2/courses/externalId:BIO/gradebook/columns/{before['columnId']}/users").status_code == 404
    caller.call("gradableItemsAPI", column("Exam"))
    assert reader.column_id() != before["columnId"]


def test_a_course_whose_id_has_odd_characters_is_read_page_by_page(learn, caller, reader):
    learn.world.merge({"courses": {"Ø & B/1": {"users": ["s1", "s2", "s3"]}}})
    assert len(reader.rows("/v1/courses/externalId:%C3%98%20%26%20B%2F1/users", limit=1)) == 3


def test_reading_counts_against_the_quota_and_needs_the_token(learn, caller, reader):
    used = learn.quota.used
    reader.course()
    assert learn.quota.used == used + 1
    learn.quota.limit = learn.quota.used
    answer = reader.get("/v3/courses/externalId:BIO")
    assert (answer.status_code, answer.headers["X-Rate-Limit-Remaining"]) == (429, "0")
    learn.tokens.revoke()
    assert reader.get("/v3/courses/externalId:BIO").status_code == 401


def test_ten_thousand_members_are_read_in_little_time():
    users = [f"u{number}" for number in range(10_000)]
    values = dict.fromkeys(users, "50")
    world = World({"courses": {"BIO": {"users": users, "columns": {"Exam": {"values": values}}}}})
    with SandboxLearn(world) as learn:
        calling = Caller(learn)
        calling.take_token()
        reader = Reader(calling)
        path = f"{reader.column()}/users"
        began = time.perf_counter()
        members = reader.rows("/v1/courses/externalId:BIO/users", expand="user", limit=200)
        grades = reader.rows(path, limit=100)
        seconds = time.perf_counter() - began
        calling.session.close()
    assert {row["userId"] for row in members} == {row["userId"] for row in grades}
    assert len(grades) == 10_000
    assert len(learn.calls) == 1 + 1 + 50 + 100
    assert seconds < 10
