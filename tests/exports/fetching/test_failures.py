"""A fetch that fails changes nothing but what is said of it."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from exports.fetching import flows as fetching
from exports.fetching.flows import fetch
from exports.fetching.sentences import sentence
from exports.models import Flow, Participant, PersonInWiseflow
from exports.wiseflow import Fault
from tests.exports.fetching.conftest import hold, person
from tests.factories import FlowFactory

CALLS = ["token", "flow", "dates", "participants", "sources", "source_participants", "assessments"]


@pytest.fixture
def flow(licence):
    """Fetched once; WISEflow has changed since."""
    flow = FlowFactory(flow_id="77", title="", synchronised_at=None, assessment_ends_at=None)
    hold(licence, person(1, grade="B"), person(2))
    fetch(flow)
    hold(licence, person(1, grade="C"), person(3), title="Another", marking={"end": 1790000000})
    return flow


def everything():
    return (
        list(Flow.objects.order_by("pk").values()),
        list(Participant.objects.order_by("pk").values()),
        list(PersonInWiseflow.objects.order_by("pk").values()),
    )


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("fault", "given"),
    [
        ("answer", {"status": 500}),
        ("answer", {"body": "<html></html>"}),
        ("answer", {"body": {"success": True, "data": None}}),
        ("answer", {"status": 403}),
        ("answer", {"status": 404}),
        ("answer", {"status": 429, "headers": {"Retry-After": "3600"}}),
        ("cut_off", {}),
        ("silence", {"seconds": 0}),
    ],
    ids=["500", "html", "nothing", "403", "404", "429", "cut off", "hang up"],
)
def test_whatever_call_fails_nothing_is_changed_and_the_reason_is_said(flow, licence, call, fault, given):
    licence.tokens.revoke()
    licence.faults.add(fault, call=call, times=0, **given)
    if call == "token":
        fetching.connection._connected.cache_clear()
    before = everything()

    outcome = fetch(flow)

    assert everything() == before
    known = Flow.objects.get().in_wiseflow
    assert known.failure == outcome.failure
    assert known.failed_at is not None
    assert known.title == "Written exam"
    assert len(outcome.sentence) > len(outcome.failure["code"]) + 5


def test_a_flow_whose_people_are_gone_all_at_once_is_left_as_it_was(flow, licence):
    hold(licence)
    before = everything()

    outcome = fetch(flow)

    assert outcome.failure["code"] == "NO_ONE_LISTED"
    assert everything() == before


def test_a_fetch_that_succeeds_takes_the_failure_back(flow, licence):
    licence.faults.add("answer", call="flow", status=500)
    fetch(flow)

    fetch(flow)

    known = Flow.objects.get().in_wiseflow
    assert (known.failure, known.failed_at, known.title) == ({}, None, "Another")


def test_a_name_of_the_external_id_that_wiseflow_does_not_know_changes_nothing(flow, licence, settings):
    licence.exams.merge({"userDataTypes": ["Learn id", "Card"]})
    settings.WISEFLOW_EXTERNAL_ID = "Lern id"
    before = everything()

    outcome = fetch(flow)

    assert everything() == before
    assert "named Lern id (WISEFLOW_EXTERNAL_ID)" in outcome.sentence
    assert "It knows: Learn id, Card." in outcome.sentence


def test_a_flow_of_people_who_all_lack_the_external_id_is_fetched_where_wiseflow_knows_its_name(flow, licence):
    hold(licence, person(1, externalIds={}), person(2, externalIds={}))
    licence.exams.merge({"userDataTypes": ["Learn id"]})

    assert fetch(flow).counts["unknown"] == 2


def test_a_grade_that_cannot_be_kept_is_not_taken_for_none(flow, licence):
    hold(licence, person(1, grade="B\u200b"))

    assert fetch(flow).failure["code"] == Fault.UNEXPECTED_SHAPE


def test_a_flow_whose_id_is_no_number_says_so_and_is_not_fetched_by_the_clock(licence):
    flow = FlowFactory(flow_id="exam-1", running=True)

    assert not fetching.due(timezone.now()).exists()
    assert fetch(flow).failure["code"] == Fault.NOT_A_NUMBER


def test_a_flow_that_wiseflow_does_not_know_says_so_and_rests_for_a_day(licence):
    flow = FlowFactory(flow_id="78", running=True)
    now = timezone.now()

    assert fetch(flow).sentence
    assert not fetching.due(now).filter(pk=flow.pk).exists()
    assert fetching.due(now + timedelta(hours=23), ahead=timedelta(days=2)).count() == 0
    assert fetching.due(now + timedelta(hours=25), ahead=timedelta(days=2)).count() == 1


def test_a_wiseflow_that_is_away_is_not_asked_about_every_flow(licence, settings):
    settings.WISEFLOW_URL = "http://127.0.0.1:9/v1"
    for number in range(6):
        FlowFactory(flow_id=str(number), running=True)
    began = time.monotonic()

    outcomes = list(fetching.fetch_all(list(fetching.due(timezone.now()))))

    assert len(outcomes) == 3
    assert time.monotonic() - began < 10


def test_credentials_that_are_refused_are_not_tried_for_the_next_flow(licence, settings):
    settings.WISEFLOW_CLIENT_SECRET = "wrong"
    for number in range(3):
        FlowFactory(flow_id=str(number), running=True)

    [outcome] = fetching.fetch_all(list(fetching.due(timezone.now())))

    assert outcome.failure["code"] == Fault.CREDENTIALS_REFUSED


@pytest.mark.parametrize(("status", "fetched"), [(403, ["77"]), (400, ["77"])], ids=["no module", "odd"])
def test_the_clock_fetches_what_is_known_where_the_licence_has_no_search(licence, status, fetched):
    FlowFactory(flow_id="77", running=True)
    hold(licence, person(1))
    licence.faults.add("answer", call="search", status=status)

    outcomes = fetching.fetch_due(timezone.now())

    assert [outcome.flow_id for outcome in outcomes if not outcome.failure] == fetched


def test_a_state_that_no_database_takes_is_kept_without_what_cannot_be_seen(flow, licence):
    licence.faults.add("answer", call="flow", body={"id": 77, "name": "Written exam", "state": "\0CLOSED\ud800"})

    assert not fetch(flow).failure

    assert Flow.objects.get().in_wiseflow.state == "CLOSED"


@pytest.mark.parametrize("failure", [*({"code": str(fault), "call": "flow"} for fault in Fault), {"code": "NEWER"}])
def test_every_failure_has_a_sentence(failure):
    text = sentence(failure)

    assert text.endswith(".")
    assert "%(" not in text


def test_no_failure_has_none():
    assert sentence({}) == ""
