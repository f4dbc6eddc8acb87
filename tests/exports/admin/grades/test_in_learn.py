"""The list of grades in Learn, the participant's table of them, and the action for what was left behind."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exports.models import GradeInLearn
from tests.factories import DeliveryFactory, FlowFactory, GradeInLearnFactory, ParticipantFactory
from tests.pages import rows_of
from tests.signed_in import messages_of, signed_in, text_of

LIST = "/admin/exports/gradeinlearn/"


def page(grade: GradeInLearn) -> str:
    return f"{LIST}{grade.pk}/change/"


def rows(client: Client, **query: str) -> set[GradeInLearn]:
    response = client.get(LIST, query)
    assert response.status_code == 200
    return set(response.context["cl"].result_list)


def act(client: Client, *grades: GradeInLearn) -> Any:
    return client.post(LIST, {"action": "deal_with", "_selected_action": [grade.pk for grade in grades]})


@pytest.fixture
def grades(db: None) -> dict[str, GradeInLearn]:
    return {
        "current": GradeInLearnFactory(),
        "doubtful": GradeInLearnFactory(doubtful=True),
        "left_behind": GradeInLearnFactory(left_behind=True),
        "ended": GradeInLearnFactory(overwritten=True),
    }


class TestTheList:
    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ({}, {"current", "doubtful", "left_behind"}),
            ({"whereabouts": "left_behind"}, {"left_behind"}),
            ({"whereabouts": "ended"}, {"ended"}),
            ({"whereabouts": "all"}, {"current", "doubtful", "left_behind", "ended"}),
            ({"certainty__exact": "DOUBTFUL"}, {"doubtful"}),
            ({"whereabouts": "ended", "ended_as__exact": "OVERWRITTEN"}, {"ended"}),
        ],
    )
    def test_it_shows_what_is_in_learn_unless_asked_for_more(
        self, query: dict[str, str], shown: set[str], manager: Client, grades: dict[str, GradeInLearn]
    ) -> None:
        assert rows(manager, **query) == {grades[name] for name in shown}

    @pytest.mark.parametrize("term", ["anna-in-learn", "BIO101", "Oral exam", "anna77"])
    def test_it_is_found_by_place_and_person(self, term: str, manager: Client) -> None:
        GradeInLearnFactory()
        grade = GradeInLearnFactory(
            participant__user_id="anna77", learn_user_id="anna-in-learn", course_id="BIO101", column_name="Oral exam"
        )
        assert rows(manager, q=term) == {grade}

    def test_of_one_person(self, manager: Client, grades: dict[str, GradeInLearn]) -> None:
        grade = grades["ended"]
        assert rows(manager, participant__exact=str(grade.participant_id), whereabouts="all") == {grade}

    def test_it_costs_the_same_statements_however_long(self, manager: Client) -> None:
        counts = []
        for number in (1, 20):
            GradeInLearnFactory.create_batch(number, left_behind=True)
            with CaptureQueriesContext(connection) as queries:
                manager.get(LIST)
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_the_side_bar_and_the_tabs_lead_to_it(self, manager: Client) -> None:
        assert f'href="{LIST}"' in text_of(manager.get(reverse("admin:index")))
        assert f'href="{LIST}?whereabouts=left_behind"' in text_of(manager.get(LIST))

    @pytest.mark.parametrize("name", ["current", "doubtful", "left_behind", "ended"])
    def test_each_page_opens(self, name: str, manager: Client, grades: dict[str, GradeInLearn]) -> None:
        assert manager.get(page(grades[name])).status_code == 200

    def test_it_says_whose_grade_came_after_it(self, manager: Client) -> None:
        later = ParticipantFactory(user_id="ben", flow=FlowFactory(flow_id="78"))
        grade = GradeInLearnFactory(overwritten=True, ended_by=later)
        seen = text_of(manager.get(page(grade)))
        assert "Replaced by another student" in seen
        assert f"/admin/exports/participant/{later.pk}/change/" in seen

    @pytest.mark.parametrize("people", [{"manager": True}, {"administrator": True}, {"is_superuser": True}])
    def test_nobody_adds_changes_or_deletes_one(self, people: dict[str, bool], grades: dict[str, GradeInLearn]) -> None:
        client, grade = signed_in(**people), grades["left_behind"]
        before = list(GradeInLearn.objects.values())
        assert client.post(f"{LIST}add/", {"value": "A"}).status_code == 403
        assert client.post(page(grade), {"value": "A", "_save": "Save"}).status_code == 403
        assert client.post(f"{LIST}{grade.pk}/delete/", {"post": "yes"}).status_code == 403
        client.post(LIST, {"action": "delete_selected", "_selected_action": [grade.pk], "post": "yes"})
        assert list(GradeInLearn.objects.values()) == before

    def test_staff_in_neither_group_see_nothing(self, grades: dict[str, GradeInLearn]) -> None:
        assert signed_in().get(LIST).status_code == 403
        assert signed_in().get(page(grades["current"])).status_code == 403


class TestDealingWith:
    @pytest.mark.parametrize("people", [{"manager": True}, {"administrator": True}])
    def test_what_was_left_behind_is_marked_with_who_and_when(
        self, people: dict[str, bool], grades: dict[str, GradeInLearn]
    ) -> None:
        client, grade = signed_in(**people), grades["left_behind"]

        response = act(client, grade)

        grade.refresh_from_db()
        user = User.objects.get(pk=client.session["_auth_user_id"])
        assert (grade.ended_as, grade.dealt_with_by) == ("DEALT_WITH", user)
        assert messages_of(response) == ["1 grade was marked as dealt with."]
        assert grade not in rows(client)
        assert f"Dealt with in Learn by {user}" in text_of(client.get(page(grade)))

    def test_what_cannot_be_marked_is_said_with_the_reason(
        self, manager: Client, grades: dict[str, GradeInLearn]
    ) -> None:
        (message,) = messages_of(act(manager, *grades.values()))

        assert message.startswith("1 grade was marked as dealt with. 2 grades were not marked")
        assert GradeInLearn.objects.filter(ended_as="DEALT_WITH").count() == 1

    def test_without_the_permission_there_is_no_such_action(self, grades: dict[str, GradeInLearn]) -> None:
        client = signed_in(manager=True)
        group = User.objects.get(pk=client.session["_auth_user_id"]).groups.get()
        group.permissions.remove(*group.permissions.filter(codename="deal_with_grade"))

        assert "deal_with" not in text_of(client.get(LIST))
        act(client, grades["left_behind"])

        assert not GradeInLearn.objects.filter(ended_as="DEALT_WITH").exists()


class TestTheParticipantsPage:
    def seen(self, client: Client, participant: Any) -> str:
        return text_of(client.get(f"/admin/exports/participant/{participant.pk}/change/"))

    def test_it_shows_each_grade_with_its_place_and_certainty(self, manager: Client) -> None:
        person = ParticipantFactory(exported=True, grade__course_id="BIO101", grade__column_name="Essay")
        GradeInLearnFactory(participant=person, column_name="Lab", learn_user_id="anna", doubtful=True)
        seen = self.seen(manager, person)
        for text in ("BIO101", "Essay", "Lab", "anna", ">Confirmed</span>", ">Not confirmed</span>"):
            assert text in seen
        assert "check it in Learn" not in seen

    def test_what_was_left_behind_is_to_be_checked(self, manager: Client) -> None:
        person = ParticipantFactory(exported=True)
        GradeInLearnFactory(participant=person, column_name="Old", left_behind=True)
        seen = self.seen(manager, person)
        assert "Left behind, check it in Learn" in seen
        assert f"{LIST}?participant__exact={person.pk}&amp;whereabouts=left_behind" in seen

    def test_a_person_without_a_grade_in_learn_has_nothing_there(self, manager: Client) -> None:
        assert "Nothing, as far as GradeBridge knows." in self.seen(manager, ParticipantFactory(failed=True))
        assert "Nothing, as far as GradeBridge knows." in self.seen(manager, ParticipantFactory(replaced=True))

    def test_deliveries_say_where_they_went(self, manager: Client) -> None:
        delivery = DeliveryFactory(course_id="BIO101", column_name="Essay", learn_user_id="anna-in-learn")
        seen = self.seen(manager, delivery.participant)
        assert "BIO101 · Essay" in seen
        assert "anna-in-learn" in seen

    def test_people_of_several_sources_are_shown_with_the_source_of_each_grade(self, manager: Client) -> None:
        person = ParticipantFactory(sources={"S1": "SIS", "S2": "SIS"})
        for source in ("S1", "S2"):
            GradeInLearnFactory(participant=person, column_name=f"Lab {source}", source_code=source)
        sources = [row["Source"] for row in rows_of(self.seen(manager, person)) if "Source" in row]
        assert sorted(sources) == ["S1", "S2"]
