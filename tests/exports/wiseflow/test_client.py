"""What the client reads of the sandbox WISEflow, over HTTP."""

import logging
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from exports.wiseflow import Fault, Source, Wiseflow
from tests.exports.wiseflow.conftest import flow_of, person, soon


def test_a_flow_is_read_by_its_title_and_state(client):
    head = client.flow("77", until=soon())

    assert (head.flow_id, head.title, head.state) == (77, "Written exam", "PARTICIPATION_ENDED")


@pytest.mark.parametrize(("given", "state"), [(4, "CONCLUDED"), (9, "9"), ("0009", "0009"), ("PAUSED", "PAUSED")])
def test_a_state_that_is_not_documented_stays_as_it_is(client, sandbox, given, state):
    sandbox.faults.add("answer", call="flow", body={"id": 77, "name": "Written exam", "state": given})

    assert client.flow("77", until=soon()).state == state


@pytest.mark.parametrize(
    ("marking", "expected"),
    [
        ({"end": 1782000000}, 1782000000),
        ({"end": 1782000000, "latestIndividualEnd": 1782086400}, 1782086400),
        ({}, None),
        ({"end": 0}, None),
    ],
)
def test_the_assessment_ends_with_the_latest_individual_end_else_with_marking(client, sandbox, marking, expected):
    sandbox.exams.replace({"flows": {"77": flow_of(marking=marking)}})

    ends_at = client.dates("77", until=soon()).assessment_ends_at

    assert ends_at == (expected and datetime.fromtimestamp(expected, UTC))


def test_people_are_read_from_all_pages_without_their_phones(client, sandbox):
    sandbox.exams.replace({"flows": {"77": flow_of(*(person(number) for number in range(1, 251)))}})

    people = client.participants("77", until=soon())

    assert [found.user_id for found in people] == list(range(1001, 1251))
    assert people[0].external_ids == {"Learn id": "s1", "Other": "x"}
    assert "12345678" not in repr(people) + str([vars_of(found) for found in people])
    assert [call["path"].partition("?")[2] for call in sandbox.calls if call["call"] == "participants"] == [
        "offset=0&limit=100",
        "offset=100&limit=100",
        "offset=200&limit=100",
    ]


def vars_of(value):
    return {name: getattr(value, name) for name in value.__slots__}


def test_who_is_deactivated_is_listed_as_such(client, sandbox):
    sandbox.exams.replace({"flows": {"77": flow_of(person(1), person(2, activated=False))}})

    assert [found.is_activated for found in client.participants("77", until=soon())] == [True, False]


def test_sources_come_in_order_each_with_its_own_people(client, sandbox):
    sources = [
        {"sourceId": 9, "code": "UNIwise||002||2021", "participants": [5002]},
        {"sourceId": 1, "code": "UNIwise||001||2021", "participants": [5001, 5002]},
    ]
    sandbox.exams.replace({"flows": {"77": flow_of(person(1), person(2), person(3), sources=sources)}})

    found = client.sources("77", until=soon())

    assert found == [
        Source(source_id=9, code="UNIwise||002||2021"),
        Source(source_id=1, code="UNIwise||001||2021"),
    ]
    assert [client.source_participants("77", source, until=soon()) for source in found] == [[5002], [5001, 5002]]


def test_assessments_keep_a_grade_as_it_is_written_and_any_export_state(client, sandbox):
    people = [
        person(1, grade="88.50", exportState=2, exportDate=1782000000, date=1781000000),
        person(2, grade=None, adminGrade="U", exportState=5),
        person(3, grade="", exportState=None),
        person(4, grade=7),
    ]
    sandbox.exams.replace({"flows": {"77": flow_of(*people)}})

    found = client.assessments("77", until=soon())

    assert [(of.grade, of.alternative_grade, of.export_state) for of in found] == [
        ("88.50", "", 2),
        ("", "U", 5),
        ("", "", None),
        ("7", "", 2),
    ]
    assert found[0].exported_at == datetime.fromtimestamp(1782000000, UTC)


