"""Answers that are not what Learn documents: could not be read, which is neither missing nor proven."""

import json
import socket
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug import Response

from courses.gradebook import CourseUnknown, Gradebook, NotEnrolled, NotReadable, Unreadable
from courses.gradebook.answers import body_of, meaning_of_404
from courses.gradebook.errors import ColumnUnknown
from courses.learn_http.calls import Call
from courses.learn_http.errors import CredentialsRefused, LearnError, NotInstalled, RequestRefused, Unavailable
from sandbox.server import SandboxLearn
from tests.courses.gradebook.conftest import ANY, ScriptedSite, book_at, soon
from tests.courses.gradebook.test_client import READS
from tests.courses.learn_http.pretend import TOKEN_PATH, answered, http, raw_server, read_request
from tests.courses.learn_http.pretend import page as html_page

ABSENT, DENIED = NotEnrolled(), NotReadable()


def meaning(content: object, status: int) -> LearnError:
    with pytest.raises(LearnError) as raised:
        body_of(lambda body, size: body, answered(content, status=status), absent=ABSENT, denied=DENIED)
    return raised.value


@pytest.mark.parametrize(
    ("status", "error"),
    [(status, Unreadable) for status in (200, 201, 400, 403, 404, 409, 418)]
    + [(status, Unavailable) for status in (500, 502, 503, 504, 520)]
    + [(401, CredentialsRefused), (302, RequestRefused)],
)
@pytest.mark.parametrize(
    "content", [b"<html>We are down</html>", b'{"results": [', b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}', b"9" * 5_000]
)
def test_what_is_no_json_is_nothing_that_learn_said(content: bytes, status: int, error: type[LearnError]):
    assert type(meaning(content, status)) is error


@pytest.mark.parametrize(("status", "error"), [(403, NotReadable), (404, NotEnrolled), (400, RequestRefused)])
def test_a_refusal_in_learns_own_words(status: int, error: type[LearnError]):
    assert type(meaning({"status": status, "message": "No"}, status)) is error


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("content", [{}, [], {"error": "not found"}, {"message": ""}, {"message": 7}, None, b""])
def test_a_refusal_in_other_words_is_none_of_learns(status: int, content: object):
    assert type(meaning(content, status)) is Unreadable


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("The requested API does not exist", NotInstalled),
        ("The application is not installed", NotInstalled),
        ("The specified course does not exist", CourseUnknown),
        ("Capital not found", CourseUnknown),
    ],
)
def test_a_404_is_of_the_api_itself_where_it_says_so(message: str, error: type[LearnError]):
    assert type(meaning_of_404(message, CourseUnknown("BIO"))) is error


@pytest.mark.parametrize(
    ("message", "error"), [("The grade column is not there", ColumnUnknown), ("No such user", NotEnrolled)]
)
def test_a_404_for_a_grade_is_of_the_column_where_it_says_so(
    scripted: ScriptedSite, message: str, error: type[LearnError]
):
    scripted.say({"status": 404, "message": message}, status=404)
    with pytest.raises(error):
        book_at(scripted.url).grade(ANY, "_7_1", "u1", until=soon())


FAULTS = ["html_200", "truncated_json", "cut_off", "silent_after", "slow_drip", "endless_body", "gzip_bomb"]
ENDS = {
    "html_200": Unreadable,
    "truncated_json": Unreadable,
    "endless_body": (Unreadable, Unavailable),
    "gzip_bomb": Unreadable,
}


