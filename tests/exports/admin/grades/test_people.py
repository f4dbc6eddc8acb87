"""Several people are found at once, however their ids were pasted; names and titles are found as before."""

import pytest
from django.test import Client

from exports.admin.grades.people import words_of
from exports.models import Participant
from tests.exports.admin.test_lists import rows, statements
from tests.factories import (
    CorrectionFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    ParticipantFactory,
)
from tests.signed_in import text_of

LIST = "/admin/exports/participant/"


@pytest.fixture
def people(db: None) -> tuple[Participant, Participant]:
    """`s1012` and, by the Learn user `learn-13`, `s1013`. `s10` and `s10123` are others."""
    ParticipantFactory(user_id="s10")
    ParticipantFactory(user_id="s10123")
    second = ParticipantFactory(user_id="s1013", learn_user_id="learn-13", exported=True)
    return ParticipantFactory(user_id="s1012", exported=True), second


def test_words_are_split_at_spaces_lines_commas_and_semicolons() -> None:
    assert words_of(" s1,s2;s3\r\n s4\ts1; ,") == ["s1", "s2", "s3", "s4"]
    assert words_of(" ,; ") == []


@pytest.mark.parametrize(
    "text",
    ["s1012 s1013", "s1012,s1013", "s1012; s1013;", "s1012\ns1013", "S1012\tlearn-13", "s1013, s1012, s1013, nobody"],
)
def test_several_ids_find_each_of_their_people(text: str, people: tuple[Participant, ...], manager: Client) -> None:
    assert rows(manager, "participant", q=text) == {person.pk for person in people}


@pytest.mark.parametrize("model", ["flow", "exportattempt", "delivery", "correction", "gradeinlearn"])
def test_several_ids_find_what_is_theirs_in_every_list(
    model: str, people: tuple[Participant, ...], manager: Client
) -> None:
    make = {
        "flow": lambda person: person.flow,
        "exportattempt": lambda person: DeliveryFactory(attempt__flow=person.flow, participant=person).attempt,
        "delivery": lambda person: DeliveryFactory(attempt__flow=person.flow, participant=person),
        "correction": lambda person: CorrectionFactory(participant=person),
        "gradeinlearn": lambda person: person.grades.get(),
    }[model]
    theirs = {make(person).pk for person in people}
    make(ParticipantFactory(user_id="other", exported=True))
    assert rows(manager, model, q="s1012, s1013") == theirs


def test_several_flows_are_found_by_their_ids(manager: Client) -> None:
    flows = [FlowFactory(flow_id="2026-GEO-1"), FlowFactory(flow_id="2026-HIS-1")]
    FlowFactory(flow_id="2026-GEO-11")
    attempts = [ExportAttemptFactory(flow=flow) for flow in flows]
    assert rows(manager, "flow", q="2026-GEO-1; 2026-his-1") == {flow.pk for flow in flows}
    assert rows(manager, "exportattempt", q="2026-GEO-1 2026-HIS-1") == {attempt.pk for attempt in attempts}


def test_attempts_and_corrections_are_found_by_number(manager: Client) -> None:
    attempt, correction = ExportAttemptFactory(flow__flow_id="X", flow__title=""), CorrectionFactory()
    assert attempt.pk in rows(manager, "exportattempt", q=f"{attempt.pk}")
    assert correction.pk in rows(manager, "correction", q=f"{correction.pk}")
    assert rows(manager, "exportattempt", q="9" * 40) == set()


@pytest.mark.parametrize("text", ["anna kowalska", "Kowalska, Anna", "kowal", "Anna"])
def test_names_are_found_by_all_of_their_words(text: str, manager: Client) -> None:
    anna = ParticipantFactory(user_id="s1", first_name="Anna", last_name="Kowalska")
    ParticipantFactory(user_id="s2", first_name="Hanne", last_name="Jensen")
    assert rows(manager, "participant", q=text) == {anna.pk}


def test_a_long_title_is_found(manager: Client) -> None:
    title = "Written exam in the history of northern Europe for second years"
    person = ParticipantFactory(flow=FlowFactory(title=title))
    FlowFactory(title="Written exam in history")
    assert rows(manager, "flow", q=title) == {person.flow_id}
    assert rows(manager, "participant", q=title) == {person.pk}


def test_an_id_with_a_space_is_found(manager: Client) -> None:
    person = ParticipantFactory(user_id="s 1012")
    assert rows(manager, "participant", q="s 1012") == {person.pk}


def test_some_hundred_ids_are_found_in_as_many_statements_as_one(manager: Client) -> None:
    flow = FlowFactory()
    Participant.objects.bulk_create(Participant(flow=flow, user_id=f"id{number}") for number in range(700))
    manager.get(LIST)
    one = statements(lambda: manager.get(LIST, {"q": "id1 id2"}))
    many = " ".join(f"id{number}" for number in range(600))
    assert statements(lambda: manager.get(LIST, {"q": many})) == one
    assert one <= 25
    assert manager.get(LIST, {"q": many}).context["cl"].result_count == 600
    for model in ("flow", "exportattempt", "delivery", "correction", "gradeinlearn"):
        assert manager.get(f"/admin/exports/{model}/", {"q": many}).status_code == 200


def test_the_list_says_which_ids_no_one_has(people: tuple[Participant, ...], manager: Client) -> None:
    page = text_of(manager.get(LIST, {"q": "s1012, nobody, S1013"}))
    assert "No participant has this id: nobody." in page
    assert "No participant has" not in text_of(manager.get(LIST, {"q": "s1012 learn-13"}))
    assert "No participant has" not in text_of(manager.get(LIST, {"q": "anna kowalska"}))


def test_a_search_keeps_the_other_filters(people: tuple[Participant, ...], manager: Client) -> None:
    first, _second = people
    assert rows(manager, "participant", q="s1012 s1013", flow__exact=str(first.flow_id)) == {first.pk}
