from collections.abc import Callable
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.grades_journey import (
    CredentialsRefused,
    GradableItem,
    Item,
    ItemRejected,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    SchemaItem,
    Unavailable,
    Unconfirmed,
)
from courses.grades_journey.results import Result, match_results, read_results, refuse_absent_service
from courses.sentences import reason_of
from tests.courses.grades_journey.pretend import NOT_REPEATABLE, REPEATABLE, grade, grades, items_of
from tests.courses.learn_http.pretend import answered, result
from tests.sentences import said

Change = Callable[[list[dict[str, object]]], list[dict[str, object]]]


def results_for(*entries: dict[str, object]) -> list[Result]:
    return read_results(answered(list(entries)))


@pytest.mark.parametrize("status", [200, 201, 207, 400, 401, 403, 404, 412, 429, 500, 503])
def test_an_array_of_results_is_read_whatever_the_status(status: int):
    [only] = read_results(answered([result(grade().body())], status=status))
    assert only.ok


@pytest.mark.parametrize("text", ["OK", "ok", "Ok", " OK ", "OK\n"])
def test_ok_in_any_case_is_success(text: str):
    [only] = results_for({"status": text})
    assert only.ok
    assert only.verdict() is None


@pytest.mark.parametrize("text", ["ERROR", "error", " Error ", "FAILED", "failed", "FAILURE", "Fail"])
def test_a_status_that_says_no_is_a_rejection_with_the_message(text: str):
    [only] = results_for({"status": text, "message": "No such user"})
    assert not only.ok
    assert isinstance(only.verdict(), ItemRejected)
    assert reason_of(only.verdict()) == {"code": "REJECTED", "message": "No such user"}


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("WARNING", "WARNING"),
        ("Warning", "Warning"),
        ("Success", "Success"),
        ("success\n", "success"),
        ("OKAY", "OKAY"),
        ("NOT OK", "NOT OK"),
        ("O K", "O K"),
        ("0", "0"),
        ("PARTIAL", "PARTIAL"),
        ("OK: stored", "OK: stored"),
        ("ERROR 12", "ERROR 12"),
        ("x" * 501, "x" * 500),
    ],
)
def test_any_other_status_is_a_rejection_that_names_it(text: str, status: str):
    [only] = results_for({"status": text, "message": "Grade value successfully added"})
    assert not only.ok
    verdict = only.verdict()
    assert isinstance(verdict, ItemRejected)
    assert reason_of(verdict) == {
        "code": "REJECTED_WITH_STATUS",
        "status": status,
        "message": "Grade value successfully added",
    }
    assert said(verdict) == f"Learn answered with status {status}: Grade value successfully added."


@pytest.mark.parametrize("status", ["", " ", "\r\n", None, True, 0, ["OK"], {"OK": 1}])
@pytest.mark.parametrize("count", [1, 2])
def test_a_result_without_a_status_is_no_verdict(status: object, count: int):
    entries = [{**result(grade().body()), "status": status} for _ in range(count)]
    assert match_results(grades(count), results_for(*entries)) is None


@pytest.mark.parametrize(
    ("message", "line", "sentence"),
    [
        ("  two\r\n lines ", "two lines", "two lines."),
        ("x" * 501, "x" * 500, "x" * 500 + "."),
        ("a\0b\ud800c\x1b", "abc", "abc."),
        ("With a stop.", "With a stop.", "With a stop."),
        ("Cut off...", "Cut off...", "Cut off."),
        ("100 % wrong %(x)s", "100 % wrong %(x)s", "100 % wrong %(x)s."),
        ("Really?", "Really?", "Really?"),
        ("No!", "No!", "No!"),
        ("", "", "Learn gave no reason."),
        (" . ", ".", "Learn gave no reason."),
        (None, "", "Learn gave no reason."),
        (["no"], "", "Learn gave no reason."),
    ],
)
def test_a_rejection_carries_the_message_as_one_readable_line(message: object, line: str, sentence: str):
    [only] = results_for({"status": "ERROR", "message": message})
    verdict = only.verdict()
    assert verdict is not None
    assert verdict.params == {"message": line}
    assert said(verdict) == f"Learn rejected it: {sentence}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b'[{"status": "OK"',
        b"{}",
        b"null",
        b'"OK"',
        b"[1]",
        b'[{"status": "OK"}, null]',
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b"[" + b"9" * 5_000 + b"]",
    ],
)
def test_anything_but_an_array_of_objects_holds_no_results(body: bytes):
    with pytest.raises(Unconfirmed) as raised:
        read_results(answered(body))
    assert reason_of(raised.value) == {"code": "NO_RESULTS", "status": 200}


OK = {"status": "OK", "courseId": "c1", "name": "Exam"}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([OK, OK], True),
        ([OK, {**OK, "status": "ERROR"}], True),
        ([OK], False),
        ([OK, OK, OK], False),
        ([], False),
        ([OK, {**OK, "courseId": "c2"}], False),
        ([OK, {**OK, "name": "exam"}], False),
        ([OK, {**OK, "name": None}], False),
        ([OK, {"courseId": "c1", "name": "Exam"}], False),
        ([OK, {**OK, "status": " "}], False),
        ([OK, {**OK, "status": True}], False),
        ([OK, {**OK, "courseId": ["c1"]}], False),
    ],
)
def test_results_of_items_that_share_their_names_are_matched_by_number_names_and_a_status(
    entries: list[dict[str, object]], expected: bool
):
    assert (match_results(grades(2), results_for(*entries)) is not None) is expected


