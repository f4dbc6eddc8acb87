"""Where corrections are seen in the admin."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exports.models import Correction, ExportAttempt, Participant
from tests.exports.admin.grades.corrections.conftest import FORM, LIST, page, without
from tests.factories import CorrectionFactory, FlowFactory, ParticipantFactory
from tests.signed_in import signed_in, text_of


class TestHistory:
    @pytest.mark.parametrize("people", [{"manager": True}, {"administrator": True}, {"is_superuser": True}])
    def test_nobody_adds_changes_or_deletes_one(self, people: dict[str, bool], waiting: Correction) -> None:
        client = signed_in(**people)
        before = Correction.objects.values().get()
        assert client.post(f"{LIST}add/", FORM).status_code == 403
        assert client.post(page(waiting), {"state": "APPROVED", "_save": "Save"}).status_code == 403
        assert client.post(page(waiting, "delete"), {"post": "yes"}).status_code == 403
        client.post(LIST, {"action": "delete_selected", "_selected_action": [waiting.pk], "post": "yes"})
        assert Correction.objects.values().get() == before

    @pytest.mark.parametrize("state", ["ASKED", "APPROVED", "DECLINED"])
    def test_the_tabs_show_each_state(self, state: str, manager: Client) -> None:
        rows = {"ASKED": CorrectionFactory(), "APPROVED": CorrectionFactory(approved=True)}
        rows["DECLINED"] = CorrectionFactory(declined=True)
        response = manager.get(LIST, {"state__exact": state})
        assert list(response.context["cl"].result_list) == [rows[state]]
        assert "?state__exact=ASKED" in text_of(response)
        assert manager.get(page(rows[state])).status_code == 200

    def test_it_says_who_what_before_after_why_and_the_state_of_its_attempt(self, manager: Client) -> None:
        CorrectionFactory(approved=True, requested_by__username="asker", decided_by__username="approver")
        for seen in (text_of(manager.get(LIST)), text_of(manager.get(page(Correction.objects.get())))):
            for text in ("B → A", "Added up wrongly", "asker", "approver", ">Approved</span>", ">Failed</span>"):
                assert text in seen

    def test_it_outlives_its_attempt(self, manager: Client) -> None:
        correction = CorrectionFactory(approved=True)
        ExportAttempt.objects.all().delete()
        assert "Purged" in text_of(manager.get(LIST))
        assert manager.get(page(correction)).status_code == 200

    @pytest.mark.parametrize("term", ["anna", "biology", "77"])
    def test_it_is_found_by_person_and_flow(self, term: str, manager: Client) -> None:
        flow = FlowFactory(mapped=True, flow_id="77", title="Exam in biology")
        correction = CorrectionFactory(participant=ParticipantFactory(exported=True, user_id="anna", flow=flow))
        CorrectionFactory(participant__user_id="ben", participant__flow=FlowFactory(flow_id="X", title="Other"))
        assert list(manager.get(LIST, {"q": term}).context["cl"].result_list) == [correction]

    def test_the_list_costs_the_same_statements_however_long(self, manager: Client) -> None:
        counts = []
        for number in (1, 20):
            CorrectionFactory.create_batch(number, approved=True)
            with CaptureQueriesContext(connection) as queries:
                manager.get(LIST)
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_the_side_bar_and_the_dashboard_lead_to_it(self, manager: Client, waiting: Correction) -> None:
        response = manager.get(reverse("admin:index"))
        assert f'href="{LIST}"' in text_of(response)
        assert f'href="{LIST}?waiting=for_me"' in text_of(response)
        assert "1 correction is waiting for you" in text_of(response)

    def test_without_the_permission_neither_does(self, participant: Participant) -> None:
        client = without("view_correction")
        assert LIST not in text_of(client.get(reverse("admin:index")))
        assert client.get(LIST).status_code == 403


class TestChangedSinceExport:
    @pytest.fixture
    def flow(self) -> Any:
        flow = FlowFactory(mapped=True)
        ParticipantFactory.create_batch(2, flow=flow, exported=True, changed_since_export=True)
        ParticipantFactory(flow=flow, exported=True)
        return flow

    def test_the_list_of_flows_says_how_many(self, manager: Client, flow: Any) -> None:
        other = FlowFactory()
        response = manager.get("/admin/exports/flow/")
        assert "2 changed</a>" in text_of(response)
        assert {row.pk: row.changed_count for row in response.context["cl"].result_list} == {flow.pk: 2, other.pk: None}

    def test_the_flows_page_says_so_and_leads_to_them(self, manager: Client, flow: Any) -> None:
        seen = text_of(manager.get(f"/admin/exports/flow/{flow.pk}/change/"))
        assert "2 changed</a>" in seen
        people = manager.get(f"/admin/exports/participant/?flow__exact={flow.pk}&changed_since_export__exact=1")
        assert people.context["cl"].result_count == 2

    def test_nobody_changed_is_not_worth_a_word(self, manager: Client) -> None:
        flow = ParticipantFactory(exported=True).flow
        for address in ("/admin/exports/flow/", f"/admin/exports/flow/{flow.pk}/change/"):
            assert "0 changed" not in text_of(manager.get(address))

    def test_the_list_costs_the_same_statements_however_long(self, manager: Client, flow: Any) -> None:
        counts = []
        for number in (1, 20):
            for _ in range(number):
                ParticipantFactory(exported=True, changed_since_export=True)
            with CaptureQueriesContext(connection) as queries:
                manager.get("/admin/exports/flow/")
            counts.append(len(queries))
        assert counts[0] == counts[1]
