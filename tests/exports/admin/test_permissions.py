"""Who sees what, and that no one edits history."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from exports.models import ColumnMapping, Delivery, ExportAttempt, Flow, Participant
from tests.factories import (
    ApiClientFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeColumnFactory,
    ParticipantFactory,
)
from tests.signed_in import signed_in, text_of

LISTS = ["exports_flow", "exports_participant", "exports_exportattempt", "exports_delivery"]
HISTORY = ["exports_participant", "exports_exportattempt", "exports_delivery"]
ALL = [*LISTS, "exports_apiclient", "courses_course", "courses_gradecolumn", "courses_gradeschema"]
PEOPLE = [{"manager": True}, {"administrator": True}, {"is_superuser": True}]


def url(model: str, page: str = "changelist", *args: object) -> str:
    return reverse(f"admin:{model}_{page}", args=args)


@pytest.fixture
def delivery(db: None) -> Delivery:
    return DeliveryFactory(failed=True)


def row_of(model: str, delivery: Delivery) -> int:
    return {
        "exports_flow": delivery.attempt.flow_id,
        "exports_participant": delivery.participant_id,
        "exports_exportattempt": delivery.attempt_id,
        "exports_delivery": delivery.pk,
    }[model]


@pytest.mark.parametrize("model", ALL)
def test_an_anonymous_visitor_is_sent_to_sign_in(model: str, client: Client, db: None) -> None:
    response = client.get(url(model))
    assert response.status_code == 302
    assert response.url.startswith(reverse("admin:login"))


@pytest.mark.parametrize("model", ALL)
def test_staff_in_neither_group_see_nothing(model: str, db: None) -> None:
    assert signed_in().get(url(model)).status_code == 403


@pytest.mark.parametrize("people", PEOPLE)
@pytest.mark.parametrize("model", LISTS)
def test_lists_and_pages_open(model: str, people: dict[str, Any], delivery: Delivery) -> None:
    client = signed_in(**people)
    assert client.get(url(model)).status_code == 200
    assert client.get(url(model, "change", row_of(model, delivery))).status_code == 200


@pytest.mark.parametrize("people", PEOPLE)
@pytest.mark.parametrize("model", HISTORY)
def test_nobody_adds_changes_or_deletes_history(model: str, people: dict[str, Any], delivery: Delivery) -> None:
    client, pk = signed_in(**people), row_of(model, delivery)
    before = [list(rows.values()) for rows in (Participant.objects, ExportAttempt.objects, Delivery.objects)]
    assert client.post(url(model, "add"), {"user_id": "x"}).status_code == 403
    assert client.post(url(model, "change", pk), {"state": "EXPORTED", "_save": "Save"}).status_code == 403
    assert client.post(url(model, "delete", pk), {"post": "yes"}).status_code == 403
    client.post(url(model), {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert before == [list(rows.values()) for rows in (Participant.objects, ExportAttempt.objects, Delivery.objects)]


def test_a_manager_reads_a_flow_without_being_able_to_change_it(manager: Client) -> None:
    flow = FlowFactory(title="Anatomy")
    page = text_of(manager.get(url("exports_flow", "change", flow.pk)))
    assert "Anatomy" in page
    assert 'name="_save"' not in page
    assert manager.post(url("exports_flow", "change", flow.pk), {"title": "Other"}).status_code == 403
    assert manager.get(url("exports_flow", "add")).status_code == 403


def flow_form(**fields: str) -> dict[str, str]:
    return {
        "title": "Anatomy",
        "column_mappings-TOTAL_FORMS": "0",
        "column_mappings-INITIAL_FORMS": "0",
        **fields,
    }


def test_an_administrator_adds_a_flow_with_its_column(administrator: Client) -> None:
    column = GradeColumnFactory()
    form = flow_form(
        flow_id="4711",
        instant_export="on",
        **{
            "column_mappings-TOTAL_FORMS": "1",
            "column_mappings-0-source_code": "",
            "column_mappings-0-grade_column": str(column.pk),
        },
    )
    assert administrator.post(url("exports_flow", "add"), form).status_code == 302
    assert Flow.objects.get(flow_id="4711").instant_export
    assert ColumnMapping.objects.get(flow__flow_id="4711").grade_column == column


def test_a_flow_keeps_its_id_for_good(administrator: Client) -> None:
    flow = FlowFactory(flow_id="77")
    form = flow_form(flow_id="78", state="EXPORTED")
    assert administrator.post(url("exports_flow", "change", flow.pk), form).status_code == 302
    flow.refresh_from_db()
    assert (flow.flow_id, flow.title, flow.state) == ("77", "Anatomy", "NOT_EXPORTED")


def test_a_flow_with_history_cannot_be_deleted(superuser: Client) -> None:
    flow = ParticipantFactory(exported=True).flow
    assert superuser.post(url("exports_flow", "delete", flow.pk), {"post": "yes"}).status_code == 403
    superuser.post(url("exports_flow"), {"action": "delete_selected", "_selected_action": [flow.pk], "post": "yes"})
    assert Flow.objects.filter(pk=flow.pk).exists()


def test_a_flow_nothing_was_sent_for_can_be_deleted(administrator: Client) -> None:
    flow = FlowFactory()
    assert administrator.post(url("exports_flow", "delete", flow.pk), {"post": "yes"}).status_code == 302
    assert not Flow.objects.exists()


def test_api_clients_are_none_of_a_managers_business(manager: Client) -> None:
    client = ApiClientFactory()
    assert manager.get(url("exports_apiclient")).status_code == 403
    assert manager.get(url("exports_apiclient", "change", client.pk)).status_code == 403
    assert manager.post(url("exports_apiclient", "new_key", client.pk)).status_code == 403


def test_the_side_bar_shows_only_what_opens(manager: Client, administrator: Client) -> None:
    seen_by_manager, seen_by_administrator = (
        text_of(who.get(reverse("admin:index"))) for who in (manager, administrator)
    )
    clients, users = f'href="{url("exports_apiclient")}"', f'href="{url("auth_user")}"'
    for model in LISTS:
        assert f'href="{url(model)}"' in seen_by_manager
    assert clients not in seen_by_manager
    assert clients in seen_by_administrator
    assert users not in seen_by_administrator


@pytest.mark.parametrize("attempt_is", ["running", "dead"])
def test_an_attempt_shows_who_asked_for_it(attempt_is: str, manager: Client) -> None:
    attempt = ExportAttemptFactory(api_client=ApiClientFactory(name="WISEflow production"), **{attempt_is: True})
    assert "WISEflow production" in text_of(manager.get(url("exports_exportattempt", "change", attempt.pk)))
