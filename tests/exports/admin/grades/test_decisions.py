"""Keeping and replacing a grade that Learn shows: on the participant's page, and in the list of decisions."""

import pytest
from django.urls import reverse

from exports.models import Decision, Delivery, Event
from tests.exports.admin.desk.conftest import figures, manager_without, panel, person_of, visit
from tests.factories import DecisionFactory, GradeInLearnFactory, ParticipantFactory
from tests.pages import rows_of, words_of
from tests.signed_in import messages_of, signed_in

LIST = "/admin/exports/decision/"


def page_of(row):
    return reverse(f"admin:exports_{row._meta.model_name}_change", args=[row.pk])


def button(decision, name):
    return reverse(f"admin:exports_decision_{name}", args=[decision.pk])


def asked(client, grade, name):
    """The page that asks, and its address."""
    address = reverse(f"admin:exports_participant_{name}", args=[grade.participant_id])
    query = dict(zip(("course", "column", "user"), grade.place, strict=True))
    return client.get(
        address, query
    ), f"{address}?course={query['course']}&column={query['column']}&user={query['user']}"


@pytest.fixture
def grade(db):
    return GradeInLearnFactory(different=True)


class TestAsking:
    def test_the_page_shows_both_grades_and_offers_both_decisions(self, grade, manager):
        response = manager.get(page_of(grade.participant))

        row = next(row for row in rows_of(response) if "What is known" in row)
        assert (row["GradeBridge's grade"], row["Learn shows"]) == ("B", "12")
        assert row["What to do"] == "Keep Learn's Replace it"

    def test_learns_grade_is_kept_for_a_reason(self, grade, manager):
        asks, address = asked(manager, grade, "keep")
        assert f"Keep Learn's grade for {grade.participant.user_id}?" in words_of(asks)
        assert "Nothing is sent." in words_of(asks)

        response = manager.post(address, {"reason": "The teacher is right", "shown": "12", "value": "B"}, follow=True)

        decision = Decision.objects.get()
        assert (decision.kind, decision.state, decision.shown) == ("KEEP", "APPROVED", "12")
        assert messages_of(response) == ["Learn's grade is kept. GradeBridge does not overwrite it."]
        assert "Learn's grade is kept." in words_of(response)
        assert "Keep Learn's" not in {row.get("What to do") for row in rows_of(response)}
        assert "All 1 exams" not in words_of(panel(visit(manager), "headline"))

    def test_a_replacement_is_requested_and_waits_for_a_colleague(self, grade, manager):
        _asks, address = asked(manager, grade, "replace")

        response = manager.post(address, {"reason": "Typed by mistake", "shown": "12", "value": "B"}, follow=True)

        decision = Decision.objects.get()
        assert (decision.kind, decision.state, decision.requested_by) == ("REPLACE", "ASKED", person_of(manager))
        assert messages_of(response) == ["Replacement requested. It is sent when another person approves it."]
        assert "This is your request. A colleague must approve it." in words_of(response)
        assert not Delivery.objects.exists()
        assert Event.objects.get(kind=Event.Kind.DECISION_REQUESTED).data == {"decision": decision.pk}

    @pytest.mark.parametrize("name", ["keep", "replace"])
    def test_without_a_reason_nothing_is_decided(self, name, grade, manager):
        response = manager.post(asked(manager, grade, name)[1], {"reason": " ", "shown": "12", "value": "B"})

        assert response.status_code == 422
        assert not Decision.objects.exists()

    @pytest.mark.parametrize("name", ["keep", "replace"])
    def test_what_has_changed_since_it_was_shown_is_not_decided(self, name, grade, manager):
        address = asked(manager, grade, name)[1]

        response = manager.post(address, {"reason": "Right", "shown": "11", "value": "B"}, follow=True)

        assert messages_of(response) == [
            "The grades have changed since then. Look at the student's page again, then decide."
        ]
        assert not Decision.objects.exists()

    def test_where_nothing_differs_there_is_nothing_to_decide(self, manager):
        grade = GradeInLearnFactory(proven=True)

        response, _address = asked(manager, grade, "keep")

        assert response.status_code == 302
        assert "Different in Learn" not in {row.get("What is known") for row in rows_of(manager.get(response.url))}

    def test_a_grade_that_was_not_sent_because_of_learns_is_decided_there_too(self, manager):
        person = ParticipantFactory(changed_in_learn=True)

        row = next(row for row in rows_of(manager.get(page_of(person))) if "What is known" in row)

        assert (row["GradeBridge's grade"], row["Learn shows"]) == ("B", "12")

    @pytest.mark.parametrize("name", ["keep", "replace"])
    def test_only_who_may_decides(self, name, grade):
        client = manager_without("add_decision")

        assert asked(client, grade, name)[0].status_code == 403
        assert "Ask a manager to decide" in words_of(client.get(page_of(grade.participant)))


