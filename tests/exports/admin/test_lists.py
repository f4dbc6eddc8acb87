"""What the lists show, find and cost."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exports.grades.causes import Cause
from exports.models import Delivery, ExportState
from tests.factories import DeliveryFactory, ExportAttemptFactory, FlowFactory, ParticipantFactory
from tests.signed_in import text_of


def rows(client: Client, model: str, **query: str) -> set[int]:
    """The primary keys of the rows that the list shows."""
    response = client.get(reverse(f"admin:exports_{model}_changelist"), query)
    assert response.status_code == 200, response.headers
    return {row.pk for row in response.context["cl"].result_list}


@pytest.mark.parametrize("model", ["flow", "participant", "exportattempt"])
def test_the_failed_filter_shows_the_failed_and_no_others(model: str, manager: Client) -> None:
    failed, exported = (
        {
            "flow": FlowFactory(state=state),
            "participant": ParticipantFactory(**{state.lower(): True}),
            "exportattempt": ExportAttemptFactory(state=state),
        }[model]
        for state in (ExportState.FAILED, ExportState.EXPORTED)
    )
    shown = rows(manager, model, state__exact="FAILED")
    assert failed.pk in shown
    assert exported.pk not in shown


@pytest.mark.parametrize("model", ["flow", "participant", "exportattempt", "delivery"])
@pytest.mark.parametrize("query", ["state__exact=%00", "state=FAILED%00", "q=%00"])
def test_a_query_with_a_nul_is_a_400(model: str, query: str, manager: Client) -> None:
    assert manager.get(f"{reverse(f'admin:exports_{model}_changelist')}?{query}").status_code == 400


def test_a_state_is_written_out_and_never_told_by_colour_alone(manager: Client) -> None:
    ParticipantFactory(failed=True)
    page = text_of(manager.get(reverse("admin:exports_participant_changelist")))
    assert "</span>Failed</span>" in page


def test_a_flow_shows_how_many_of_its_people_are_where(manager: Client) -> None:
    flow = FlowFactory(mapped=True)
    ParticipantFactory.create_batch(3, flow=flow, exported=True)
    ParticipantFactory.create_batch(2, flow=flow, failed=True)
    ParticipantFactory(flow=flow, queued=True)
    attempt = ExportAttemptFactory(flow=flow)
    (row,) = manager.get(reverse("admin:exports_flow_changelist")).context["cl"].result_list
    assert (row.exported_count, row.failed_count, row.queued_count, row.last_attempt) == (3, 2, 1, attempt.started_at)


@pytest.mark.parametrize("term", ["77", "biology", "exam biology", "anna", "s-anna"])
def test_a_flow_is_found_by_id_title_and_by_a_person_in_it(term: str, manager: Client) -> None:
    flow = FlowFactory(flow_id="77-A", title="Written exam in biology")
    ParticipantFactory(flow=flow, user_id="anna", learn_user_id="s-anna")
    ParticipantFactory(flow=FlowFactory(flow_id="X", title="Other"), user_id="ann", learn_user_id="s-ann")
    assert rows(manager, "flow", q=term) == {flow.pk}


@pytest.mark.parametrize("term", ["anna", "s-9", "77-A", "in biology"])
def test_a_participant_is_found_by_either_id_and_by_the_flow(term: str, manager: Client) -> None:
    flow = FlowFactory(flow_id="77-A", title="Written exam in biology")
    anna = ParticipantFactory(flow=flow, user_id="anna", learn_user_id="s-9")
    ParticipantFactory(flow=FlowFactory(flow_id="X", title="Other"), user_id="ben", learn_user_id="s-8")
    assert rows(manager, "participant", q=term) == {anna.pk}


@pytest.mark.parametrize("term", ["77-A", "biology", "anna", "s-9"])
def test_an_attempt_is_found_by_its_flow_and_by_a_person_in_it(term: str, manager: Client) -> None:
    attempt = ExportAttemptFactory(flow=FlowFactory(flow_id="77-A", title="Written exam in biology"))
    DeliveryFactory(attempt=attempt, participant__user_id="anna", participant__learn_user_id="s-9")
    DeliveryFactory(attempt__flow=FlowFactory(flow_id="X", title="Other"), participant__user_id="ben")
    assert rows(manager, "exportattempt", q=term) == {attempt.pk}


def test_people_changed_since_export_are_found_and_so_are_their_flows(manager: Client) -> None:
    changed = ParticipantFactory(exported=True, changed_since_export=True)
    ParticipantFactory(exported=True)
    assert rows(manager, "participant", changed_since_export__exact="1") == {changed.pk}
    assert rows(manager, "flow", changed="yes") == {changed.flow_id}


def test_participants_are_filtered_by_cause_and_flow(manager: Client) -> None:
    unmapped = ParticipantFactory(failed=True, cause=Cause.NOT_MAPPED)
    other = ParticipantFactory(failed=True)
    assert rows(manager, "participant", cause__exact="NOT_MAPPED") == {unmapped.pk}
    assert rows(manager, "participant", flow__exact=str(other.flow_id)) == {other.pk}


def test_deliveries_are_filtered_by_attempt_participant_state_and_cause(manager: Client) -> None:
    refused = DeliveryFactory(refused=True)
    DeliveryFactory()
    for query in (
        {"attempt__exact": str(refused.attempt_id)},
        {"participant__exact": str(refused.participant_id)},
        {"state__exact": "REFUSED"},
        {"cause__exact": "NOT_MAPPED"},
    ):
        assert rows(manager, "delivery", **query) == {refused.pk}


def test_a_filter_that_makes_no_sense_is_refused_politely(manager: Client) -> None:
    response = manager.get(reverse("admin:exports_delivery_changelist"), {"attempt__exact": "x"})
    assert (response.status_code, response.url) == (302, "/admin/exports/delivery/?e=1")


def test_a_failed_participant_says_what_happened_and_what_to_do(manager: Client) -> None:
    ParticipantFactory(
        failed=True, cause=Cause.REJECTED_BY_LEARN, detail={"code": "REJECTED", "message": "No such user"}
    )
    page = text_of(manager.get(reverse("admin:exports_participant_changelist")))
    assert "Learn rejected it: No such user.</strong> Correct the cause in Learn, then retry." in page


def test_a_title_cannot_bring_markup_into_a_page(manager: Client) -> None:
    flow, detail = FlowFactory(title="<script>1</script>"), {"code": "REJECTED", "message": "<b>2</b>"}
    participant = ParticipantFactory(failed=True, flow=flow, cause=Cause.REJECTED_BY_LEARN, detail=detail)
    for page in ("changelist", "change"):
        args = [participant.pk] if page == "change" else []
        text = text_of(manager.get(reverse(f"admin:exports_participant_{page}", args=args)))
        assert "<script>1" not in text
        assert "<b>2" not in text


def test_a_participants_page_shows_every_delivery_there_was(manager: Client) -> None:
    participant = ParticipantFactory(exported=True)
    attempts = [ExportAttemptFactory(flow=participant.flow) for _ in range(2)]
    DeliveryFactory(attempt=attempts[0], participant=participant, mark="C", value="C", failed=True)
    DeliveryFactory(attempt=attempts[1], participant=participant, alternative_grade="U", value="U")
    response = manager.get(reverse("admin:exports_participant_change", args=[participant.pk]))
    assert [delivery.value for delivery in response.context["deliveries"]] == ["U", "C"]
    page = text_of(response)
    assert all(reverse("admin:exports_exportattempt_change", args=[attempt.pk]) in page for attempt in attempts)


def people(number: int) -> None:
    for _ in range(number):
        delivery: Delivery = DeliveryFactory(failed=True, participant__failed=True)
        ParticipantFactory(flow=delivery.attempt.flow, exported=True)


def statements(visit: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert visit().status_code == 200
    return len(queries)


@pytest.mark.parametrize("model", ["flow", "participant", "exportattempt", "delivery"])
def test_a_list_costs_the_same_statements_however_long_it_is(model: str, manager: Client) -> None:
    def visit() -> Any:
        return manager.get(reverse(f"admin:exports_{model}_changelist"))

    people(2)
    visit()  # Django remembers content types from the first page on
    few = statements(visit)
    people(20)
    assert statements(visit) == few


@pytest.mark.parametrize("model", ["flow", "exportattempt"])
def test_a_page_costs_the_same_statements_however_many_people_it_is_about(model: str, manager: Client) -> None:
    attempt = ExportAttemptFactory()
    row = attempt if model == "exportattempt" else attempt.flow

    def visit() -> Any:
        return manager.get(reverse(f"admin:exports_{model}_change", args=[row.pk]))

    DeliveryFactory.create_batch(2, attempt=attempt, failed=True, participant__failed=True)
    visit()  # Django remembers content types from the first page on
    few = statements(visit)
    DeliveryFactory.create_batch(60, attempt=attempt, failed=True, participant__failed=True)
    assert statements(visit) == few
