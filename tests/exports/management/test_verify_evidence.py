"""`verify_evidence FILE`: as it was made, or what differs."""

import csv
import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from openpyxl import load_workbook

from common.spreadsheets import files
from exports.evidence.collecting import collect
from exports.evidence.contents import Contents
from exports.models import Evidence, ExportState, Flow
from tests.exports.evidence.files import FORMATS, made, saved
from tests.factories import GradeInLearnFactory, ParticipantFactory, ProofFactory

pytestmark = pytest.mark.django_db


def refusal(path) -> str:
    with pytest.raises(CommandError) as error:
        call_command("verify_evidence", str(path))
    assert error.value.returncode == 1
    return str(error.value)


def changed_csv(content, change):
    """The rows of a CSV file after `change`, as a spreadsheet program saves them."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";").writerows(change(rows))
    return text.getvalue().encode()


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_file_as_it_was_made_is_named_with_its_exam_and_who_made_it(exam, anna, tmp_path, capsys, file_format):
    path = saved(tmp_path, made(exam, file_format, anna))

    call_command("verify_evidence", str(path))

    line = capsys.readouterr().out
    assert line.startswith("The file is as it was made. Evidence ")
    assert "of flow 77 Anatomy, made on " in line
    assert f"(Europe/Copenhagen) by anna as {file_format.label}." in line
    assert line.endswith("All it shows is still what GradeBridge knows.\n")


def test_what_was_made_before_proofs_were_in_it_is_verified_by_the_columns_that_it_has(exam, anna, tmp_path, capsys):
    content = made(exam, "CSV", anna)
    with Contents(layout=1) as contents:
        collect(exam, contents)
        Evidence.objects.update(
            layout=1, checksum=contents.fingerprint.checksum, row_digests=contents.fingerprint.row_digests
        )
    ProofFactory(grade=exam.participants.get(user_id="ada").grades.get())

    call_command("verify_evidence", str(saved(tmp_path, content)))
    assert capsys.readouterr().out.endswith("All it shows is still what GradeBridge knows.\n")

    names = next(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    old = [place for place, name in enumerate(names) if name not in ("proof", "shown", "read_at")]
    without = changed_csv(content, lambda rows: [[row[place] for place in old] for row in rows])
    assert "All its rows are as they were made" in refusal(saved(tmp_path, without))


def test_a_later_proof_changes_nothing_of_the_grade(exam, anna, tmp_path, capsys):
    path = saved(tmp_path, made(exam, "CSV", anna))
    ProofFactory(grade=exam.participants.get(user_id="ada").grades.get(), different=True)

    call_command("verify_evidence", str(path))

    assert capsys.readouterr().out.endswith("All it shows is still what GradeBridge knows.\n")


@pytest.mark.parametrize("file_format", FORMATS)
def test_what_has_changed_since_is_counted(exam, anna, tmp_path, capsys, file_format):
    path = saved(tmp_path, made(exam, file_format, anna))
    ben = exam.participants.get(user_id="ben")
    exam.participants.filter(pk=ben.pk).update(state=ExportState.EXPORTED, cause="")
    GradeInLearnFactory(participant=ben)
    ParticipantFactory(flow=exam, user_id="new", missing=True)

    call_command("verify_evidence", str(path))

    assert capsys.readouterr().out.endswith("Since then 2 rows have changed: make new evidence to see how.\n")


def test_a_purge_of_old_attempts_changes_nothing(exam, anna, tmp_path, capsys, django_assert_max_num_queries):
    grade = GradeInLearnFactory(participant__flow=exam)
    path = saved(tmp_path, made(exam, "CSV", anna))
    grade.delivery_id = 99  # which is gone
    grade.save()

    with django_assert_max_num_queries(10):
        call_command("verify_evidence", str(path))

    assert "still what GradeBridge knows" in capsys.readouterr().out


def test_a_purge_of_old_names_changes_nothing(exam, anna, tmp_path, capsys):
    path = saved(tmp_path, made(exam, "CSV", anna))

    exam.participants.update(first_name="", last_name="")
    call_command("verify_evidence", str(path))

    assert "still what GradeBridge knows" in capsys.readouterr().out


@pytest.mark.parametrize("file_format", FORMATS)
def test_one_byte_is_enough(exam, anna, tmp_path, file_format):
    content = bytearray(made(exam, file_format, anna))
    content[len(content) // 2] ^= 1

    said = refusal(saved(tmp_path, bytes(content)))

    assert "This file is not as it was made." in said or "This is no evidence of this GradeBridge" in said


def test_a_changed_pdf_is_known_by_its_reference(exam, anna, tmp_path):
    said = refusal(saved(tmp_path, made(exam, "PDF", anna) + b"\n"))

    assert "of flow 77 Anatomy" in said
    assert said.endswith("This file is not as it was made.")


def test_a_csv_file_that_was_saved_again_has_the_same_rows_in_any_order(exam, anna, tmp_path):
    content = changed_csv(made(exam, "CSV", anna), lambda rows: [rows[0], *sorted(rows[1:], reverse=True)])

    assert refusal(saved(tmp_path, content)).endswith(
        "All its rows are as they were made: it was saved again, or its head was changed."
    )


def test_a_changed_row_of_a_csv_file_is_named(exam, anna, tmp_path):
    def better(rows):
        place = rows[0].index("value")
        for row in rows:
            if "ada" in row:
                row[place] = "A"
        return rows

    content = made(exam, "CSV", anna)
    number = next(number for number, line in enumerate(content.decode().splitlines(), start=1) if ",ada," in line)

    assert f"This row differs: row {number}." in refusal(saved(tmp_path, changed_csv(content, better)))


def test_a_missing_row_is_counted(exam, anna, tmp_path):
    content = changed_csv(made(exam, "CSV", anna), lambda rows: [row for row in rows if "ben" not in row])

    assert refusal(saved(tmp_path, content)).endswith("1 row is missing.")


def test_a_changed_explanation_is_told_from_a_changed_grade(exam, anna, tmp_path):
    content = made(exam, "CSV", anna).replace(b"WISEflow has sent no grade", b"ask no one")

    assert refusal(saved(tmp_path, content)).endswith(
        "Its grades are as they were made, but a name, attempt, explanation or proof beside them differs."
    )


def test_a_workbook_that_was_saved_again_has_the_same_rows(exam, anna, tmp_path):
    path = saved(tmp_path, made(exam, "XLSX", anna), "evidence.xlsx")
    load_workbook(path).save(path)

    assert "All its rows are as they were made" in refusal(path)


def test_a_changed_row_of_a_workbook_is_named_with_its_sheet(exam, anna, tmp_path):
    path = saved(tmp_path, made(exam, "XLSX", anna), "evidence.xlsx")
    workbook = load_workbook(path)
    workbook["grades"]["F2"] = "A"
    workbook.save(path)

    assert "This row differs: row 2 of sheet grades." in refusal(path)


@pytest.mark.parametrize(
    "content", [b"", b"user_id,mark\r\nada,7\r\n", b"%PDF-1.4\nnothing", b"PK\x03\x04nothing", b"\xff\xfe\x00", b"\x00"]
)
def test_another_file_is_no_evidence(db, tmp_path, content):
    assert refusal(saved(tmp_path, content)).startswith("This is no evidence of this GradeBridge")


def test_evidence_of_another_site_is_not_in_the_register(exam, anna, tmp_path):
    path = saved(tmp_path, made(exam, "CSV", anna))
    exam.evidence.all().delete()

    assert refusal(path).startswith("The register does not know evidence ")


def test_a_file_that_is_not_there_too_large_or_a_folder_is_said(db, tmp_path, monkeypatch):
    assert "cannot be read: No such file" in refusal(tmp_path / "missing.pdf")
    assert "cannot be read: Is a directory" in refusal(tmp_path)
    monkeypatch.setattr(files, "MAX_BYTES", 3)
    assert "is larger than" in refusal(saved(tmp_path, b"four"))


def test_a_name_is_not_lost_by_the_way_a_spreadsheet_needs_it_written(anna, tmp_path):
    flow = Flow.objects.create(flow_id="77")
    ParticipantFactory(flow=flow, user_id="=1+1", first_name="-x", last_name="a;=2")

    for file_format in ("CSV", "XLSX"):
        path = saved(tmp_path, made(flow, file_format, anna) + b"\n")
        assert "All its rows are as they were made" in refusal(path)


def test_it_does_not_depend_on_the_time_zone_of_the_site(exam, anna, tmp_path, capsys):
    content = made(exam, "CSV", anna)

    with timezone.override("Asia/Tokyo"):
        call_command("verify_evidence", str(saved(tmp_path, content)))
        assert capsys.readouterr().out.endswith("still what GradeBridge knows.\n")
        assert "All its rows are as they were made" in refusal(saved(tmp_path, content + b"\n"))
