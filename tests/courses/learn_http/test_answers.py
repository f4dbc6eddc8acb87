from datetime import UTC, datetime, timedelta

import pytest
from requests.structures import CaseInsensitiveDict

from courses.learn_http.answers import lifts_at, read_version, refusal, whole_number
from courses.learn_http.errors import (
    CredentialsRefused,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    Unavailable,
    Unconfirmed,
)
from courses.sentences import reason_of
from tests.courses.learn_http.pretend import answered
from tests.sentences import said

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


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
    spoken, silent = refusal(answered({"message": "Too many items"}, status=400)), refusal(answered(b"<", status=413))
    assert reason_of(spoken) == {"code": "REFUSED", "status": 400, "message": "Too many items"}
    assert reason_of(silent) == {"code": "REFUSED", "status": 413, "message": ""}
    assert said(spoken) == "Learn refused the request (400): Too many items."
    assert said(silent) == "Learn refused the request (413): Learn gave no reason."


@pytest.mark.parametrize(
    ("location", "address", "named"),
    [
        (
            "https://me:pass@login.example/sso?ticket=1#x",
            "https://login.example/sso",
            "https://login.example/sso",
        ),
        ("/maintenance?next=1", "/maintenance", "/maintenance"),
        ("http://[broken", "", "an unknown address"),
        ("", "", "an unknown address"),
    ],
)
def test_a_redirect_names_the_address_without_what_it_carries(location: str, address: str, named: str):
    error = refusal(answered(b"", status=302, Location=location))
    assert reason_of(error) == {"code": "REDIRECTED", "address": address}
    assert said(error) == f"Learn redirected the request to {named}; GradeBridge does not follow redirects."


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
    assert reason_of(QuotaUsedUp(NOW)) == {"code": "QUOTA_USED_UP", "lifts_at": "2026-11-22T14:00:00+00:00"}
    assert said(QuotaUsedUp(NOW)) == (
        "Learn's daily call limit is reached. Sending can resume on 22 November 2026, 15:00."
    )


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), (" 12 ", 12), ("", None), (None, None), ("1e3", None), ("-1", None), ("١٢", None)]
)
def test_a_header_is_a_whole_number_or_nothing(text: str | None, number: int | None):
    assert whole_number(text) == number


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
    with pytest.raises(Unconfirmed) as raised:
        read_version(answered(content))
    assert reason_of(raised.value) == {"code": "NO_VERSION", "status": 200}


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
