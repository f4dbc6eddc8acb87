"""A WISEflow that is away, refuses or talks nonsense: an error for each thing to do next, and never half a list."""

import time

import pytest

from exports.wiseflow import (
    CredentialsRefused,
    Fault,
    ModuleMissing,
    NotOnLicence,
    NotReached,
    TooManyCalls,
    Unreadable,
    Wiseflow,
)
from tests.exports.wiseflow.conftest import flow_of, person, soon


def people_of(client, seconds=10):
    return client.participants("77", until=soon(seconds))


def test_credentials_that_are_wrong_are_refused(sandbox):
    client = Wiseflow(url=sandbox.url, client_id=sandbox.client_id, client_secret="wrong")

    with pytest.raises(CredentialsRefused):
        people_of(client)


def test_a_key_that_is_wrong_is_refused(sandbox):
    with pytest.raises(CredentialsRefused):
        people_of(Wiseflow(url=sandbox.url, api_key="wrong"))


def test_a_token_that_is_never_accepted_is_renewed_once(client, sandbox):
    sandbox.faults.add("answer", call="participants", status=401, times=0)

    with pytest.raises(CredentialsRefused):
        people_of(client)
    assert [call["call"] for call in sandbox.calls].count("participants") == 2


def test_no_secret_is_in_an_error(sandbox):
    client = Wiseflow(url=sandbox.url, client_id=sandbox.client_id, client_secret="a-secret-of-length")

    with pytest.raises(CredentialsRefused) as caught:
        people_of(client)
    assert "a-secret-of-length" not in repr(caught.value)


@pytest.mark.parametrize("flow_id", ["78", "seventy", "", "7" * 40, "\u0667\u0667", "77/x"])
def test_a_flow_that_is_not_on_the_licence_is_said_to_be(client, flow_id):
    with pytest.raises(NotOnLicence):
        client.participants(flow_id, until=soon())


def test_a_module_that_is_missing_is_named(client, sandbox):
    sandbox.missing_modules = {"assessments"}

    with pytest.raises(ModuleMissing) as caught:
        client.assessments("77", until=soon())
    assert caught.value.params == {"call": "assessments"}


def test_who_is_asked_to_wait_waits(client, sandbox):
    sandbox.faults.add("answer", call="participants", status=429, headers={"Retry-After": "1"})
    began = time.monotonic()

    assert len(people_of(client)) == 3
    assert time.monotonic() - began >= 1


def test_who_is_asked_to_wait_by_the_other_header_waits(client, sandbox):
    sandbox.faults.add("answer", call="participants", status=429, headers={"RateLimit-Reset": "2"})
    began = time.monotonic()

    assert len(people_of(client)) == 3
    assert time.monotonic() - began >= 2


@pytest.mark.parametrize("header", ["3600", "soon", "", "-5", "99999999999999999999"])
def test_a_wait_that_is_too_long_is_said(client, sandbox, header):
    sandbox.faults.add("answer", call="participants", status=429, times=0, headers={"Retry-After": header})

    with pytest.raises(TooManyCalls) as caught:
        people_of(client, seconds=0.9)
    assert caught.value.seconds >= 1


def test_calls_stay_below_what_wiseflow_allows(client, sandbox):
    client.flow("77", until=soon())
    began = time.monotonic()

    for _ in range(20):
        client.flow("77", until=soon())

    assert 20 / (time.monotonic() - began) <= 45


def test_a_wiseflow_that_is_not_there_is_not_reached():
    with pytest.raises(NotReached) as caught:
        people_of(Wiseflow(url="http://127.0.0.1:9/v1", api_key="key"))
    assert caught.value.code == Fault.NOT_REACHED


@pytest.mark.parametrize(
    ("fault", "given"),
    [("silence", {"seconds": 20}), ("drip", {"seconds": 0.3})],
    ids=["silent", "byte by byte"],
)
def test_an_answer_that_does_not_end_is_given_up_in_time(client, sandbox, fault, given):
    sandbox.faults.add(fault, call="participants", **given)
    began = time.monotonic()

    with pytest.raises(NotReached) as caught:
        people_of(client, seconds=1)
    assert caught.value.code == Fault.NO_ANSWER_IN_TIME
    assert time.monotonic() - began < 3


