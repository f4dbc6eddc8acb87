"""`manage.py provision` and `manage.py test_connection`, against a sandbox Learn."""

import pytest
from django.core.management import CommandError, call_command

from courses.models import GradeColumn, ProvisioningRun
from tests.courses.provisioning.conftest import columns_of
from tests.factories import (
    CourseFactory,
    EnrolmentMetadataFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    ProvisioningStepFactory,
)


@pytest.fixture
def original(learn):
    learn.world.merge({"courses": {"MED": {"experience": "ORIGINAL", "users": ["s1"]}}})
    return CourseFactory(course_id="MED", original=True)


@pytest.fixture
def one_of_each(original):
    schema = GradeSchemaFactory(title="Pass")
    GradeColumnFactory(course=original, name="Exam", grade_schema=schema, is_external_grade=True)
    EnrolmentMetadataFactory(course=original, user_id="s1")


def test_everything_goes_in_one_run(one_of_each, learn, capsys):
    call_command("provision")

    assert capsys.readouterr().out == "4 steps: 4 done\n"
    state = learn.world.as_json()
    assert list(state["schemas"]) == ["Pass"]
    assert state["courses"]["MED"]["externalGrade"] == "Exam"
    assert state["courses"]["MED"]["metadata"] == {"s1": "EnrollType=Audit"}


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        (["--schemas"], 1),
        (["--schemas", "--columns"], 2),
        (["--schemas", "--columns", "--external"], 3),
        (["--metadata"], 1),
    ],
)
def test_only_what_is_named_goes(one_of_each, capsys, options, steps):
    call_command("provision", *options)
    assert capsys.readouterr().out.startswith(f"{steps} step")


def test_a_second_time_there_is_nothing_to_do(one_of_each, capsys):
    call_command("provision")
    call_command("provision")
    assert capsys.readouterr().out.endswith("Nothing to provision.\n")
    assert ProvisioningRun.objects.count() == 1


def test_what_is_not_done_is_told_with_its_message_and_ends_in_an_error(learn, capsys):
    GradeColumnFactory(course__course_id="NOWHERE", name="Exam")
    with pytest.raises(CommandError, match="Not everything was done"):
        call_command("provision", "--columns")
    assert capsys.readouterr().out == (
        "rejected: Create column: NOWHERE · Exam: Learn rejected it: Course NOWHERE does not exist.\n"
        "1 step: 1 rejected\n"
    )


def test_what_is_left_out_is_told(original, capsys):
    GradeColumnFactory(course=original, name="Exam", unconfirmed=True)
    with pytest.raises(CommandError, match="Not everything was done"):
        call_command("provision", "--columns")
    out = capsys.readouterr().out
    assert out.startswith("left out: grade column MED · Exam: It may be in Learn. Check there")


def test_one_column_is_created_again_by_name(original, learn, capsys):
    learn.world.duplicate_columns = "create"
    GradeColumnFactory(course=original, name="Exam")
    for _ in range(2):
        call_command("provision", "--column", "MED", "Exam")
    assert len(columns_of(learn, "MED")["Exam"]["copies"]) == 1


def test_a_column_that_is_not_known(db):
    with pytest.raises(CommandError, match="Course MED has no column Exam in GradeBridge"):
        call_command("provision", "--column", "MED", "Exam")


def test_one_column_goes_alone(db):
    with pytest.raises(CommandError, match="--column goes alone"):
        call_command("provision", "--column", "MED", "Exam", "--schemas")


def test_what_a_dead_process_left_behind_can_go_again(original, learn):
    step = ProvisioningStepFactory(run__dead=True, column__course=original, column__name="Exam")
    call_command("provision", "--columns")
    assert GradeColumn.objects.get(pk=step.column_id).is_provisioned


def test_a_connection_that_works(learn, capsys):
    call_command("test_connection")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Learn at {learn.url}"
    assert lines[1:] == [
        "ok: Access token: Learn accepts the key and the secret.",
        "ok: Version of Learn: It is Learn 4000.0.0.",
        "ok: Grades Journey: The application is installed and accepts grade values. Nothing was changed in Learn.",
        "The connection works.",
    ]


def test_a_connection_that_does_not_work(learn, capsys):
    learn.faults.add("token_refused", times=None)
    with pytest.raises(CommandError, match="Check LEARN_KEY and LEARN_SECRET"):
        call_command("test_connection")
    assert "FAILED: Access token: Learn refused GradeBridge's key and secret." in capsys.readouterr().out


def test_a_deleted_external_grade_is_not_missed(original, capsys):
    GradeColumnFactory(course=original, is_external_grade=True, deleted=True)
    call_command("provision")
    assert capsys.readouterr().out == "Nothing to provision.\n"
