"""Gradebook against the sandbox's public API: what there is, and what each refusal means."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from courses.gradebook import (
    SERVICES,
    ColumnAnonymous,
    ColumnTwice,
    ColumnUnknown,
    Course,
    CourseUnknown,
    Gradebook,
    NotEnrolled,
    NotReadable,
    column_named,
)
from courses.learn_http.calls import Call
from courses.learn_http.errors import NotInstalled, QuotaUsedUp, RequestRefused, Unavailable
from sandbox.gradebook import Person
from sandbox.server import SandboxLearn
from tests.courses.gradebook.conftest import BIO, soon


def column_id(book: Gradebook, course: Course, name: str) -> str:
    return column_named(book.columns(course, until=soon()), name).id


def test_a_course_is_found_by_a_batch_uid_that_needs_escaping(book: Gradebook):
    found = book.course(BIO, until=soon())
    assert (found.course_id, found.name, found.is_ultra, found.is_completed) == (BIO, "Biology", True, False)
    assert (found.availability, found.has_children, found.parent_id) == ("Yes", False, None)


def test_a_merged_and_a_completed_course_say_so(book: Gradebook):
    parent, child = (book.course(course_id, until=soon()) for course_id in ("MED", "MED-A"))
    assert (parent.is_completed, parent.has_children, parent.is_ultra) == (True, True, False)
    assert (child.parent_id, child.availability) == (parent.id, "No")


@pytest.mark.parametrize("course_id", ["CHEM", "", "..", "../..", "a/../../b", "\ud800", "a\0b", "?x=1", "#", "%2e%2e"])
def test_no_course_of_that_id(book: Gradebook, course_id: str):
    with pytest.raises(CourseUnknown) as raised:
        book.course(course_id, until=soon())
    assert raised.value.params == {"course": course_id}


def test_members_are_known_by_both_ids(book: Gradebook, bio: Course, learn: SandboxLearn):
    learn.world.people["u2"] = Person(has_external_id=False, name="Ada Lovelace")
    found = {member.name: member for member in book.members(bio, until=soon())}
    assert len(found) == 7
    assert found["Student u1"].learn_user_id == "u1"
    assert found["Ada Lovelace"].learn_user_id is None
    assert not any(member.is_hidden for member in found.values())
    assert all(member.is_student and member.is_available for member in found.values())


@pytest.mark.parametrize("privilege", ["course.configure-properties.EXECUTE", "system.user.VIEW"])
def test_members_whose_batch_uid_is_hidden_are_not_members_without_one(
    book: Gradebook, bio: Course, learn: SandboxLearn, privilege: str
):
    learn.privileges.take_away(privilege)
    found = book.members(bio, until=soon())
    assert [member.learn_user_id for member in found] == [None] * 7
    assert all(member.is_hidden for member in found)


def test_one_member_is_asked_for_without_a_list(book: Gradebook, bio: Course, observed: list[Call]):
    found = book.member(bio, "u3", until=soon(), observe=observed.append)
    assert (found.learn_user_id, found.name, found.is_hidden) == ("u3", "Student u3", False)
    assert [call.service for call in observed] == ["member"]


@pytest.mark.parametrize("user", ["u9", "", "../u1", "u1/..", "\udfff", "U1"])
def test_who_is_not_enrolled(book: Gradebook, bio: Course, user: str):
    with pytest.raises(NotEnrolled):
        book.member(bio, user, until=soon())
    with pytest.raises(NotEnrolled):
        book.grade(bio, column_id(book, bio, "Exam"), user, until=soon())


def test_columns_are_named_exactly(book: Gradebook, bio: Course):
    columns = book.columns(bio, until=soon())
    exam, other = column_named(columns, "Exam"), column_named(columns, "exam")
    assert (exam.points, other.points) == (100, 20)
    assert column_named(columns, "Secret").is_anonymous
    assert not exam.is_anonymous
    with pytest.raises(ColumnUnknown) as unknown:
        column_named(columns, "EXAM")
    with pytest.raises(ColumnTwice) as twice:
        column_named(columns, "Twice")
    assert (unknown.value.params, twice.value.params) == ({"name": "EXAM"}, {"name": "Twice"})


def test_schemas_have_their_symbols(book: Gradebook, bio: Course):
    [letters] = [schema for schema in book.schemas(bio, until=soon()) if schema.title == "Letters"]
    essay = column_named(book.columns(bio, until=soon()), "Essay")
    assert (letters.scale, essay.schema_id) == ("Tabular", letters.id)
    assert [(symbol.text, symbol.lower, symbol.upper) for symbol in letters.symbols] == [
        ("A", 90, 100),
        ("B", 80, 90),
        ("F", 0, 80),
    ]


def test_grades_are_read_with_what_people_see(book: Gradebook, bio: Course, learn: SandboxLearn):
    learn.world.set_value(course_id=BIO, column_name="Essay", user_id="u1", value="B")
    learn.world.type_grade(BIO, "Essay", "u2", "72.5")
    learn.world.flag_grade(BIO, "Essay", "u3", exempt=True)
    users = {member.user_id: member.learn_user_id for member in book.members(bio, until=soon())}
    found = {users[grade.user_id]: grade for grade in book.grades(bio, column_id(book, bio, "Essay"), until=soon())}
    assert {user: grade.shown and (grade.shown.text, grade.shown.scale) for user, grade in found.items()} == {
        "u1": ("B", "Tabular"),
        "u2": ("F", "Tabular"),
        "u3": None,
    }
    assert found["u2"].shown is not None
    assert found["u2"].shown.score == Decimal("72.5")
    assert {user for user, grade in found.items() if grade.is_override} == {"u2"}
    assert {user for user, grade in found.items() if grade.is_exempt} == {"u3"}


def test_later_changes_alone_and_the_last_one(book: Gradebook, bio: Course, learn: SandboxLearn):
    exam = column_id(book, bio, "Exam")
    assert book.last_changed(bio, exam, until=soon()) is None
    learn.world.set_value(course_id=BIO, column_name="Exam", user_id="u1", value="1")
    first = book.last_changed(bio, exam, until=soon())
    learn.world.set_value(course_id=BIO, column_name="Exam", user_id="u2", value="2")
    last = book.last_changed(bio, exam, until=soon())
    assert first is not None
    assert last is not None
    assert book.grades(bio, exam, changed_after=first.change_index, until=soon()) == [last]
    assert book.grades(bio, exam, changed_after=last.change_index, until=soon()) == []


def test_one_grade_is_what_it_is_or_was_not_entered(book: Gradebook, bio: Course, learn: SandboxLearn):
    exam = column_id(book, bio, "Exam")
    learn.world.type_grade(BIO, "Exam", "u1", "12.5")
    learn.world.type_grade(BIO, "Exam", "u2", "3")
    learn.world.type_grade(BIO, "Exam", "u2", None)
    grades = [book.grade(bio, exam, user, until=soon()) for user in ("u1", "u2", "u3")]
    assert grades[0] is not None
    assert grades[0].shown is not None
    assert (grades[0].shown.score, grades[0].shown.possible) == (Decimal("12.5"), 100)
    assert [grade.is_empty for grade in grades] == [False, True, True]


def test_the_log_says_who_changed_what_newest_first(book: Gradebook, bio: Course, learn: SandboxLearn):
    exam = column_id(book, bio, "Exam")
    may = datetime(2026, 5, 3, 9, tzinfo=UTC)
    learn.world.type_grade(BIO, "Exam", "u1", "12", by="Ida Holm", at=may)
    learn.world.type_grade(BIO, "Exam", "u1", "13", by="Bo Dahl", at=may + timedelta(days=1))
    found = book.changes(bio, exam, since=None, until_time=None, until=soon())
    assert [(change.by, change.at, change.what) for change in found] == [
        ("Bo Dahl", may + timedelta(days=1), "12 → 13"),
        ("Ida Holm", may, "12"),
    ]
    assert {change.user_id for change in found} == {book.member(bio, "u1", until=soon()).user_id}
    later = book.changes(bio, exam, since=may + timedelta(hours=1), until_time=None, until=soon())
    earlier = book.changes(bio, exam, since=None, until_time=may + timedelta(hours=1), until=soon())
    assert ([change.what for change in later], [change.what for change in earlier]) == (["12 → 13"], ["12"])


def test_an_anonymous_column_is_told_apart_where_it_is_known(book: Gradebook, bio: Course):
    secret = column_named(book.columns(bio, until=soon()), "Secret")
    for read in (
        lambda column: book.grades(bio, column, until=soon()),
        lambda column: book.last_changed(bio, column, until=soon()),
        lambda column: book.grade(bio, column, "u1", until=soon()),
    ):
        with pytest.raises(ColumnAnonymous):
            read(secret)
        with pytest.raises(NotReadable):
            read(secret.id)


@pytest.mark.parametrize("column", ["_999_1", "..", "a/b", "", "_1_1?x"])
def test_a_column_that_is_gone(book: Gradebook, bio: Course, column: str):
    for read in (
        lambda: book.grades(bio, column, until=soon()),
        lambda: book.last_changed(bio, column, until=soon()),
        lambda: book.grade(bio, column, "u1", until=soon()),
        lambda: book.changes(bio, column, since=None, until_time=None, until=soon()),
    ):
        with pytest.raises(ColumnUnknown) as raised:
            read()
        assert raised.value.code == "COLUMN_GONE"


@pytest.mark.parametrize(
    ("privilege", "services"),
    [
        ("system.course.VIEW", {"course"}),
        ("course.gradebook.MODIFY", {"columns", "schemas", "grades", "lastChanged", "grade", "changes"}),
        ("course.gradebook-grades.VIEW", {"grades", "lastChanged", "grade", "changes"}),
    ],
)
def test_a_missing_privilege_is_not_readable(
    book: Gradebook, bio: Course, learn: SandboxLearn, privilege: str, services: set[str]
):
    exam = column_id(book, bio, "Exam")
    learn.privileges.take_away(privilege)
    refused = set()
    for service, read in READS.items():
        try:
            read(book, bio, exam, [])
        except NotReadable:
            refused.add(service)
    assert refused == services


READS = {
    "course": lambda book, course, column, calls: book.course(BIO, until=soon(), observe=calls.append),
    "members": lambda book, course, column, calls: book.members(course, until=soon(), observe=calls.append),
    "member": lambda book, course, column, calls: book.member(course, "u1", until=soon(), observe=calls.append),
    "columns": lambda book, course, column, calls: book.columns(course, until=soon(), observe=calls.append),
    "schemas": lambda book, course, column, calls: book.schemas(course, until=soon(), observe=calls.append),
    "grades": lambda book, course, column, calls: book.grades(course, column, until=soon(), observe=calls.append),
    "lastChanged": lambda book, course, column, calls: book.last_changed(
        course, column, until=soon(), observe=calls.append
    ),
    "grade": lambda book, course, column, calls: book.grade(course, column, "u1", until=soon(), observe=calls.append),
    "changes": lambda book, course, column, calls: book.changes(
        course, column, since=None, until_time=None, until=soon(), observe=calls.append
    ),
}


def test_every_read_is_one_observed_call_that_changes_nothing(book: Gradebook, bio: Course, learn: SandboxLearn):
    exam = column_id(book, bio, "Exam")
    before = learn.world.as_json()
    for service, read in READS.items():
        calls: list[Call] = []
        read(book, bio, exam, calls)
        assert [(call.service, call.items, call.status, call.error) for call in calls] == [(service, 0, 200, "")]
        assert calls[0].rate_remaining is not None
    assert tuple(READS) == SERVICES
    assert (learn.world.as_json(), learn.world.writes) == (before, 0)


@pytest.mark.parametrize("service", READS)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("forbidden", NotReadable),
        ("not_installed", NotInstalled),
        ("quota_long", QuotaUsedUp),
        ("server_error", Unavailable),
        ("bad_gateway", Unavailable),
        ("maintenance", Unavailable),
        ("redirect", RequestRefused),
        ("reset_before", Unavailable),
    ],
)
def test_what_learn_answers_instead_says_what_to_do_next(
    book: Gradebook, bio: Course, learn: SandboxLearn, service: str, fault: str, error: type[Exception]
):
    exam = column_id(book, bio, "Exam")
    learn.faults.add(fault, times=None, service=service)
    calls: list[Call] = []
    with pytest.raises(error) as raised:
        READS[service](book, bio, exam, calls)
    assert type(raised.value) is error
    assert calls[-1].error == error.__name__


@pytest.mark.parametrize("service", READS)
def test_a_token_that_has_ended_is_renewed_once(book: Gradebook, bio: Course, learn: SandboxLearn, service: str):
    exam = column_id(book, bio, "Exam")
    learn.faults.add("bearer_expired", service=service)
    calls: list[Call] = []
    READS[service](book, bio, exam, calls)
    assert [call.status for call in calls] == [401, 200]


def test_a_quota_that_lifts_in_time_is_waited_for(book: Gradebook, bio: Course, learn: SandboxLearn):
    learn.faults.add("quota_short", service="columns")
    calls: list[Call] = []
    assert book.columns(bio, until=soon(), observe=calls.append)
    assert [call.status for call in calls] == [429, 200]


def test_a_check_reads_columns_by_the_batch_uid_in_one_call(book: Gradebook, learn: SandboxLearn, observed: list[Call]):
    book.check(BIO, until=soon(), observe=observed.append)
    assert [(call.service, call.status) for call in observed] == [("columns", 200)]
    with pytest.raises(CourseUnknown):
        book.check("CHEM", until=soon())
    learn.privileges.take_away("course.gradebook.MODIFY")
    with pytest.raises(NotReadable):
        book.check(BIO, until=soon())
