"""`Hold` and `Release` of flows and people, and the pause of all sending."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exports import retrying
from exports.grades.causes import Cause
from exports.models import ExportAttempt, ExportState, Flow, Hold, Participant
from tests.factories import FlowFactory, HoldFactory, ParticipantFactory, RefusedRequestFactory, UserFactory
from tests.pages import words_of
from tests.signed_in import messages_of, signed_in, text_of

WHY = "The board meets on Friday"
LISTS = {"flow": "/admin/exports/flow/", "participant": "/admin/exports/participant/"}
HOLDS = "/admin/exports/hold/"
PAUSE = reverse("admin:exports_hold_pause")


def make(model: str, **traits: Any) -> Flow | Participant:
    return FlowFactory(mapped=True) if model == "flow" else ParticipantFactory(**traits)


def page_of(row: Any, name: str = "change") -> str:
    return reverse(f"admin:exports_{row._meta.model_name}_{name}", args=[row.pk])


def act(client: Client, action: str, *rows: Any, **form: str) -> Any:
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(LISTS[rows[0]._meta.model_name], chosen | form)


@pytest.fixture(params=["flow", "participant"])
def row(request: Any, db: None) -> Any:
    return make(request.param)


# One row, on its page


def test_the_button_asks_for_a_reason_and_then_holds(row: Any, manager: Client) -> None:
    assert page_of(row, "hold") in text_of(manager.get(page_of(row)))
    asked = manager.get(page_of(row, "hold"))
    assert str(row) in words_of(asked)
    assert "Nothing is being sent at the moment." in words_of(asked)
    assert not Hold.objects.exists()

    held = manager.post(page_of(row, "hold"), {"reason": f" {WHY} "})

    assert messages_of(held) == ["1 hold was made."]
    hold = Hold.objects.get()
    assert (hold.reason, hold.held_by.pk) == (WHY, int(manager.session["_auth_user_id"]))
    page = manager.get(page_of(row))
    assert page_of(row, "hold") not in text_of(page)
    assert page_of(row, "release") in text_of(page)
    assert f"By {hold.held_by}, since " in words_of(page)
    assert WHY in words_of(page)


def test_without_a_reason_nothing_is_held_and_the_page_says_so(row: Any, manager: Client) -> None:
    answer = manager.post(page_of(row, "hold"), {"reason": " "})

    assert answer.status_code == 422
    assert "Enter a reason." in words_of(answer)
    assert not Hold.objects.exists()


def test_a_second_click_holds_nothing_more(row: Any, manager: Client) -> None:
    manager.post(page_of(row, "hold"), {"reason": WHY})

    again = manager.post(page_of(row, "hold"), {"reason": WHY})

    assert messages_of(again)[-1] == "1 was held already."
    assert Hold.objects.count() == 1


def test_the_button_asks_before_it_releases(row: Any, manager: Client) -> None:
    manager.post(page_of(row, "hold"), {"reason": WHY})

    assert "Nothing is sent by this." in words_of(manager.get(page_of(row, "release")))
    assert Hold.objects.open().exists()

    assert messages_of(manager.post(page_of(row, "release"))) == ["1 hold was released."]
    assert not Hold.objects.open().exists()
    again = manager.post(page_of(row, "release"))
    assert messages_of(again)[-1] == "Nothing to release: nothing of your selection is held."


def test_the_question_says_what_is_in_progress(manager: Client) -> None:
    person = ParticipantFactory(failed=True)
    retrying.retry(Participant.objects.all(), by=None, in_background=False)

    for address in (page_of(person, "hold"), page_of(person.flow, "hold")):
        assert "1 grade that waits now is stopped." in words_of(manager.get(address))

    held = manager.post(page_of(person, "hold"), {"reason": WHY})
    assert messages_of(held) == ["1 hold was made. 1 grade that was waiting is not sent."]


# The list


def test_the_actions_ask_first_and_hold_and_release_all_that_is_chosen(manager: Client) -> None:
    people = ParticipantFactory.create_batch(2)

    asked = act(manager, "hold_chosen", *people)
    assert "Hold 2 students?" in words_of(asked)
    assert not Hold.objects.exists()
    assert messages_of(act(manager, "hold_chosen", *people, post="yes", reason=WHY)) == ["2 holds were made."]

    asked = act(manager, "release_chosen", *people)
    assert "Release 2 holds?" in words_of(asked)
    assert messages_of(act(manager, "release_chosen", *people, post="yes")) == ["2 holds were released."]


def test_the_page_that_asks_sends_the_action_on_as_a_browser_would(manager: Client) -> None:
    flows = FlowFactory.create_batch(2)
    asked = act(manager, "hold_chosen", *flows).content.decode()

    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', asked[asked.index('"question"') :])
    data: dict[str, Any] = {name: [value for each, value in fields if each == name] for name, _ in fields}
    manager.post(LISTS["flow"], data | {"reason": WHY})

    assert Hold.objects.of_flows().count() == 2


def test_the_lists_show_what_is_held_by_whom_and_why(manager: Client) -> None:
    anna = UserFactory(username="anna")
    person = ParticipantFactory(failed=True)
    HoldFactory(person=True, participant=person, held_by=anna, reason="Suspected plagiarism")
    HoldFactory(flow=person.flow, held_by=anna, reason=WHY)
    HoldFactory(flow=person.flow, released=True, reason="An old one")

    flows = words_of(manager.get(LISTS["flow"]))
    assert f"Flow held by anna: {WHY}" in flows
    assert "plagiarism" not in flows
    people = words_of(manager.get(LISTS["participant"]))
    assert "Held by anna: Suspected plagiarism" in people
    assert f"Flow held by anna: {WHY}" in people
    assert "An old one" not in flows + people


@pytest.mark.parametrize("model", ["flow", "participant"])
def test_a_list_costs_the_same_however_much_is_held(model: str, manager: Client) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert manager.get(LISTS[model]).status_code == 200
        return len(queries)

    HoldFactory.create_batch(2)
    HoldFactory.create_batch(2, person=True)
    statements()
    few = statements()
    HoldFactory.create_batch(15)
    HoldFactory.create_batch(15, person=True)

    assert statements() == few <= 25


@pytest.mark.parametrize("model", ["flow", "participant"])
def test_a_page_costs_few_statements_held_or_not(model: str, administrator: Client) -> None:
    row = make(model)
    flow = row if isinstance(row, Flow) else row.flow

    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert administrator.get(page_of(row)).status_code == 200
        return len(queries)

    statements()
    assert statements() <= 31
    ParticipantFactory.create_batch(3, flow=flow, failed=True, cause=Cause.HELD, detail={})
    RefusedRequestFactory.create_batch(9, flow_id=flow.flow_id)
    assert statements() <= 31
    HoldFactory(flow=flow)
    HoldFactory.create_batch(2, person=True, participant__flow=flow)
    held = statements()
    HoldFactory.create_batch(20, person=True, participant__flow=flow)
    assert statements() == held <= 31


# After a release


def test_after_a_release_the_page_leads_to_the_retry_of_what_was_held(manager: Client) -> None:
    flow = FlowFactory(mapped=True)
    ParticipantFactory.create_batch(3, flow=flow, failed=True, cause=Cause.HELD, detail={})
    still_held = ParticipantFactory(flow=flow, failed=True, cause=Cause.HELD, detail={})
    ParticipantFactory(flow=flow, failed=True)
    HoldFactory(person=True, participant=still_held)
    hold = HoldFactory(flow=flow)
    assert "grades now" not in words_of(manager.get(page_of(flow)))

    manager.post(page_of(flow, "release"))

    for page in (page_of(flow), page_of(hold)):
        shown = manager.get(page)
        assert "Send 3 grades now" in words_of(shown)
    [part] = shown.context["held_back"]
    asked = manager.post(part.address, dict(part.fields))
    assert "Send 3 grades (1 would still be refused)" in words_of(asked)
    assert not ExportAttempt.objects.exists()


def test_of_a_person_one_grade_is_offered(manager: Client) -> None:
    person = ParticipantFactory(failed=True, cause=Cause.HELD, detail={})
    ParticipantFactory(flow=person.flow, failed=True, cause=Cause.HELD, detail={})

    page = manager.get(page_of(person))

    assert "Send 1 grade now" in words_of(page)
    [part] = page.context["held_back"]
    assert "Retry 1 failed grade?" in words_of(manager.post(part.address, dict(part.fields)))


def test_nothing_is_offered_while_all_sending_is_paused(manager: Client) -> None:
    person = ParticipantFactory(failed=True, cause=Cause.HELD, detail={})
    HoldFactory(pause=True)

    assert "Send 1 grade now" not in words_of(manager.get(page_of(person)))


# Pause


def test_an_administrator_pauses_and_every_page_says_so_until_someone_resumes(administrator: Client) -> None:
    person = ParticipantFactory(failed=True)
    assert PAUSE in text_of(administrator.get(HOLDS))
    assert "Pause all sending?" in words_of(administrator.get(PAUSE))
    assert not Hold.objects.exists()

    assert messages_of(administrator.post(PAUSE, {"reason": WHY})) == ["All sending is paused."]

    hold = Hold.objects.get()
    pages = [reverse("admin:index"), *LISTS.values(), HOLDS, page_of(person), page_of(person.flow), "/admin/changes/"]
    pages += ["/admin/exports/", "/admin/password_change/", page_of(person, "history"), page_of(person, "hold")]
    for page in pages:
        words = words_of(administrator.get(page))
        assert f"All sending is paused. By {hold.held_by}, since " in words, page
        assert f"{WHY} Resume" in words, page

    resume = page_of(hold, "release")
    assert "Resume sending?" in words_of(administrator.get(resume))
    administrator.post(resume)
    assert "All sending is paused." not in words_of(administrator.get(reverse("admin:index")))


def test_a_pause_without_a_reason_or_a_second_one_is_refused(administrator: Client) -> None:
    assert administrator.post(PAUSE, {"reason": ""}).status_code == 422
    assert not Hold.objects.exists()
    administrator.post(PAUSE, {"reason": WHY})

    for answer in (administrator.post(PAUSE, {"reason": WHY}), administrator.get(PAUSE)):
        assert messages_of(answer)[-1] == "All sending is paused already."
    assert Hold.objects.count() == 1


def test_after_resuming_the_grades_that_were_paused_can_be_sent(administrator: Client) -> None:
    hold = HoldFactory(pause=True)
    ParticipantFactory.create_batch(2, failed=True, cause=Cause.PAUSED, detail={})
    ParticipantFactory(failed=True, cause=Cause.HELD, detail={})

    answer = administrator.post(page_of(hold, "release"))

    page = administrator.get(answer.url)
    assert "Send 2 grades now" in words_of(page)
    [part] = page.context["held_back"]
    assert "Retry 2 failed grades?" in words_of(administrator.post(part.address, dict(part.fields)))


def test_the_banner_costs_one_statement(manager: Client) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert manager.get(HOLDS).status_code == 200
        return len([query for query in queries if '"exports_hold"."flow_id" IS NULL' in query["sql"]])

    assert statements() == 1
    HoldFactory(pause=True)
    assert statements() == 1


# The list of holds


def test_the_list_has_open_holds_first_and_filters(manager: Client) -> None:
    released = HoldFactory(released=True)
    flow, person, pause = HoldFactory(), HoldFactory(person=True), HoldFactory(pause=True)

    def rows(query: str = "") -> list[Hold]:
        return list(manager.get(f"{HOLDS}{query}").context["cl"].result_list)

    assert rows() == [pause, person, flow, released]
    assert rows("?status=open") == [pause, person, flow]
    assert rows("?status=released") == [released]
    assert rows("?kind=person") == [person]
    assert rows("?kind=all") == [pause]
    assert rows(f"?flow__exact={flow.flow_id}") == [flow]
    assert rows(f"?q={person.participant.user_id}") == [person]


def test_holds_are_released_from_their_list_and_a_pause_only_by_whoever_may(
    manager: Client, administrator: Client
) -> None:
    flow, pause = HoldFactory(), HoldFactory(pause=True)
    chosen = {"action": "release_chosen", "_selected_action": [flow.pk, pause.pk]}

    assert messages_of(manager.post(HOLDS, chosen)) == ["1 hold was released."]
    assert list(Hold.objects.open()) == [pause]

    assert messages_of(administrator.post(HOLDS, chosen)) == ["1 hold was released. 1 hold was already released."]
    assert not Hold.objects.open().exists()


@pytest.mark.parametrize("kind", [{}, {"person": True}, {"pause": True}])
def test_the_page_of_a_hold_costs_few_statements(kind: dict[str, bool], administrator: Client) -> None:
    hold = HoldFactory(released=True, **kind)
    ParticipantFactory.create_batch(3, failed=True, cause=hold.cause, detail={})
    administrator.get(page_of(hold))
    with CaptureQueriesContext(connection) as queries:
        assert administrator.get(page_of(hold)).status_code == 200
    assert len(queries) <= 25


# Who may


def test_a_manager_neither_pauses_nor_resumes(manager: Client) -> None:
    assert PAUSE not in text_of(manager.get(HOLDS))
    assert manager.post(PAUSE, {"reason": WHY}).status_code == 403
    pause = HoldFactory(pause=True)
    page = text_of(manager.get(page_of(pause)))
    assert page_of(pause, "release") not in page

    assert manager.post(page_of(pause, "release")).status_code == 403
    assert manager.get(page_of(pause, "release")).status_code == 403
    assert Hold.objects.open().exists()


def test_who_is_in_neither_group_holds_nothing(row: Any) -> None:
    nobody, hold = signed_in(), HoldFactory()

    for address in (page_of(row, "hold"), page_of(row, "release"), PAUSE, page_of(hold, "release")):
        assert nobody.get(address).status_code == 403
        assert nobody.post(address, {"reason": WHY}).status_code == 403
    assert nobody.get(HOLDS).status_code == 403
    assert Hold.objects.open().count() == 1


def test_who_may_only_look_sees_no_button(row: Any) -> None:
    viewer = UserFactory()
    names = ["view_flow", "view_participant", "view_hold"]
    viewer.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(viewer)

    page = text_of(client.get(page_of(row)))
    assert page_of(row, "hold") not in page
    assert "hold_chosen" not in text_of(client.get(LISTS[row._meta.model_name]))
    assert client.post(page_of(row, "hold"), {"reason": WHY}).status_code == 403
    act(client, "hold_chosen", row, post="yes", reason=WHY)
    assert not Hold.objects.exists()


def test_no_one_edits_or_deletes_a_hold(administrator: Client) -> None:
    hold = HoldFactory()

    assert administrator.post(page_of(hold), {"reason": "Another"}).status_code == 403
    assert administrator.post(reverse("admin:exports_hold_delete", args=[hold.pk]), {"post": "yes"}).status_code == 403
    hold.refresh_from_db()
    assert hold.reason == WHY


def test_a_flow_that_was_held_is_not_deleted(administrator: Client) -> None:
    hold = HoldFactory(released=True)

    assert administrator.post(page_of(hold.flow, "delete"), {"post": "yes"}).status_code == 403
    assert Flow.objects.filter(state=ExportState.NOT_EXPORTED).exists()