class TestDeciding:
    def test_what_waits_for_a_person_is_on_the_dashboard_and_in_the_list(self, manager):
        theirs = DecisionFactory()
        DecisionFactory(requested_by=person_of(manager))

        found = {figure.text: figure for figure in figures(visit(manager))}

        figure = found["1 replacement of a grade in Learn is waiting for you"]
        assert set(manager.get(figure.address).context["cl"].result_list) == {theirs}

    def test_a_colleague_approves_and_it_is_sent(self, manager):
        decision = DecisionFactory()
        asks = manager.get(button(decision, "approve"))
        assert "This cannot be undone: what Learn shows now is lost." in words_of(asks)

        response = manager.post(button(decision, "approve"), follow=True)

        decision.refresh_from_db()
        assert (decision.state, decision.decided_by) == ("APPROVED", person_of(manager))
        assert decision.attempt.deliveries.get().value == "B"
        assert messages_of(response) == ["Approved. B is being sent to Learn."]
        page = words_of(manager.get(page_of(decision.attempt)))
        assert f"Requested by {decision.requested_by}, approved by {decision.decided_by}" in page

    def test_no_one_approves_their_own_request(self, manager):
        decision = DecisionFactory(requested_by=person_of(manager))

        response = manager.post(button(decision, "approve"), follow=True)

        assert Decision.objects.get().state == "ASKED"
        assert len(messages_of(response)) == 1

    def test_who_requested_it_withdraws_it(self, manager):
        decision = DecisionFactory(requested_by=person_of(manager))

        response = manager.post(button(decision, "decline"), follow=True)

        assert Decision.objects.get().state == "DECLINED"
        assert messages_of(response) == ["Request withdrawn. The grade in Learn is unchanged."]

    def test_a_colleague_declines_for_a_reason(self, manager):
        decision = DecisionFactory()
        assert "Decline putting B in Learn" in words_of(manager.post(button(decision, "decline")))

        manager.post(button(decision, "decline"), {"reason": "The teacher is right"})

        decision.refresh_from_db()
        assert (decision.state, decision.decline_reason) == ("DECLINED", "The teacher is right")
        assert "Declined by" in words_of(manager.get(page_of(decision)))

    def test_who_may_not_approve_neither_approves_nor_declines(self, db):
        decision, client = DecisionFactory(), manager_without("approve_decision")

        assert client.post(button(decision, "approve")).status_code == 403
        assert client.post(button(decision, "decline"), {"reason": "No"}).status_code == 403

    @pytest.mark.parametrize(
        ("trait", "said"),
        [
            ({}, "Once approved, GradeBridge's grade is sent again"),
            ({"kept": True}, "has decided on"),
            ({"declined": True}, "Declined by"),
            ({"approved": True}, "Approved. What Learn shows now is on the page of"),
        ],
    )
    def test_each_state_says_what_has_happened(self, trait, said, manager):
        assert said in words_of(manager.get(page_of(DecisionFactory(**trait))))

    @pytest.mark.parametrize("term", ["user", "flow", "number"])
    def test_a_decision_is_found(self, term, manager):
        decision = DecisionFactory()
        DecisionFactory()
        text = {
            "user": decision.participant.user_id,
            "flow": decision.participant.flow.flow_id,
            "number": str(decision.pk),
        }[term]

        assert decision in manager.get(LIST, {"q": text}).context["cl"].result_list

    def test_the_timeline_of_the_flow_says_who_decided_what(self, manager):
        flow = DecisionFactory(kept=True).participant.flow

        said = words_of(manager.get(reverse("admin:exports_flow_timeline", args=[flow.pk])))

        assert "Learn's grade kept:" in said
        assert "12 instead of B" in said

    def test_staff_in_neither_group_see_none(self, db):
        assert signed_in().get(LIST).status_code == 403
