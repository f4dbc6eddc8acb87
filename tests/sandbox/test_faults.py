"""Each fault once, over HTTP, and what is stored after it."""

import itertools
import json
import time

import pytest
import requests

from sandbox.faults import KINDS, Reach
from sandbox.services import SERVICES
from sandbox.state import Senseless
from tests.sandbox.conftest import column, item

ITEMS = [item("s1", "1"), item("s2", "A", column="Essay"), item("s3", "3")]


@pytest.mark.parametrize(
    ("fault", "status", "media_type", "header", "content"),
    [
        ("bearer_expired", 401, "application/json", "", ""),
        ("forbidden", 403, "application/json", "", ""),
        ("not_installed", 404, "application/json", "", ""),
        ("quota_short", 429, "application/json", "Retry-After", "1"),
        ("quota_long", 429, "application/json", "Retry-After", "7200"),
        ("quota_reset_header", 429, "application/json", "X-Rate-Limit-Reset", "7200"),
        ("server_error", 500, "application/json", "", ""),
        ("bad_gateway", 502, "text/html", "", ""),
        ("maintenance", 503, "text/html", "Retry-After", "120"),
        ("html_200", 200, "text/html", "", ""),
        ("redirect", 302, "text/html", "Location", "https://elsewhere.invalid/learn"),
    ],
)
def test_a_refused_call_stores_nothing(learn, caller, fault, status, media_type, header, content):
    learn.faults.add(fault)
    answer = caller.send(*ITEMS)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith(media_type)
    if media_type == "application/json":
        assert answer.json()["status"] == status
    if header:
        assert answer.headers[header] == content
    assert learn.world.writes == 0
    assert (learn.calls[-1].fault, learn.calls[-1].status) == (fault, status)


def test_the_older_quota_header_stands_alone(learn, caller):
    learn.faults.add("quota_reset_header")
    assert "Retry-After" not in caller.send(*ITEMS).headers


def test_after_bearer_expired_only_a_new_token_works(learn, caller):
    learn.faults.add("bearer_expired")
    assert [caller.send(*ITEMS).status_code for _ in range(2)] == [401, 401]
    caller.take_token()
    assert caller.send(*ITEMS).status_code == 200


def results(answer: requests.Response) -> list[tuple[str, str]]:
    return [(result["status"], result["name"]) for result in answer.json()]


def test_partial_rejects_every_second_item(learn, caller):
    learn.faults.add("partial")
    answer = caller.send(*ITEMS)
    assert answer.status_code == 412
    assert results(answer) == [("ERROR", "Exam"), ("OK", "Essay"), ("ERROR", "Exam")]
    assert learn.world.writes == 1


def test_random_rejects_hit_a_share_and_the_same_items_again(learn, caller):
    learn.world.merge({"courses": {"BIO": {"users": [f"u{number}" for number in range(400)]}}})
    learn.faults.add("random_rejects", times=None, share=0.25)
    batch = [item(f"u{number}") for number in range(400)]
    first, second = caller.send(*batch), caller.send(*batch)
    rejected = [status for status, _ in results(first)].count("ERROR")
    assert 60 < rejected < 140
    assert first.json() == second.json()
    assert learn.world.writes == 2 * (400 - rejected)


def test_shorter_longer_and_shuffled(learn, caller):
    for fault in ("shorter", "longer", "shuffled"):
        learn.faults.add(fault)
    assert [name for _, name in results(caller.send(*ITEMS))] == ["Exam", "Essay"]
    assert [name for _, name in results(caller.send(*ITEMS))] == ["Exam", "Essay", "Exam", "Exam"]
    assert results(caller.send(ITEMS[0], ITEMS[1])) == [("OK", "Essay"), ("OK", "Exam")]
    assert learn.world.sent("BIO", "Exam", "s1") == ["1"] * 3


def test_foreign_names_and_no_status(learn, caller):
    learn.faults.add("foreign_names")
    learn.faults.add("no_status")
    assert {(result["courseId"], result["name"]) for result in caller.send(*ITEMS).json()} == {("OTHER", "Other")}
    assert not any("status" in result for result in caller.send(*ITEMS).json())
    assert learn.world.writes == 6


def test_names_come_in_another_spelling_from_a_place_on(learn, caller):
    learn.faults.add("other_spelling")
    learn.faults.add("other_spelling", first=2)
    assert [name for _, name in results(caller.send(*ITEMS))] == ["eXAM", "eSSAY", "eXAM"]
    assert [name for _, name in results(caller.send(*ITEMS))] == ["Exam", "Essay", "eXAM"]
    assert learn.world.writes == 6


