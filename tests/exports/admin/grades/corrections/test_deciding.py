"""Approving and declining a correction, in the admin."""

import pytest
from django.test import Client
from django_tasks_db.models import DBTaskResult

from exports.grades.causes import Cause
from exports.models import Correction, Delivery, ExportAttempt, ExportState, GradeInLearn, Participant
from tests.exports.admin.grades.corrections.conftest import (
    APPROVED,
    ASKED,
    DECLINED,
    FORM,
    LIST,
    asks,
    page,
    user_of,
    without,
)
from tests.factories import CorrectionFactory, GradeInLearnFactory, UserFactory
from tests.pages import words_of
from tests.signed_in import messages_of, signed_in, text_of


class TestApproving:
    def test_it_asks_first_and_says_that_it_cannot_be_recalled(self, manager: Client, waiting: Correction) -> None:
        assert f'href="{page(waiting, "approve")}"' in text_of(manager.get(page(waiting)))
        seen = text_of(manager.get(page(waiting, "approve")))
        assert "Replace mark B with mark A in Learn for anna?" in seen
        assert "cannot be undone" in seen
        assert "Added up wrongly" in seen
        waiting.refresh_from_db()
        assert waiting.state == ASKED

    def test_once_confirmed_the_new_mark_is_on_its_way(self, manager: Client, waiting: Correction) -> None:
        response = manager.post(page(waiting, "approve"))
        waiting.refresh_from_db()
        assert (waiting.state, waiting.decided_by) == (APPROVED, user_of(manager))
        assert waiting.attempt is not None
        assert response.url == f"/admin/exports/exportattempt/{waiting.attempt.pk}/change/"
        assert messages_of(response) == ["Approved. A is being sent to Learn."]
        assert Delivery.objects.get().value == "A"
        assert DBTaskResult.objects.count() == 1
        assert "It is being sent to Learn." in text_of(manager.get(page(waiting)))

    def test_twice_is_once(self, manager: Client, administrator: Client, waiting: Correction) -> None:
        manager.post(page(waiting, "approve"))
        response = administrator.post(page(waiting, "approve"))
        assert "This was approved by" in messages_of(response)[0]
        assert Delivery.objects.count() == 1

    def test_a_rule_that_refuses_it_is_named(self, manager: Client, waiting: Correction) -> None:
        waiting.participant.flow.column_mappings.all().delete()
        response = manager.post(page(waiting, "approve"))
        assert response.url == page(waiting)
        assert messages_of(response) == [
            "Approved, but A could not be sent. No Learn column is chosen for this flow. "
            "Ask an administrator to choose the Learn column, then retry."
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
        assert "Learn shows A" in words_of(manager.get(page(correction)))

        GradeInLearn.objects.update(mark="B", value="B")
        seen = words_of(manager.get(page(correction)))
        assert "Learn shows" not in seen
        assert "Learn no longer shows this correction." in seen

        GradeInLearnFactory.end(GradeInLearn.objects.get(), GradeInLearn.Ending.OVERWRITTEN)
        detail = {"value": "C", "user_id": "u2", "flow_id": "78"}
        Participant.objects.update(state=ExportState.FAILED, cause=Cause.REPLACED, detail=detail)
        seen = words_of(manager.get(page(correction)))
        assert "Learn shows" not in seen
        assert "Learn now shows C of student u2 in flow 78 for the same Learn user and column." in seen
        assert "Its attempt:" in seen

    def test_what_stands_otherwise_now_cannot_be_approved(self, manager: Client, waiting: Correction) -> None:
        GradeInLearn.objects.update(mark="C", value="C")
        seen = text_of(manager.get(page(waiting)))
        assert "(B, now C)" in seen
        assert page(waiting, "approve") not in seen
        for response in (manager.get(page(waiting, "approve")), manager.post(page(waiting, "approve"))):
            assert "(B, now C)" in messages_of(response)[0]
        assert not ExportAttempt.objects.exists()

    @pytest.mark.parametrize("people", [{"manager": True}, {"administrator": True}, {"is_superuser": True}])
    def test_the_asker_sees_take_back_alone_and_cannot_approve(
        self, people: dict[str, bool], participant: Participant
    ) -> None:
        client = signed_in(**people)
        correction = CorrectionFactory(participant=participant, requested_by=user_of(client))
        seen = text_of(client.get(page(correction)))
        assert "Withdraw request" in seen
        assert page(correction, "approve") not in seen
        assert ">Decline<" not in seen.replace(" ", "")
        for response in (client.get(page(correction, "approve")), client.post(page(correction, "approve"))):
            assert response.status_code == 302
            assert messages_of(response)[-1] == (
                "You requested this correction yourself. Another person must approve it."
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
        response = manager.post(page(waiting, "decline"), {"reason": "Counted twice"})
        waiting.refresh_from_db()
        assert (waiting.state, waiting.decided_by) == (DECLINED, user_of(manager))
        assert waiting.decline_reason == "Counted twice"
        assert messages_of(response) == ["Declined. The grade in Learn is unchanged."]
        seen = text_of(manager.get(page(waiting)))
        assert "Nothing was sent." in seen
        assert "Counted twice" in seen

    @pytest.mark.parametrize(
        "given", [{}, {"reason": ""}, {"reason": " \n"}, {"reason": "x" * 2001}, {"reason": "a\u202eb"}]
    )
    def test_a_reason_is_asked_for_first(self, given: dict[str, str], manager: Client, waiting: Correction) -> None:
        response = manager.post(page(waiting, "decline"), given)
        assert 'name="reason"' in text_of(response)
        waiting.refresh_from_db()
        assert waiting.state == ASKED

    def test_the_asker_takes_it_back_even_without_the_right_to_approve(self, participant: Participant) -> None:
        client = without("approve_correction")
        correction = CorrectionFactory(participant=participant, requested_by=user_of(client))
        assert messages_of(client.post(page(correction, "decline"))) == [
            "Request withdrawn. The grade in Learn is unchanged."
        ]
        assert "Withdrawn by" in text_of(client.get(page(correction)))

    def test_without_the_permission_it_is_refused(self, waiting: Correction) -> None:
        assert without("approve_correction").post(page(waiting, "decline")).status_code == 403
        waiting.refresh_from_db()
        assert waiting.state == ASKED

    def test_a_link_alone_declines_nothing(self, manager: Client, waiting: Correction) -> None:
        assert 'name="reason"' in text_of(manager.get(page(waiting, "decline")))
        waiting.refresh_from_db()
        assert waiting.state == ASKED

    def test_too_late_is_said(self, manager: Client) -> None:
        correction = CorrectionFactory(approved=True)
        assert "This was approved by" in messages_of(manager.post(page(correction, "decline")))[0]
        correction.refresh_from_db()
        assert correction.state == APPROVED
