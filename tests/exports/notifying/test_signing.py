"""Whoever knows the scheme of standardwebhooks.com can verify our messages."""

import base64

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from exports.notifying.signing import signature
from tests.factories import WebhookFactory


def test_a_signature_is_the_published_one():
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'

    signed = signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, key=key)

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.django_db
def test_a_secret_is_whole_in_no_row_of_the_database():
    webhook = WebhookFactory()

    assert webhook.secret.startswith("whsec_")
    assert webhook.seed not in webhook.secret
    assert base64.b64decode(webhook.secret.removeprefix("whsec_")) == webhook.key


@pytest.mark.django_db
def test_a_new_secret_and_a_new_secret_key_both_end_the_old_one(settings):
    webhook = WebhookFactory()
    first = webhook.secret

    settings.SECRET_KEY = "another key of this site"
    assert webhook.secret != first
    second = webhook.secret

    assert webhook.set_new_secret() != second


@pytest.mark.django_db
def test_a_body_that_was_changed_is_not_verified():
    webhook = WebhookFactory()
    import time

    now = int(time.time())
    headers = {"webhook-id": "1", "webhook-timestamp": str(now)}
    headers["webhook-signature"] = signature("1", now, b'{"type": "TEST"}', key=webhook.key)

    assert Verifier(webhook.secret).verify('{"type": "TEST"}', headers) == {"type": "TEST"}
    with pytest.raises(WebhookVerificationError):
        Verifier(webhook.secret).verify('{"type": "REST"}', headers)