def test_a_connection_that_breaks_is_not_reached(client, sandbox):
    sandbox.faults.add("silence", call="participants", seconds=0, times=2)

    with pytest.raises(NotReached):
        people_of(client)


def test_a_server_error_is_not_reached(client, sandbox):
    sandbox.faults.add("answer", call="participants", status=503, body="<html>away</html>")

    with pytest.raises(NotReached) as caught:
        people_of(client)
    assert caught.value.code == Fault.NOT_AVAILABLE


def test_an_answer_that_is_too_large_is_not_read(client, sandbox):
    sandbox.faults.add("huge", call="participants", bytes=40_000_000)

    with pytest.raises(Unreadable) as caught:
        people_of(client)
    assert caught.value.code == Fault.TOO_LARGE


def test_a_name_of_ten_megabytes_is_cut(client, sandbox):
    sandbox.exams.replace({"flows": {"77": flow_of(person(1, firstName="x" * 10_000_000))}})

    assert len(people_of(client)[0].first_name) == 10_000


def test_a_redirect_is_not_followed(client, sandbox):
    sandbox.faults.add("answer", call="participants", status=302, headers={"Location": f"{sandbox.url}/flow/77"})

    with pytest.raises(Unreadable):
        people_of(client)
    assert [call["call"] for call in sandbox.calls] == ["token", "participants"]


PAGE = {"limit": 100, "offset": 0, "total": 1}
PERSON = {"participantId": 1, "userId": 2, "activated": True, "user": {"externalIds": []}}


@pytest.mark.parametrize(
    "body",
    [
        "<html>Log in</html>",
        "",
        "null",
        "[]",
        "{}",
        "7",
        '"participants"',
        "[" * 100_000,
        b"\xff\xfe\x00".decode("latin-1"),
        {"success": True, "data": []},
        {"success": True, "data": [], "pagination": None},
        {"success": True, "data": [], "pagination": {"total": "0"}},
        {"success": True, "data": [], "pagination": {"total": True}},
        {"success": True, "data": [], "pagination": {"total": -1}},
        {"success": True, "data": [], "pagination": {"total": 10**9}},
        {"success": True, "data": None, "pagination": {"total": 0}},
        {"success": True, "data": {}, "pagination": {"total": 0}},
        {"success": False, "data": [], "pagination": {"total": 0}},
        {"success": True, "data": [], "pagination": {"total": 3}},
        {"success": True, "data": [PERSON, {**PERSON, "participantId": 3}], "pagination": PAGE},
        {"success": True, "data": [PERSON, PERSON], "pagination": {**PAGE, "total": 2}},
        {"success": True, "data": [PERSON, {**PERSON, "participantId": 3}], "pagination": {**PAGE, "total": 2}},
        {"success": True, "data": [None], "pagination": PAGE},
        {"success": True, "data": [[]], "pagination": PAGE},
        {"success": True, "data": [{**PERSON, "userId": None}], "pagination": PAGE},
        {"success": True, "data": [{**PERSON, "userId": "2"}], "pagination": PAGE},
        {"success": True, "data": [{**PERSON, "userId": True}], "pagination": PAGE},
        {"success": True, "data": [{**PERSON, "userId": 2**70}], "pagination": PAGE},
        {"success": True, "data": [{**PERSON, "participantId": 1.5}], "pagination": PAGE},
        {"success": True, "data": [{**PERSON, "activated": "no"}], "pagination": PAGE},
        {"success": True, "data": [{**PERSON, "user": "Ada"}], "pagination": PAGE},
        {"success": True, "data": [{**PERSON, "user": {"firstName": {}}}], "pagination": PAGE},
        {"success": True, "data": [{**PERSON, "user": {"externalIds": {}}}], "pagination": PAGE},
        {"success": True, "data": [{**PERSON, "user": {"externalIds": ["s1"]}}], "pagination": PAGE},
        {"success": True, "data": [{**PERSON, "user": {"externalIds": [{"name": []}]}}], "pagination": PAGE},
    ],
    ids=str,
)
def test_people_that_cannot_be_read_are_not_nobody(client, sandbox, body):
    sandbox.faults.add("answer", call="participants", body=body, times=0)

    with pytest.raises(Unreadable):
        people_of(client)


