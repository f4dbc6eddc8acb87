"""What a fetch brings, over HTTP from the sandbox WISEflow into the database."""

from datetime import UTC, datetime

import pytest

from exports.fetching.flows import fetch
from exports.models import ExportState, Flow, FlowInWiseflow, Participant, PersonInWiseflow
from tests.exports.fetching.conftest import ENDED, MASTER, SECOND, hold, person
from tests.factories import FlowFactory, ParticipantFactory, UserFactory


@pytest.fixture
def flow(licence):
    return FlowFactory(flow_id="77", title="", synchronised_at=None, assessment_ends_at=None)


def roster_of(flow):
    return {
        who.user_id: (who.on_roster, who.added_by, who.sources, who.learn_user_id)
        for who in flow.participants.order_by("user_id")
    }


def test_a_flow_gets_its_title_its_end_and_its_inferred_synchronisation(flow, licence):
    hold(licence, person(1), marking={"end": ENDED, "latestIndividualEnd": ENDED + 3600})

    outcome = fetch(flow)

    flow.refresh_from_db()
    assert (outcome.failure, flow.title) == ({}, "Written exam")
    assert flow.assessment_ends_at == datetime.fromtimestamp(ENDED + 3600, UTC)
    assert flow.synchronised_at == flow.in_wiseflow.synchronised_at is not None
    assert flow.in_wiseflow.sources == [MASTER]


def test_a_flow_without_people_of_a_source_is_not_taken_to_be_synchronised(flow, licence):
    hold(licence, person(1), sources=[{"sourceId": 1, "code": MASTER, "participants": []}])

    fetch(flow)

    flow.refresh_from_db()
    assert flow.synchronised_at is None


def test_the_roster_says_who_came_from_which_source_and_who_by_hand(flow, licence):
    sources = [
        {"sourceId": 2, "code": SECOND, "participants": [502, 503]},
        {"sourceId": 1, "code": MASTER, "participants": [501, 502]},
    ]
    hold(licence, *(person(number) for number in range(1, 5)), sources=sources)

    outcome = fetch(flow)

    flow.refresh_from_db()
    assert roster_of(flow) == {
        "1": (True, "SIS", {MASTER: "SIS"}, "u1"),
        "2": (True, "SIS", {SECOND: "SIS", MASTER: "SIS"}, "u2"),
        "3": (True, "SIS", {SECOND: "SIS"}, "u3"),
        "4": (True, "MANUAL", {}, "u4"),
    }
    assert flow.in_wiseflow.sources == [SECOND, MASTER]  # in WISEflow's order: the master first
    assert (flow.expected_count, outcome.counts["by_hand"]) == (3, 1)
    assert flow.roster_imported_at is not None
    assert flow.history.first().history_change_reason == "Fetched from WISEflow: 4 added, 0 changed, 0 taken off"


def test_names_are_kept_and_phones_are_not(flow, licence):
    hold(licence, person(1))

    fetch(flow)

    who = flow.participants.get()
    assert (who.first_name, who.last_name) == ("First1", "Last1")
    stored = [*Participant.objects.values(), *PersonInWiseflow.objects.values(), *FlowInWiseflow.objects.values()]
    assert "12345678" not in str(stored)


def test_what_wiseflow_holds_of_each_grade_is_kept_with_any_export_state(flow, licence):
    hold(
        licence,
        person(1, grade="B", exportState=2, date=ENDED, exportDate=ENDED + 5),
        person(2, grade="C", adminGrade="U", adminGradeDate=ENDED + 9, exportState=5),
        person(3, exportState=None),
    )

    fetch(flow)

    found = {
        row.participant.user_id: row for row in PersonInWiseflow.objects.select_related("participant").order_by("pk")
    }
    assert [(row.grade, row.alternative_grade, row.given, row.export_state) for row in found.values()] == [
        ("B", "", "B", 2),
        ("C", "U", "U", 5),
        ("", "", "", None),
    ]
    assert found["1"].exported_at == datetime.fromtimestamp(ENDED + 5, UTC)
    assert found["2"].graded_at == datetime.fromtimestamp(ENDED + 9, UTC)
    assert flow.participants.filter(mark="").count() == 3  # WISEflow has sent nothing


