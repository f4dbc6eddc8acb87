"""The import commands: a summary, or sentences and exit code 1."""

import pytest
from django.core.management import CommandError, call_command

from exports.models import ColumnMapping, Flow, Participant
from tests.exports.importing.files import csv_file, xlsx_file
from tests.factories import (
    ColumnMappingFactory,
    CourseFactory,
    FlowFactory,
    GradeColumnFactory,
    ParticipantFactory,
)

pytestmark = pytest.mark.django_db

FIRST_ROSTER = (
    "This is the first roster of the flow. From now on grades are sent only for participants on the roster who were "
    "added by the student system."
)
MAPPINGS = ["flow_id", "course_id", "column_name", "points"]


@pytest.fixture
def file(tmp_path):
    def file(content, name="file.csv"):
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return file


@pytest.mark.parametrize(("name", "make"), [("mappings.csv", csv_file), ("mappings.xlsx", xlsx_file)])
def test_mappings_end_with_a_summary(file, capsys, name, make):
    call_command("import_mappings", file(make(MAPPINGS, ["77", "BIO101", "Final", 50]), name))
    assert capsys.readouterr().out == "1 added, 0 changed, 0 unchanged\n"
    assert str(ColumnMapping.objects.get().grade_column) == "BIO101 · Final"


def test_one_bad_row_keeps_all_mappings_out(file):
    path = file(csv_file(MAPPINGS, ["77", "BIO101", "Final", "50"], ["78", "BIO101", "Resit", "abc"]))
    with pytest.raises(CommandError, match=r"^Row 3, points: 'abc' is not a number greater than 0.$") as error:
        call_command("import_mappings", path)
    assert error.value.returncode == 1
    assert not Flow.objects.exists()


def test_a_file_that_is_not_there_is_a_sentence():
    for command in (["import_mappings"], ["import_roster", "77"]):
        with pytest.raises(CommandError, match=r"^nowhere\.csv cannot be read: No such file or directory\.$"):
            call_command(*command, "nowhere.csv")


def test_enrolment_metadata_ends_with_a_summary_or_a_sentence(file, capsys):
    CourseFactory(course_id="BIO101")
    header = ["course_id", "user_id", "optional_data"]
    call_command("import_metadata", file(csv_file(header, ["BIO101", "s1", "EnrollType=Audit"])))
    assert capsys.readouterr().out == "1 added, 0 changed, 0 unchanged\n"
    with pytest.raises(CommandError, match=r"^Row 2, course_id: 'CHE' is not known. Add the course first.$"):
        call_command("import_metadata", file(csv_file(header, ["CHE", "s1", "EnrollType=Audit"])))


def test_a_roster_ends_with_a_summary(file, capsys):
    FlowFactory(flow_id="77", with_roster=True)
    call_command("import_roster", "77", file(csv_file(["user_id", "added_by"], ["u1", "SIS"], ["u2", "MANUAL"])))
    assert capsys.readouterr() == ("2 added, 0 changed, 0 unchanged\n", "")
    assert Participant.objects.filter(on_roster=True).count() == 2


def test_a_roster_of_an_unknown_flow_says_so(file, capsys):
    call_command("import_roster", "78", file(csv_file(["user_id"], ["u1"])))
    assert capsys.readouterr().err == f"{FIRST_ROSTER}\nFlow 78 is new and has no mapping yet.\n"


def test_a_roster_says_whose_grade_is_elsewhere_and_who_shares_a_learn_user(file, capsys):
    flow = FlowFactory(flow_id="77", with_roster=True)
    column = GradeColumnFactory(course=CourseFactory(course_id="BIO"), name="Exam")
    ColumnMappingFactory(flow=flow, grade_column=column)
    ParticipantFactory(flow=flow, user_id="u1", learn_user_id="wrong", exported=True)
    rows = (["u1", "right", "SIS"], ["u2", "same", "SIS"], ["u3", "same", "SIS"])

    call_command("import_roster", "77", file(csv_file(["user_id", "learn_user_id", "added_by"], *rows)))

    moved, shared = capsys.readouterr().err.splitlines()
    assert "place in Learn: u1 (B is in Learn for Learn user wrong in column Exam of course BIO)." in moved
    assert shared.startswith("Several participants of this flow have the same Learn user: u2, u3 (Learn user same).")
    person = Participant.objects.get(user_id="u1")
    assert (person.state, person.cause) == ("FAILED", "MISPLACED")


def test_a_roster_that_replaces_takes_off_who_is_not_in_it(file, capsys):
    flow = FlowFactory(flow_id="77", with_roster=True)
    for number in range(1, 4):
        ParticipantFactory(flow=flow, user_id=f"u{number}", missing=True)

    call_command("import_roster", "77", file(csv_file(["user_id"], ["u1"])), replace=True)

    shown = capsys.readouterr()
    assert shown.out == "0 added, 0 changed, 2 taken off, 1 unchanged\n"
    assert "The file takes 2 of 3 participants off the roster." in shown.err
    assert [person.user_id for person in Participant.objects.all()] == ["u1"]


def test_an_empty_file_takes_no_one_off(file):
    ParticipantFactory(flow=FlowFactory(flow_id="77", with_roster=True), missing=True)
    with pytest.raises(CommandError, match=r"^The file has no rows below its header.$"):
        call_command("import_roster", "77", file(csv_file(["user_id"])), replace=True)
    assert Participant.objects.get().on_roster


def test_a_bad_roster_is_kept_out(file):
    with pytest.raises(CommandError, match=r"^Row 2, added_by: 'hand' is not allowed; use SIS or MANUAL.$"):
        call_command("import_roster", "77", file(csv_file(["user_id", "added_by"], ["u1", "hand"])))
    assert not Flow.objects.exists()
