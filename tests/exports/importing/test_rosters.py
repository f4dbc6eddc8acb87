"""A roster from a file (R8)."""

import threading
import time

import pytest
from django.db import connection, transaction

from common.spreadsheets.files import ImportRefused
from exports.importing import rosters
from exports.models import ExportState, Flow, GradeInLearn, Participant
from tests.exports.importing.files import csv_file
from tests.factories import FlowFactory, ParticipantFactory

pytestmark = pytest.mark.django_db

HEADER = ["user_id", "learn_user_id", "source_code", "added_by"]


@pytest.fixture
def import_rows(tmp_path):
    def import_rows(*rows, header=HEADER, flow_id="77"):
        path = tmp_path / "roster.csv"
        path.write_bytes(csv_file(header, *rows))
        return rosters.import_from(flow_id, path).sentence()

    return import_rows


def members(flow_id="77"):
    """The roster as a file would have it, without the names: a line for each source of a person."""
    return [tuple(row[: len(HEADER)]) for row in rosters.RosterSheet(Flow.objects.get(flow_id=flow_id)).rows()]


def test_people_are_put_on_the_roster_of_a_flow_that_then_has_one(import_rows):
    flow = FlowFactory(flow_id="77")

    assert import_rows(["u1", "l1", "S", "sis"], ["u2", "", "", "MANUAL"], ["u3"]) == "3 added, 0 changed, 0 unchanged"

    assert members() == [("u1", "l1", "S", "SIS"), ("u2", "", "", "MANUAL"), ("u3", "", "", "")]
    flow.refresh_from_db()
    assert flow.roster_imported_at is not None
    assert set(Participant.objects.values_list("state", flat=True)) == {ExportState.NOT_EXPORTED}


def test_a_flow_that_nobody_has_heard_of_is_made(import_rows):
    import_rows(["u1"], header=["user_id"], flow_id=" 78 ")
    assert members("78") == [("u1", "", "", "")]


def test_marks_states_and_grades_in_learn_are_not_touched(import_rows):
    flow = FlowFactory(flow_id="77", state=ExportState.FAILED)
    people = [
        ParticipantFactory(flow=flow, user_id="u1", failed=True),
        ParticipantFactory(flow=flow, user_id="u2", exported=True, user_id_is_number=True),
        ParticipantFactory(flow=flow, user_id="u3", exported_alternative=True, changed_since_export=True),
        ParticipantFactory(flow=flow, user_id="u4", queued=True),
    ]
    written = ("learn_user_id", "sources", "added_by", "on_roster")  # names and the rest of the row are kept
    kept = [field.name for field in Participant._meta.concrete_fields if field.name not in written]
    before = list(Participant.objects.order_by("pk").values(*kept))
    grades = list(GradeInLearn.objects.values())

    rows = [[person.user_id, person.user_id, "S", "SIS"] for person in people]
    assert import_rows(*rows) == "0 added, 4 changed, 0 unchanged"

    assert list(Participant.objects.order_by("pk").values(*kept)) == before
    assert list(GradeInLearn.objects.values()) == grades
    assert members() == [(f"u{number}", f"u{number}", "S", "SIS") for number in range(1, 5)]
    assert Flow.objects.get().state == ExportState.FAILED  # one is, also while another is queued


def test_a_column_that_is_not_in_the_file_is_left_as_it_is(import_rows):
    import_rows(["u1", "l1", "S", "SIS"])
    assert import_rows(["u1", "MANUAL"], header=["user_id", "added_by"]) == "0 added, 1 changed, 0 unchanged"
    assert members() == [("u1", "l1", "S", "MANUAL")]


def test_an_empty_cell_takes_a_value_away(import_rows):
    import_rows(["u1", "l1", "S", "MANUAL"])
    assert import_rows(["u1", "", "", ""]) == "0 added, 1 changed, 0 unchanged"
    assert members() == [("u1", "", "S", "")]  # a line without a source is for every source that the person has


def test_people_who_are_not_in_the_file_stay(import_rows):
    import_rows(["u1", "l1", "S", "SIS"])
    assert import_rows(["u2", "", "", ""], ["u1", "l1", "S", "SIS"]) == "1 added, 0 changed, 1 unchanged"
    assert len(members()) == 2