@pytest.mark.parametrize("call", ["flow", "dates", "participants", "sources", "assessments", "token"])
@pytest.mark.parametrize("kind", ["cut_off", "html"])
def test_no_call_takes_half_an_answer_or_a_page_for_one(client, sandbox, call, kind):
    if kind == "html":
        sandbox.faults.add("answer", call=call, body="<html></html>", times=0)
    else:
        sandbox.faults.add("cut_off", call=call, times=0)

    with pytest.raises(Unreadable):
        {
            "flow": client.flow,
            "dates": client.dates,
            "participants": client.participants,
            "sources": client.sources,
            "assessments": client.assessments,
            "token": client.flow,
        }[call]("77", until=soon())


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("flow", {"id": 78, "name": "Another"}),
        ("flow", {"id": 77, "name": {}}),
        ("dates", {}),
        ("dates", []),
        ("dates", {"marking": {"end": "soon"}}),
        ("dates", {"marking": {"end": -1}}),
        ("dates", {"marking": {"end": 10**18}}),
        ("dates", {"marking": {"end": 1.5}}),
        ("sources", {"data": "x", "success": True}),
        ("sources", [{"sourceId": 1}]),
        ("sources", [{"sourceId": 1, "code": "A"}, {"sourceId": 1, "code": "B"}]),
        ("assessments", {"data": None, "success": True}),
        ("assessments", [{"participantId": 1, "grade": {"value": "B"}}]),
        ("assessments", [{"participantId": 1, "grade": True}]),
        ("assessments", [{"participantId": 1, "exportState": "2"}]),
        ("assessments", [{"participantId": 1, "exportState": 2**40}]),
        ("assessments", [{"participantId": 1, "grade": "B"}, {"participantId": 1, "grade": "C"}]),
        ("grading_scale", {"input": {"modifier": "many"}}),
        ("grading_scale", {"input": {"modifier": 0}}),
        ("grading_scale", {"input": {"modifier": "NaN"}}),
    ],
    ids=str,
)
def test_a_field_of_another_type_makes_the_answer_unreadable(client, sandbox, call, body):
    sandbox.faults.add("answer", call=call, body=body)

    with pytest.raises(Unreadable):
        getattr(client, call)("77", until=soon())


def test_a_list_that_changes_while_it_is_read_is_not_taken(client, sandbox):
    sandbox.exams.replace({"flows": {"77": flow_of(*(person(number) for number in range(150)))}})
    sandbox.faults.add("change", call="participants", after=1, keys={"total": 151})

    with pytest.raises(Unreadable) as caught:
        people_of(client)
    assert caught.value.code == Fault.CHANGED_WHILE_READ


def test_a_page_that_repeats_itself_is_not_taken(client, sandbox):
    page = {
        "success": True,
        "data": [{**PERSON, "participantId": number, "userId": number} for number in range(100)],
        "pagination": {"limit": 100, "offset": 0, "total": 99_900},
    }
    sandbox.faults.add("answer", call="participants", body=page, times=0)

    with pytest.raises((Unreadable, NotReached)):
        people_of(client, seconds=2)


def test_a_page_that_repeats_itself_once_hides_no_one(client, sandbox):
    data = [{**PERSON, "participantId": number, "userId": number} for number in range(100)]
    page = {"success": True, "data": data, "pagination": {"limit": 100, "offset": 0, "total": 200}}
    sandbox.faults.add("answer", call="participants", body=page, times=2)

    with pytest.raises(Unreadable) as caught:
        people_of(client)
    assert caught.value.code == Fault.TWICE


@pytest.mark.parametrize("url", ["http://wiseflow.example.edu/v1", "ftp://127.0.0.1/v1"])
def test_plain_http_is_for_this_machine_alone(url):
    with pytest.raises(ValueError, match="https"):
        Wiseflow(url=url, api_key="key")
