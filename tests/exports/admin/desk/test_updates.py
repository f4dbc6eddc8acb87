"""The dashboard updates itself: what has changed is sent, and nothing where nothing has."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exports.grades.causes import Cause
from exports.models import ExportAttempt
from exports.retrying import cancel
from tests.exports.admin.desk.conftest import manager_without, person_of, visit
from tests.factories import (
    CorrectionFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    ParticipantFactory,
    ServiceCallFactory,
    UserFactory,
)
from tests.signed_in import signed_in

EVERYTHING = "/admin/dashboard/?have=nothing"


def watched(client: Client) -> str:
    """The address that the page asks next."""
    return visit(client).context["watch"]["address"]


def ask(client: Client, address: str, *, later: bool = True):
    """As the page does; `later` than a second after anyone has asked."""
    if later:
        cache.delete("dashboard-pulse")
    return client.get(address, headers={"HX-Request": "true"})


def swapped(answer) -> set[str]:
    """The panels that an answer brings."""
    return set(re.findall(r'hx-swap-oob="innerHTML:#desk-(\w+)"', answer.content.decode()))


@pytest.fixture
def failed(db):
    return ParticipantFactory(failed=True)


def test_nothing_is_sent_where_nothing_has_changed(manager, failed):
    assert ask(manager, watched(manager)).status_code == 204


def test_an_export_that_arrives_brings_the_panels_that_it_changes(manager, failed):
    address = watched(manager)
    ExportAttemptFactory(number_of_errors=2)
    ParticipantFactory.create_batch(2, failed=True, cause=Cause.REJECTED_BY_LEARN)

    answer = ask(manager, address)

    assert swapped(answer) == {"headline", "states", "attention", "running", "causes", "today", "days"}
    assert "Rejected by Learn" in answer.content.decode()
    assert ask(manager, answer.context["watch"]["address"]).status_code == 204


@pytest.mark.parametrize(
    ("change", "panels"),
    [
        pytest.param(CorrectionFactory, {"corrections"}, id="a correction"),
        pytest.param(lambda: ServiceCallFactory(started_at=timezone.now()), {"quota"}, id="a call to Learn"),
    ],
)
def test_only_what_has_changed_is_sent(change, panels, manager, failed):
    address = watched(manager)
    change()

    assert panels <= swapped(ask(manager, address))
    assert "causes" not in swapped(ask(manager, address))


@pytest.mark.parametrize("what", ["a delivery", "a cancellation", "the clock"])
def test_what_happens_in_between_is_noticed(what, manager, failed, monkeypatch):
    attempt = ExportAttemptFactory(running=True, trigger=ExportAttempt.Trigger.RETRY)
    DeliveryFactory(attempt=attempt, sending=True)
    queued = DeliveryFactory(attempt=attempt, queued=True)
    address = watched(manager)
    if what == "a delivery":
        queued.state, queued.finished_at = "DELIVERED", timezone.now()
        queued.save()
    elif what == "a cancellation":
        cancel(attempt, by=UserFactory())
    else:
        later = timezone.now() + timedelta(minutes=1)
        monkeypatch.setattr(timezone, "now", lambda: later)

    assert ask(manager, address).status_code == 200


def test_it_asks_often_while_something_runs_and_seldom_while_nothing_does(manager, failed):
    assert visit(manager).context["watch"]["every"] == 10
    attempt = ExportAttemptFactory(running=True)
    assert visit(manager).context["watch"]["every"] == 2
    attempt.delete()
    address = watched(manager)
    ExportAttemptFactory(running=True)
    assert 'hx-trigger="every 2s"' in ask(manager, address).content.decode()


class TestWhatItCosts:
    def test_where_nothing_has_changed_one_statement_beside_the_session_and_the_person(
        self, manager, failed, django_assert_num_queries
    ):
        address = watched(manager)
        with django_assert_num_queries(3):
            assert ask(manager, address).status_code == 204

    def test_none_for_the_others_who_ask_in_the_same_second(self, manager, failed, django_assert_num_queries):
        colleague = signed_in(manager=True)
        address = watched(manager)
        ask(manager, address)
        with django_assert_num_queries(2):
            assert ask(colleague, address, later=False).status_code == 204

    def test_what_has_changed_is_made_once_for_all_with_the_same_rights(
        self, manager, failed, django_assert_max_num_queries
    ):
        colleague = signed_in(manager=True)
        ParticipantFactory(exported=True)  # until a grade is in Learn, the guided start is one more
        addresses = [watched(who) for who in (manager, colleague)]
        ParticipantFactory(failed=True)
        ExportAttemptFactory()
        first = ask(manager, addresses[0])
        with django_assert_max_num_queries(7):  # session, person, permissions, and what waits for one's own decision
            second = ask(colleague, addresses[1], later=False)

        assert swapped(first) == swapped(second) != set()


class TestWhoSeesWhat:
    def test_people_with_other_rights_get_other_panels(self, manager, administrator, failed):
        ParticipantFactory(failed=True, cause=Cause.NOT_SYNCHRONISED)
        people = (manager, administrator, manager_without("retry"))

        answers = [ask(who, EVERYTHING) for who in people]

        by_manager, by_administrator, by_watcher = (answer.content.decode() for answer in answers)
        assert "Ask an administrator to mark it" in by_manager
        assert "Ask an administrator to mark it" not in by_administrator
        assert "desk-retry-" in by_manager
        assert "desk-retry-" not in by_watcher

    def test_corrections_are_each_persons_own(self, failed):
        people = [signed_in(manager=True) for _ in range(2)]
        me = person_of(people[0])
        addresses = [watched(who) for who in people]
        CorrectionFactory(requested_by=me)

        mine, theirs = (ask(who, address).content.decode() for who, address in zip(people, addresses, strict=True))

        assert "1 correction that you requested" in mine
        assert "1 correction is waiting for you" in theirs

    def test_who_may_not_see_grades_gets_none(self, failed):
        assert ask(signed_in(), EVERYTHING).status_code == 403

    def test_who_is_signed_out_is_sent_to_sign_in(self, client, db):
        answer = ask(client, reverse("dashboard-changes"))
        assert answer.url.startswith(reverse("admin:login"))

    def test_an_answer_holds_no_token_of_a_form(self, manager, failed):
        ExportAttemptFactory(running=True, trigger=ExportAttempt.Trigger.RETRY)

        assert "csrfmiddlewaretoken" not in ask(manager, EVERYTHING).content.decode()


class TestAnEmptySite:
    def test_is_shown_anew_once_something_arrives(self, manager):
        address = watched(manager)
        assert ask(manager, address).status_code == 204
        ServiceCallFactory()
        answer = ask(manager, address)
        assert swapped(answer) == {"start"}
        address = answer.context["watch"]["address"]
        ExportAttemptFactory()
        assert ask(manager, address).headers["HX-Refresh"] == "true"
