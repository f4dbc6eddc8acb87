"""Events reach other systems: signed, at least once, and never at the cost of an export."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from standardwebhooks.webhooks import Webhook as Verifier

from exports.models import Event, WebhookMessage
from exports.notifying import posting, webhooks
from exports.notifying.webhooks import post_messages, queue_messages
from tests.exports.notifying.conftest import free_port
from tests.factories import EventFactory, FlowFactory, WebhookFactory, WebhookMessageFactory

pytestmark = pytest.mark.django_db(transaction=True)

State = WebhookMessage.State


def tick():
    """What the clock does every minute."""
    queue_messages(timezone.now())
    return post_messages()


def test_an_event_is_posted_once_to_each_webhook_that_wants_it(receiver, settings):
    settings.SITE_URL = "https://grades.example.edu"
    webhook = WebhookFactory(url=receiver.url)
    WebhookFactory(url=receiver.url, kinds=[Event.Kind.QUOTA_SHORT])
    WebhookFactory(url=receiver.url, is_active=False)
    event = EventFactory(flow=FlowFactory(flow_id="77"))

    assert tick() == 1
    assert tick() == 0

    [request] = receiver.requests
    assert Verifier(webhook.secret).verify(request.body, request.headers) == {
        "type": "EXPORT_FAILED",
        "timestamp": event.at.isoformat(),
        "data": {
            "flowId": "77",
            "attempt": 1,
            "trigger": "EXPORT",
            "delivered": 33,
            "notDelivered": 7,
            "causes": {"LEARN_UNAVAILABLE": 7},
            "link": "https://grades.example.edu/admin/exports/exportattempt/1/change/",
        },
    }
    message = WebhookMessage.objects.get()
    assert (message.state, message.tries, message.response_status) == (State.SENT, 1, 204)
    assert request.headers["webhook-id"] == str(message.pk)


@pytest.mark.parametrize(
    ("traits", "keys"),
    [
        ({"retry": True}, {"attempt", "trigger", "delivered", "notDelivered", "causes"}),
        ({"correction_waits": True}, {"correction"}),
        ({"quota_short": True}, {"grades", "calls", "callsLeft", "liftsAt"}),
    ],
)
def test_a_body_holds_counts_and_our_own_ids_alone(receiver, traits, keys):
    WebhookFactory(url=receiver.url)
    EventFactory(**traits)

    tick()

    assert json.loads(receiver.requests[0].body)["data"].keys() == keys | {"flowId", "link"}


@pytest.mark.parametrize(("status", "code"), [(500, "STATUS"), (404, "STATUS"), (302, "REDIRECT"), (304, "REDIRECT")])
def test_what_is_not_accepted_waits_longer_each_time_and_keeps_its_id(receiver, status, code):
    WebhookFactory(url=receiver.url)
    EventFactory()
    receiver.status = status
    begun = timezone.now()

    with time_machine.travel(begun, tick=False) as clock:
        tick()
        message = WebhookMessage.objects.get()
        assert (message.state, message.tries, message.reason) == (State.WAITING, 1, {"code": code, "status": status})
        pauses = []
        for _try in range(4):
            pauses.append(message.next_try_at - timezone.now())
            assert post_messages() == 0  # it is not due
            clock.move_to(message.next_try_at)
            tick()
            message.refresh_from_db()

        receiver.status = 200
        clock.move_to(message.next_try_at)
        assert tick() == 1

    assert pauses == [timedelta(minutes=number) for number in (1, 2, 4, 8)]
    assert {request.headers["webhook-id"] for request in receiver.requests} == {str(message.pk)}
    assert len({request.headers["webhook-signature"] for request in receiver.requests}) == 6
    message.refresh_from_db()
    assert (message.state, message.reason) == (State.SENT, {})


def test_a_receiver_that_is_down_for_a_day_is_given_up(receiver):
    WebhookFactory(url=f"http://127.0.0.1:{free_port()}/")
    EventFactory()

    with time_machine.travel(timezone.now(), tick=False) as clock:
        tick()
        message = WebhookMessage.objects.get()
        while message.state == State.WAITING:
            clock.move_to(message.next_try_at)
            tick()
            message.refresh_from_db()
        assert timedelta(hours=24) <= timezone.now() - message.created_at < timedelta(hours=26)

    assert message.state == State.GIVEN_UP
    assert message.reason["code"] == "NOT_REACHED"
    assert 20 < message.tries < 40


def test_a_receiver_that_fails_holds_up_no_other(receiver):
    down = WebhookFactory(url=f"http://127.0.0.1:{free_port()}/")
    WebhookFactory(url=receiver.url)
    for _number in range(3):
        EventFactory()

    assert tick() == 3

    assert len(receiver.requests) == 3
    assert sorted(down.messages.values_list("tries", flat=True)) == [0, 0, 1]  # one a tick, until it answers


def test_a_slow_receiver_is_tried_again(receiver, monkeypatch):
    monkeypatch.setattr(posting, "SECONDS", 0.3)
    receiver.pause = 2
    message = WebhookMessageFactory(webhook__url=receiver.url)

    post_messages()

    message.refresh_from_db()
    assert (message.state, message.reason["code"]) == (State.WAITING, "NO_ANSWER_IN_TIME")
    assert message.response_status is None


def test_a_private_address_is_refused_and_the_reason_says_so(receiver, settings):
    settings.WEBHOOK_NETWORKS = []
    message = WebhookMessageFactory(webhook__url=receiver.url)

    post_messages()

    message.refresh_from_db()
    assert message.reason["code"] == "ADDRESS_NOT_ALLOWED"
    assert receiver.requests == []


def test_what_another_clock_is_sending_is_left_to_it_until_it_is_taken_for_dead(receiver):
    message = WebhookMessageFactory(webhook__url=receiver.url)
    with time_machine.travel(timezone.now() + timedelta(seconds=1), tick=False) as clock:
        assert WebhookMessage.objects.claim(timezone.now()) == message  # and dies
        assert post_messages() == 0

        clock.shift(timedelta(minutes=11))
        assert post_messages() == 1

    message.refresh_from_db()
    assert message.tries == 2


def test_a_finished_message_can_be_sent_again_and_one_in_progress_cannot(receiver):
    given_up = WebhookMessageFactory(given_up=True, webhook__url=receiver.url)

    assert WebhookMessage.objects.send_again(given_up.pk)
    assert not WebhookMessage.objects.send_again(given_up.pk)
    assert post_messages() == 1

    given_up.refresh_from_db()
    assert (given_up.state, given_up.tries, given_up.reason) == (State.SENT, 1, {})


def test_a_test_message_says_nothing(receiver):
    webhook = WebhookFactory(url=receiver.url, kinds=[])

    assert webhooks.post_test(webhook).state == State.SENT

    assert json.loads(receiver.requests[0].body)["type"] == "TEST"
    assert tick() == 0  # it is for this webhook alone
