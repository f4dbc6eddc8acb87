"""Ctrl-K finds flows and participants, for whoever may see them."""

import pytest
from django.core.cache import cache
from django.urls import reverse

from common.admin.cells import address
from exports.models import ExportAttempt
from tests.factories import (
    CorrectionFactory,
    ExportAttemptFactory,
    FlowFactory,
    ParticipantFactory,
    RetryRunFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_results_of_other_tests():
    cache.clear()


def find(client, term):
    return client.get(reverse("admin:search"), {"s": term, "extended": 1}).content.decode()


@pytest.mark.parametrize("term", ["s1012", "S1012", "learn-7", "Kowalska", "anna"])
def test_a_participant_is_found_by_id_learn_user_and_name(client, term):
    person = ParticipantFactory(
        user_id="s1012", learn_user_id="learn-7", first_name="Anna", last_name="Kowalska", exported=True
    )
    ParticipantFactory(user_id="other")
    client.force_login(UserFactory(manager=True))

    page = find(client, term)

    assert address(person) in page
    assert "Anna Kowalska" in page
    assert "other" not in page


@pytest.mark.parametrize("term", ["2026-geo", "Geography"])
def test_a_flow_is_found_by_id_and_title(client, term):
    flow = FlowFactory(flow_id="2026-GEO-1", title="Geography 1")
    client.force_login(UserFactory(manager=True))

    assert address(flow) in find(client, term)


def test_who_may_not_see_grades_finds_none(client):
    ParticipantFactory(user_id="s1012")
    client.force_login(UserFactory(is_staff=True))

    assert "s1012" not in find(client, "s1012")
    assert client.get(reverse("admin:search"), {"s": "s1012", "extended": 1}).status_code == 200


def test_it_costs_the_same_statements_however_many_are_found(client, django_assert_max_num_queries):
    client.force_login(UserFactory(manager=True))
    for _ in range(12):
        ParticipantFactory(last_name="Jensen")

    with django_assert_max_num_queries(10):
        find(client, "jensen")


@pytest.mark.parametrize("term", ["S1012, s1013", "s1012;learn-7", "s1013 s1012 nobody"])
def test_several_participants_are_found_by_their_ids(client, term):
    people = [ParticipantFactory(user_id="s1012"), ParticipantFactory(user_id="s1013", learn_user_id="learn-7")]
    other = ParticipantFactory(user_id="s10")
    client.force_login(UserFactory(manager=True))

    page = find(client, term)

    assert all(address(person) in page for person in people)
    assert address(other) not in page


def test_a_name_is_found_by_first_and_last(client):
    person = ParticipantFactory(first_name="Anna", last_name="Kowalska")
    other = ParticipantFactory(first_name="Anna", last_name="Jensen")
    client.force_login(UserFactory(manager=True))

    page = find(client, "anna kowalska")

    assert address(person) in page
    assert address(other) not in page


def test_more_than_are_shown_are_a_list_away(client):
    ParticipantFactory.create_batch(11, last_name="Jensen")
    client.force_login(UserFactory(manager=True))

    assert "/admin/exports/participant/?q=jensen" in find(client, "jensen")


class TestNumbers:
    @pytest.fixture
    def numbered(self, db):
        return {
            "attempt": ExportAttemptFactory(pk=34, trigger=ExportAttempt.Trigger.EXPORT),
            "retry": RetryRunFactory(pk=34),
            "correction": CorrectionFactory(pk=34),
        }

    @pytest.mark.parametrize(
        ("term", "found"),
        [
            ("attempt 34", {"attempt"}),
            ("Attempt #34", {"attempt"}),
            ("export 34", {"attempt"}),
            ("retry 34", {"retry"}),
            ("correction 34", {"correction"}),
            ("34", {"attempt", "retry", "correction"}),
            ("attempt 35", set()),
            ("exam 34", set()),
            ("attempt " + "9" * 30, set()),
        ],
    )
    def test_name_what_they_are_of(self, client, numbered, term, found):
        client.force_login(UserFactory(manager=True))

        page = find(client, term)

        assert {kind for kind, row in numbered.items() if f'"{address(row)}"' in page} == found

    def test_a_retry_is_found_as_its_page_calls_it(self, client):
        attempt = ExportAttemptFactory(pk=35, trigger=ExportAttempt.Trigger.RETRY)
        client.force_login(UserFactory(manager=True))

        assert address(attempt) in find(client, "retry 35")

    def test_are_found_in_the_readers_language(self, client, numbered):
        client.force_login(UserFactory(manager=True))
        page = client.get(
            reverse("admin:search"), {"s": "rettelse 34", "extended": 1}, headers={"accept-language": "da"}
        ).content.decode()

        assert f'"{address(numbered["correction"])}"' in page

    def test_of_what_one_may_not_see_are_not_found(self, client, numbered):
        client.force_login(UserFactory(is_staff=True))

        assert "/34/" not in find(client, "34")
