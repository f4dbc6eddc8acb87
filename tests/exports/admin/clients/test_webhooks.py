"""Webhooks in the admin: for administrators alone, the secret once, messages that can be sent again."""

import re

import pytest
from django.urls import reverse

from exports.models import Event, Webhook, WebhookMessage
from tests.exports.notifying.conftest import receiver  # noqa: F401  the real one
from tests.factories import WebhookFactory, WebhookMessageFactory
from tests.forms import open_form
from tests.pages import rows_of, words_of
from tests.signed_in import messages_of, signed_in

pytestmark = pytest.mark.django_db

ADD = "/admin/exports/webhook/add/"
GIVEN = {
    "name": "Timetable",
    "url": "https://example.edu/hook",
    "kinds": [Event.Kind.EXPORT_FAILED, Event.Kind.QUOTA_SHORT],
    "is_active": "on",
}


def page(webhook, button="change"):
    return reverse(f"admin:exports_webhook_{button}", args=[webhook.pk])


def test_the_secret_is_shown_once_when_a_webhook_is_made(administrator):
    answer = administrator.post(ADD, GIVEN)

    webhook = Webhook.objects.get()
    assert webhook.kinds == GIVEN["kinds"]
    assert re.search(r"whsec_[A-Za-z0-9+/]{43}=", answer.content.decode())[0] == webhook.secret
    assert answer["Cache-Control"].find("no-store") >= 0
    for address in (page(webhook), page(webhook, "history"), reverse("admin:exports_webhook_changelist")):
        shown = administrator.get(address).content.decode()
        assert webhook.secret not in shown
        assert webhook.seed not in shown


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("http://example.edu/hook", "Messages would be sent unencrypted. Use https."),
        ("ftp://example.edu/", "This is not an address"),
        ("example.edu", "This is not an address"),
        ("https://", "This is not an address"),
        ("https://example.edu:port/", "This is not an address"),
        ("https://exa mple.edu/", "This is not an address"),
        ("https://user:password@example.edu/", "cannot contain a user name"),
        ("https://example.edu/#here", "cannot contain a user name"),
    ],
)
def test_an_address_that_is_not_safe_is_refused(administrator, url, refusal):
    answer = administrator.post(ADD, GIVEN | {"url": url})

    assert refusal in words_of(answer)
    assert not Webhook.objects.exists()


def test_plain_http_is_for_this_machine(administrator):
    administrator.post(ADD, GIVEN | {"url": "http://127.0.0.1:8080/hook"})

    assert Webhook.objects.exists()


def test_a_webhook_is_changed_and_its_history_kept(administrator):
    webhook = WebhookFactory()
    form = open_form(administrator, page(webhook)) | {"kinds": [Event.Kind.RETRY_FINISHED], "is_active": ""}

    administrator.post(page(webhook), form)

    webhook.refresh_from_db()
    assert (webhook.kinds, webhook.is_active) == ([Event.Kind.RETRY_FINISHED], False)
    assert "Kinds of events" in words_of(administrator.get(page(webhook, "history")))


def test_a_new_secret_is_asked_for_first_and_ends_the_old_one(administrator):
    webhook = WebhookFactory()
    old = webhook.secret

    administrator.get(page(webhook, "new_secret"))
    webhook.refresh_from_db()
    assert webhook.secret == old

    answer = administrator.post(page(webhook, "new_secret"))
    webhook.refresh_from_db()
    assert webhook.secret != old
    assert webhook.secret in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_test_says_whether_the_receiver_accepts(administrator, receiver):  # noqa: F811
    webhook = WebhookFactory(url=receiver.url)

    assert administrator.get(page(webhook, "test")).status_code == 405
    answer = administrator.post(page(webhook, "test"))
    assert messages_of(answer) == ["The receiver accepted the message (204)."]

    receiver.status = 500
    answer = administrator.post(page(webhook, "test"))
    assert messages_of(answer)[-1:] == [
        "The receiver answered 500. The message was not accepted, and is sent again later."
    ]
    rows = rows_of(administrator.get(page(webhook)))
    assert [(row["State"].split(" ")[0], row["Answer"]) for row in rows] == [("Waiting", "500"), ("Sent", "204")]


@pytest.mark.django_db(transaction=True)
def test_a_message_is_sent_again_with_its_id(administrator, receiver):  # noqa: F811
    webhook = WebhookFactory(url=receiver.url)
    message = WebhookMessageFactory(webhook=webhook, given_up=True)
    assert "Send again" in words_of(administrator.get(page(webhook)))

    answer = administrator.post(page(webhook, "send_again"), {"message": message.pk})

    assert messages_of(answer) == ["The receiver accepted the message (204)."]
    assert receiver.requests[0].headers["webhook-id"] == str(message.pk)
    message.refresh_from_db()
    assert message.state == WebhookMessage.State.SENT


@pytest.mark.parametrize("which", ["another webhook's", "no id", "none"])
def test_only_a_message_of_this_webhook_is_sent_again(administrator, which):
    webhook = WebhookFactory()
    other = WebhookMessageFactory(given_up=True)
    given = {"another webhook's": {"message": other.pk}, "no id": {"message": "x"}, "none": {}}[which]

    answer = administrator.post(page(webhook, "send_again"), given)

    assert messages_of(answer) == ["This message does not exist any more."]
    other.refresh_from_db()
    assert other.state == WebhookMessage.State.GIVEN_UP


@pytest.mark.parametrize("who", [{"manager": True}, {}])
def test_no_one_else_sees_or_uses_webhooks(who):
    webhook, client = WebhookFactory(), signed_in(**who)
    message = WebhookMessageFactory(webhook=webhook, given_up=True)

    assert client.get(reverse("admin:exports_webhook_changelist")).status_code == 403
    assert client.get(page(webhook)).status_code == 403
    assert client.get(ADD).status_code == 403
    for button in ("test", "send_again", "new_secret"):
        assert client.post(page(webhook, button), {"message": message.pk}).status_code == 403
    assert WebhookMessage.objects.count() == 1


@pytest.mark.parametrize("messages", [1, 60])
def test_its_page_and_the_list_cost_the_same_for_many_messages(messages, administrator, django_assert_max_num_queries):
    webhook = WebhookFactory()
    WebhookMessageFactory.create_batch(messages, webhook=webhook)

    with django_assert_max_num_queries(20):
        administrator.get(page(webhook))
    with django_assert_max_num_queries(15):
        administrator.get(reverse("admin:exports_webhook_changelist"))
