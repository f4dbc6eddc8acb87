"""Digests over a real mail server, which may be down, slow to come back, or refuse."""

from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.utils import timezone

from exports.models import Digest, Event
from exports.notifying.digests import make_digests, send_digests
from tests.factories import DigestFactory, EventFactory, FlowFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db(transaction=True)

State = Digest.State


def test_a_digest_is_one_mail_with_counts_causes_and_links(mailbox, settings):
    settings.SITE_URL = "https://grades.example.edu"
    person = SubscriptionFactory().user
    flow = FlowFactory(flow_id="77", title="Biology & <more>")
    for _number in range(2):
        EventFactory(flow=flow)
    EventFactory(retry=True, flow=flow)
    EventFactory(quota_short=True)

    make_digests(timezone.now())
    assert send_digests() == 1
    assert send_digests() == 0

    [mail] = mailbox.sent
    assert mail["To"] == person.email
    assert mail["From"] == "GradeBridge <gradebridge@example.edu>"
    assert mail["Subject"] == "GradeBridge: An export ended with failures (4 events)"
    text = mail.get_body(("plain",)).get_content().replace("\r\n", "\n")
    html = mail.get_body(("html",)).get_content()
    assert "* 77 Biology & <more>\n  Attempts: 2. Delivered: 66. Not delivered: 14." in text
    assert "Causes: Learn not available (14)." in text
    assert "A retry finished" in text
    assert "https://grades.example.edu/admin/exports/exportattempt/1/change/" in text
    assert f"https://grades.example.edu/admin/exports/flow/{flow.pk}/change/" in text
    assert "77 Biology &amp; &lt;more&gt;" in html
    assert Digest.objects.get().state == State.SENT


def test_a_burst_of_50_exports_is_one_mail(mailbox, flow, wiseflow, learn):
    SubscriptionFactory()
    for number in range(50):
        wiseflow.export({"userId": "nobody", "mark": str(number)})

    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        make_digests(timezone.now())
        send_digests()
        make_digests(timezone.now())
        send_digests()

    assert Event.objects.count() == 50
    [mail] = mailbox.sent
    assert "Attempts: 50. Delivered: 0. Not delivered: 50." in mail.get_body(("plain",)).get_content()


def test_an_export_ends_the_same_while_the_mail_server_is_down(mailbox, flow, wiseflow, learn):
    SubscriptionFactory()
    mailbox.stop()

    answer = wiseflow.export({"userId": "u1", "mark": "B"}, {"userId": "nobody", "mark": "B"})
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        make_digests(timezone.now())
        send_digests()
    again = wiseflow.export({"userId": "u2", "mark": "B"}, {"userId": "nobody", "mark": "B"})

    assert (answer["numberOfSuccess"], answer["numberOfErrors"]) == (1, 1)
    assert (again["numberOfSuccess"], again["numberOfErrors"]) == (1, 1)
    digest = Digest.objects.get()
    assert (digest.state, digest.tries, digest.reason) == (State.WAITING, 1, {"code": "MAIL_SERVER_NOT_REACHED"})


def test_it_is_sent_once_the_server_is_back(mailbox):
    digest = DigestFactory()
    mailbox.stop()
    with time_machine.travel(timezone.now() + timedelta(seconds=1), tick=False) as clock:
        send_digests()
        assert send_digests() == 0  # it is not due

        mailbox.start()
        digest.refresh_from_db()
        clock.move_to(digest.next_try_at)
        assert send_digests() == 1

    digest.refresh_from_db()
    assert (digest.state, digest.tries, digest.reason) == (State.SENT, 2, {})
    assert len(mailbox.sent) == 1


def test_a_server_that_is_down_is_tried_once_a_tick_whoever_waits(mailbox):
    DigestFactory.create_batch(3)
    mailbox.stop()

    send_digests()

    assert sorted(Digest.objects.values_list("tries", flat=True)) == [0, 0, 1]


def test_after_a_day_it_is_given_up(mailbox):
    digest = DigestFactory()
    mailbox.stop()
    with time_machine.travel(timezone.now() + timedelta(seconds=1), tick=False) as clock:
        while digest.state == State.WAITING:
            send_digests()
            digest.refresh_from_db()
            clock.move_to(digest.next_try_at)

    assert digest.state == State.GIVEN_UP
    assert digest.finished_at - digest.created_at >= timedelta(days=1)
    assert digest.reason == {"code": "MAIL_SERVER_NOT_REACHED"}


def test_an_address_that_is_refused_keeps_no_one_else_waiting(mailbox):
    refused = DigestFactory(user=SubscriptionFactory(user__email="gone@example.edu").user)
    accepted = DigestFactory()
    mailbox.refused = "gone"

    assert send_digests() == 1

    refused.refresh_from_db()
    assert (refused.state, refused.reason) == (State.WAITING, {"code": "MAIL_ADDRESS_REFUSED"})
    assert [mail["To"] for mail in mailbox.sent] == [accepted.user.email]


@pytest.mark.parametrize("change", [{"is_active": False}, {"email": ""}])
def test_whoever_may_receive_nothing_any_more_is_sent_nothing(mailbox, change):
    digest = DigestFactory()
    for name, value in change.items():
        setattr(digest.user, name, value)
    digest.user.save()

    assert send_digests() == 0

    digest.refresh_from_db()
    assert (digest.state, digest.reason) == (State.GIVEN_UP, {"code": "NO_RECEIVER"})
    assert mailbox.sent == []


def test_of_a_flow_that_was_deleted_nothing_is_sent(mailbox):
    gone, kept = DigestFactory(), DigestFactory()
    gone.events.get().flow.delete()

    assert send_digests() == 1

    assert [mail["To"] for mail in mailbox.sent] == [kept.user.email]
    assert list(Digest.objects.all()) == [kept]


def test_two_clocks_send_no_mail_twice(mailbox):
    from threading import Thread

    from django.db import connection

    DigestFactory.create_batch(4)

    def clock():
        send_digests()
        connection.close()

    clocks = [Thread(target=clock) for _number in range(2)]
    for each in clocks:
        each.start()
    for each in clocks:
        each.join()

    assert sorted(mail["To"] for mail in mailbox.sent) == sorted(digest.user.email for digest in Digest.objects.all())


def test_two_clocks_make_no_digest_twice(mailbox):
    from threading import Thread

    from django.db import connection

    SubscriptionFactory.create_batch(3)
    EventFactory.create_batch(5)

    def clock():
        make_digests(timezone.now())
        connection.close()

    clocks = [Thread(target=clock) for _number in range(3)]
    for each in clocks:
        each.start()
    for each in clocks:
        each.join()

    assert Digest.objects.count() == 3
    assert all(digest.events.count() == 5 for digest in Digest.objects.all())


def test_it_is_written_in_the_language_of_the_subscription(mailbox, monkeypatch):
    from django.utils import translation

    asked = []
    monkeypatch.setattr(translation, "override", partial(remember, asked, translation.override))
    digest = DigestFactory()
    digest.user.subscription.language = "da"
    digest.user.subscription.save()

    send_digests()

    assert "da" in asked


def remember(asked, override, language, *args, **kwargs):
    asked.append(language)
    return override(language, *args, **kwargs)
