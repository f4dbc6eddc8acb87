"""Lists in pages: followed to their end, within bounds, never counted."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug import Response

from courses.gradebook import CourseUnknown, Gradebook, Unreadable, paging
from courses.gradebook.paging import ROOT, next_page
from courses.learn_http.calls import Call
from courses.learn_http.errors import RequestRefused
from sandbox.server import SandboxLearn
from tests.courses.gradebook.conftest import ANY, ScriptedSite, book_at, page, soon

COLUMNS = "/learn/api/public/v2/courses/_1_1/gradebook/columns"


def rows(*numbers: int) -> list[dict[str, str]]:
    return [{"id": f"_{number}_1", "name": f"Column {number}"} for number in numbers]


@pytest.fixture
def book(scripted: ScriptedSite) -> Gradebook:
    return book_at(scripted.url)


def names(book: Gradebook) -> list[str]:
    return [column.name for column in book.columns(ANY, until=soon())]


def failure(book: Gradebook) -> str:
    with pytest.raises(Unreadable) as raised:
        names(book)
    return raised.value.code


def test_pages_are_followed_to_the_end(scripted: ScriptedSite, book: Gradebook):
    first = page(*rows(1, 2), following=f"{COLUMNS}?offset=2&limit=9")
    scripted.say(first, page(following="?offset=4"), page(*rows(3)))
    assert names(book) == ["Column 1", "Column 2", "Column 3"]
    assert scripted.asked == [
        f"GET {COLUMNS}?limit=200",
        f"GET {COLUMNS}?offset=2&limit=9",
        f"GET {COLUMNS}?offset=4",
    ]


@pytest.mark.parametrize("ceiling", [200, 100, 50, 25])
def test_smaller_pages_where_larger_ones_are_refused_and_so_from_then_on(learn: SandboxLearn, ceiling: int):
    learn.page_ceilings["columns"] = ceiling
    book = book_at(learn.url)
    course, calls = book.course("MED", until=soon()), list[Call]()
    for _ in range(2):
        book.columns(course, until=soon(), observe=calls.append)
    refused = (200, 100, 50, 25).index(ceiling)
    assert [call.status for call in calls] == [400] * refused + [200, 200]


def test_each_kind_of_call_has_pages_of_its_own(learn: SandboxLearn):
    learn.page_ceilings["grades"] = 30
    book = book_at(learn.url)
    course, calls = book.course("BIO/1 å", until=soon()), list[Call]()
    column = book.columns(course, until=soon())[0]
    book.grades(course, column, until=soon(), observe=calls.append)
    book.grades(course, column, changed_after=0, until=soon(), observe=calls.append)
    book.members(course, until=soon(), observe=calls.append)
    assert [(call.service, call.status) for call in calls] == [
        ("grades", 400),
        ("grades", 400),
        ("grades", 200),
        ("grades", 200),
        ("members", 200),
    ]


def test_a_page_size_that_is_never_right_is_a_refusal_after_four_calls(scripted: ScriptedSite, book: Gradebook):
    scripted.say({"status": 400, "message": "No"}, status=400)
    with pytest.raises(RequestRefused):
        names(book)
    assert len(scripted.asked) == 4


@pytest.mark.parametrize("fault", ["endless_paging", "endless_pages", "foreign_page"])
def test_a_list_without_an_end_is_unreadable(learn: SandboxLearn, monkeypatch: pytest.MonkeyPatch, fault: str):
    monkeypatch.setattr(paging, "MAX_PAGES", 20)
    book = book_at(learn.url)
    course = book.course("BIO/1 å", until=soon())
    learn.faults.add(fault, times=None, service="columns")
    with pytest.raises(Unreadable):
        book.columns(course, until=soon())
    assert len([call for call in learn.calls if call.service == "columns"]) <= 20


def test_a_next_page_that_was_there_before_ends_it(scripted: ScriptedSite, book: Gradebook):
    scripted.say(page(*rows(1), following="?offset=1"), page(*rows(2), following="?limit=200"))
    assert failure(book) == "ENDLESS_LIST"
    assert len(scripted.asked) == 2


def test_a_list_of_too_many_bytes_ends(scripted: ScriptedSite, book: Gradebook, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paging, "MAX_LIST_BYTES", 3_000)
    for number in range(40):
        scripted.say(page({"id": f"_{number}_1", "name": "x" * 900}, following=f"?offset={number + 1}"))
    assert failure(book) == "LIST_TOO_LARGE"
    assert len(scripted.asked) == 4


def test_a_row_that_comes_twice_shows_that_another_may_be_missing(scripted: ScriptedSite, book: Gradebook):
    scripted.say(page(*rows(1, 2), following="?offset=2"), page(*rows(2, 3)))
    assert failure(book) == "LIST_CHANGED"


ELSEWHERE = [
    "https://elsewhere.invalid/learn/api/public/v1/courses",
    "//elsewhere.invalid/learn/api/public/v1/courses",
    "http://127.0.0.1:1/learn/api/public/x",
    "/learn/api/v2/cc/gradejourney/gradeValueAPI",
    "/learn/api/publicity",
    "/learn/api/public/../../admin",
    "/learn/api/public/%2e%2e/%2E%2e/admin",
    "/learn/api/public/%252e%252e/admin",
    "/learn/api/public/..%5cadmin",
    "../../../../../../../../admin",
    "http://[broken",
    "file:///etc/passwd",
]
NO_ADDRESS = [
    "/learn/api/public/x y",
    "\\\\elsewhere\\x",
    "/learn/api/public/å",
    "x" * 5_000,
    7,
    True,
    ["/x"],
    {"a": 1},
]


@pytest.mark.parametrize("following", [*ELSEWHERE, *NO_ADDRESS])
def test_a_next_page_elsewhere_is_not_asked_for(scripted: ScriptedSite, book: Gradebook, following: object):
    scripted.say({"results": rows(1), "paging": {"nextPage": following}})
    assert failure(book) == ("PAGE_ELSEWHERE" if following in ELSEWHERE else "ODD_SHAPE")
    assert len(scripted.asked) == 1


@given(st.text() | st.sampled_from(ELSEWHERE).flatmap(lambda start: st.text().map(lambda end: start + end)))
def test_no_text_leads_out_of_the_public_api(following: str):
    try:
        path = next_page(f"{ROOT}/v2/courses/_1_1/gradebook/columns", {"paging": {"nextPage": following}})
    except Unreadable:
        return
    assert path == "" or path.startswith(f"{ROOT}/")
    assert ".." not in path.partition("?")[0].split("/")


@pytest.mark.parametrize("results", [None, {}, "x", [1], [None], [[]]])
def test_results_that_are_no_list_of_objects_are_unreadable(scripted: ScriptedSite, book: Gradebook, results: object):
    scripted.say({"results": results})
    assert failure(book) == "ODD_SHAPE"


def test_a_list_is_never_half(scripted: ScriptedSite, book: Gradebook):
    scripted.say(page(*rows(1), following="?offset=1"))
    scripted.script.append(Response(json.dumps(page(*rows(2)))[:-5], 200, content_type="application/json"))
    assert failure(book) == "NOT_AS_DOCUMENTED"


def test_the_course_is_named_where_it_is_gone(learn: SandboxLearn):
    gone = replace(ANY, id="_999_1")
    for read in (Gradebook.members, Gradebook.columns, Gradebook.schemas):
        with pytest.raises(CourseUnknown) as raised:
            read(book_at(learn.url), gone, until=soon())
        assert raised.value.params == {"course": "BIO"}