def test_who_is_deactivated_is_not_expected_and_said_to_be(flow, licence):
    hold(licence, person(1), person(2, activated=False))

    outcome = fetch(flow)

    flow.refresh_from_db()
    assert flow.expected_count == 1
    assert outcome.counts["deactivated"] == 1
    assert flow.participants.get(user_id="2").on_roster is False
    assert flow.participants.get(user_id="2").in_wiseflow.is_activated is False


def test_who_is_deactivated_later_is_taken_off_and_who_comes_back_is_put_on(flow, licence):
    hold(licence, person(1), person(2))
    fetch(flow)
    hold(licence, person(1), person(2, activated=False))
    fetch(flow)
    off = flow.participants.get(user_id="2")
    hold(licence, person(1), person(2))
    fetch(flow)

    assert (off.on_roster, off.left_roster_at is not None) == (False, True)
    assert flow.participants.get(user_id="2").on_roster is True


def test_a_person_without_the_external_id_has_no_learn_user_at_all(flow, licence):
    hold(licence, person(1, externalIds={"Card": "9"}), person(2, externalIds={"Learn id": "a\u200bb"}), person(3))

    outcome = fetch(flow)

    assert outcome.counts["unknown"] == 2
    assert list(flow.participants.order_by("user_id").values_list("learn_user_id", "learn_user_is_unknown")) == [
        ("", True),
        ("", True),
        ("u3", False),
    ]


def test_who_has_left_the_flow_is_deleted_unless_something_of_theirs_is_here(flow, licence):
    hold(licence, person(1), person(2), person(3))
    fetch(flow)
    flow.participants.filter(user_id="2").update(state=ExportState.FAILED, cause="NOT_MAPPED", mark="B")
    hold(licence, person(3))

    fetch(flow)

    assert set(roster_of(flow)) == {"2", "3"}
    assert flow.participants.get(user_id="2").on_roster is False
    assert flow.participants.get(user_id="2").in_wiseflow.is_listed is False


def test_a_second_fetch_of_the_same_changes_nothing(flow, licence):
    hold(licence, person(1, grade="B"), person(2, activated=False), person(3, externalIds={}))
    fetch(flow)
    flow.refresh_from_db()
    before = (roster_of(flow), flow.roster_imported_at, flow.history.count())

    fetch(flow)

    flow.refresh_from_db()
    assert (roster_of(flow), flow.roster_imported_at, flow.history.count()) == before


def test_a_fetch_costs_as_many_calls_as_it_must(flow, licence):
    hold(licence, *(person(number) for number in range(1, 501)))

    fetch(flow)

    assert len([call for call in licence.calls if call["call"] != "token"]) == 14
    assert flow.participants.count() == 500


def test_who_asked_for_it_is_in_the_history(flow, licence):
    hold(licence, person(1))
    someone = UserFactory()

    fetch(flow, by=someone)

    assert flow.history.first().history_user == someone


def test_a_flow_that_was_only_pushed_keeps_what_was_pushed(licence):
    flow = FlowFactory(flow_id="77", mapped=True)
    ParticipantFactory(
        flow=flow, user_id="1", state=ExportState.FAILED, cause="NOT_MAPPED", mark="B", sources={SECOND: None}
    )
    hold(licence, person(1, grade="C"))

    fetch(flow)

    who = flow.participants.get()
    assert (who.mark, who.state, who.on_roster) == ("B", ExportState.FAILED, True)
    assert who.sources == {MASTER: "SIS", SECOND: None}
    assert Flow.objects.get().missing_count == 0