def test_a_fraction_that_is_no_text_keeps_its_digits(client, sandbox):
    body = '[{"id": 1, "participantId": 5001, "grade": 75.0, "adminGrade": null, "exportState": 1}]'
    sandbox.faults.add("answer", call="assessments", body=body)

    assert client.assessments("77", until=soon())[0].grade == "75.0"


def test_the_trail_says_who_changed_a_grade(client, sandbox):
    trail = [{"userId": 9, "grade": "C", "type": "GRADE", "timestamp": 1781000000}, {"grade": "B"}]
    sandbox.exams.replace({"flows": {"77": flow_of(person(1, trail=trail))}})

    found = client.trail("77", 5001, until=soon())

    assert [(event.by, event.grade) for event in found] == [(9, "C"), (None, "B")]


def test_scales_and_names_of_external_ids_are_read(client, sandbox):
    scale = {"input": {"min": 0, "max": 10000, "modifier": 100, "decimals": 2}}
    sandbox.exams.replace(
        {"flows": {"77": flow_of(gradingScale=scale), "78": flow_of()}, "userDataTypes": ["Learn id", "Card"]}
    )

    assert client.grading_scale("77", until=soon()).modifier == Decimal(100)
    assert client.grading_scale("78", until=soon()).modifier == Decimal(1)
    assert client.user_data_types(until=soon()) == ["Learn id", "Card"]


def test_a_search_finds_the_flows_of_the_student_system_that_end_in_time(client, sandbox):
    now = 1782000000
    sandbox.exams.replace(
        {
            "flows": {
                "1": flow_of(marking={"end": now + 100}),
                "2": flow_of(marking={"end": now + 5000}),
                "3": flow_of(marking={"end": now - 100}),
                "4": flow_of(marking={"end": now + 100}, isSis=False),
                "5": flow_of(marking={"end": now + 100}, state="CONCLUDED"),
                "6": flow_of(marking={}),
            }
        }
    )

    found = client.search(
        marking_ends_after=datetime.fromtimestamp(now, UTC),
        marking_ends_before=datetime.fromtimestamp(now + 1000, UTC),
        until=soon(),
    )

    assert [flow.flow_id for flow in found] == [1]


def test_one_token_serves_all_calls_and_says_who_calls(client, sandbox):
    client.flow("77", until=soon())
    client.participants("77", until=soon())

    assert [call["call"] for call in sandbox.calls] == ["token", "flow", "participants"]
    assert {(call["clientName"], call["userAgent"]) for call in sandbox.calls} == {("GradeBridge", "GradeBridge/1.2.3")}


def test_a_token_that_ends_before_its_time_is_renewed(client, sandbox):
    client.flow("77", until=soon())
    sandbox.tokens.revoke()

    assert client.flow("77", until=soon()).flow_id == 77
    assert [call["status"] for call in sandbox.calls] == [200, 200, 401, 200, 200]


def test_a_key_needs_no_token(sandbox):
    client = Wiseflow(url=sandbox.url, api_key=sandbox.api_key)

    assert client.flow("77", until=soon()).flow_id == 77
    assert [call["call"] for call in sandbox.calls] == ["flow"]


def test_what_uniwise_needs_to_find_a_failed_call_is_logged_and_nothing_of_a_person(client, sandbox, caplog):
    sandbox.faults.add("answer", call="trail", status=500, headers={"X-Trace-Id": "abc-123"})

    with caplog.at_level(logging.DEBUG), pytest.raises(Exception, match=Fault.NOT_AVAILABLE):
        client.trail("77", 5001, until=soon())

    failed = {"event": "wiseflow_call_failed", "call": "trail", "status": 500, "trace_id": "abc-123"}
    assert failed.items() <= caplog.records[-1].msg.items()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("exports.")]
    assert not any("5001" in line or sandbox.client_secret in line for line in ours)
