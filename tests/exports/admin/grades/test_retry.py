"""The action `Retry failed grades`: asked first, done once."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from exports.admin.grades.forecast import MAX_FLOWS, forecast
from exports.grades.causes import Cause
from exports.grades.translating import Marks
from exports.models import Delivery, ExportAttempt, ExportState, Flow, Participant, RetryRun, Translation
from tests.factories import (
    ColumnMappingFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    ParticipantFactory,
)
from tests.signed_in import messages_of, signed_in, text_of

FLOWS = "/admin/exports/flow/"
PARTICIPANTS = "/admin/exports/participant/"
ATTEMPTS = "/admin/exports/exportattempt/"


def ask(client: Client, address: str, *rows: Any, **form: str) -> Any:
    return client.post(address, {"action": "retry_failed", "_selected_action": [row.pk for row in rows], **form})


def confirm(client: Client, question: Any) -> Any:
    """Send the form on the page that asks, as a browser would."""
    page = question.content.decode()
    form = page[page.index('aria-labelledby="question"') :]
    address = re.search(r'<form method="post" action="([^"]*)"', form)
    assert address is not None
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[address.start() :])
    names = {name for name, _ in fields}
    data = {name: [value for each, value in fields if each == name] for name in names}
    return client.post(address[1].replace("&amp;", "&"), data)


@pytest.fixture
def failed(db: None) -> Participant:
    """A failed grade with a column to go to, beside an exported one."""
    participant: Participant = ParticipantFactory(failed=True, flow=FlowFactory(mapped=True, state=ExportState.FAILED))
    ParticipantFactory(flow=participant.flow, exported=True)
    return participant


@pytest.fixture
def attempt_of(failed: Participant) -> ExportAttempt:
    attempt: ExportAttempt = ExportAttemptFactory(flow=failed.flow)
    DeliveryFactory(attempt=attempt, participant=failed, failed=True)
    return attempt


@pytest.fixture(params=["flows", "participants", "attempts"])
def selected(request: pytest.FixtureRequest, failed: Participant, attempt_of: ExportAttempt) -> tuple[str, Any]:
    """Each of the three lists, and its row that stands for the failed grade."""
    choices: dict[str, tuple[str, Any]] = {
        "flows": (FLOWS, failed.flow),
        "participants": (PARTICIPANTS, failed),
        "attempts": (ATTEMPTS, attempt_of),
    }
    return choices[request.param]


def retried() -> list[tuple[int, str]]:
    """Who is being sent to Learn: (participant, value)."""
    return list(Delivery.objects.filter(attempt__trigger="RETRY").values_list("participant", "value"))


def test_nothing_happens_before_it_is_confirmed(manager: Client, selected: tuple[str, Any]) -> None:
    address, row = selected
    question = ask(manager, address, row)
    page = text_of(question)
    assert "Retry 1 failed grade?" in page
    assert "cannot be undone" in page
    assert retried() == []


def test_once_confirmed_the_failed_grade_is_on_its_way(
    manager: Client, selected: tuple[str, Any], failed: Participant
) -> None:
    address, row = selected
    response = confirm(manager, ask(manager, address, row))
    assert retried() == [(failed.pk, "B")]
    retry = ExportAttempt.objects.get(trigger="RETRY")
    assert retry.requested_by is not None
    assert retry.requested_by.groups.get().name == "Managers"
    assert response.url == reverse("admin:exports_exportattempt_change", args=[retry.pk])
    (message,) = messages_of(response)
    assert message == "1 grade is being sent."
    assert DBTaskResult.objects.count() == 1


def test_the_button_leads_to_the_same_question(manager: Client, selected: tuple[str, Any], failed: Participant) -> None:
    address, row = selected
    page = manager.get(f"{address}{row.pk}/change/").content.decode()
    assert f'href="{address}{row.pk}/retry/"' in page
    confirm(manager, manager.get(f"{address}{row.pk}/retry/"))
    assert retried() == [(failed.pk, "B")]


def test_without_permission_neither_list_nor_button_retries(selected: tuple[str, Any]) -> None:
    address, row = selected
    client = signed_in(manager=True)
    for group in client.get("/admin/").wsgi_request.user.groups.all():
        group.permissions.remove(*group.permissions.filter(codename="retry"))
    ask(client, address, row, post="yes")
    assert client.get(f"{address}{row.pk}/retry/").status_code == 403
    assert f"{address}{row.pk}/retry/" not in client.get(f"{address}{row.pk}/change/").content.decode()
    assert retried() == []


def test_an_anonymous_visitor_retries_nothing(client: Client, selected: tuple[str, Any]) -> None:
    address, row = selected
    assert ask(client, address, row, post="yes").status_code == 302
    assert retried() == []


@pytest.mark.parametrize(("address", "row"), [(FLOWS, "flow"), (PARTICIPANTS, "participant"), (ATTEMPTS, "attempt")])
@pytest.mark.parametrize("post", ["", "yes"])
def test_where_nothing_is_failed_a_warning_says_so_and_nothing_is_recorded(
    address: str, row: str, post: str, manager: Client
) -> None:
    delivery = DeliveryFactory(participant__exported=True)
    rows = {"flow": delivery.attempt.flow, "participant": delivery.participant, "attempt": delivery.attempt}
    response = ask(manager, address, rows[row], post=post)
    assert response.status_code == 302
    assert messages_of(response) == ["Nothing to retry: no grade of your selection has failed."]
    assert ExportAttempt.objects.count() == 1
    assert f"{rows[row].pk}/retry/" not in manager.get(f"{address}{rows[row].pk}/change/").content.decode()


def test_the_button_of_somebody_elses_retry_comes_too_late(manager: Client) -> None:
    flow = ParticipantFactory(exported=True).flow
    response = manager.get(f"{FLOWS}{flow.pk}/retry/")
    assert (response.status_code, response.url) == (302, f"{FLOWS}{flow.pk}/change/")
    assert messages_of(response) == ["Nothing to retry: no grade here has failed."]


def test_confirming_twice_retries_once(manager: Client, failed: Participant) -> None:
    question = ask(manager, FLOWS, failed.flow)
    confirm(manager, question)
    confirm(manager, question)
    assert ExportAttempt.objects.filter(trigger="RETRY").count() == 1


@pytest.mark.parametrize("address", [FLOWS, PARTICIPANTS])
def test_select_across_retries_all_pages_and_respects_the_filter(address: str, manager: Client) -> None:
    flow = FlowFactory(mapped=True, state=ExportState.FAILED)
    first, *_ = ParticipantFactory.create_batch(120, failed=True, flow=flow)
    row = first if address == PARTICIPANTS else flow
    question = ask(manager, f"{address}?state__exact=FAILED", row, select_across="1")
    assert "Retry 120 failed grades?" in text_of(question)
    assert question.content.count(b'name="_selected_action"') == 1  # not one a person: a form has its limits
    confirm(manager, question)
    assert len(retried()) == 120


def test_select_across_of_attempts_takes_their_people_of_today(manager: Client) -> None:
    attempt = ExportAttemptFactory()
    failed_again = DeliveryFactory(attempt=attempt, failed=True, participant__failed=True).participant
    DeliveryFactory(attempt=attempt, failed=True, participant__exported=True)  # repaired since
    ParticipantFactory(flow=attempt.flow, failed=True)  # never part of an attempt
    confirm(manager, ask(manager, ATTEMPTS, attempt, select_across="1"))
    assert retried() == [(failed_again.pk, "B")]


def test_only_what_was_selected_is_retried(manager: Client, failed: Participant) -> None:
    ParticipantFactory(failed=True, flow=failed.flow)
    ParticipantFactory(failed=True)
    confirm(manager, ask(manager, PARTICIPANTS, failed))
    assert retried() == [(failed.pk, "B")]


def test_several_flows_make_an_attempt_each_and_lead_to_the_page_of_the_retry(manager: Client) -> None:
    people = ParticipantFactory.create_batch(2, failed=True)
    response = confirm(manager, ask(manager, f"{FLOWS}?o=1", *[person.flow for person in people]))
    run = RetryRun.objects.get()
    assert response.url == reverse("admin:exports_retryrun_change", args=[run.pk])
    assert messages_of(response) == ["2 grades are being sent."]
    attempts = ExportAttempt.objects.filter(trigger="RETRY", retry_run=run)
    assert len(attempts) == 2


def test_the_question_names_column_and_course(manager: Client, failed: Participant) -> None:
    mapping = failed.flow.column_mappings.get()
    mapping.grade_column.name = "Oral exam"
    mapping.grade_column.save()
    other = ColumnMappingFactory(flow=failed.flow, source_code="second", grade_column__name="Lab report")
    ParticipantFactory.create_batch(2, failed=True, flow=failed.flow, source_code="second")
    page = re.sub(r"</?span[^>]*>", "", text_of(ask(manager, FLOWS, failed.flow)))
    assert f"1 grade to column Oral exam of course {mapping.grade_column.course}" in page
    assert f"2 grades to column Lab report of course {other.grade_column.course}" in page


def test_the_question_says_what_will_be_refused_again_and_what_needs_a_new_export(manager: Client) -> None:
    flow = FlowFactory(mapped=True, title="Anatomy")
    ParticipantFactory(failed=True, flow=flow)
    ParticipantFactory.create_batch(2, failed=True, flow=flow, mark="")
    ParticipantFactory(failed=True, flow=flow, cause=Cause.CONTRADICTORY_ENTRIES)
    unmapped = FlowFactory(title="Botany")
    ParticipantFactory(failed=True, flow=unmapped)
    page = re.sub(r"</?span[^>]*>", "", text_of(ask(manager, FLOWS, flow, unmapped)))
    assert "Retry 5 failed grades?" in page
    assert "2 grades will be refused again: No assessment." in page
    assert "1 grade needs a new export from WISEflow: Different grades for one participant." in page
    assert "Botany" in page
    assert (
        "1 grade will be refused again: No Learn column chosen. "
        "Ask an administrator to choose the Learn column, then retry." in page
    )


def test_the_question_says_when_a_retry_is_futile(manager: Client) -> None:
    flow = FlowFactory()
    ParticipantFactory(failed=True, flow=flow)
    assert "None of these grades can be sent" in text_of(ask(manager, FLOWS, flow))


def test_the_question_lists_a_bounded_number_of_flows(manager: Client) -> None:
    people = [ParticipantFactory(failed=True) for _ in range(MAX_FLOWS + 3)]
    question = ask(manager, FLOWS, *[person.flow for person in people])
    assert "And 3 more flows. Failed grades there: 3" in text_of(question)
    assert len(question.context["forecast"].flows) == MAX_FLOWS


@pytest.mark.parametrize(
    ("flow", "person"),
    [
        ({}, {}),
        ({"unsynchronised": True}, {}),
        ({"running": True}, {}),
        ({"instant": True, "running": True}, {"alternative_grade": "U"}),
        ({"with_roster": True}, {}),
        ({"with_roster": True}, {"on_sis_roster": True}),
        ({}, {"mark": ""}),
        ({}, {"cause": Cause.ENTRY_NOT_USABLE}),
        ({}, {"exported": True, "grade__value": "C", "state": ExportState.FAILED, "cause": Cause.DEADLINE}),
        ({}, {"replaced": True}),
        ({}, {"lost": True}),
        ({}, {"misplaced": True}),
        ({}, {"in_doubt": True}),
    ],
)
def test_the_forecast_is_what_then_happens(flow: dict[str, Any], person: dict[str, Any], manager: Client) -> None:
    participant = ParticipantFactory(**{"failed": True, "flow": FlowFactory(mapped=True, **flow)} | person)
    foreseen = forecast(Participant.objects.failed()).flows[0]
    confirm(manager, ask(manager, PARTICIPANTS, participant))
    delivery = participant.deliveries.get()
    assert foreseen.sendable == (delivery.state == Delivery.State.QUEUED)
    assert [cause for cause, _ in foreseen.refusals] == ([delivery.cause] if delivery.cause else [])


def test_the_forecast_knows_of_two_people_who_lead_to_one_learn_user(manager: Client) -> None:
    flow = FlowFactory(mapped=True)
    ParticipantFactory(failed=True, flow=flow, learn_user_id="shared", mark="A")
    ParticipantFactory(failed=True, flow=flow, learn_user_id="shared", mark="B")
    ParticipantFactory(failed=True, flow=flow)
    (foreseen,) = forecast(Participant.objects.failed()).flows
    assert (foreseen.sendable, foreseen.refusals) == (1, [(Cause.SAME_LEARN_USER, 2)])
    confirm(manager, ask(manager, FLOWS, flow))
    assert Delivery.objects.filter(cause=Cause.SAME_LEARN_USER).count() == 2


def test_the_forecast_knows_of_values_that_the_translation_does_not_have(manager: Client) -> None:
    flow = FlowFactory(mapped=True)
    translation = Translation.objects.create(name="Letters", marks=Marks.TABLE)
    translation.grades.create(given="A", value="90")
    flow.column_mappings.update(translation=translation)
    ParticipantFactory(failed=True, flow=flow, mark="A")
    ParticipantFactory(failed=True, flow=flow, mark="Z")
    (foreseen,) = forecast(Participant.objects.failed()).flows
    assert (foreseen.sendable, foreseen.refusals) == (1, [(Cause.VALUE_NOT_USABLE, 1)])


def test_a_retry_of_a_flow_shows_it_on_its_way(manager: Client, failed: Participant) -> None:
    response = confirm(manager, ask(manager, FLOWS, failed.flow))
    assert Flow.objects.get(pk=failed.flow_id).state == ExportState.QUEUED
    assert "0 of 1" in text_of(manager.get(response.url))


@pytest.mark.django_db
def test_the_button_says_what_will_go_and_is_not_there_where_nothing_can(flow: Flow) -> None:
    manager = signed_in(manager=True)
    for user_id in ("u1", "u2"):
        ParticipantFactory(flow=flow, user_id=user_id, failed=True, mark="A")
    other = ParticipantFactory(flow=FlowFactory(synchronised_at=None), failed=True).flow

    both = text_of(ask(manager, FLOWS, flow, other))
    none = text_of(ask(manager, FLOWS, other))

    assert "Send 2 grades (1 would still be refused)" in both
    assert "This cannot be undone" in both
    assert "None of these grades can be sent" in none
    assert "cannot be undone" not in none
    assert not re.search(r"Send \d|Retry \d grade(?!.*\?)", none)


@pytest.mark.django_db
def test_every_attempt_of_a_retry_over_many_flows_has_a_link() -> None:
    manager = signed_in(manager=True)
    flows = [ParticipantFactory(failed=True).flow for _ in range(7)]

    answer = ask(manager, FLOWS, *flows, post="yes")

    page = text_of(manager.get(answer.url))
    assert all(f"/exportattempt/{attempt.pk}/" in page for attempt in ExportAttempt.objects.all())
    assert ExportAttempt.objects.count() == 7
