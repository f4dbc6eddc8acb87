"""Asking for a correction, in the admin."""

from typing import Any

import pytest
from django.test import Client

from exports.models import Correction, Delivery, ExportState, GradeInLearn, Participant
from tests.exports.admin.grades.corrections.conftest import ASKED, FORM, asks, page, user_of, without
from tests.factories import ColumnMappingFactory, GradeInLearnFactory, ParticipantFactory
from tests.signed_in import messages_of, text_of


class TestAsking:
    def test_the_participants_page_offers_it(self, manager: Client, participant: Participant) -> None:
        seen = text_of(manager.get(f"/admin/exports/participant/{participant.pk}/change/"))
        assert f'href="{asks(participant)}"' in seen

    def test_the_form_says_what_stands_in_learn(self, manager: Client, participant: Participant) -> None:
        seen = text_of(manager.get(asks(participant)))
        assert ">B</span> · course BIO101, column Essay, Learn user anna, since 3 May 2026" in seen
        assert "Nothing is sent until a colleague has approved the correction." in seen

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
        assert ">A</span> · course BIO101, column Essay, Learn user anna" in seen
        assert "Nothing would change: Learn already shows B" in text_of(manager.get(asks(participant), {"mark": "B"}))
        participant.flow.column_mappings.all().delete()
        assert "No Learn column is chosen for this flow." in text_of(manager.get(asks(participant), {"mark": "A"}))

    def test_a_mapping_that_has_changed_since_is_pointed_out(self, manager: Client, participant: Participant) -> None:
        GradeInLearn.objects.update(column_name="Old essay")
        seen = text_of(manager.get(asks(participant), {"mark": "A"}))
        assert (
            "B stays in Learn for anna, in column Old essay of course BIO101, until someone removes it there." in seen
        )

    def test_another_learn_user_than_at_the_export_is_pointed_out(
        self, manager: Client, participant: Participant
    ) -> None:
        assert "stays in Learn" not in text_of(manager.get(asks(participant), {"mark": "A"}))
        GradeInLearn.objects.update(learn_user_id="anna-old")
        seen = text_of(manager.get(asks(participant), {"mark": "A"}))
        assert (
            "B stays in Learn for anna-old, in column Essay of course BIO101, until someone removes it there." in seen
        )

    def test_once_sent_it_waits_and_nothing_is_on_its_way(self, manager: Client, participant: Participant) -> None:
        response = manager.post(asks(participant), FORM)
        correction = Correction.objects.get()
        assert response.url == page(correction)
        assert (correction.state, correction.requested_by, correction.mark) == (ASKED, user_of(manager), "A")
        assert not Delivery.objects.exists()

    @pytest.mark.parametrize(
        ("form", "sentence"),
        [
            ({"mark": ""}, "This field is required."),
            ({"mark": "x" * 334}, "at most 333 characters"),
            ({"mark": "B"}, "Nothing would change: Learn already shows B for this mark."),
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
            ({"queued": True}, "being sent to Learn"),
            ({"exported_alternative": True}, "The alternative grade was exported (U) and is locked."),
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
            assert f", column Lab {source}, Learn user" in text_of(seen)
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
        assert "waiting for approval" in messages_of(manager.post(asks(waiting.participant), FORM))[0]
        assert Correction.objects.count() == 1

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_without_the_permission_it_is_refused(self, method: str, participant: Participant) -> None:
        client = without("add_correction")
        assert getattr(client, method)(asks(participant), FORM).status_code == 403
        assert asks(participant) not in text_of(client.get(f"/admin/exports/participant/{participant.pk}/change/"))
        assert not Correction.objects.exists()

    def test_an_unknown_participant_is_not_found(self, manager: Client) -> None:
        assert manager.get("/admin/exports/participant/0/ask-correction/").status_code == 404
