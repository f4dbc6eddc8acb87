import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

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
from courses.grades_journey.answers import (
    Answer,
    Result,
    lifts_at,
    read_results,
    read_version,
    refusal,
    refuse_absent_service,
    tied,
    whole_number,
)
from tests.courses.grades_journey.pretend import NOT_REPEATABLE, REPEATABLE, grade, grades, items_of, result

Change = Callable[[list[dict[str, object]]], list[dict[str, object]]]

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


def answered(content: object, *, status: int = 200, **headers: str) -> Answer:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(status=status, headers=named, body=body)


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


@pytest.mark.parametrize("text", ["ERROR", "OKAY", "NOT OK", "O K", "0", "success"])
def test_any_other_status_is_a_rejection(text: str):
    [only] = results_for({"status": text, "message": "No such user"})
    assert not only.ok
    assert isinstance(only.verdict(), ItemRejected)
    assert str(only.verdict()) == "No such user"


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("  two\r\n lines ", "two lines"),
        ("x" * 501, "x" * 500),
        ("a\0b\ud800c\x1b", "abc"),
        ("", "Learn gave no reason"),
        (None, "Learn gave no reason"),
        (["no"], "Learn gave no reason"),
    ],
)
def test_a_rejection_carries_the_message_as_one_readable_line(message: object, sentence: str):
    [only] = results_for({"status": "ERROR", "message": message})
    assert str(only.verdict()) == sentence


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
    with pytest.raises(Unconfirmed, match=r"^Learn's answer \(200\) holds no results"):
        read_results(answered(body))


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
def test_results_of_items_that_share_their_names_are_tied_by_number_names_and_a_status(
    entries: list[dict[str, object]], expected: bool
):
    assert (tied(grades(2), results_for(*entries)) is not None) is expected


def answers_for(items: list[Item]) -> list[dict[str, object]]:
    """Learn's result for each, which repeats the item's place, from 0, as its message."""
    return [dict(result(item.body(), message=str(place))) for place, item in enumerate(items)]


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_results_of_items_with_names_of_their_own_are_tied_in_any_order(kind: type[Item], order: tuple[int, ...]):
    items = items_of(kind, 3)
    entries = answers_for(items)
    entries[1]["status"] = "ERROR"
    results = tied(items, results_for(*(entries[place] for place in order)))
    assert results is not None
    assert [(found.message, found.ok) for found in results] == [("0", True), ("1", False), ("2", True)]


