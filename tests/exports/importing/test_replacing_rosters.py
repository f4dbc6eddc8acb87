"""A roster that replaces the one before: who is not in it is taken off (R8)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exports import retrying
from exports.importing import rosters
from exports.importing.rosters import Effect
from exports.models import ExportState, Flow, Participant
from tests.exports.importing.files import csv_file
from tests.factories import (
    CorrectionFactory,
    DeliveryFactory,
    FlowFactory,
    HoldFactory,
    ParticipantFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

HEADER = ["user_id", "source_code", "added_by"]


@pytest.fixture
def flow():
    return FlowFactory(flow_id="77", mapped=True, with_roster=True)


@pytest.fixture
def replace_by(tmp_path):
    """Returns the plan that was carried out."""

    def replace_by(*rows, header=HEADER, warn=lambda sentence: None):
        path = tmp_path / "roster.csv"
        path.write_bytes(csv_file(header, *rows))
        return rosters.import_from("77", path, replaces=True, warn=warn)

    return replace_by


def members():
    """Who is on the roster: a line for each source of a person."""
    found = (
        dict(zip(rosters.RosterSheet(Flow()).names, row, strict=True))
        for row in rosters.RosterSheet(Flow.objects.get()).rows()
    )
    return [(row["user_id"], row["source_code"], row["added_by"]) for row in found]


def effects(plan):
    return {removal.values["user_id"]: removal.effect for removal in plan.taken_off}


def test_who_is_not_in_the_file_is_taken_off(flow, replace_by):
    ParticipantFactory(flow=flow, user_id="u1", missing=True, source_code="S")
    ParticipantFactory(flow=flow, user_id="u2", missing=True, source_code="S", first_name="Ada", last_name="Lovelace")

    done = replace_by(["u1", "S", "SIS"], ["u3", "S", "SIS"])

    assert done.sentence() == "1 added, 0 changed, 1 taken off, 1 unchanged"
    assert [(removal.values["user_id"], removal.name) for removal in done.taken_off] == [("u2", "Ada Lovelace")]
    assert members() == [("u1", "S", "SIS"), ("u3", "S", "SIS")]


@pytest.mark.parametrize("traits", [{"missing": True}, {"added_by_hand": True}, {"on_roster": True}])
def test_of_whom_nothing_has_come_is_deleted(traits, flow, replace_by):
    ParticipantFactory(flow=flow, user_id="u1", **traits)

    assert effects(replace_by(["u2"], header=["user_id"])) == {"u1": Effect.DELETED}

    assert [person.user_id for person in Participant.objects.all()] == ["u2"]


@pytest.mark.parametrize("state", ["exported", "failed", "queued", "exported_alternative"])
def test_who_has_something_is_kept_and_marked(state, flow, replace_by):
    person = ParticipantFactory(flow=flow, user_id="u1", on_sis_roster=True, source_code="S", **{state: True})

    assert effects(replace_by(["u2"], header=["user_id"])) == {"u1": Effect.KEPT}

    after = Participant.objects.get(pk=person.pk)
    assert (after.on_roster, after.left_roster_at is not None) == (False, True)
    assert (after.state, after.mark, after.grades.count()) == (person.state, person.mark, person.grades.count())


def test_a_delivery_or_a_correction_is_something(flow, replace_by):
    delivered = ParticipantFactory(flow=flow, user_id="u1", missing=True)
    DeliveryFactory(participant=delivered, attempt__flow=flow, failed=True)
    corrected = ParticipantFactory(flow=flow, user_id="u2", missing=True)
    CorrectionFactory(participant=corrected, mark_before="B", value_before="B")

    assert effects(replace_by(["u3"], header=["user_id"])) == {"u1": Effect.KEPT, "u2": Effect.KEPT}

    assert list(Participant.objects.left_roster().order_by("pk")) == [delivered, corrected]


@pytest.mark.parametrize("traits", [{}, {"released": True}])
def test_who_is_or_was_held_is_kept_with_the_hold(traits, flow, replace_by):
    hold = HoldFactory(person=True, participant=ParticipantFactory(flow=flow, user_id="u1", missing=True), **traits)

    assert effects(replace_by(["u2"], header=["user_id"])) == {"u1": Effect.KEPT}

    hold.refresh_from_db()
    assert list(Participant.objects.left_roster()) == [hold.participant]


def test_the_flow_is_counted_anew(flow, replace_by):
    ParticipantFactory(flow=flow, user_id="u1", on_sis_roster=True, exported=True)
    ParticipantFactory(flow=flow, user_id="u2", missing=True)
    ParticipantFactory(flow=flow, user_id="u3", missing=True)

    replace_by(["u1", "", "SIS"])

    flow.refresh_from_db()
    assert (flow.expected_count, flow.missing_count, flow.not_exported_count) == (1, 0, 0)
    assert (flow.state, flow.is_incomplete) == (ExportState.EXPORTED, False)


def test_who_comes_back_is_on_the_roster_again_by_what_the_new_one_says(flow, replace_by):
    ParticipantFactory(flow=flow, user_id="u1", on_sis_roster=True, source_code="S", exported=True)
    replace_by(["u2", "S", "SIS"])

    replace_by(["u1", "T", "SIS"])

    person = Participant.objects.get(user_id="u1")
    assert (person.on_roster, person.left_roster_at) == (True, None)
    assert members() == [("u1", "T", "SIS")]


def test_who_was_never_on_the_roster_is_not_taken_off(flow, replace_by):
    ParticipantFactory(flow=flow, user_id="u1", failed=True)

    assert not replace_by(["u2"], header=["user_id"]).taken_off

    assert Participant.objects.get(user_id="u1").left_roster_at is None


def test_a_file_replaces_the_roster_of_all_sources(flow, replace_by):
    two = {"on_sis_roster": True, "sources": {"S": "SIS", "T": "SIS"}}
    ParticipantFactory(flow=flow, user_id="u1", **two)
    ParticipantFactory(flow=flow, user_id="u2", exported=True, **two)
    ParticipantFactory(flow=flow, user_id="u3", **two)

    done = replace_by(["u1", "S", "SIS"], ["u2", "S", "SIS"])

    assert done.sentence() == "0 added, 0 changed, 4 taken off, 2 unchanged"
    assert effects(done) == {"u1": Effect.OTHER_SOURCES, "u2": Effect.OTHER_SOURCES, "u3": Effect.DELETED}
    assert members() == [("u1", "S", "SIS"), ("u2", "S", "SIS")]
    sources = dict(Participant.objects.values_list("user_id", "sources"))
    assert sources == {"u1": {"S": "SIS"}, "u2": {"S": "SIS", "T": None}}  # what was sent of T stays known


def test_a_first_source_takes_the_place_of_none_and_nothing_is_taken_off(flow, replace_by):
    ParticipantFactory(flow=flow, user_id="u1", missing=True)

    assert replace_by(["u1", "S", "SIS"]).sentence() == "0 added, 1 changed, 0 unchanged"

    assert members() == [("u1", "S", "SIS")]


def test_a_file_without_sources_leaves_those_that_are_known(flow, replace_by):
    ParticipantFactory(flow=flow, user_id="u1", on_sis_roster=True, sources={"S": "SIS", "T": "SIS"})

    assert not replace_by(["u1"], header=["user_id"]).taken_off

    assert members() == [("u1", "S", "SIS"), ("u1", "T", "SIS")]


def test_how_someone_was_added_follows_the_sources_that_stay(flow, replace_by):
    ParticipantFactory(flow=flow, user_id="u1", on_sis_roster=True, sources={"S": "SIS", "T": "MANUAL"})

    replace_by(["u1", "T", "MANUAL"])

    assert Participant.objects.get().added_by == "MANUAL"


@pytest.mark.parametrize(("others", "warns"), [(1, False), (2, True)])
def test_a_file_that_takes_off_more_than_half_is_pointed_out(others, warns, flow, replace_by):
    ParticipantFactory(flow=flow, user_id="u1", missing=True)
    for number in range(others):
        ParticipantFactory(flow=flow, user_id=f"v{number}", missing=True)
    notes = []

    replace_by(["u1"], header=["user_id"], warn=notes.append)

    assert [f"The file takes {others} of {others + 1} participants off the roster. " in note for note in notes] == (
        [True] if warns else []
    )


def test_whose_grade_stays_in_learn_is_pointed_out(flow, replace_by):
    ParticipantFactory(flow=flow, user_id="u1", on_sis_roster=True, exported=True)
    for number in range(3):
        ParticipantFactory(flow=flow, user_id=f"v{number}", missing=True)
    notes = []

    replace_by(*[[f"v{number}"] for number in range(3)], header=["user_id"], warn=notes.append)

    (note,) = notes
    assert note.startswith("Something has come of this participant, who is kept as not on the roster any more: u1.")


def test_who_is_taken_off_shares_no_learn_user_any_more(flow, replace_by):
    ParticipantFactory(flow=flow, user_id="u1", learn_user_id="same", missing=True)
    ParticipantFactory(flow=flow, user_id="u2", learn_user_id="same", on_sis_roster=True, exported=True)
    notes = []

    replace_by(["u3", "same"], ["u4", "other"], header=["user_id", "learn_user_id"], warn=notes.append)

    assert not [note for note in notes if "the same Learn user" in note]


def test_grades_of_who_is_taken_off_stay_where_they_are(flow, replace_by):
    """Also where their line of the roster would lead elsewhere now."""
    person = ParticipantFactory(flow=flow, user_id="u1", on_sis_roster=True, exported=True)
    Participant.objects.filter(pk=person.pk).update(learn_user_id="moved")

    replace_by(["u2"], header=["user_id"])

    person.refresh_from_db()
    assert person.state == ExportState.EXPORTED
    assert not person.grades.get().is_left_behind


def test_the_number_of_statements_does_not_depend_on_how_many_are_taken_off(flow, replace_by):
    counts = []
    for size in (20, 400):
        replace_by(*[[f"u{number}", "S", "SIS"] for number in range(size)])
        Participant.objects.filter(user_id__in=["u1", "u2"]).update(state="EXPORTED", mark="B")
        with CaptureQueriesContext(connection) as queries:
            assert len(replace_by(["u0", "S", "SIS"]).taken_off) == size - 1
        counts.append(len(queries))
    assert counts[0] == counts[1]


# Rules


def test_who_is_taken_off_is_refused_afterwards(flow, replace_by, wiseflow):
    for user_id in ("u1", "u2"):
        ParticipantFactory(flow=flow, user_id=user_id, missing=True)
    ParticipantFactory(flow=flow, user_id="u3", on_sis_roster=True, failed=True)
    replace_by(["u2"], header=["user_id"])

    answer = wiseflow.export({"userId": "u1", "mark": "B"}, {"userId": "u3", "mark": "B"})

    assert [error["userId"] for error in answer["errors"]] == ["u1", "u3"]
    people = Participant.objects.filter(user_id__in=["u1", "u3"])
    assert set(people.values_list("state", "cause")) == {("FAILED", "NOT_ON_ROSTER")}


def test_a_retry_refuses_who_was_taken_off(flow, replace_by):
    person = ParticipantFactory(flow=flow, user_id="u1", on_sis_roster=True, failed=True)
    replace_by(["u2"], header=["user_id"])

    retrying.retry(Participant.objects.failed(), by=UserFactory(manager=True))

    person.refresh_from_db()
    assert (person.state, person.cause) == ("FAILED", "NOT_ON_ROSTER")
