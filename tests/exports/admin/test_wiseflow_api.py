"""Fetching and exporting from WISEflow's API on the pages of flows."""

import pytest
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from exports.fetching.flows import fetch
from exports.fetching.tasks import fetch_flow
from exports.models import ExportAttempt, Flow, FlowInWiseflow
from tests.conftest import COLUMN, COURSE
from tests.exports.fetching.conftest import hold, licence, person  # noqa: F401  a fixture
from tests.pages import words_of
from tests.signed_in import messages_of, signed_in


def page_of(flow):
    return reverse("admin:exports_flow_change", args=[flow.pk])


def fetch_url(flow):
    return reverse("admin:exports_flow_fetch", args=[flow.pk])


def pull_url(flow):
    return reverse("admin:exports_flow_pull", args=[flow.pk])


def hidden(response, name):
    return dict(response.context["hidden"])[name]


def test_without_an_address_no_page_offers_it(administrator, flow):
    page = words_of(administrator.get(page_of(flow)))

    assert "Fetch from WISEflow" not in page
    assert administrator.post(fetch_url(flow)).status_code == 404
    assert administrator.post(pull_url(flow)).status_code == 404
    assert "fetch_chosen" not in administrator.get(reverse("admin:exports_flow_changelist")).content.decode()


@pytest.mark.parametrize("who", ["manager", "administrator"])
def test_a_button_has_the_flow_fetched_in_the_background(who, flow, licence):  # noqa: F811
    browser = signed_in(**{who: True})
    hold(licence, person(1, grade="B"))

    answer = browser.post(fetch_url(flow))
    before = words_of(browser.get(page_of(flow)))
    task = DBTaskResult.objects.get()
    fetch_flow.call(*task.args_kwargs["args"])
    after = words_of(browser.get(page_of(flow)))

    assert messages_of(answer) == ["1 flow is being fetched from WISEflow. Its page shows how it ended."]
    assert "This flow is being fetched from WISEflow." in before
    assert "Last fetched on" in after
    assert "being fetched" not in after
    assert not ExportAttempt.objects.exists()


def test_a_link_alone_fetches_nothing(manager, flow, licence):  # noqa: F811
    page = words_of(manager.get(fetch_url(flow)))

    assert "Fetch from WISEflow?" in page
    assert not FlowInWiseflow.objects.exists()


def test_a_flow_that_is_being_fetched_is_not_fetched_twice(manager, flow, licence):  # noqa: F811
    manager.post(fetch_url(flow))

    answer = manager.post(fetch_url(flow))

    assert "1 flow is being fetched already." in messages_of(answer)
    assert DBTaskResult.objects.count() == 1


def test_flows_of_the_list_are_fetched_together(administrator, flow, licence):  # noqa: F811
    url = reverse("admin:exports_flow_changelist")
    chosen = {"action": "fetch_chosen", "_selected_action": [flow.pk]}

    asked = administrator.post(url, chosen)
    administrator.post(url, {**chosen, "post": "yes"})

    assert "Fetch from WISEflow?" in words_of(asked)
    assert DBTaskResult.objects.count() == 1


def test_the_page_says_what_is_not_wiseflows(administrator, flow, licence):  # noqa: F811
    hold(licence, person(1), person(2, activated=False), person(3, externalIds={}), title="In WISEflow")
    fetch(flow)

    page = words_of(administrator.get(page_of(flow)))

    assert "The title was entered here. In WISEflow: In WISEflow" in page
    assert "The end of the assessment was entered here." in page
    assert "1 of them is deactivated: no grade is expected" in page
    assert "1 of them has no Learn user (batch uid) in WISEflow" in page


def test_the_page_says_who_marked_the_flow_as_synchronised_or_that_it_is_inferred(
    administrator,
    flow,
    licence,  # noqa: F811
):
    Flow.objects.filter(pk=flow.pk).update(synchronised_at=None)
    flow.refresh_from_db()
    administrator.post(reverse("admin:exports_flow_mark_synchronised", args=[flow.pk]))
    hold(licence, person(1))
    fetch(flow)
    marked = words_of(administrator.get(page_of(flow)))
    Flow.objects.filter(pk=flow.pk).update(synchronised_at=None)
    FlowInWiseflow.objects.all().delete()
    fetch(flow)
    inferred = words_of(administrator.get(page_of(flow)))

    user = administrator.session["_auth_user_id"]
    assert "Synchronised: marked by " in marked
    assert user
    assert "Synchronised: inferred from WISEflow" in inferred