UNTIED = {
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
@pytest.mark.parametrize("change", UNTIED.values(), ids=list(UNTIED))
def test_other_results_are_not_tied_to_items_with_names_of_their_own(kind: type[Item], change: Change):
    items = items_of(kind, 2)
    assert tied(items, results_for(*change(answers_for(items)))) is None


@pytest.mark.parametrize("course", [{}, {"courseId": None}, {"courseId": ""}])
def test_a_schema_belongs_to_no_course_however_learn_says_so(course: dict[str, object]):
    items = items_of(SchemaItem, 2)
    entries = [{"status": "OK", "name": item.echo[1], **course} for item in items]
    assert tied(items, results_for(*entries)) is not None


@pytest.mark.parametrize("course", [{}, {"courseId": None}, {"courseId": ""}])
def test_what_belongs_to_a_course_is_not_tied_to_none(course: dict[str, object]):
    items = items_of(GradableItem, 2)
    entries = [{"status": "OK", "name": item.echo[1], **course} for item in items]
    assert tied(items, results_for(*entries)) is None


@pytest.mark.parametrize(
    ("statuses", "believed"), [(["OK", "OK"], True), (["ERROR", "ERROR"], True), (["OK", "ERROR"], False)]
)
def test_of_items_that_share_their_names_and_may_not_be_repeated_all_or_none_failed(
    statuses: list[str], believed: bool
):
    items = items_of(SchemaItem, 1) * 2
    entries = [result(item.body(), status) for item, status in zip(items, statuses, strict=True)]
    assert (tied(items, results_for(*entries)) is not None) is believed


ECHO = st.sampled_from([None, True, 0, 1.5, "", "c1", "n1", "n2", ["n1"], {"n1": 1}])
ENTRY = st.fixed_dictionaries(
    {}, optional={"status": st.sampled_from(["OK", "ERROR", "", None]), "courseId": ECHO, "name": ECHO}
)


@given(kind=st.sampled_from([*REPEATABLE, *NOT_REPEATABLE]), count=st.integers(0, 4), data=st.data())
def test_a_result_is_only_ever_tied_to_an_item_whose_names_it_repeats(
    kind: type[Item], count: int, data: st.DataObject
):
    items = items_of(kind, count)
    honest = answers_for(items)
    entries = data.draw(st.permutations(honest) | st.lists(st.sampled_from([*honest, {}]) | ENTRY, max_size=count))
    answers = results_for(*entries)
    results = tied(items, answers)
    if results is not None:
        assert [found.echo for found in results] == [item.echo for item in items]
        assert sorted(map(id, results)) == sorted(map(id, answers))


@pytest.mark.parametrize(
    ("content", "version"),
    [
        ({"learn": {"major": 4000, "minor": 0, "patch": 0, "build": "rel.3+1234"}}, "4000.0.0"),
        ({"learn": {"major": "3900", "minor": "106", "patch": " 2 "}}, "3900.106.2"),
        ({"learn": {"major": 4000, "minor": 5}}, "4000.5"),
        ({"learn": {"major": 4000, "minor": None, "patch": 1}}, "4000"),
        ({"learn": {"major": 4000, "minor": True}, "more": []}, "4000"),
    ],
)
def test_a_version_is_read_as_far_as_it_is_given(content: object, version: str):
    assert read_version(answered(content)) == version


@pytest.mark.parametrize(
    "content", [b"<html></html>", b"", [], {}, {"learn": None}, {"learn": {}}, {"learn": {"major": ["4000"]}}]
)
def test_a_success_that_names_no_version_is_no_proof_of_learn(content: object):
    with pytest.raises(Unconfirmed, match=r"^Learn's answer \(200\) names no version\.$"):
        read_version(answered(content))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, RequestRefused),
        (401, CredentialsRefused),
        (403, PermissionMissing),
        (404, NotInstalled),
        (429, QuotaUsedUp),
        (500, Unconfirmed),
        (503, Unavailable),
    ],
)
def test_a_failure_without_a_version_means_what_it_means_elsewhere(status: int, error: type[LearnError]):
    with pytest.raises(error):
        read_version(answered({"message": "no"}, status=status))


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


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, CredentialsRefused),
        (403, PermissionMissing),
        (404, NotInstalled),
        (429, QuotaUsedUp),
        (503, Unavailable),
        (301, RequestRefused),
        (307, RequestRefused),
        (400, RequestRefused),
        (413, RequestRefused),
        (418, RequestRefused),
        (200, Unconfirmed),
        (201, Unconfirmed),
        (500, Unconfirmed),
        (502, Unconfirmed),
        (504, Unconfirmed),
        (520, Unconfirmed),
    ],
)
@pytest.mark.parametrize("body", [b"<html></html>", b'{"status": 1, "message": "Why"}'])
def test_what_an_answer_without_results_means(status: int, error: type[LearnError], body: bytes):
    assert type(refusal(answered(body, status=status))) is error