def test_flaky_messages_keep_the_true_status(learn, caller):
    learn.faults.add("flaky_message")
    answer = caller.send(*ITEMS, item("s9"))
    assert [result["status"] for result in answer.json()] == ["ok", "ok", "ok", "error"]
    assert "message" not in answer.json()[0]
    assert answer.json()[1]["message"] is None


@pytest.mark.parametrize(
    "fault", ["shorter", "longer", "shuffled", "foreign_names", "other_spelling", "no_status", "flaky_message"]
)
def test_a_fault_of_results_leaves_an_error_alone(learn, caller, fault):
    learn.faults.add(fault)
    assert caller.session.post(caller.address("gradeValueAPI"), data=b"{", timeout=5).status_code == 400


def test_truncated_json_has_a_right_length_and_a_wrong_end(learn, caller):
    learn.faults.add("truncated_json")
    answer = caller.send(*ITEMS)
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)
    assert learn.world.writes == 3


def test_cut_off_ends_before_the_announced_length(learn, caller):
    learn.faults.add("cut_off")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        caller.send(*ITEMS)
    assert learn.world.writes == 3


@pytest.mark.parametrize(("fault", "writes"), [("silent_before", 0), ("silent_after", 3)])
def test_silence_lasts_longer_than_the_caller_waits(learn, caller, fault, writes):
    learn.faults.add(fault)
    with pytest.raises(requests.ReadTimeout):
        caller.send(*ITEMS, timeout=0.2)
    assert learn.world.writes == writes
    assert learn.calls[-1].status is None


@pytest.mark.parametrize(("fault", "writes"), [("silent_before", 0), ("silent_after", 3)])
def test_silence_ends_with_a_closed_connection(learn, caller, fault, writes):
    learn.faults.add(fault, seconds=0.05)
    with pytest.raises(requests.ConnectionError, match="without response"):
        caller.send(*ITEMS)
    assert learn.world.writes == writes


@pytest.mark.parametrize(("fault", "writes"), [("reset_before", 0), ("reset_after", 3)])
def test_a_reset_is_a_reset(learn, caller, fault, writes):
    learn.faults.add(fault)
    with pytest.raises(requests.ConnectionError, match="ConnectionResetError"):
        caller.send(*ITEMS)
    assert learn.world.writes == writes


def test_slow_drip_brings_a_byte_at_a_time(learn, caller):
    learn.faults.add("slow_drip", seconds=0.001)
    began = time.perf_counter()
    answer = caller.send(*ITEMS)
    assert time.perf_counter() - began > 0.001 * len(answer.content)
    assert len(answer.json()) == learn.world.writes == 3


def test_endless_body_goes_on(learn, caller):
    learn.faults.add("endless_body", seconds=0)
    with caller.send(*ITEMS, stream=True) as answer:
        assert sum(map(len, itertools.islice(answer.iter_content(65_536), 100))) > 5_000_000
    assert learn.world.writes == 3


def test_gzip_bomb_is_small_on_the_wire_and_large_unpacked(learn, caller):
    learn.faults.add("gzip_bomb", megabytes=20)
    answer = caller.send(*ITEMS)
    assert int(answer.headers["Content-Length"]) < 100_000
    assert len(answer.content) == 20_000_000
    assert learn.world.writes == 3


@pytest.mark.parametrize(
    ("fault", "status", "media_type"),
    [
        ("token_down", 503, "text/html"),
        ("token_refused", 401, "application/json"),
        ("token_html", 200, "text/html"),
        ("token_quota", 429, "application/json"),
    ],
)
def test_faults_of_the_token_service_hit_it_alone(learn, caller, fault, status, media_type):
    learn.faults.add(fault)
    assert caller.send(*ITEMS).status_code == 200
    answer = caller.ask_token()
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, media_type)
    assert caller.ask_token().status_code == 200


def test_a_fault_hits_the_token_service_only_when_told(learn, caller):
    learn.faults.add("bad_gateway")
    assert caller.ask_token().status_code == 200
    learn.faults.clear()
    learn.faults.add("bad_gateway", service="token")
    assert caller.send(*ITEMS).status_code == 200
    assert caller.ask_token().status_code == 502


def test_a_fault_lets_calls_pass_hits_some_and_is_gone(learn, caller):
    learn.faults.add("server_error", skip=2, times=2)
    assert [caller.version().status_code for _ in range(5)] == [200, 200, 500, 500, 200]
    assert learn.faults.as_json() == []


def test_a_fault_without_times_stays_until_removed(learn, caller):
    learn.faults.add("server_error", times=None, status=503)
    assert [caller.version().status_code for _ in range(3)] == [503] * 3
    learn.faults.clear()
    assert caller.version().status_code == 200


