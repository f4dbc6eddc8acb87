"""Enrolment metadata from a file."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import RequestFactory

from common.spreadsheets.files import ImportRefused
from common.spreadsheets.sheets import import_lines
from courses.admin.metadata import EnrolmentMetadataAdmin
from courses.importing import metadata
from courses.models import EnrolmentMetadata, ProvisioningStep
from tests.exports.importing.files import csv_file
from tests.factories import CourseFactory, EnrolmentMetadataFactory, ProvisioningStepFactory, UserFactory

pytestmark = pytest.mark.django_db

HEADER = ["course_id", "user_id", "optional_data"]


def import_rows(*rows: list[str], header: list[str] = HEADER, by: Any = None) -> str:
    sheet = metadata.MetadataSheet()
    return import_lines(sheet, sheet.read("a.csv", csv_file(header, *rows)), by=by).sentence()


def refusals(*rows: list[str], header: list[str] = HEADER) -> list[str]:
    with pytest.raises(ImportRefused) as refused:
        import_rows(*rows, header=header)
    return refused.value.problems


@pytest.fixture
def course() -> Any:
    return CourseFactory(course_id="BIO101")


def test_metadata_is_added_and_changed_with_history(course: Any) -> None:
    somebody = UserFactory()
    EnrolmentMetadataFactory(course=course, user_id="s1", optional_data="EnrollType=Audit")
    rows = [["BIO101", "s1", "EnrollType=Credit"], ["BIO101", "s2", "Room=B12"]]
    assert import_rows(*rows, by=somebody) == "1 added, 1 changed, 0 unchanged"
    assert dict(EnrolmentMetadata.objects.values_list("user_id", "optional_data")) == {
        "s1": "EnrollType=Credit",
        "s2": "Room=B12",
    }
    assert {row.history.first().history_user for row in EnrolmentMetadata.objects.all()} == {somebody}
    assert import_rows(*rows) == "0 added, 0 changed, 2 unchanged"


def test_one_user_may_be_in_several_courses(course: Any) -> None:
    CourseFactory(course_id="CHE")
    assert import_rows(["BIO101", "s1", "a=1"], ["CHE", "s1", "a=2"]) == "2 added, 0 changed, 0 unchanged"


@pytest.mark.parametrize("trait", ["in_learn", "failed", "unconfirmed"])
def test_what_changes_is_to_be_set_in_learn_anew(course: Any, trait: str) -> None:
    row = EnrolmentMetadataFactory(course=course, user_id="s1", **{trait: True})
    import_rows(["BIO101", "s1", "EnrollType=Credit"])
    row.refresh_from_db()
    assert (row.status, row.provisioned_at, row.provisioning_message) == ("NOT_PROVISIONED", None, "")


def test_what_stays_stands_in_learn_as_before(course: Any) -> None:
    row = EnrolmentMetadataFactory(course=course, user_id="s1", optional_data="a=1", in_learn=True)
    import_rows(["BIO101", "s1", "a=1"], ["BIO101", "s2", "a=1"])
    row.refresh_from_db()
    assert row.is_provisioned


def test_a_course_that_nobody_has_made_is_refused_at_its_row(course: Any) -> None:
    assert refusals(["BIO101", "s1", "a=1"], ["CHE", "s1", "a=1"]) == [
        "Row 3, course_id: 'CHE' is not known. Add the course first."
    ]
    assert not EnrolmentMetadata.objects.exists()


def test_mistakes_are_named_by_row_and_column(course: Any) -> None:
    assert refusals(["", "s1", "a=1"], ["BIO101", "s2", ""], ["BIO101", "s3", "x" * 2001]) == [
        "Row 2, course_id: This is empty.",
        "Row 3, optional_data: This is empty.",
        "Row 4, optional_data: This has 2,001 characters; 2,000 are allowed.",
    ]
    assert refusals(["BIO101", "s1", "Audit"]) == ["Row 2, optional_data: Pair 1 (Audit) has no '='."]
    assert refusals(["BIO101", "s1", "a=1"], ["BIO101", "s1", "a=2"]) == [
        "Row 3, optional_data: 'a=2' contradicts 'a=1' in row 2, which has the same course_id, user_id."
    ]
    assert refusals(["BIO101", "s1"], header=HEADER[:2]) == ["Row 1: Column optional_data is missing."]


def test_what_is_on_its_way_to_learn_waits(course: Any) -> None:
    row = EnrolmentMetadataFactory(course=course, user_id="s1", optional_data="a=1")
    step = ProvisioningStepFactory(
        kind=ProvisioningStep.Kind.METADATA, metadata=row, column=None, stage=2, name=str(row)
    )
    assert refusals(["BIO101", "s1", "a=2"]) == [
        f"Row 2, optional_data: This is being sent to Learn in run {step.run.pk}. Change it once the run has finished."
    ]
    assert import_rows(["BIO101", "s1", "a=1"]) == "0 added, 0 changed, 1 unchanged"


def test_the_admin_class_exchanges_the_file(course: Any) -> None:
    request = RequestFactory().get("/")
    request.user = UserFactory(administrator=True)
    page = EnrolmentMetadataAdmin(EnrolmentMetadata, admin.site)
    EnrolmentMetadataFactory(course=course, user_id="s1", optional_data="a=1")

    content = page.export_csv(request).content.decode("utf-8-sig")

    assert content.splitlines() == ["course_id,user_id,optional_data", "BIO101,s1,a=1"]
    assert page.has_import_permission(request)
