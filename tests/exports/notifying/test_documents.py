"""docs/webhooks.md and docs/notifications.md say what is so: their example verifies what is really posted."""

import re
from pathlib import Path

import pytest

from exports.models import Event
from exports.notifying.webhooks import post_test
from tests.factories import WebhookFactory

DOCS = Path(__file__).resolve().parents[3] / "docs"
WEBHOOKS = (DOCS / "webhooks.md").read_text()
NOTIFICATIONS = (DOCS / "notifications.md").read_text()


@pytest.fixture
def is_from_gradebridge():
    """The example, as a reader would paste it."""
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", WEBHOOKS, re.DOTALL)[1], names)  # noqa: S102
    return names["is_from_gradebridge"]


@pytest.mark.django_db(transaction=True)
def test_the_example_accepts_our_messages_and_nothing_else(receiver, is_from_gradebridge):
    webhook = WebhookFactory(url=receiver.url)
    post_test(webhook)
    [request] = receiver.requests
    old = request.headers | {"webhook-timestamp": "1614265330"}

    assert is_from_gradebridge(request.headers, request.body, webhook.secret)
    assert not is_from_gradebridge(request.headers, request.body + b" ", webhook.secret)
    assert not is_from_gradebridge(request.headers, request.body, WebhookFactory().secret)
    assert not is_from_gradebridge(old, request.body, webhook.secret)


@pytest.mark.parametrize("kind", Event.Kind)
def test_every_kind_of_event_is_explained(kind):
    assert f"`{kind}`" in WEBHOOKS
    assert kind is Event.Kind.TEST or f"| {kind.label} |" in NOTIFICATIONS