def test_the_same_roster_again_changes_nobody_and_renews_its_date(import_rows):
    FlowFactory(flow_id="77", with_roster=True)
    import_rows(["u1", "l1", "S", "SIS"])
    first = Flow.objects.get().roster_imported_at
    assert import_rows(["u1", "l1", "S", "SIS"]) == "0 added, 0 changed, 1 unchanged"
    assert Flow.objects.get().roster_imported_at > first


def test_the_same_person_in_another_flow_is_another_participant(import_rows):
    import_rows(["u1", "l1", "S", "SIS"])
    import_rows(["u1", "l2", "S", "SIS"], flow_id="78")
    assert members() == [("u1", "l1", "S", "SIS")]


def test_contradictions_refuse_the_whole_file(import_rows):
    with pytest.raises(ImportRefused) as refused:
        import_rows(["u1", "l1", "S", "SIS"], ["u2", "", "", "by hand"], ["u1", "l2", "S", "SIS"])
    assert refused.value.problems == [
        "Row 3, added_by: 'by hand' is not allowed; use SIS or MANUAL.",
        "Row 4, learn_user_id: 'l2' contradicts 'l1' in row 2, which has the same user_id.",
    ]
    assert not Flow.objects.exists()


# Names

NAMED = ["user_id", "first_name", "last_name"]


def test_names_are_taken_and_exported_with_the_roster(import_rows):
    import_rows(["u1", "Ada", "Lovelace"], ["u2", "", "Turing"], ["u3"], header=NAMED)

    assert [person.name for person in Participant.objects.order_by("user_id")] == ["Ada Lovelace", "Turing", ""]
    sheet = rosters.RosterSheet(Flow.objects.get())
    assert [dict(zip(sheet.names, row, strict=True))["last_name"] for row in sheet.rows()] == ["Lovelace", "Turing", ""]


def test_names_stay_without_their_columns_and_go_with_empty_cells(import_rows):
    import_rows(["u1", "Ada", "Lovelace"], header=NAMED)

    assert import_rows(["u1", "l1", "", "SIS"]) == "0 added, 1 changed, 0 unchanged"
    assert Participant.objects.get().name == "Ada Lovelace"

    assert import_rows(["u1", "", "King"], header=NAMED) == "0 added, 1 changed, 0 unchanged"
    assert Participant.objects.get().name == "King"


def test_one_file_gives_a_person_one_name(import_rows):
    with pytest.raises(ImportRefused) as refused:
        import_rows(["u1", "S", "Ada"], ["u1", "T", "Ida"], header=["user_id", "source_code", "first_name"])
    assert refused.value.problems == [
        "Row 3, first_name: 'Ida' contradicts 'Ada' in row 2, which has the same user_id."
    ]


def test_a_name_has_at_most_255_characters(import_rows):
    with pytest.raises(ImportRefused) as refused:
        import_rows(["u1", "x" * 255, "y" * 256], header=NAMED)
    assert refused.value.problems == ["Row 2, last_name: This has 256 characters; 255 are allowed."]


# Several sources


def test_a_file_for_another_source_adds_to_what_is_there(import_rows):
    import_rows(["u1", "l1", "S", "SIS"])

    assert import_rows(["u1", "l1", "T", "SIS"], ["u2", "", "T", "SIS"]) == "2 added, 0 changed, 0 unchanged"

    assert members() == [("u1", "l1", "S", "SIS"), ("u1", "l1", "T", "SIS"), ("u2", "", "T", "SIS")]
    assert Participant.objects.count() == 2


def test_a_persons_first_source_takes_the_place_of_none(import_rows):
    import_rows(["u1", "l1", "", "SIS"])

    assert import_rows(["u1", "l1", "S", "SIS"]) == "0 added, 1 changed, 0 unchanged"

    assert members() == [("u1", "l1", "S", "SIS")]


def test_by_hand_for_one_source_takes_that_source_out(import_rows):
    import_rows(["u1", "", "S", "SIS"], ["u1", "", "T", "SIS"])

    import_rows(["u1", "", "T", "MANUAL"])

    person = Participant.objects.get()
    assert (person.sources, person.added_by) == ({"S": "SIS", "T": "MANUAL"}, "SIS")


