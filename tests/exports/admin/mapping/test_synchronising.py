"""`Mark as synchronised`: of a flow's page and of the list, for administrators."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from exports.models import Flow
from tests.factories import FlowFactory
from tests.signed_in import messages_of, signed_in, text_of

LIST = "/admin/exports/flow/"


def button(flow):
    return reverse("admin:exports_flow_mark_synchronised", args=[flow.pk])


def mark(client, *flows):
    chosen = {"action": "mark_as_synchronised", "_selected_action": [flow.pk for flow in flows]}
    return client.post(LIST, chosen | {"post": "yes"})


@pytest.mark.parametrize(
    ("unmarked", "marked", "said"),
    [
        (1, 0, ["1 flow is now marked as synchronised."]),
        (2, 0, ["2 flows are now marked as synchronised."]),
        (0, 1, ["1 flow already has a date of synchronisation, which was not changed."]),
        (0, 3, ["3 flows already have a date of synchronisation, which was not changed."]),
        (
            1,
            2,
            [
                "1 flow is now marked as synchronised.",
                "2 flows already have a date of synchronisation, which was not changed.",
            ],
        ),
    ],
)
def test_the_action_marks_those_without_a_date_and_says_how_many(unmarked, marked, said, administrator):
    before = timezone.now() - timedelta(days=3)
    new = FlowFactory.create_batch(unmarked, synchronised_at=None)
    old = FlowFactory.create_batch(marked, synchronised_at=before)

    assert messages_of(mark(administrator, *new, *old)) == said

    assert all(flow.synchronised_at > before for flow in Flow.objects.filter(pk__in=[flow.pk for flow in new]))
    assert all(flow.synchronised_at == before for flow in Flow.objects.filter(pk__in=[flow.pk for flow in old]))


def test_the_action_asks_first_for_how_many_flows(administrator):
    flows = FlowFactory.create_batch(3, synchronised_at=None)
    asked = administrator.post(LIST, {"action": "mark_as_synchronised", "_selected_action": [f.pk for f in flows]})

    assert "3 flows are chosen." in text_of(asked)
    assert not Flow.objects.exclude(synchronised_at=None).exists()


def test_the_history_says_who_marked_it(administrator):
    flow = FlowFactory(synchronised_at=None)
    old = flow.history.count()

    mark(administrator, flow)

    assert flow.history.count() == old + 1
    assert flow.history.first().history_user.pk == int(administrator.session["_auth_user_id"])


def test_the_button_asks_first_and_then_marks(administrator):
    flow = FlowFactory(synchronised_at=None)
    assert button(flow) in text_of(administrator.get(f"{LIST}{flow.pk}/change/"))

    assert "Mark as synchronised?" in text_of(administrator.get(button(flow)))
    flow.refresh_from_db()
    assert flow.synchronised_at is None

    assert "now marked as synchronised" in messages_of(administrator.post(button(flow)))[0]
    flow.refresh_from_db()
    assert flow.synchronised_at is not None
    assert button(flow) not in text_of(administrator.get(f"{LIST}{flow.pk}/change/"))


@pytest.mark.parametrize("verb", ["get", "post"])
def test_a_flow_with_a_date_keeps_it(verb, administrator):
    flow = FlowFactory(synchronised_at=(when := timezone.now() - timedelta(days=9)))

    assert "already has a date of synchronisation" in messages_of(getattr(administrator, verb)(button(flow)))[0]

    flow.refresh_from_db()
    assert flow.synchronised_at == when


def test_a_manager_has_neither(db):
    client, flow = signed_in(manager=True), FlowFactory(synchronised_at=None)

    assert "mark_as_synchronised" not in text_of(client.get(LIST))
    assert client.post(button(flow)).status_code == 403
    mark(client, flow)
    flow.refresh_from_db()
    assert flow.synchronised_at is None


@pytest.mark.django_db
def test_a_date_that_is_still_to_come_is_replaced_by_now() -> None:
    flow = FlowFactory(synchronised_at=timezone.now() + timedelta(days=7))
    client = signed_in(administrator=True)

    assert "Mark as synchronised" in text_of(client.get(reverse("admin:exports_flow_change", args=[flow.pk])))
    mark(client, flow)
    flow.refresh_from_db()
    assert flow.synchronised_at <= timezone.now()