def test_a_refused_call_says_why_when_learn_does():
    assert str(refusal(answered({"message": "Too many items"}, status=400))) == (
        "Learn refused the call (400): Too many items"
    )
    assert str(refusal(answered(b"<html>", status=413))) == "Learn refused the call (413): Learn gave no reason"


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("https://me:pass@login.example/sso?ticket=1#x", "https://login.example/sso"),
        ("/maintenance?next=1", "/maintenance"),
        ("http://[broken", "an unknown place"),
        ("", "an unknown place"),
    ],
)
def test_a_redirect_names_the_place_without_what_it_carries(location: str, named: str):
    sentence = str(refusal(answered(b"", status=302, Location=location)))
    assert sentence == f"Learn sent the call on to {named}, where GradeBridge does not go."


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "120"}, timedelta(minutes=2)),
        ({"retry-after": " 120 "}, timedelta(minutes=2)),
        ({"Retry-After": "0"}, timedelta(seconds=1)),
        ({"Retry-After": "999999999999999"}, timedelta(hours=24)),
        ({"Retry-After": "9" * 30}, timedelta(hours=24)),
        ({"Retry-After": "Sun, 22 Nov 2026 14:30:00 GMT"}, timedelta(minutes=30)),
        ({"Retry-After": "Sun, 22 Nov 2026 13:00:00 GMT"}, timedelta(seconds=1)),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"}, timedelta(hours=1)),
        ({"Retry-After": "soon"}, timedelta(hours=1)),
        ({"Retry-After": "9" * 5000}, timedelta(hours=1)),
        ({"Retry-After": "1.5"}, timedelta(seconds=2)),
        ({"Retry-After": "0.001"}, timedelta(seconds=1)),
        ({"Retry-After": "59.0"}, timedelta(seconds=59)),
        ({"Retry-After": "2."}, timedelta(seconds=2)),
        ({"Retry-After": "0.0"}, timedelta(seconds=1)),
        ({"Retry-After": "-5"}, timedelta(seconds=1)),
        ({"Retry-After": "-1.5"}, timedelta(seconds=1)),
        ({"Retry-After": "+3"}, timedelta(seconds=3)),
        ({"Retry-After": "1e3"}, timedelta(hours=1)),
        ({"Retry-After": "nan"}, timedelta(hours=1)),
        ({"Retry-After": "inf"}, timedelta(hours=1)),
        ({"Retry-After": "١٢"}, timedelta(hours=1)),
        ({"Retry-After": "soon", "X-Rate-Limit-Reset": "60"}, timedelta(minutes=1)),
        ({"Retry-After": str(int(NOW.timestamp()) + 90)}, timedelta(seconds=90)),
        ({"X-Rate-Limit-Reset": str(int(NOW.timestamp()) + 90)}, timedelta(seconds=90)),
        ({"X-Rate-Limit-Reset": f"{NOW.timestamp() + 90.25:.2f}"}, timedelta(seconds=91)),
        ({"X-Rate-Limit-Reset": f"{NOW.timestamp() + 90:.0f}000"}, timedelta(seconds=90)),
        ({"X-Rate-Limit-Reset": str(int(NOW.timestamp()) - 90)}, timedelta(seconds=1)),
        ({"X-Rate-Limit-Reset": str(int(NOW.timestamp()) + 10**6)}, timedelta(hours=24)),
        ({"X-Rate-Limit-Reset": "Sun, 22 Nov 2026 14:30:00 GMT"}, timedelta(minutes=30)),
        ({"X-Rate-Limit-Reset": "7200"}, timedelta(hours=2)),
        ({"Retry-After": "60", "X-Rate-Limit-Reset": "7200"}, timedelta(minutes=1)),
        ({}, timedelta(hours=1)),
    ],
)
def test_when_the_quota_lifts(headers: dict[str, str], wait: timedelta):
    assert lifts_at(CaseInsensitiveDict(headers), now=NOW) == NOW + wait


def test_a_used_up_quota_says_until_when():
    assert str(QuotaUsedUp(NOW)) == "Learn's quota of calls is used up until 2026-11-22 14:00 UTC."


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), (" 12 ", 12), ("", None), (None, None), ("1e3", None), ("-1", None), ("١٢", None)]
)
def test_a_header_is_a_whole_number_or_nothing(text: str | None, number: int | None):
    assert whole_number(text) == number
