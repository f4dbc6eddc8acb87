"""The page that deletes a column in Learn."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from courses.models import GradeColumn, ProvisioningRun, ProvisioningStep
from exports.models import Exemption, Participant
from tests.factories import ColumnMappingFactory, GradeColumnFactory, ParticipantFactory, UserFactory
from tests.signed_in import messages_of, signed_in, text_of

pytestmark = pytest.mark.django_db


def address(column: GradeColumn) -> str:
    return reverse("admin:courses_gradecolumn_delete_in_learn", args=[column.pk])


@pytest.fixture
def graded():
    column = GradeColumnFactory(name="Exam", course__course_id="BIO", in_learn=True)
    ColumnMappingFactory(grade_column=column, flow__flow_id="77")
    ParticipantFactory(flow__flow_id="78", exported=True, grade__course_id="BIO", grade__column_name="Exam")
    return column


def test_the_columns_page_leads_there(graded):
    page = reverse("admin:courses_gradecolumn_change", args=[graded.pk])
    assert address(graded) in text_of(signed_in(administrator=True).get(page))
    assert address(graded) not in text_of(signed_in(manager=True).get(page))


def test_managers_may_not(graded):
    browser = signed_in(manager=True)
    assert browser.get(address(graded)).status_code == 403
    assert browser.post(address(graded), {"name": "Exam", "although_graded": "yes"}).status_code == 403
    assert not ProvisioningRun.objects.exists()


def test_it_says_what_stands_there_and_who_leads_there(graded):
    page = text_of(signed_in(administrator=True).get(address(graded)))
    assert "1 flow is mapped to it." in page
    assert "Flows: 77" in page
    assert "1 delivered grade is in it" in page
    assert "1 grade of flow 78" in page


def test_delivered_grades_are_not_lost_unasked(graded):
    answer = signed_in(administrator=True).post(address(graded), {"name": "Exam"})
    assert answer.status_code == 422
    assert "Enter a reason." in text_of(answer)
    assert not ProvisioningRun.objects.exists()


def test_an_administrator_and_a_manager_say_that_they_may_go(graded):
    answer = signed_in(administrator=True).post(address(graded), {"name": "Exam", "reason": "Wrong course"})
    exemption = Exemption.objects.get()
    assert answer.url == reverse("admin:exports_exemption_change", args=[exemption.pk])
    assert not ProvisioningRun.objects.exists()

    signed_in(manager=True).post(reverse("admin:exports_exemption_approve", args=[exemption.pk]))

    step = ProvisioningStep.objects.get()
    assert (step.kind, step.column) == ("DELETION", graded)


def test_who_may_provision_alone_does_not_delete_grades(graded):
    person = UserFactory(manager=True)
    person.user_permissions.add(Permission.objects.get(codename="provision"))
    browser = Client()
    browser.force_login(person)
    assert "although_graded" not in text_of(browser.get(address(graded)))
    assert browser.post(address(graded), {"name": "Exam", "although_graded": "yes"}).status_code == 422
    assert not ProvisioningRun.objects.exists()


def test_who_may_provision_and_see_nothing_does_not_see_grades(graded):
    person = UserFactory()
    person.user_permissions.add(Permission.objects.get(codename="provision"))
    browser = Client()
    browser.force_login(person)
    assert browser.get(address(graded)).status_code == 403
    assert browser.post(address(graded), {"name": "Exam"}).status_code == 403
    assert not ProvisioningRun.objects.exists()


def test_a_wrong_name_deletes_nothing(graded):
    answer = signed_in(administrator=True).post(address(graded), {"name": "exam", "although_graded": "yes"})
    assert answer.status_code == 422
    assert "Nothing was requested." in text_of(answer)
    assert not Exemption.objects.exists()


def test_a_deleted_column_offers_no_deletion():
    column = GradeColumnFactory(deleted=True)
    page = reverse("admin:courses_gradecolumn_change", args=[column.pk])
    text = text_of(signed_in(administrator=True).get(page))
    assert address(column) not in text
    assert "Create again in Learn" in text


def test_marked_as_not_in_learn_by_two_its_grades_count_as_failed(graded):
    form = {"action": "mark_as_not_in_learn", "_selected_action": [graded.pk]}
    administrator = signed_in(administrator=True)
    answer = administrator.post(reverse("admin:courses_gradecolumn_changelist"), form)
    assert "a second person must agree" in " ".join(messages_of(answer))
    assert Participant.objects.get().state == "EXPORTED"

    page = reverse("admin:courses_gradecolumn_not_in_learn", args=[graded.pk])
    administrator.post(page, {"reason": "Deleted by hand"})
    signed_in(manager=True).post(reverse("admin:exports_exemption_approve", args=[Exemption.objects.get().pk]))

    person = Participant.objects.get()
    assert (person.state, person.cause, person.value_in_learn) == ("FAILED", "COLUMN_DELETED", "")


def test_who_may_not_delete_graded_columns_does_not_mark_them_so(graded):
    person = UserFactory(manager=True)
    person.user_permissions.add(Permission.objects.get(codename="provision"))
    browser = Client()
    browser.force_login(person)
    form = {"action": "mark_as_not_in_learn", "_selected_action": [graded.pk]}
    assert browser.post(reverse("admin:courses_gradecolumn_changelist"), form).status_code == 403
    assert Participant.objects.get().state == "EXPORTED"
    assert not LogEntry.objects.filter(change_message__contains="Marked").exists()  # what was refused leaves no trace


@pytest.mark.parametrize(
    ("status", "has_grade", "is_offered"),
    [
        ("NOT_PROVISIONED", False, False),
        ("NOT_PROVISIONED", True, True),  # made by hand, and never marked
        ("FAILED", False, False),
        ("PROVISIONED", False, True),
        ("UNCONFIRMED", False, True),
        ("DELETED", True, False),
    ],
)
def test_it_is_offered_for_a_column_that_may_be_in_learn(status, has_grade, is_offered):
    column = ColumnMappingFactory().grade_column
    since = timezone.now() if status == "PROVISIONED" else None
    GradeColumn.objects.update(status=status, provisioned_at=since)
    if has_grade:
        ParticipantFactory(flow=column.column_mappings.get().flow, exported=True)

    page = signed_in(administrator=True).get(reverse("admin:courses_gradecolumn_change", args=[column.pk]))

    assert (address(column) in text_of(page)) is is_offered