def test_a_call_that_would_be_refused_anyway_uses_no_fault_up(learn, caller):
    learn.faults.add("shorter")
    token = caller.session.headers["Authorization"]
    caller.session.headers["Authorization"] = "Bearer other"
    assert caller.send(*ITEMS).status_code == 401
    caller.session.headers["Authorization"] = token
    assert len(caller.send(*ITEMS).json()) == 2


COLUMNS = [column(f"Lab {number}") for number in range(4)]


def made(learn) -> list[str]:
    return [name for name in learn.world.as_json()["courses"]["BIO"]["columns"] if name.startswith("Lab")]


@pytest.mark.parametrize("fault", [kind.name for kind in KINDS.values() if kind.reach in (Reach.ANY, Reach.RESULTS)])
def test_a_fault_named_for_a_service_hits_that_alone(learn, fault):
    learn.faults.add(fault, service="gradableItemsAPI")
    assert learn.faults.due(SERVICES["gradeValueAPI"]) is None
    assert learn.faults.due(SERVICES["gradableItemsAPI"]).kind.name == fault


@pytest.mark.parametrize("fault", ["not_installed", "html_200", "server_error"])
def test_a_refused_call_makes_no_column(learn, caller, fault):
    learn.faults.add(fault, service="gradableItemsAPI")
    assert caller.send(*ITEMS).status_code == 200
    caller.call("gradableItemsAPI", *COLUMNS)
    assert made(learn) == []
    assert learn.calls[-1].fault == fault


def test_partial_makes_every_second_column(learn, caller):
    learn.faults.add("partial", service="gradableItemsAPI")
    answer = caller.call("gradableItemsAPI", *COLUMNS)
    assert answer.status_code == 412
    assert results(answer) == [("ERROR", "Lab 0"), ("OK", "Lab 1"), ("ERROR", "Lab 2"), ("OK", "Lab 3")]
    assert answer.json()[0]["message"] == "The item could not be carried out"
    assert made(learn) == ["Lab 1", "Lab 3"]


def test_results_of_columns_come_shuffled_short_and_without_a_status(learn, caller):
    learn.world.duplicate_columns = "create"
    for fault in ("shuffled", "shorter", "no_status"):
        learn.faults.add(fault, service="gradableItemsAPI")
    names = [[result["name"] for result in caller.call("gradableItemsAPI", *COLUMNS).json()] for _ in range(2)]
    assert names == [["Lab 3", "Lab 2", "Lab 1", "Lab 0"], ["Lab 0", "Lab 1", "Lab 2"]]
    assert not any("status" in result for result in caller.call("gradableItemsAPI", *COLUMNS).json())
    assert len(made(learn)) == 4


def test_random_rejects_differ_between_schemas(learn, caller):
    learn.faults.add("random_rejects", share=0.5)
    schemas = [{"title": f"S{number}", "symbols": "P:F"} for number in range(40)]
    statuses = {status for status, _ in results(caller.call("gradeSchemasAPI", *schemas))}
    assert statuses == {"OK", "ERROR"}


@pytest.mark.parametrize(
    ("fault", "options", "message"),
    [
        ("shortest", {}, "There is no fault 'shortest'. Faults: bad_gateway,"),
        ("shorter", {"service": "gradeValue"}, "There is no service 'gradeValue'. Services: changes, columns,"),
        ("shorter", {"service": "version"}, "'shorter' does not fit 'version'. It is for services that answer with"),
        ("token_down", {"service": "version"}, "It is for the token service."),
        ("shorter", {"times": 0}, "'times' must be a whole number from 1, or null"),
        ("shorter", {"skip": -1}, "'skip' must be a whole number from 0."),
        ("shorter", {"seconds": 1}, "'shorter' has no parameter 'seconds'. Parameters: none."),
        ("slow_drip", {"seconds": "1"}, "'seconds' must be a number from 0."),
        ("server_error", {"status": 99}, "'status' must be an HTTP status from 200 to 599."),
        ("gzip_bomb", {"megabytes": 0.5}, "'megabytes' must be a whole number from 1."),
        ("redirect", {"location": None}, "'location' must be text."),
    ],
)
def test_a_fault_that_makes_no_sense_is_not_switched_on(learn, fault, options, message):
    with pytest.raises(Senseless) as problem:
        learn.faults.add(fault, **options)
    assert message in str(problem.value)
    assert learn.faults.as_json() == []


def test_every_fault_says_in_one_line_what_it_is():
    assert all(kind.description and "\n" not in kind.description for kind in KINDS.values())
