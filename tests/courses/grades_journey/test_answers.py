import json
from datetime import UTC, datetime, timedelta

import pytest
from requests.structures import CaseInsensitiveDict

from courses.grades_journey import (
    CredentialsRefused,
    ItemRejected,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    Unavailable,
    Unconfirmed,
)
from courses.grades_journey.answers import Answer, Result, lifts_at, read_results, refusal, tied, whole_number
from tests.courses.grades_journey.pretend import grade, grades, result

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
def test_results_are_tied_by_number_names_and_a_status(entries: list[dict[str, object]], expected: bool):
    assert (tied(grades(2), results_for(*entries)) is not None) is expected


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
        ({"Retry-After": "9" * 30}, timedelta(hours=1)),
        ({"Retry-After": "Sun, 22 Nov 2026 14:30:00 GMT"}, timedelta(minutes=30)),
        ({"Retry-After": "Sun, 22 Nov 2026 13:00:00 GMT"}, timedelta(seconds=1)),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"}, timedelta(hours=1)),
        ({"Retry-After": "soon"}, timedelta(hours=1)),
        ({"Retry-After": "-5"}, timedelta(hours=1)),
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