def answers_for(items: list[Item]) -> list[dict[str, object]]:
    """Learn's result for each, which repeats the item's place, from 0, as its message."""
    return [dict(result(item.body(), message=str(place))) for place, item in enumerate(items)]


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_results_of_items_with_names_of_their_own_are_matched_in_any_order(kind: type[Item], order: tuple[int, ...]):
    items = items_of(kind, 3)
    entries = answers_for(items)
    entries[1]["status"] = "ERROR"
    results = match_results(items, results_for(*(entries[place] for place in order)))
    assert results is not None
    assert [(found.message, found.ok) for found in results] == [("0", True), ("1", False), ("2", True)]


UNMATCHED = {
    "shorter": lambda entries: entries[:-1],
    "longer": lambda entries: [*entries, entries[0]],
    "empty": lambda entries: [],
    "one twice, one missing": lambda entries: [entries[0], entries[0]],
    "foreign course": lambda entries: [entries[0], {**entries[1], "courseId": "c9"}],
    "foreign name": lambda entries: [entries[0], {**entries[1], "name": "n9"}],
    "other case": lambda entries: [entries[0], {**entries[1], "name": "N2"}],
    "no name": lambda entries: [entries[0], {key: value for key, value in entries[1].items() if key != "name"}],
    "null for a name": lambda entries: [entries[0], {**entries[1], "name": None}],
    "a list for a name": lambda entries: [entries[0], {**entries[1], "name": ["n2"]}],
    "an object for a name": lambda entries: [entries[0], {**entries[1], "name": {"n2": 1}}],
    "a number for a course": lambda entries: [entries[0], {**entries[1], "courseId": 0}],
    "a list for a course": lambda entries: [entries[0], {**entries[1], "courseId": []}],
    "a flag for a course": lambda entries: [entries[0], {**entries[1], "courseId": False}],
    "no status": lambda entries: [entries[0], {**entries[1], "status": ""}],
    "null for a status": lambda entries: [entries[0], {**entries[1], "status": None}],
}


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
@pytest.mark.parametrize("change", UNMATCHED.values(), ids=list(UNMATCHED))
def test_other_results_are_not_matched_to_items_with_names_of_their_own(kind: type[Item], change: Change):
    items = items_of(kind, 2)
    assert match_results(items, results_for(*change(answers_for(items)))) is None


@pytest.mark.parametrize("course", [{}, {"courseId": None}, {"courseId": ""}])
def test_a_schema_belongs_to_no_course_however_learn_says_so(course: dict[str, object]):
    items = items_of(SchemaItem, 2)
    entries = [{"status": "OK", "name": item.echo[1], **course} for item in items]
    assert match_results(items, results_for(*entries)) is not None


@pytest.mark.parametrize("course", [{}, {"courseId": None}, {"courseId": ""}])
def test_what_belongs_to_a_course_is_not_matched_to_none(course: dict[str, object]):
    items = items_of(GradableItem, 2)
    entries = [{"status": "OK", "name": item.echo[1], **course} for item in items]
    assert match_results(items, results_for(*entries)) is None


@pytest.mark.parametrize(
    ("statuses", "believed"), [(["OK", "OK"], True), (["ERROR", "ERROR"], True), (["OK", "ERROR"], False)]
)
def test_of_items_that_share_their_names_and_may_not_be_repeated_all_or_none_failed(
    statuses: list[str], believed: bool
):
    items = items_of(SchemaItem, 1) * 2
    entries = [result(item.body(), status) for item, status in zip(items, statuses, strict=True)]
    assert (match_results(items, results_for(*entries)) is not None) is believed


ECHO = st.sampled_from([None, True, 0, 1.5, "", "c1", "n1", "n2", ["n1"], {"n1": 1}])
ENTRY = st.fixed_dictionaries(
    {}, optional={"status": st.sampled_from(["OK", "ERROR", "", None]), "courseId": ECHO, "name": ECHO}
)


@given(kind=st.sampled_from([*REPEATABLE, *NOT_REPEATABLE]), count=st.integers(0, 4), data=st.data())
def test_a_result_is_only_ever_matched_to_an_item_whose_names_it_repeats(
    kind: type[Item], count: int, data: st.DataObject
):
    items = items_of(kind, count)
    honest = answers_for(items)
    entries = data.draw(st.permutations(honest) | st.lists(st.sampled_from([*honest, {}]) | ENTRY, max_size=count))
    answers = results_for(*entries)
    results = match_results(items, answers)
    if results is not None:
        assert [found.echo for found in results] == [item.echo for item in items]
        assert sorted(map(id, results)) == sorted(map(id, answers))


@pytest.mark.parametrize(
    ("content", "status"),
    [([], 200), ([], 201), ([], 412), ([], 500), ({"message": "no items"}, 400), (b"<html>", 405), ({}, 422)],
)
def test_a_service_that_looked_at_the_call_is_there(content: object, status: int):
    refuse_absent_service(answered(content, status=status))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, Unconfirmed),
        (302, RequestRefused),
        (401, CredentialsRefused),
        (403, PermissionMissing),
        (404, NotInstalled),
        (429, QuotaUsedUp),
        (500, Unconfirmed),
        (503, Unavailable),
    ],
)
def test_an_answer_that_is_not_the_services_own_says_what_it_means(status: int, error: type[LearnError]):
    with pytest.raises(error):
        refuse_absent_service(answered({"message": "no"}, status=status))
