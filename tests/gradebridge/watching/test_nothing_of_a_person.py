"""No line of the log has an id or a grade of a student, whatever happens; and each thing that happens has its line."""

import json
import re

import pytest
from django.core.management import call_command
from django.urls import reverse

from exports import correcting, holding, retrying
from exports.delivering import workers
from exports.models import Correction, ExportAttempt, GradeInLearn, Hold, Participant
from exports.proving import runs
from tests.conftest import COURSE
from tests.exports.admin.grades.test_retry import confirm
from tests.exports.corrections import ask
from tests.factories import UserFactory
from tests.signed_in import signed_in

# Users of the sandbox, and values that no number of a line is by chance
PEOPLE = {"u17": "87.654", "u18": "98.765", "stranger-901": "76.543"}
CORRECTED, REASON = "88.99", "Question seven was right"
SECRETS = re.compile("|".join(map(re.escape, [*PEOPLE.values(), CORRECTED, "stranger-901", "Sevenfold", "seven"])))
IDS = re.compile(r"\bu1[78]\b")

pytestmark = pytest.mark.django_db(transaction=True)


def work():
    """What a task worker does, until nothing is left."""
    call_command("db_worker", batch=True, interval=0, startup_delay=False)
    workers.workers.wait_until_idle(seconds=20)


def names_of(events):
    return {event["event"] for event in events}


def test_an_export_a_retry_and_a_correction_are_logged_without_anyones_id_or_grade(learn, flow, wiseflow, logged):
    anna, ben = UserFactory(username="anna", manager=True), UserFactory(username="ben", manager=True)
    everything = []
    entries = [{"userId": user, "mark": mark} for user, mark in PEOPLE.items()]

    wiseflow.export(*entries, entries[0] | {"mark": "12.34"}, {"mark": "77.66"})
    wiseflow.post("{not json of u17")
    wiseflow.post({"participants": entries}, path="/api/wiseflow/flows/77/export?user=u17")
    learn.faults.add("maintenance", times=None)
    browser = signed_in(manager=True)
    browser.get("/admin/exports/participant/?q=u17,u18")
    browser.get(reverse("admin:exports_participant_retry_these"))
    everything += logged()
    retrying.retry(Participant.objects.all(), by=anna)
    work()
    everything += (retried := logged())
    learn.faults.clear()
    retrying.retry(Participant.objects.all(), by=anna)
    work()
    person = Participant.objects.get(user_id="u18")
    correcting.approve(ask(person, CORRECTED, by=anna, reason=REASON), by=ben)
    work()
    holding.hold_people([person.pk], reason=REASON, by=anna)
    holding.release(Hold.objects.values_list("pk", flat=True), by=anna)
    runs.prove(GradeInLearn.objects.all())
    everything += logged()

    assert Correction.objects.get().state == Correction.State.APPROVED
    text = "\n".join(map(json.dumps, everything))
    assert SECRETS.findall(text) == []
    assert IDS.findall(text) == []
    assert names_of(everything) >= {
        "export_received",
        "attempt_finished",
        "retry_requested",
        "delivering_begins",
        "learn_call_failed",
        "correction_requested",
        "request_decided",
        "participants_held",
        "holds_released",
        "proof_run_finished",
        "request_finished",
    }
    assert not [event for event in retried if "SUCCESSFUL" in str(event)]
    [end] = [event for event in retried if event["event"] == "attempt_finished"]
    assert (end["level"], end["outcome"], end["trigger"]) == ("error", "nothing delivered", "RETRY")
    assert end["causes"].keys() & {"LEARN_UNAVAILABLE"}


def test_a_call_that_failed_names_the_requests_whose_grades_it_carried(learn, flow, wiseflow, logged):
    learn.faults.add("maintenance", times=None)

    response = wiseflow.post({"participants": [{"userId": "u17", "mark": "B"}]})

    attempt = ExportAttempt.objects.get()
    failed = [event for event in logged() if event["event"] == "learn_call_failed"]
    assert failed
    assert {tuple(event["request_ids"]) for event in failed} == {(response["X-Request-Id"],)}
    assert {tuple(event["attempts"]) for event in failed} == {(attempt.pk,)}
    assert all(event["status"] == 503 and event["seconds"] >= 0 for event in failed)


def test_a_worker_logs_on_behalf_of_the_request_that_began_it(learn, flow, wiseflow, logged):
    learn.faults.add("maintenance", times=None)
    wiseflow.export({"userId": "u17", "mark": "B"})
    learn.faults.clear()
    logged()
    flow.refresh_from_db()
    manager = signed_in(manager=True)

    confirm(manager, manager.get(f"/admin/exports/flow/{flow.pk}/retry/"))
    work()

    retry = ExportAttempt.objects.get(trigger="RETRY")
    assert retry.request_id
    mine = [event for event in logged() if event.get("request_id") == retry.request_id]
    assert names_of(mine) >= {"retry_requested", "delivering_begins", "attempt_finished", "request_finished"}
    [begun] = [event for event in mine if event["event"] == "delivering_begins"]
    assert begun["task"] == "deliver_attempt"


def test_a_change_of_a_mapping_is_a_line_with_who(flow, logged):
    mapping = flow.column_mappings.get()
    mapping.source_code = "UNIwise||001||2021"
    mapping.save()

    [event] = logged()
    assert (event["event"], event["change"]) == ("configuration_changed", "changed")
    assert (event["model"], event["row"]) == ("exports.columnmapping", mapping.pk)
    assert COURSE not in str(event)
