"""*Retry these*: all the failed that an address names, without ticking them. Exactly what was seen is done."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exports.admin.grades import forecast as forecasting
from exports.admin.grades.forecast import MAX_FLOWS, forecast
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, Participant, RetryRun
from tests.exports.admin.grades.test_retry import confirm
from tests.factories import DeliveryFactory, FlowFactory, HoldFactory, ParticipantFactory, UserFactory
from tests.pages import words_of
from tests.signed_in import messages_of, signed_in, text_of

LIST = "/admin/exports/participant/"
NOON = timezone.datetime(2026, 11, 27, 12, 0, tzinfo=timezone.get_default_timezone())


def these(client: Client, **named: Any) -> Any:
    return client.get(f"{reverse('admin:exports_participant_retry_these')}?{urlencode(named)}")


def retried() -> set[int]:
    return set(Delivery.objects.filter(attempt__trigger="RETRY").values_list("participant", flat=True))


@pytest.fixture
def people(db: None) -> dict[str, Participant]:
    """Failed at noon and at two; of two causes; in two flows."""
    flow = FlowFactory(mapped=True)
    at = {"noon": NOON, "two": NOON + timedelta(hours=2)}
    return {
        "noon": ParticipantFactory(failed=True, flow=flow, failed_at=at["noon"]),
        "two": ParticipantFactory(failed=True, flow=flow, failed_at=at["two"]),
        "deadline": ParticipantFactory(failed=True, flow=flow, cause=Cause.DEADLINE, failed_at=at["two"]),
        "elsewhere": ParticipantFactory(failed=True, user_id="anna", failed_at=at["two"]),
        "exported": ParticipantFactory(exported=True, flow=flow),
    }


@pytest.mark.parametrize(
    ("named", "meant", "purpose"),
    [
        ({}, ["noon", "two", "deadline", "elsewhere"], "All failed grades"),
        ({"cause": "DEADLINE"}, ["deadline"], "All failed grades with the cause Not sent in time"),
        (
            {"since": (NOON + timedelta(hours=1)).isoformat()},
            ["two", "deadline", "elsewhere"],
            "All grades that failed since",
        ),
        ({"since": "14:00"}, ["two", "deadline", "elsewhere"], "All grades that failed since"),
        ({"since": "14:01"}, [], ""),
        ({"since": "today"}, ["noon", "two", "deadline", "elsewhere"], "All grades that failed since"),
        ({"failed_since": "hour"}, ["two", "deadline", "elsewhere"], "All grades that failed since"),
        ({"q": "anna"}, ["elsewhere"], "Chosen grades"),
        ({"cause": "DEADLINE", "since": "13:00"}, ["deadline"], "All grades that failed since"),
    ],
)
def test_an_address_names_those_who_are_meant(
    named: dict[str, str], meant: list[str], purpose: str, people: dict[str, Participant]
) -> None:
    with time_machine.travel(NOON + timedelta(hours=2, minutes=30), tick=False):
        manager = signed_in(manager=True)
        question = these(manager, **named)
        if not meant:
            assert question.url == reverse("admin:index")
            assert messages_of(question) == ["Nothing to retry: no grade here has failed."]
            return
        confirm(manager, question)
    assert retried() == {people[name].pk for name in meant}
    assert RetryRun.objects.get().purpose.startswith(purpose)


def test_a_flow_and_its_cause_are_named_by_the_keys_that_lists_use(
    manager: Client, people: dict[str, Participant]
) -> None:
    flow = people["noon"].flow
    confirm(manager, these(manager, flow=flow.pk, cause="LEARN_UNAVAILABLE"))
    assert retried() == {people["noon"].pk, people["two"].pk}
    run = RetryRun.objects.get()
    assert (run.flow, run.cause, run.is_selection) == (flow, Cause.LEARN_UNAVAILABLE, False)
    assert run.purpose == f"All failed grades of flow {flow} with the cause Learn not available"


def test_of_an_attempt_its_people_are_meant(manager: Client, people: dict[str, Participant]) -> None:
    delivery = DeliveryFactory(participant=people["two"], attempt__flow=people["two"].flow, failed=True)
    confirm(manager, these(manager, attempt=delivery.attempt_id))
    assert retried() == {people["two"].pk}


@pytest.mark.parametrize(
    "named",
    [
        *({"since": "yesterday"}, {"since": "25:00"}, {"flow": "x"}, {"attempt": "x"}),
        *({"since": "0001-01-01T00:00+14:00"}, {"since": "9999-12-31T23:59-14:00"}),
    ],
)
def test_an_address_that_makes_no_sense_retries_nothing(
    named: dict[str, str], manager: Client, people: dict[str, Participant]
) -> None:
    address = f"{reverse('admin:exports_participant_retry_these')}?{urlencode(named)}"
    for response in (manager.get(address), manager.post(address, {"post": "yes"})):
        assert response.status_code == 302
        assert response.url == f"{LIST}?state__exact=FAILED"
        assert messages_of(response)[-1] == (
            "GradeBridge cannot read from this address which grades are meant. Nothing was done."
        )
    assert retried() == set()


@pytest.mark.parametrize("query", ["run=999999999999999999999999", "nothing=1", "flow=%00", "user_id__regex=."])
def test_an_address_that_no_list_could_have_is_refused(
    query: str, manager: Client, people: dict[str, Participant]
) -> None:
    address = f"{reverse('admin:exports_participant_retry_these')}?{query}"
    assert manager.get(address).status_code == 400
    assert manager.post(address, {"post": "yes"}).status_code == 400
    assert retried() == set()


def test_a_cause_over_seven_flows_takes_two_clicks_and_two_pages(manager: Client) -> None:
    flows = [ParticipantFactory(failed=True).flow for _ in range(7)]
    ParticipantFactory(failed=True, cause=Cause.DEADLINE)
    dashboard = text_of(manager.get("/admin/"))
    address = f"{reverse('admin:exports_participant_retry_these')}?cause=LEARN_UNAVAILABLE"
    assert f'href="{address}"' in dashboard
    assert "Retry these 7" in dashboard

    question = manager.get(address)
    done = confirm(manager, question)

    assert "Send 7 grades" in words_of(question)
    run = RetryRun.objects.get()
    assert done.url == reverse("admin:exports_retryrun_change", args=[run.pk])
    assert set(run.attempts.values_list("flow", flat=True)) == {flow.pk for flow in flows}


def test_of_one_flow_it_lands_on_the_attempt(manager: Client) -> None:
    ParticipantFactory(failed=True)
    done = confirm(manager, these(manager))
    attempt = ExportAttempt.objects.get()
    assert done.url == reverse("admin:exports_exportattempt_change", args=[attempt.pk])
    assert f"/retryrun/{attempt.retry_run_id}/" in text_of(manager.get(done.url))


def test_asking_changes_nothing(manager: Client, people: dict[str, Participant]) -> None:
    before = list(Participant.objects.order_by("pk").values())
    assert these(manager).status_code == 200
    assert list(Participant.objects.order_by("pk").values()) == before
    assert not RetryRun.objects.exists()


def test_only_who_may_retry_gets_to_it(people: dict[str, Participant]) -> None:
    address = reverse("admin:exports_participant_retry_these")
    seer = signed_in(manager=True)
    for group in seer.get("/admin/").wsgi_request.user.groups.all():
        group.permissions.remove(*group.permissions.filter(codename="retry"))
    for client in (signed_in(), seer):
        assert client.get(address).status_code == 403
        assert client.post(address, {"post": "yes"}).status_code == 403
    assert "Retry these" not in words_of(seer.get(f"{LIST}?state__exact=FAILED"))
    assert these(signed_in(administrator=True)).status_code == 200
    assert retried() == set()


def test_it_needs_a_csrf_token(people: dict[str, Participant]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(manager=True))
    address = reverse("admin:exports_participant_retry_these")
    assert client.post(address, {"post": "yes"}).status_code == 403
    assert retried() == set()


class TestWhatIsConfirmed:
    """What was seen is retried: no more, and once."""

    def test_who_has_failed_since_is_left_out_and_counted(self, manager: Client) -> None:
        seen = ParticipantFactory(failed=True)
        question = these(manager)
        ParticipantFactory(failed=True, flow=seen.flow)

        done = confirm(manager, question)

        assert retried() == {seen.pk}
        assert messages_of(done)[1] == (
            "1 grade has failed since you opened the question. It is not part of this retry."
        )

    def test_who_failed_earlier_and_was_recorded_later_is_shown_before_anything_is_sent(self, manager: Client) -> None:
        seen = ParticipantFactory(failed=True)
        question = these(manager)
        late = ParticipantFactory(failed=True, flow=seen.flow, failed_at=timezone.now() - timedelta(minutes=1))

        again = confirm(manager, question)

        assert retried() == set()
        assert "More grades have failed since you opened this page. Nothing was sent." in words_of(again)
        assert "Retry 2 failed grades?" in words_of(again)
        confirm(manager, again)
        assert retried() == {seen.pk, late.pk}

    def test_what_a_colleague_has_retried_since_is_not_sent_twice(self, manager: Client) -> None:
        ParticipantFactory.create_batch(2, failed=True)
        mine, theirs = these(manager), these(colleague := signed_in(manager=True))
        confirm(colleague, theirs)

        done = confirm(manager, mine)

        assert done.url == reverse("admin:index")
        assert messages_of(done) == ["Nothing to retry: no grade of your selection has failed."]
        assert Delivery.objects.count() == 2
        assert RetryRun.objects.count() == 1

    def test_a_double_click_leads_to_the_retry_that_the_first_has_started(self, manager: Client) -> None:
        ParticipantFactory(failed=True)
        ParticipantFactory(failed=True)
        question = these(manager)

        first, second = confirm(manager, question), confirm(manager, question)

        assert first.url == second.url == reverse("admin:exports_retryrun_change", args=[RetryRun.objects.get().pk])
        assert "This retry has already been started." in messages_of(second)[-1]
        assert Delivery.objects.count() == 2

    def test_a_time_that_no_page_has_written_is_none(self, manager: Client, people: dict[str, Participant]) -> None:
        forged = {"post": "yes", "token": str(uuid4()), "seen_at": "0001-01-01T00:00+14:00", "seen": "1"}

        done = manager.post(reverse("admin:exports_participant_retry_these"), forged)

        assert done.url == reverse("admin:exports_retryrun_change", args=[RetryRun.objects.get().pk])

    def test_the_last_hour_is_the_one_before_the_question(self, manager: Client) -> None:
        with time_machine.travel(NOON) as clock:
            person = ParticipantFactory(failed=True, failed_at=NOON - timedelta(minutes=55))
            client = signed_in(manager=True)
            question = these(client, since="hour")
            clock.shift(timedelta(minutes=10))
            confirm(client, question)
        assert retried() == {person.pk}


class TestTheForecast:
    def test_it_is_exact_for_more_flows_than_it_lists(self, manager: Client) -> None:
        for number in range(MAX_FLOWS + 3):
            ParticipantFactory(failed=True, **({"mark": ""} if number < 2 else {}))
        words = words_of(these(manager))
        assert "And 3 more flows. Failed grades there: 3" in words
        assert f"Send {MAX_FLOWS + 1} grades (2 would still be refused)" in words

    def test_of_more_grades_than_it_judges_it_never_promises_too_many(self, db: None, monkeypatch: Any) -> None:
        monkeypatch.setattr(forecasting, "MAX_JUDGED", 2)
        ParticipantFactory.create_batch(2, failed=True, flow=FlowFactory(mapped=True))
        ParticipantFactory(failed=True)
        ParticipantFactory(failed=True, flow=FlowFactory())  # not mapped
        ParticipantFactory(failed=True, flow=FlowFactory(mapped=True, unsynchronised=True))
        ParticipantFactory(failed=True, flow=FlowFactory(mapped=True, running=True))

        foreseen = forecast(Participant.objects.failed())

        assert foreseen.button == "Send up to 3 grades (3 or more would still be refused)"
        assert not foreseen.is_futile

    @pytest.mark.parametrize(("held", "sendable"), [("flow", 3), ("person", 3), ("pause", 0)])
    def test_it_promises_nothing_of_what_is_held(self, held: str, sendable: int, db: None, monkeypatch: Any) -> None:
        monkeypatch.setattr(forecasting, "MAX_JUDGED", 2)
        ParticipantFactory.create_batch(2, failed=True, flow=FlowFactory(mapped=True))
        ParticipantFactory(failed=True)
        person = ParticipantFactory(failed=True)
        of = {
            "flow": {"flow": person.flow},
            "person": {"person": True, "participant": person},
            "pause": {"pause": True},
        }
        HoldFactory(**of[held])

        foreseen = forecast(Participant.objects.failed())

        assert (foreseen.sendable, foreseen.refused) == (sendable, 4 - sendable)
        assert foreseen.is_futile == (held == "pause")

    def test_there_is_no_button_where_nothing_can_go_in_any_flow(self, manager: Client, monkeypatch: Any) -> None:
        monkeypatch.setattr(forecasting, "MAX_JUDGED", 1)
        for _ in range(3):
            ParticipantFactory(failed=True, flow=FlowFactory())
        words = words_of(these(manager))
        assert "None of these grades can be sent until its cause is repaired." in words
        assert "Send" not in words.partition("Retry 3 failed grades?")[2]

    @pytest.mark.parametrize("flows", [2, 9])
    def test_the_question_costs_the_same_statements_for_any_number_of_flows_and_people(
        self, flows: int, manager: Client, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(flows):
            flow = FlowFactory(translated=True)
            ParticipantFactory.create_batch(flows, failed=True, flow=flow)
            ParticipantFactory(replaced=True, flow=flow)
            ParticipantFactory(misplaced=True, flow=flow)
            ParticipantFactory(failed=True, flow=flow, sources={"a": "SIS", "b": "SIS"})
            ParticipantFactory(queued=True, flow=flow)
        these(manager)
        with django_assert_max_num_queries(25):
            assert these(manager).status_code == 200


class TestTheList:
    def test_a_list_of_the_failed_has_the_buttons_for_all_that_it_shows(
        self, manager: Client, people: dict[str, Participant]
    ) -> None:
        page = manager.get(f"{LIST}?state__exact=FAILED&cause__exact=LEARN_UNAVAILABLE&p=0&o=1")
        assert "Retry these 3" in words_of(page)
        assert f'href="{LIST}retry-these/?cause__exact=LEARN_UNAVAILABLE&amp;state__exact=FAILED"' in text_of(page)
        assert f'href="{LIST}failed.csv/?cause__exact=LEARN_UNAVAILABLE&amp;state__exact=FAILED"' in text_of(page)
        assert "Retry these" not in words_of(manager.get(LIST))
        assert "Retry these" not in words_of(manager.get(f"{LIST}?state__exact=EXPORTED"))

    def test_the_search_counts_too(self, manager: Client, people: dict[str, Participant]) -> None:
        page = text_of(manager.get(f"{LIST}?state__exact=FAILED&q=anna"))
        assert "Retry this grade" in page
        confirm(manager, these(manager, state__exact="FAILED", q="anna"))
        assert retried() == {people["elsewhere"].pk}

    def test_it_is_filtered_by_the_time_of_the_failure(self, manager: Client, people: dict[str, Participant]) -> None:
        page = manager.get(LIST, {"failed_since": (NOON + timedelta(hours=1)).isoformat()})
        assert {row.pk for row in page.context["cl"].result_list} == {
            people[name].pk for name in ("two", "deadline", "elsewhere")
        }
        assert "Retry these 3" in words_of(page)
        assert 'name="failed_since" type="datetime-local"' in text_of(page)
        assert "In the last hour" in words_of(page)

    def test_a_time_that_is_none_is_refused_politely(self, manager: Client, people: dict[str, Participant]) -> None:
        assert manager.get(LIST, {"failed_since": "soon"}).url == f"{LIST}?e=1"

    def test_the_page_of_a_flow_says_on_its_button_how_many(
        self, manager: Client, people: dict[str, Participant]
    ) -> None:
        assert "Retry 3 failed grades" in words_of(manager.get(f"/admin/exports/flow/{people['noon'].flow_id}/change/"))
        one = words_of(manager.get(f"/admin/exports/flow/{people['elsewhere'].flow_id}/change/"))
        assert "Retry failed grades" in one
