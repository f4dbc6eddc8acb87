"""A roster that replaces the one before, in the admin: what it would take off is seen first."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from exports.models import Flow, Participant
from tests.exports.admin.mapping.test_imports import packed_in, roster_url
from tests.exports.importing.files import csv_file
from tests.factories import FlowFactory, ParticipantFactory
from tests.pages import rows_of, words_of
from tests.signed_in import messages_of, signed_in, text_of

KEY = "user_id · source_code"
REPLACE = {"replace": "on"}


@pytest.fixture
def flow(db: None) -> Flow:
    """With u1 exported, u2 and u3 missing."""
    flow = FlowFactory(flow_id="77", mapped=True, with_roster=True)
    ParticipantFactory(flow=flow, user_id="u1", on_sis_roster=True, exported=True, first_name="Ada")
    for user_id in ("u2", "u3"):
        ParticipantFactory(flow=flow, user_id=user_id, missing=True)
    return flow


def preview(client: Client, flow: Flow, *user_ids: str, **fields: str) -> Any:
    content = csv_file(["user_id"], *[[user_id] for user_id in user_ids])
    return client.post(roster_url(flow), {"file": SimpleUploadedFile("new.csv", content), **fields})


def confirm(client: Client, flow: Flow, shown: Any, **fields: str) -> Any:
    return client.post(roster_url(flow), {"packed": packed_in(shown), **fields})


def ids() -> list[str]:
    return sorted(Participant.objects.filter(on_roster=True).values_list("user_id", flat=True))


def test_who_would_be_taken_off_is_shown_by_id_and_name_and_nothing_is_done_yet(
    flow: Flow, administrator: Client
) -> None:
    shown = preview(administrator, flow, "u3", "u4", **REPLACE)

    assert "1 added 0 changed 1 unchanged 2 taken off" in words_of(shown)
    assert [row for row in rows_of(shown) if "What happens" in row] == [
        {
            "user_id · source_code": "u1",
            "Name": "Ada",
            "What happens": "Kept, and marked as not on the roster any more",
        },
        {"user_id · source_code": "u2", "Name": "", "What happens": "Deleted: nothing has come of this participant"},
    ]
    assert "The file takes 2 of 3 participants off the roster." in text_of(shown)
    assert ids() == ["u1", "u2", "u3"]


def test_what_was_shown_is_done(flow: Flow, administrator: Client) -> None:
    done = confirm(administrator, flow, preview(administrator, flow, "u3", "u4", **REPLACE), **REPLACE)

    assert messages_of(done) == ["Imported new.csv: 1 added, 0 changed, 2 taken off, 1 unchanged."]
    assert ids() == ["u3", "u4"]
    assert sorted(Participant.objects.values_list("user_id", flat=True)) == ["u1", "u3", "u4"]
    assert "Roster replaced" in (flow.history.first().history_change_reason or "")  # type: ignore[attr-defined]


def test_the_preview_carries_the_answer_on(flow: Flow, administrator: Client) -> None:
    hidden = '<input type="hidden" name="replace" value="on">'
    assert hidden in text_of(preview(administrator, flow, "u3", **REPLACE))
    assert hidden not in text_of(preview(administrator, flow, "u3"))


def test_without_the_box_no_one_is_taken_off(flow: Flow, administrator: Client) -> None:
    shown = preview(administrator, flow, "u3", "u4")
    assert "taken off" not in words_of(shown)
    confirm(administrator, flow, shown)
    assert ids() == ["u1", "u2", "u3", "u4"]


@pytest.mark.parametrize(("first", "then"), [({}, REPLACE), (REPLACE, {})])
def test_another_answer_than_the_one_shown_is_shown_first(
    first: dict[str, str], then: dict[str, str], flow: Flow, administrator: Client
) -> None:
    answer = confirm(administrator, flow, preview(administrator, flow, "u3", **first), **then)
    assert "the data has changed since the preview" in text_of(answer)
    assert ids() == ["u1", "u2", "u3"]


def test_a_grade_that_comes_after_the_preview_is_seen_before_anyone_is_taken_off(
    flow: Flow, administrator: Client
) -> None:
    shown = preview(administrator, flow, "u3", **REPLACE)
    Participant.objects.filter(user_id="u2").update(state="QUEUED", mark="B")

    again = confirm(administrator, flow, shown, **REPLACE)

    assert "the data has changed since the preview" in text_of(again)
    assert ids() == ["u1", "u2", "u3"]
    confirm(administrator, flow, again, **REPLACE)
    assert Participant.objects.get(user_id="u2").left_roster_at is not None


def test_a_double_click_does_it_once(flow: Flow, administrator: Client) -> None:
    shown = preview(administrator, flow, "u3", **REPLACE)
    confirm(administrator, flow, shown, **REPLACE)
    left = Participant.objects.get(user_id="u1").left_roster_at

    again = confirm(administrator, flow, shown, **REPLACE)

    assert "the data has changed since the preview" in text_of(again)
    assert Participant.objects.get(user_id="u1").left_roster_at == left


def test_only_a_roster_can_replace(flow: Flow, administrator: Client) -> None:
    label = '<label for="replace">'
    assert label in text_of(administrator.get(roster_url(flow)))
    assert label not in text_of(administrator.get("/admin/exports/flow/import/"))


def test_managers_and_others_replace_nothing(flow: Flow, manager: Client) -> None:
    for client in (manager, signed_in()):
        assert preview(client, flow, "u3", **REPLACE).status_code == 403
    assert ids() == ["u1", "u2", "u3"]


def test_many_who_are_taken_off_are_shown_in_part(flow: Flow, administrator: Client) -> None:
    for number in range(120):
        Participant.objects.create(flow=flow, user_id=f"v{number}", on_roster=True)
    shown = preview(administrator, flow, "u1", "u2", "u3", **REPLACE)
    assert len([row for row in rows_of(shown) if "What happens" in row]) == 100
    assert "20 more" in words_of(shown)
