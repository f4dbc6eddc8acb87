"""`manage.py fetch_flows`, and what the clock does every hour."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from exports.management.commands import scheduler
from exports.models import Flow, FlowInWiseflow
from tests.exports.fetching.conftest import flow_of, hold, licence, person  # noqa: F401  a fixture
from tests.factories import FlowFactory


def run(*options):
    """What it printed, and what it ended with."""
    out = StringIO()
    try:
        call_command("fetch_flows", *options, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def seconds(**ahead):
    return int((timezone.now() + timedelta(**ahead)).timestamp())


def test_one_flow_is_fetched_and_counted(licence):  # noqa: F811
    FlowFactory(flow_id="77", title="")
    hold(licence, person(1), person(2, activated=False))

    printed, error = run("--flow", "77")

    assert printed == "77: 2 participants, 0 added by hand, 1 deactivated, 0 without a Learn user\n"
    assert error == ""
    assert Flow.objects.get().title == "Written exam"


def test_as_json_it_says_what_could_not_be_fetched_and_fails(licence):  # noqa: F811
    FlowFactory(flow_id="77", running=True)
    FlowFactory(flow_id="78", running=True)
    hold(licence, person(1))

    printed, error = run("--json")

    found = {flow["flowId"]: flow for flow in json.loads(printed)["flows"]}
    assert (found["77"]["fetched"], found["78"]["fetched"]) == (True, False)
    assert (found["78"]["failure"], found["77"]["failure"]) == ("NOT_ON_LICENCE", "")
    assert found["78"]["error"].startswith("WISEflow has no flow of this id")
    assert error == "1 of 2 flows could not be fetched."


def test_flows_that_end_soon_are_found_and_added_without_a_mapping(licence):  # noqa: F811
    licence.exams.replace(
        {
            "flows": {
                "1": flow_of(person(1), title="Soon", marking={"end": seconds(days=2)}),
                "2": flow_of(title="Later", marking={"end": seconds(days=20)}),
            }
        }
    )

    printed, error = run("--ending-within", "7")

    flow = Flow.objects.get()
    assert (flow.flow_id, flow.title, flow.expected_count, error) == ("1", "Soon", 1, "")
    assert not flow.column_mappings.exists()
    assert printed.startswith("1: 1 participants")


@pytest.mark.parametrize("options", [["--flow", "99"], ["--ending-within", "-1"], ["--ending-within", "9999"]])
def test_what_makes_no_sense_is_refused(licence, options):  # noqa: F811
    assert run(*options)[1]


def test_a_search_that_fails_is_said_and_the_known_are_fetched_all_the_same(licence):  # noqa: F811
    FlowFactory(flow_id="77", running=True)
    hold(licence, person(1), marking={"end": seconds(days=1)})
    licence.faults.add("answer", call="search", status=403)

    printed, error = run("--ending-within", "7")

    assert printed.startswith("77: 1 participants")
    assert "Ask UNIwise to add the module." in error


def test_without_an_address_it_says_so(db):
    assert run() == ("", "WISEFLOW_URL is not set, so WISEflow's API is not read.")


def test_the_clock_fetches_what_is_young_or_ends_soon_and_adds_what_ends_soon(licence):  # noqa: F811
    ends = {"77": -20, "78": -40, "79": 10, "80": 20}
    for flow_id, days in ends.items():
        FlowFactory(flow_id=flow_id, assessment_ends_at=timezone.now() + timedelta(days=days))
    flows = {flow_id: flow_of(person(1), marking={"end": seconds(days=days)}) for flow_id, days in ends.items()}
    licence.exams.replace({"flows": {**flows, "81": flow_of(person(1), marking={"end": seconds(days=3)})}})

    scheduler.fetch_flows()

    fetched = FlowInWiseflow.objects.filter(fetched_at__isnull=False).values_list("flow__flow_id", flat=True)
    assert set(fetched) == {"77", "79", "81"}


def test_the_clock_goes_on_where_wiseflow_is_away(licence, settings, caplog):  # noqa: F811
    settings.WISEFLOW_URL = "http://127.0.0.1:9/v1"

    scheduler.fetch_flows()

    assert {"event": "wiseflow_not_read", "reason": "NOT_REACHED"}.items() <= caplog.records[-1].msg.items()
