"""Lists, tabs and files: what each role is advised, what stays chosen, and how settings look."""

import pytest
from django.urls import reverse

from exports.grades.causes import Cause
from tests.factories import ApiClientFactory, DeliveryFactory, FlowFactory, ParticipantFactory
from tests.signed_in import signed_in, text_of

PEOPLE = "/admin/exports/participant/"
ADVICE = {"manager": "Ask an administrator to mark it as synchronised", "administrator": "Mark it as synchronised on"}


@pytest.fixture
def failed(db):
    return ParticipantFactory(failed=True, cause=Cause.NOT_SYNCHRONISED, detail={})


@pytest.mark.parametrize("who", ADVICE)
@pytest.mark.parametrize("where", ["list", "page", "deliveries", "delivery", "file"])
def test_each_role_reads_what_it_can_do(who, where, failed):
    delivery = DeliveryFactory(participant=failed, state="FAILED", cause=Cause.NOT_SYNCHRONISED, detail={})
    client = signed_in(**{who: True})
    chosen = {"action": "export_failed", "_selected_action": [failed.pk]}
    response = {
        "list": lambda: client.get(PEOPLE),
        "page": lambda: client.get(f"{PEOPLE}{failed.pk}/change/"),
        "deliveries": lambda: client.get("/admin/exports/delivery/"),
        "delivery": lambda: client.get(f"/admin/exports/delivery/{delivery.pk}/change/"),
        "file": lambda: client.post(PEOPLE, chosen),
    }[where]()

    seen = text_of(response)
    assert ADVICE[who] in seen
    assert not any(other in seen for role, other in ADVICE.items() if role != who)


@pytest.mark.parametrize("order", [None, "1", "-1"])
def test_participants_of_a_flow_are_sorted_by_user_id(order, manager):
    flow = FlowFactory()
    for user_id in ("c", "a", "b"):
        ParticipantFactory(flow=flow, user_id=user_id)

    shown = manager.get(PEOPLE, {"o": order} if order else {}).context["cl"].result_list

    assert [person.user_id for person in shown] == (["c", "b", "a"] if order == "-1" else ["a", "b", "c"])


@pytest.mark.parametrize("kept", ["flow__exact={pk}", "q=anna", "flow__exact={pk}&amp;q=anna"])
def test_tabs_keep_the_flow_and_the_search(kept, manager):
    flow = ParticipantFactory(user_id="anna").flow
    given = dict(part.split("=") for part in kept.format(pk=flow.pk).split("&amp;"))

    seen = text_of(manager.get(PEOPLE, given))

    rest = "&amp;".join(f"{name}={value}" for name, value in given.items())
    assert f'href="{PEOPLE}?{rest}&amp;state__exact=FAILED"' in seen
    assert f'href="{PEOPLE}?{rest}"' in seen


def test_a_search_keeps_the_flow(manager):
    flow = FlowFactory()
    seen = text_of(manager.get(PEOPLE, {"flow__exact": flow.pk}))
    assert f'<input type="hidden" name="flow__exact" value="{flow.pk}">' in seen


def test_what_is_switched_off_is_grey_and_says_so(administrator):
    ApiClientFactory(is_active=False, may_export=True)
    seen = text_of(administrator.get(reverse("admin:exports_apiclient_changelist")))
    assert "</span>Off</span>" in seen
    assert "</span>On</span>" in seen
    assert "bg-red-100" not in seen.split("result_list")[-1]
