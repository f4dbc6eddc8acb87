"""What an administrator entered wins over what is fetched."""

from datetime import UTC, datetime

import pytest

from exports.fetching.flows import fetch
from exports.importing.rosters import import_from
from exports.models import Flow
from tests.exports.fetching.conftest import ENDED, MASTER, SECOND, hold, person
from tests.factories import FlowFactory

BY_HAND = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def flow(licence):
    return FlowFactory(flow_id="77", title="", synchronised_at=None, assessment_ends_at=None)


def set_fields(flow, **values):
    Flow.objects.filter(pk=flow.pk).update(**values)


def imported(tmp_path, *lines, replaces=False, columns="user_id,learn_user_id,source_code,added_by"):
    path = tmp_path / "roster.csv"
    path.write_text("\n".join([columns, *lines]))
    import_from("77", path, replaces=replaces)


def test_what_was_entered_before_the_first_fetch_is_kept(flow, licence):
    set_fields(flow, title="Mine", synchronised_at=BY_HAND, assessment_ends_at=BY_HAND)
    hold(licence, person(1))

    fetch(flow)

    flow.refresh_from_db()
    assert (flow.title, flow.synchronised_at, flow.assessment_ends_at) == ("Mine", BY_HAND, BY_HAND)
    assert (flow.in_wiseflow.title, flow.in_wiseflow.assessment_ends_at) == (
        "Written exam",
        datetime.fromtimestamp(ENDED, UTC),
    )


def test_what_was_entered_after_a_fetch_is_kept(flow, licence):
    hold(licence, person(1))
    fetch(flow)
    set_fields(flow, title="Mine", synchronised_at=BY_HAND, assessment_ends_at=BY_HAND)
    hold(licence, person(1), title="Another", marking={"end": ENDED + 100})

    fetch(flow)

    flow.refresh_from_db()
    assert (flow.title, flow.synchronised_at, flow.assessment_ends_at) == ("Mine", BY_HAND, BY_HAND)


def test_what_nobody_touched_follows_wiseflow(flow, licence):
    hold(licence, person(1))
    fetch(flow)
    hold(licence, person(1), title="Another", marking={"end": ENDED + 100}, sources=[])

    fetch(flow)

    flow.refresh_from_db()
    assert (flow.title, flow.synchronised_at) == ("Another", None)
    assert flow.assessment_ends_at == datetime.fromtimestamp(ENDED + 100, UTC)


def test_a_date_that_was_emptied_by_hand_stays_empty(flow, licence):
    hold(licence, person(1))
    fetch(flow)
    set_fields(flow, synchronised_at=None, assessment_ends_at=None)

    fetch(flow)

    flow.refresh_from_db()
    assert (flow.synchronised_at, flow.assessment_ends_at) == (None, None)


def test_a_value_that_is_entered_as_wiseflow_has_it_follows_again(flow, licence):
    set_fields(flow, title="Mine")
    hold(licence, person(1))
    fetch(flow)
    set_fields(flow, title="Written exam")
    hold(licence, person(1), title="Another")

    fetch(flow)

    flow.refresh_from_db()
    assert flow.title == "Another"


def test_a_roster_from_a_file_is_kept_line_by_line(flow, licence, tmp_path):
    imported(tmp_path, f"1,other,{SECOND},SIS", "9,u9,,SIS", "2,,,MANUAL")
    hold(licence, person(1), person(2), person(3))

    outcome = fetch(flow)

    found = {
        who.user_id: (who.on_roster, who.added_by, who.sources, who.learn_user_id) for who in flow.participants.all()
    }
    assert found == {
        "1": (True, "SIS", {SECOND: "SIS"}, "other"),
        "2": (True, "MANUAL", {}, "u2"),  # the file had no Learn user
        "3": (True, "SIS", {MASTER: "SIS"}, "u3"),
        "9": (True, "SIS", {}, "u9"),  # whom WISEflow does not list
    }
    assert outcome.counts["kept"] == 2


def test_a_line_without_a_source_is_completed(flow, licence, tmp_path):
    imported(tmp_path, "1,u1,,")
    hold(licence, person(1))

    fetch(flow)

    who = flow.participants.get()
    assert (who.sources, who.added_by) == ({MASTER: "SIS"}, "SIS")


def test_who_was_taken_off_by_a_file_stays_off(flow, licence, tmp_path):
    hold(licence, person(1), person(2))
    fetch(flow)
    imported(tmp_path, f"1,u1,{MASTER},SIS", replaces=True)

    outcome = fetch(flow)

    assert flow.participants.get(user_id="2").on_roster is False
    assert outcome.counts["kept"] == 1


def test_who_was_put_on_by_a_file_stays_on_though_deactivated(flow, licence, tmp_path):
    hold(licence, person(1), person(2, activated=False))
    fetch(flow)
    imported(tmp_path, f"2,u2,{MASTER},SIS")

    fetch(flow)

    assert flow.participants.get(user_id="2").on_roster is True


def test_names_from_a_file_are_kept(flow, licence, tmp_path):
    imported(tmp_path, f"1,u1,{MASTER},SIS,Ada", columns="user_id,learn_user_id,source_code,added_by,first_name")
    hold(licence, person(1))

    fetch(flow)

    who = flow.participants.get()
    assert (who.first_name, who.last_name) == ("Ada", "Last1")