@pytest.mark.parametrize("service", READS)
@pytest.mark.parametrize("fault", [*FAULTS, "wrong_types", "wrong_shape", "huge_name"])
def test_no_fault_of_an_answer_is_taken_for_an_absence(learn: SandboxLearn, service: str, fault: str):
    learn.world.type_grade("BIO/1 å", "Notes", "u1", "Good")
    book = book_at(learn.url, timeout=1)
    course = book.course("BIO/1 å", until=soon())
    column = next(column for column in book.columns(course, until=soon()) if column.name == "Notes")
    learn.faults.add(fault, times=None, service=service)
    calls: list[Call] = []
    if service == "changes" and fault == "wrong_types":
        assert len(READS[service](book, course, column, calls)) == 1  # only shown, so read as far as it can be
        return
    with pytest.raises(ENDS.get(fault, Unreadable if fault in ODD else Unavailable)) as raised:
        READS[service](book, course, column, calls)
    assert type(raised.value) in (Unreadable, Unavailable)
    assert calls


ODD = ("wrong_types", "wrong_shape", "huge_name")


@pytest.mark.parametrize("body", [b"{}", b"", b"  "])
def test_a_column_that_was_never_graded_has_no_last_change(scripted: ScriptedSite, body: bytes):
    scripted.script.append(Response(body, 200, content_type="application/json"))
    assert book_at(scripted.url).last_changed(ANY, "_7_1", until=soon()) is None


@pytest.mark.parametrize("content", [{}, [], None, "", 0, {"columnId": "_7_1"}])
def test_a_grade_that_names_no_one_is_not_an_empty_one(scripted: ScriptedSite, content: object):
    scripted.say(content)
    with pytest.raises(Unreadable):
        book_at(scripted.url).grade(ANY, "_7_1", "u1", until=soon())


def test_an_answer_of_too_many_bytes(scripted: ScriptedSite, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("courses.gradebook.client.MAX_PAGE_BYTES", 1_000)
    scripted.say({"results": [], "more": "x" * 2_000})
    with pytest.raises(Unreadable) as raised:
        book_at(scripted.url).columns(ANY, until=soon())
    assert raised.value.code == "ANSWER_TOO_LARGE"


def test_html_with_success_is_one_call(scripted: ScriptedSite):
    scripted.script.append(html_page(200))
    with pytest.raises(Unreadable):
        book_at(scripted.url).columns(ANY, until=soon())
    assert len(scripted.asked) == 1


def test_a_kept_connection_that_learn_closed_is_replaced():
    def token(connection: socket.socket) -> None:
        assert read_request(connection)[0] == TOKEN_PATH
        connection.sendall(http(b'{"access_token": "t", "token_type": "bearer", "expires_in": 3600}'))

    def once(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(http(b'{"results": []}'))
        read_request(connection)  # and ends without an answer

    with raw_server(token, once, once) as (url, connections):
        book, calls = book_at(url), list[Call]()
        for _ in range(2):
            assert book.columns(ANY, until=soon(), observe=calls.append) == []
    assert len(connections) == 3
    assert [(call.status, call.error) for call in calls] == [(200, ""), (None, "StaleConnection"), (200, "")]


def test_no_time_left_is_no_call(scripted: ScriptedSite):
    scripted.say({"results": []})
    with pytest.raises(Unavailable):
        book_at(scripted.url).columns(ANY, until=soon(-1))
    assert scripted.asked == []


KEYS = st.sampled_from(
    (
        *("id", "userId", "user", "externalId", "name", "displayGrade", "scaleType", "score", "text", "possible"),
        *("results", "paging", "nextPage", "availability", "available", "symbols", "exempt", "changeIndex", "grading"),
    )
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["_1_1", "Score"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6),
    max_leaves=15,
)


@given(content=JSON, service=st.sampled_from(sorted(READS)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
def test_any_json_ends_in_records_or_in_an_error_with_a_name(scripted: ScriptedSite, content: object, service: str):
    scripted.script.clear()
    scripted.script.append(Response(json.dumps(content), 200, content_type="application/json"))
    book, read = BOOKS.setdefault(scripted.url, book_at(scripted.url)), READS[service]
    with suppress(Unreadable):
        read(book, ANY, "_7_1", [])


BOOKS: dict[str, Gradebook] = {}