def test_one_file_gives_a_person_one_learn_user(import_rows):
    with pytest.raises(ImportRefused) as refused:
        import_rows(["u1", "l1", "S", "SIS"], ["u1", "l2", "T", "SIS"])
    assert refused.value.problems == [
        "Row 3, learn_user_id: 'l2' contradicts 'l1' in row 2, which has the same user_id."
    ]


@pytest.mark.parametrize("sources", [["S", ""], ["", "S"]])
def test_one_file_names_sources_of_a_person_or_none(import_rows, sources):
    with pytest.raises(ImportRefused) as refused:
        import_rows(*[["u1", "", source, "SIS"] for source in sources])
    row = 2 + sources.index("")
    other = 2 + sources.index("S")
    assert refused.value.problems == [
        f"Row {row}, source_code: This is empty, but row {other} has source 'S' for the same user_id."
    ]


def test_a_new_learn_user_in_the_file_of_one_source_is_that_of_all(import_rows):
    import_rows(["u1", "l1", "S", "SIS"], ["u1", "l1", "T", "SIS"])

    import_rows(["u1", "l2", "T", "SIS"])

    assert members() == [("u1", "l2", "S", "SIS"), ("u1", "l2", "T", "SIS")]


def test_a_source_that_only_a_body_has_named_is_no_part_of_the_roster(import_rows):
    """A roster without sources stays one, whatever WISEflow names; also when it is imported again."""
    import_rows(["u1", "l1", "", "SIS"])
    Participant.objects.update(sources={"X": None})

    assert members() == [("u1", "l1", "", "SIS")]
    assert import_rows(["u1", "l1", "", "SIS"]) == "0 added, 0 changed, 1 unchanged"
    assert import_rows(["u1", "l2", "", "SIS"]) == "0 added, 1 changed, 0 unchanged"
    assert Participant.objects.get().sources == {"X": None}


def test_somebody_whom_only_a_body_has_named_comes_onto_the_roster(import_rows):
    ParticipantFactory(flow=FlowFactory(flow_id="77"), user_id="u1", sources={"X": None})

    assert import_rows(["u1", "", "X", "SIS"]) == "0 added, 1 changed, 0 unchanged"

    assert members() == [("u1", "", "X", "SIS")]


@pytest.mark.parametrize(
    ("flow_id", "reason"),
    [
        ("", "This is empty."),
        (" ", "This is empty."),
        ("x" * 256, "This has 256 characters; 255 are allowed."),
        ("a\0b", "It contains the control character U+0000."),
    ],
)
def test_a_flow_id_that_cannot_be(import_rows, flow_id, reason):
    with pytest.raises(ImportRefused) as refused:
        import_rows(["u1", "", "", ""], flow_id=flow_id)
    assert refused.value.problems == [f"The flow id cannot be used: {reason}"]


def test_a_large_roster_takes_seconds_and_few_statements(import_rows, django_assert_max_num_queries):
    rows = [[f"u{number}", f"l{number}", "UNIwise||001||2021", "SIS"] for number in range(20_000)]
    began = time.monotonic()
    with django_assert_max_num_queries(26):  # whatever the number of people
        assert import_rows(*rows) == "20,000 added, 0 changed, 0 unchanged"
    assert time.monotonic() - began < 10


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_roster_waits_for_an_export_that_is_being_recorded(import_rows):
    flow = FlowFactory(flow_id="77")

    def import_beside():
        import_rows(["u1", "", "", "SIS"])
        connection.close()

    beside = threading.Thread(target=import_beside)
    with transaction.atomic():
        Flow.objects.lock("77")  # as an export does
        beside.start()
        while not waits_for_a_lock():
            assert beside.is_alive()
        assert not Participant.objects.exists()
    beside.join(timeout=10)

    assert len(members()) == 1
    flow.refresh_from_db()
    assert flow.roster_imported_at is not None


def waits_for_a_lock():
    """Whether another connection waits for a row that this one has locked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
        return cursor.fetchone() is not None
