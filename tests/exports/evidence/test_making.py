"""Files of evidence: everyone is in each of them, with a head, and in the register."""

import hashlib
import io
import re

import pytest
from django.conf import settings
from openpyxl import load_workbook
from pypdf import PdfReader

from exports.evidence.columns import Part
from exports.models import Evidence
from tests.exports.evidence.files import FORMATS, csv_rows_of, made, pdf_text_of
from tests.factories import CorrectionFactory, FlowFactory, ParticipantFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_file_is_in_the_register_with_who_and_when(exam, anna, file_format):
    content = made(exam, file_format, anna)

    evidence = Evidence.objects.get()
    assert (evidence.flow, evidence.made_by, evidence.format, evidence.rows) == (exam, anna, file_format, 6)
    assert evidence.sha256 == hashlib.sha256(content).hexdigest()
    assert len(evidence.row_digests) == 6 * 8


def test_all_formats_of_the_same_grades_have_the_same_checksum_of_the_rows(exam, anna):
    for file_format in FORMATS:
        made(exam, file_format, anna)

    assert len(set(Evidence.objects.values_list("checksum", flat=True))) == 1
    assert len(set(Evidence.objects.values_list("reference", flat=True))) == len(FORMATS)


def test_a_csv_file_has_the_head_and_everyone(exam, anna):
    content = made(exam, "CSV", anna)

    head = {row["item"]: row.get("text", "") for row in csv_rows_of(content, "evidence")}
    evidence = Evidence.objects.get()
    assert (head["flow_id"], head["title"], head["made_by"]) == ("77", "Anatomy", "anna")
    assert (head["people"], head["expected"], head["received"], head["delivered"]) == ("5", "4", "4", "1")
    assert (head["failed"], head["skipped"], head["missing"]) == ("3", "1", "1")
    assert (head["time_zone"], head["version"]) == ("Europe/Copenhagen", settings.VERSION)
    assert (head["reference"], head["checksum"]) == (evidence.reference, evidence.checksum)
    people = csv_rows_of(content, "grades")
    assert [row["user_id"] for row in people] == ["ada", "ben", "cleo", "dora", "eva"]
    assert people[0]["since"] == "2026-05-03T11:00:00+02:00"
    assert [row["user_id"] for row in csv_rows_of(content, "ended")] == ["eva"]


def test_two_files_of_the_same_grades_differ_in_the_head_alone(exam, anna):
    first, second = (made(exam, "CSV", anna).decode("utf-8-sig").splitlines() for _ in range(2))

    different = [line for line, other in zip(first, second, strict=True) if line != other]
    assert {line.split(",")[0] for line in different} == {"evidence"}
    assert {line.split(",")[1] for line in different} <= {"reference", "made_at"}


def test_a_workbook_has_a_sheet_for_each_part_and_only_text(exam, anna):
    ParticipantFactory(flow=exam, user_id="=1+1", exported=True)
    CorrectionFactory(participant=exam.participants.get(user_id="ada"))

    workbook = load_workbook(io.BytesIO(made(exam, "XLSX", anna)))

    assert workbook.sheetnames == ["evidence", *Part]
    people = [row[0].value for row in workbook["grades"].iter_rows(min_row=2)]
    assert people == ["'=1+1", "ada", "ben", "cleo", "dora", "eva"]
    assert [row[0].value for row in workbook["corrections"].iter_rows(min_row=2)] == ["ada"]
    assert {cell.data_type for row in workbook["grades"].iter_rows() for cell in row} <= {"s", "n"}  # n: empty


def test_a_pdf_shows_everyone_in_any_script(exam, anna):
    ParticipantFactory(flow=exam, user_id="wang", on_sis_roster=True, exported=True, first_name="小明", last_name="王")
    CorrectionFactory(participant=exam.participants.get(user_id="ada"), reason="Added up wrongly")

    text = pdf_text_of(made(exam, "PDF", anna))

    words = " ".join(text.split())
    assert "Evidence of flow 77 Anatomy" in words
    for name in ("ada", "ben", "cleo", "dora", "eva", "Łukasz Sørensen", "小明 王"):
        assert name in words
    assert "WISEflow has sent no grade" in words
    assert "C of wang in flow 78" in words
    assert "Added up wrongly" in words
    assert Evidence.objects.get().checksum in words
    assert "page 1 of 1" in words


def test_a_character_that_no_font_has_is_shown_as_a_square(exam, anna):
    ParticipantFactory(flow=exam, user_id="gothic", first_name="\N{GOTHIC LETTER AHSA}")

    assert "\N{WHITE SQUARE}" in pdf_text_of(made(exam, "PDF", anna))


def test_every_page_of_a_pdf_has_the_header_of_its_table(anna):
    flow = FlowFactory(flow_id="77")
    for number in range(120):
        ParticipantFactory(flow=flow, user_id=f"u{number:03}", missing=True)

    reader = PdfReader(io.BytesIO(made(flow, "PDF", anna)))

    texts = [page.extract_text() for page in reader.pages]
    assert len(texts) > 2
    assert all("User id" in text for text in texts if "u0" in text or "u1" in text)
    assert all(re.search(rf"page {number} of\s*{len(texts)}", text) for number, text in enumerate(texts, start=1))
    assert all(f"u{number:03}" in "".join(texts) for number in range(120))


def test_a_cell_longer_than_a_page_goes_over_as_many_as_it_needs(exam, anna):
    reason = " ".join(f"word{number}" for number in range(3_000))[:2000].rsplit(" ", 1)[0]
    for user_id in ("ada", "eva"):
        person = exam.participants.get(user_id=user_id)
        CorrectionFactory(
            participant=person, mark_before="B", value_before="B", reason=reason, declined=True, decline_reason=reason
        )
    exam.participants.filter(user_id="ada").update(user_id="x" * 255)

    text = "".join(pdf_text_of(made(exam, "PDF", anna)).split())

    assert reason.split()[-1] in text
    assert text.count("x") >= 255


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_exam_without_anyone_has_evidence_too(anna, file_format):
    assert made(FlowFactory(), file_format, anna)
    assert Evidence.objects.get().rows == 0