def test_the_page_says_why_it_was_not_fetched(manager, flow, licence):  # noqa: F811
    fetch(flow)

    page = words_of(manager.get(page_of(flow)))

    assert "WISEflow has no flow of this id on the licence. Check the flow's id." in page


def test_a_participant_shows_what_wiseflow_holds(manager, flow, licence):  # noqa: F811
    hold(licence, person(1, grade="B", adminGrade="U", exportState=5))
    fetch(flow)
    who = flow.participants.get()

    page = words_of(manager.get(reverse("admin:exports_participant_change", args=[who.pk])))

    assert "Alternative grade: U" in page
    assert "Export state in WISEflow: Unknown (5)" in page


def test_a_pull_shows_what_it_would_send_and_sends_exactly_that(manager, flow, licence, learn):  # noqa: F811
    hold(licence, person(1, grade="B"), person(2), person(3, grade="A", activated=False))
    fetch(flow)

    asked = manager.get(pull_url(flow))
    answer = manager.post(pull_url(flow), {"shown": hidden(asked, "shown")})

    page = words_of(asked)
    assert "WISEflow does not learn of this: its own export states stay as they are." in page
    assert f"1 grade to column {COLUMN} of course {COURSE}" in page
    assert "1 participant has no grade in WISEflow and is left out" in page
    assert "1 participant is deactivated in WISEflow and is left out" in page
    assert "Send 1 grade" in page
    attempt = ExportAttempt.objects.get()
    assert (answer.status_code, attempt.trigger) == (302, "PULL")
    assert messages_of(answer) == ["1 grade is being sent."]
    assert f"Export {attempt.pk} of flow 77 from WISEflow's API" in words_of(manager.get(answer.url))


def test_a_pull_of_what_has_changed_sends_nothing_and_shows_it_again(manager, flow, licence):  # noqa: F811
    hold(licence, person(1, grade="B"))
    fetch(flow)
    asked = manager.get(pull_url(flow))
    hold(licence, person(1, grade="C"))
    fetch(flow)

    answer = manager.post(pull_url(flow), {"shown": hidden(asked, "shown")})

    assert answer.status_code == 422
    assert "What would be sent has changed since you opened this page." in words_of(answer)
    assert not ExportAttempt.objects.exists()


@pytest.mark.parametrize("shown", [None, "", "x", "\0"])
def test_a_pull_without_what_was_shown_sends_nothing(manager, flow, licence, shown):  # noqa: F811
    hold(licence, person(1, grade="B"))
    fetch(flow)

    manager.post(pull_url(flow), {} if shown is None else {"shown": shown})

    assert not ExportAttempt.objects.exists()


def test_a_pull_of_what_was_never_fetched_leads_to_fetching(manager, flow, licence):  # noqa: F811
    answer = manager.get(pull_url(flow))

    assert "Fetch it first." in words_of(answer)
    assert fetch_url(flow) in answer.content.decode()


def test_who_may_only_look_neither_fetches_nor_pulls(flow, licence):  # noqa: F811
    browser = signed_in(is_staff=True)

    assert browser.post(fetch_url(flow)).status_code == 403
    assert browser.post(pull_url(flow)).status_code == 403


def test_a_grade_pulled_is_found_by_the_name_of_its_page(manager, flow, licence):  # noqa: F811
    hold(licence, person(1, grade="B"))
    fetch(flow)
    manager.post(pull_url(flow), {"shown": hidden(manager.get(pull_url(flow)), "shown")})

    page = words_of(manager.get(reverse("admin:exports_flow_timeline", args=[flow.pk])))

    assert "Fetched from WISEflow, attempt" in page
    assert FlowInWiseflow.objects.get().fetched_at < timezone.now()
