"""Corrections in the admin: who may ask, who may decide, and that nothing is sent by a way around."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from courses.models import Course, GradeColumn
from exports.grades.causes import Cause
from exports.models import Correction, Delivery, ExportAttempt, ExportState, GradeInLearn, Participant
from tests.factories import (
    ColumnMappingFactory,
    CorrectionFactory,
    FlowFactory,
    GradeInLearnFactory,
    ParticipantFactory,
    UserFactory,
)
from tests.signed_in import messages_of, signed_in, text_of

LIST = "/admin/exports/correction/"
ASKED, APPROVED, DECLINED = Correction.State.ASKED, Correction.State.APPROVED, Correction.State.DECLINED


def asks(participant: Participant) -> str:
    return f"{LIST}ask/{participant.pk}/"


def page(correction: Correction, name: str = "change") -> str:
    return f"{LIST}{correction.pk}/{name}/"


def user_of(client: Client) -> User:
    return User.objects.get(pk=client.session["_auth_user_id"])


def without(permission: str) -> Client:
    """A manager who lacks one permission."""
    client = signed_in(manager=True)
    group = user_of(client).groups.get()
    group.permissions.remove(*group.permissions.filter(codename=permission))
    return client


@pytest.fixture
def participant(db: None) -> Participant:
    """Their B stands in Learn."""
    found: Participant = ParticipantFactory(
        exported=True,
        user_id="anna",
        grade__course_id="BIO101",
        grade__column_name="Essay",
    )
    GradeColumn.objects.update(name="Essay")
    Course.objects.update(course_id="BIO101")
    return found


@pytest.fixture
def waiting(participant: Participant) -> Correction:
    """Asked for by somebody else: from B to A."""
    correction: Correction = CorrectionFactory(participant=participant, asked_by__username="asker")
    return correction


FORM = {"mark": "A", "reason": "Added up wrongly"}


class TestAsking:
    def test_the_participants_page_offers_it(self, manager: Client, participant: Participant) -> None:
        seen = text_of(manager.get(f"/admin/exports/participant/{participant.pk}/change/"))
        assert f'href="{asks(participant)}"' in seen

    def test_the_form_says_what_stands_in_learn(self, manager: Client, participant: Participant) -> None:
        seen = text_of(manager.get(asks(participant)))
        assert ">B</span> since 3 May 2026" in seen
        assert "in column Essay of course BIO101 for Learn user anna" in seen
        assert "Nothing is sent before somebody else has approved it." in seen

    def test_it_proposes_what_wiseflow_changed_the_mark_to(self, manager: Client, participant: Participant) -> None:
        assert manager.get(asks(participant)).context["form"]["mark"].value() == ""
        Participant.objects.update(mark="C", changed_since_export=True)
        seen = manager.get(asks(participant))
        assert seen.context["form"]["mark"].value() == "C"
        assert [send.value for send, _left in seen.context["outlook"]["places"]] == ["C"]

    def test_an_alternative_grade_is_not_proposed(self, manager: Client, participant: Participant) -> None:
        Participant.objects.update(mark="B", alternative_grade="U", changed_since_export=True)
        assert manager.get(asks(participant)).context["form"]["mark"].value() == ""

    def test_while_it_is_typed_it_says_what_would_become_of_it(self, manager: Client, participant: Participant) -> None:
        seen = text_of(manager.get(asks(participant), {"mark": "A"}))
        assert ">A</span> in column Essay of course BIO101, for Learn user anna" in seen
        assert "Nothing would change: Learn shows B" in text_of(manager.get(asks(participant), {"mark": "B"}))
        participant.flow.column_mappings.all().delete()
        assert "This flow is not mapped to a Learn column." in text_of(manager.get(asks(participant), {"mark": "A"}))

    def test_a_mapping_that_has_changed_since_is_pointed_out(self, manager: Client, participant: Participant) -> None:
        GradeInLearn.objects.update(column_name="Old essay")
        seen = text_of(manager.get(asks(participant), {"mark": "A"}))
        assert (
            "B stays in Learn for anna, in column Old essay of course BIO101, until somebody removes it there." in seen
        )

    def test_another_learn_user_than_at_the_export_is_pointed_out(
        self, manager: Client, participant: Participant
    ) -> None:
        assert "stays in Learn" not in text_of(manager.get(asks(participant), {"mark": "A"}))
        GradeInLearn.objects.update(learn_user_id="anna-old")
        seen = text_of(manager.get(asks(participant), {"mark": "A"}))
        assert (
            "B stays in Learn for anna-old, in column Essay of course BIO101, until somebody removes it there." in seen
        )

    def test_once_sent_it_waits_and_nothing_is_on_its_way(self, manager: Client, participant: Participant) -> None:
        response = manager.post(asks(participant), FORM)
        correction = Correction.objects.get()
        assert response.url == page(correction)
        assert (correction.state, correction.asked_by, correction.mark) == (ASKED, user_of(manager), "A")
        assert not Delivery.objects.exists()

    @pytest.mark.parametrize(
        ("form", "sentence"),
        [
            ({"mark": ""}, "This field is required."),
            ({"mark": "x" * 334}, "at most 333 characters"),
            ({"mark": "B"}, "Nothing would change: Learn shows B for this mark already."),
            ({"reason": " "}, "This field is required."),
            ({"reason": "x" * 2001}, "at most 2000 characters"),
        ],
    )
    def test_a_form_that_makes_no_sense_comes_back_with_the_reason(
        self, form: dict[str, str], sentence: str, manager: Client, participant: Participant
    ) -> None:
        response = manager.post(asks(participant), FORM | form)
        assert response.status_code == 200
        assert sentence in text_of(response)
        assert not Correction.objects.exists()

    @pytest.mark.parametrize(
        ("traits", "sentence"),
        [
            ({"failed": True}, "has not been exported yet"),
            ({"queued": True}, "on its way to Learn"),
            ({"exported_alternative": True}, "The alternative grade was exported as U and is locked."),
            ({"replaced": True}, "Another grade is in Learn in its place."),
        ],
    )
    def test_where_it_is_impossible_there_is_no_button_and_no_way_in(
        self, traits: dict[str, Any], sentence: str, manager: Client
    ) -> None:
        participant = ParticipantFactory(**traits)
        seen = text_of(manager.get(f"/admin/exports/participant/{participant.pk}/change/"))
        assert asks(participant) not in seen
        for response in (manager.get(asks(participant)), manager.post(asks(participant), FORM)):
            assert response.status_code == 302
            assert sentence in messages_of(response)[0]
        assert not Correction.objects.exists()

    @pytest.mark.parametrize(("second", "asks_for_it"), [("B", False), ("C", True)])
    def test_of_several_sources_one_is_chosen_where_their_grades_differ(
        self, second: str, asks_for_it: bool, manager: Client
    ) -> None:
        person = ParticipantFactory(sources={"S1": "SIS", "S2": "SIS"}, state=ExportState.EXPORTED)
        for source, value in (("S1", "B"), ("S2", second)):
            mapping = ColumnMappingFactory(flow=person.flow, source_code=source, grade_column__name=f"Lab {source}")
            GradeInLearnFactory(
                participant=person,
                source_code=source,
                value=value,
                column_name=f"Lab {source}",
                course_id=mapping.grade_column.course.course_id,
            )
        seen = manager.get(asks(person), {"mark": "A"})
        for source in ("S1", "S2"):
            assert f"in column Lab {source} of course" in text_of(seen)
        foreseen = [send.column.name for send, _left in seen.context["outlook"]["places"]]
        assert foreseen == (["Lab S1"] if asks_for_it else ["Lab S1", "Lab S2"])
        if asks_for_it:
            seen = manager.get(asks(person), {"mark": "A", "source_code": "S2"})
            assert [send.column.name for send, _left in seen.context["outlook"]["places"]] == ["Lab S2"]
        assert ("source_code" in seen.context["form"].fields) == asks_for_it
        assert (manager.post(asks(person), FORM).status_code == 200) == asks_for_it
        if asks_for_it:
            assert manager.post(asks(person), FORM | {"source_code": "S2"}).status_code == 302
        assert Correction.objects.get().source_code == ("S2" if asks_for_it else "")
        assert manager.get(page(Correction.objects.get())).status_code == 200

    def test_while_one_waits_there_is_no_second(self, manager: Client, waiting: Correction) -> None:
        seen = text_of(manager.get(f"/admin/exports/participant/{waiting.participant_id}/change/"))
        assert asks(waiting.participant) not in seen
        assert page(waiting) in seen
        assert "waits for approval" in messages_of(manager.post(asks(waiting.participant), FORM))[0]
        assert Correction.objects.count() == 1

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_without_the_permission_it_is_refused(self, method: str, participant: Participant) -> None:
        client = without("add_correction")
        assert getattr(client, method)(asks(participant), FORM).status_code == 403
        assert asks(participant) not in text_of(client.get(f"/admin/exports/participant/{participant.pk}/change/"))
        assert not Correction.objects.exists()

    def test_an_unknown_participant_is_not_found(self, manager: Client) -> None:
        assert manager.get(f"{LIST}ask/0/").status_code == 404


class TestApproving:
    def test_it_asks_first_and_says_that_it_cannot_be_recalled(self, manager: Client, waiting: Correction) -> None:
        assert f'href="{page(waiting, "approve")}"' in text_of(manager.get(page(waiting)))
        seen = text_of(manager.get(page(waiting, "approve")))
        assert "Put A in place of B for anna?" in seen
        assert "cannot be recalled" in seen
        assert "Added up wrongly" in seen
        waiting.refresh_from_db()
        assert waiting.state == ASKED

    def test_once_confirmed_the_new_mark_is_on_its_way(self, manager: Client, waiting: Correction) -> None:
        response = manager.post(page(waiting, "approve"))
        waiting.refresh_from_db()
        assert (waiting.state, waiting.decided_by) == (APPROVED, user_of(manager))
        assert waiting.attempt is not None
        assert response.url == f"/admin/exports/exportattempt/{waiting.attempt.pk}/change/"
        assert messages_of(response) == ["Approved: A is on the way to Learn."]
        assert Delivery.objects.get().value == "A"
        assert DBTaskResult.objects.count() == 1
        assert "It is on its way to Learn." in text_of(manager.get(page(waiting)))

    def test_twice_is_once(self, manager: Client, administrator: Client, waiting: Correction) -> None:
        manager.post(page(waiting, "approve"))
        response = administrator.post(page(waiting, "approve"))
        assert "It was approved by" in messages_of(response)[0]
        assert Delivery.objects.count() == 1

    def test_a_rule_that_refuses_it_is_named(self, manager: Client, waiting: Correction) -> None:
        waiting.participant.flow.column_mappings.all().delete()
        response = manager.post(page(waiting, "approve"))
        assert response.url == page(waiting)
        assert messages_of(response) == [
            "Approved, but a rule keeps A from being sent. This flow is not mapped to a Learn column. "
            "Map it in GradeBridge, then retry."
        ]
        participant = Participant.objects.get()
        assert (participant.state, participant.cause) == (ExportState.EXPORTED, Cause.NOT_MAPPED)
        assert "Learn has not confirmed it." in text_of(manager.get(page(waiting)))
        people = text_of(manager.get(f"/admin/exports/participant/{participant.pk}/change/"))
        assert "A correction to A is approved, but Learn has not confirmed it." in people
        assert f"/admin/exports/participant/{participant.pk}/retry/" in people
        shown = manager.get(LIST, {"undelivered": "yes"}).context["cl"].result_list
        assert list(shown) == [waiting]

    def test_it_says_that_learn_shows_it_only_where_it_does(self, manager: Client, participant: Participant) -> None:
        Participant.objects.update(mark="A")
        GradeInLearn.objects.update(mark="A", value="A")
        correction = CorrectionFactory(participant=participant, approved=True, mark="A")
        Participant.objects.update(approved_mark="")
        assert 'Learn shows <span class="gb-strong">A</span>' in text_of(manager.get(page(correction)))

        GradeInLearn.objects.update(mark="B", value="B")
        seen = text_of(manager.get(page(correction)))
        assert "Learn shows <" not in seen
        assert "This correction is not what is in Learn now" in seen

        GradeInLearnFactory.end(GradeInLearn.objects.get(), GradeInLearn.Ending.OVERWRITTEN)
        Participant.objects.update(state=ExportState.FAILED, cause=Cause.REPLACED, detail="C of person u2 in flow 78")
        seen = text_of(manager.get(page(correction)))
        assert "Learn shows <" not in seen
        assert "Another grade is in Learn now for this Learn user in this column: C of person u2 in flow 78." in seen
        assert "Its attempt:" in seen

    def test_what_stands_otherwise_now_cannot_be_approved(self, manager: Client, waiting: Correction) -> None:
        GradeInLearn.objects.update(mark="C", value="C")
        seen = text_of(manager.get(page(waiting)))
        assert "Learn shows C now, not B" in seen
        assert page(waiting, "approve") not in seen
        for response in (manager.get(page(waiting, "approve")), manager.post(page(waiting, "approve"))):
            assert "Learn shows C now, not B" in messages_of(response)[0]
        assert not ExportAttempt.objects.exists()

    @pytest.mark.parametrize("people", [{"manager": True}, {"administrator": True}, {"is_superuser": True}])
    def test_the_asker_sees_take_back_alone_and_cannot_approve(
        self, people: dict[str, bool], participant: Participant
    ) -> None:
        client = signed_in(**people)
        correction = CorrectionFactory(participant=participant, asked_by=user_of(client))
        seen = text_of(client.get(page(correction)))
        assert "Take back" in seen
        assert page(correction, "approve") not in seen
        assert ">Decline<" not in seen.replace(" ", "")
        for response in (client.get(page(correction, "approve")), client.post(page(correction, "approve"))):
            assert response.status_code == 302
            assert messages_of(response)[-1] == (
                "You have asked for this correction yourself. Somebody else must approve it."
            )
        correction.refresh_from_db()
        assert correction.state == ASKED
        assert not ExportAttempt.objects.exists()

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_without_the_permission_it_is_refused(self, method: str, waiting: Correction) -> None:
        client = without("approve_correction")
        assert getattr(client, method)(page(waiting, "approve")).status_code == 403
        seen = text_of(client.get(page(waiting)))
        assert page(waiting, "approve") not in seen
        assert page(waiting, "decline") not in seen
        assert not ExportAttempt.objects.exists()

    def test_an_anonymous_visitor_is_sent_to_sign_in(self, client: Client, waiting: Correction) -> None:
        for address in (asks(waiting.participant), page(waiting, "approve"), page(waiting, "decline")):
            assert client.post(address, FORM).url.startswith("/admin/login/")
        waiting.refresh_from_db()
        assert waiting.state == ASKED

    def test_staff_in_neither_group_are_refused(self, waiting: Correction) -> None:
        client = signed_in()
        for address in (asks(waiting.participant), page(waiting, "approve"), page(waiting, "decline")):
            assert client.post(address, FORM).status_code == 403
        assert client.get(LIST).status_code == 403

    def test_a_request_from_another_site_is_refused(self, waiting: Correction) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(UserFactory(manager=True))
        assert client.post(page(waiting, "approve")).status_code == 403
        assert not ExportAttempt.objects.exists()

    def test_an_unknown_correction_is_not_found(self, manager: Client) -> None:
        assert manager.post(f"{LIST}0/approve/").status_code == 404


class TestDeclining:
    def test_somebody_else_declines_it(self, manager: Client, waiting: Correction) -> None:
        response = manager.post(page(waiting, "decline"))
        waiting.refresh_from_db()
        assert (waiting.state, waiting.decided_by) == (DECLINED, user_of(manager))
        assert messages_of(response) == ["Declined. The grade in Learn stays as it is."]
        assert "Nothing was sent." in text_of(manager.get(page(waiting)))

    def test_the_asker_takes_it_back_even_without_the_right_to_approve(self, participant: Participant) -> None:
        client = without("approve_correction")
        correction = CorrectionFactory(participant=participant, asked_by=user_of(client))
        assert messages_of(client.post(page(correction, "decline"))) == [
            "Taken back. The grade in Learn stays as it is."
        ]
        assert "Taken back by" in text_of(client.get(page(correction)))

    def test_without_the_permission_it_is_refused(self, waiting: Correction) -> None:
        assert without("approve_correction").post(page(waiting, "decline")).status_code == 403
        waiting.refresh_from_db()
        assert waiting.state == ASKED

    def test_a_link_alone_declines_nothing(self, manager: Client, waiting: Correction) -> None:
        assert manager.get(page(waiting, "decline")).status_code == 405
        waiting.refresh_from_db()
        assert waiting.state == ASKED

    def test_too_late_is_said(self, manager: Client) -> None:
        correction = CorrectionFactory(approved=True)
        assert "It was approved by" in messages_of(manager.post(page(correction, "decline")))[0]
        correction.refresh_from_db()
        assert correction.state == APPROVED


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
        CorrectionFactory(approved=True, asked_by__username="asker", decided_by__username="approver")
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
        assert f'href="{LIST}?state__exact=ASKED"' in text_of(response)
        assert response.context["corrections"] == 1

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
