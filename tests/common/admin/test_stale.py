"""A page that was opened before someone else's change undoes nothing."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client

from common.admin.cells import address
from common.admin.stale import Opened
from common.spreadsheets.sheets import import_lines
from courses.models import Course, EnrolmentMetadata, GradeColumn, GradeSchema
from exports.importing.mappings import MappingSheet
from exports.models import ApiClient, Flow, RequestProfile, Translation, Webhook
from tests.factories import (
    ApiClientFactory,
    ColumnMappingFactory,
    CourseFactory,
    EnrolmentMetadataFactory,
    FlowFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    ParticipantFactory,
    RequestProfileFactory,
    TranslationFactory,
    UserFactory,
    WebhookFactory,
)
from tests.forms import form_in, open_form
from tests.signed_in import signed_in, text_of

pytestmark = pytest.mark.django_db

REFUSED = "Nothing was saved: this page has changed since you opened it"
PEOPLE = {"first_name": "Ada", "last_name": "Byron", "is_superuser": True}


@pytest.fixture
def mine() -> Client:
    return signed_in(is_superuser=True)


@pytest.fixture
def hers() -> Client:
    return signed_in(**PEOPLE)


def save(client: Client, row: Model, form: dict[str, Any], **fields: Any) -> Any:
    return client.post(address(row), form | fields)


def assert_saved(answer: Any) -> None:
    assert answer.status_code == 302, text_of(answer)


def assert_refused(answer: Any, *texts: str) -> None:
    assert answer.status_code == 409
    page = text_of(answer)
    assert REFUSED in page
    for text in texts:
        assert text in page


# Every model whose page can be edited, a field that one person changes, and one that the other changes
EDITABLE: dict[type[Model], tuple[Callable[[], Any], tuple[str, str], tuple[str, str]]] = {
    Flow: (FlowFactory, ("title", "Botany"), ("title", "Zoology")),
    Translation: (TranslationFactory, ("name", "Letters"), ("divisor", "10")),
    RequestProfile: (RequestProfileFactory, ("mark", "final"), ("name", "Other")),
    ApiClient: (ApiClientFactory, ("allowed_networks", "192.0.2.0/24"), ("name", "Other")),
    Webhook: (WebhookFactory, ("name", "Ladok"), ("url", "https://other.example.org")),
    Course: (CourseFactory, ("title", "Botany"), ("experience", "ORIGINAL")),
    GradeColumn: (GradeColumnFactory, ("points", "20"), ("instructions", "Read this")),
    GradeSchema: (GradeSchemaFactory, ("symbols", "A=50:B=0"), ("title", "Other")),
    EnrolmentMetadata: (EnrolmentMetadataFactory, ("optional_data", "key=value"), ("user_id", "other")),
    User: (UserFactory, ("email", "a@example.org"), ("first_name", "Grace")),
    Group: (lambda: Group.objects.create(name="Guests"), ("name", "Visitors"), ("name", "Others")),
}


def test_every_page_that_can_be_edited_is_tried_here() -> None:
    request: Any = type("Request", (), {"user": UserFactory(is_superuser=True)})
    pages = {model for model, page in admin.site._registry.items() if page.has_change_permission(request)}
    assert pages == set(EDITABLE)


@pytest.mark.parametrize("model", EDITABLE)
def test_a_page_opened_before_another_change_saves_nothing(model: Any, mine: Client, hers: Client) -> None:
    make, change, other = EDITABLE[model]
    row = make()
    form = open_form(mine, address(row))
    assert_saved(save(hers, row, open_form(hers, address(row)), **dict([change])))
    stored = model.objects.filter(pk=row.pk).values().get()

    assert_refused(answer := save(mine, row, form, **dict([other])), "Ada Byron")
    assert model.objects.filter(pk=row.pk).values().get() == stored

    assert_saved(save(mine, row, form_in(answer), **dict([other])))
    saved = model.objects.get(pk=row.pk)
    assert str(getattr(saved, other[0])).startswith(other[1])
    if change[0] != other[0]:
        assert str(stored[change[0]]) == str(getattr(saved, change[0]))


@pytest.mark.parametrize("model", EDITABLE)
def test_a_page_saves_where_nothing_has_changed(model: Any, mine: Client) -> None:
    make, _change, other = EDITABLE[model]
    row = make()
    assert_saved(save(mine, row, open_form(mine, address(row))))
    assert_saved(save(mine, row, open_form(mine, address(row)), **dict([other])))
    assert str(getattr(model.objects.get(pk=row.pk), other[0])).startswith(other[1])


def test_an_import_since_is_not_taken_back(mine: Client) -> None:
    """The end of the assessment, which keeps grades from being exported too early."""
    mapping = ColumnMappingFactory(flow__flow_id="2", flow__assessment_ends_at=datetime(2026, 5, 2, tzinfo=UTC))
    flow = mapping.flow
    form = open_form(mine, address(flow))
    content = (
        "flow_id,course_id,column_name,assessment_ends_at\n"
        f"2,{mapping.grade_column.course.course_id},{mapping.grade_column.name},2099-01-01\n"
    )
    sheet = MappingSheet()
    import_lines(sheet, sheet.read("mappings.csv", content.encode()), by=None)

    assert_refused(save(mine, flow, form, title="Corrected"), "Assessment ends", "2 May 2026", "1 January 2099")
    flow.refresh_from_db()
    assert flow.assessment_ends_at == datetime(2099, 1, 1, 22, 59, 59, tzinfo=UTC)  # the end of that day
    assert flow.title != "Corrected"


def test_a_page_without_any_change_of_its_own_takes_nothing_back_either(mine: Client) -> None:
    column = GradeColumnFactory(points=100)
    form = open_form(mine, address(column))
    GradeColumn.objects.filter(pk=column.pk).update(points=20)
    assert_refused(save(mine, column, form), "Points possible", "100", "20", "Not recorded")
    column.refresh_from_db()
    assert column.points == 20


@pytest.mark.parametrize(
    "change",
    [
        {"state": "FAILED"},
        {"exported_count": 5},
        {"roster_imported_at": datetime(2026, 5, 2, tzinfo=UTC)},
        {"mapping_unlocked_at": datetime(2026, 5, 2, tzinfo=UTC)},
    ],
)
def test_what_the_form_does_not_hold_may_change(change: dict[str, Any], mine: Client) -> None:
    flow = FlowFactory(title="Biology")
    form = open_form(mine, address(flow))
    Flow.objects.filter(pk=flow.pk).update(**change)
    assert_saved(save(mine, flow, form, title="Botany"))
    saved = Flow.objects.get(pk=flow.pk)
    assert saved.title == "Botany"
    assert {name: getattr(saved, name) for name in change} == change


def test_provisioning_and_rosters_since_do_not_hold_up_a_form(mine: Client) -> None:
    column = GradeColumnFactory()
    mapping = ColumnMappingFactory(grade_column=column)
    forms = open_form(mine, address(column)), open_form(mine, address(mapping.flow))
    GradeColumn.objects.filter(pk=column.pk).update(
        status="UNCONFIRMED", provisioning_reason={"code": "CALL_INTERRUPTED"}
    )
    ParticipantFactory(flow=mapping.flow)
    assert_saved(save(mine, column, forms[0], points="50"))
    assert_saved(save(mine, mapping.flow, forms[1], title="Other"))
    column.refresh_from_db()
    assert (column.status, column.points) == ("UNCONFIRMED", 50)


def test_a_line_added_since_is_shown_and_kept(mine: Client) -> None:
    mapping = ColumnMappingFactory()
    flow = mapping.flow
    form = open_form(mine, address(flow))
    added = ColumnMappingFactory(flow=flow, source_code="UNI||001")
    assert_refused(save(mine, flow, form, title="Mine"), f"Column mapping {added}", "Added", "Mine")
    assert flow.column_mappings.count() == 2


def test_a_line_deleted_since_is_shown_and_not_brought_back(mine: Client) -> None:
    translation = TranslationFactory()
    kept, gone = (translation.grades.create(given=given, value="1") for given in "AB")
    form = open_form(mine, address(translation))
    gone.delete()
    assert_refused(answer := save(mine, translation, form, name="Mine"), "Present", "Deleted")
    assert list(translation.grades.all()) == [kept]
    assert_saved(save(mine, translation, form_in(answer), name="Mine"))
    assert list(translation.grades.all()) == [kept]


def test_a_line_changed_since_names_its_field(mine: Client) -> None:
    translation = TranslationFactory()
    line = translation.grades.create(given="A", value="90")
    form = open_form(mine, address(translation))
    ada = UserFactory(**PEOPLE)
    line.value, line._history_user = "95", ada
    line.save()
    typed = {"grades-TOTAL_FORMS": "2", "grades-0-value": "91", "grades-1-given": "B", "grades-1-value": "80"}
    answer = save(mine, translation, form, **typed)
    assert_refused(answer, "Value in Learn", "90", "95", "Ada Byron", "Value in Learn: 91", "Value in Learn: 80")
    line.refresh_from_db()
    assert line.value == "95"


def test_what_was_typed_is_shown_again(mine: Client) -> None:
    mapping = ColumnMappingFactory()
    flow, column = mapping.flow, GradeColumnFactory(name="Oral")
    form = open_form(mine, address(flow))
    Flow.objects.filter(pk=flow.pk).update(instant_export=True)
    typed = {
        "title": "My own <title>",
        "synchronised_at_0": "03/05/2026",
        "allow_overwrite": "on",
        "column_mappings-0-grade_column": str(column.pk),
        "column_mappings-TOTAL_FORMS": "2",
        "column_mappings-1-source_code": "UNI||002",
    }
    answer = save(mine, flow, form, **typed)
    assert_refused(answer, "My own &lt;title&gt;", str(column), "UNI||002", "New column mapping", "Allow overwrite")
    assert "<title>My own" not in text_of(answer)


def test_of_a_long_list_only_what_has_changed_is_shown(mine: Client) -> None:
    group = Group.objects.create(name="Guests")
    first, second, third = Permission.objects.order_by("pk")[:3]
    group.permissions.set([first, second])
    form = open_form(mine, address(group))
    group.permissions.set([second, third])
    assert_refused(save(mine, group, form), "Permissions", str(first), str(third))
    assert set(group.permissions.all()) == {second, third}


def test_a_name_that_is_gone_is_said(mine: Client) -> None:
    mapping = ColumnMappingFactory(grade_column__name="Draft")
    gone, flow = mapping.grade_column, mapping.flow
    form = open_form(mine, address(flow))
    mapping.grade_column = GradeColumnFactory(name="Exam")
    mapping.save()
    gone.delete()
    assert_refused(save(mine, flow, form, title="Mine"), "Draft", "Exam")


def test_a_row_that_is_gone_is_not_made_again(mine: Client) -> None:
    course = CourseFactory()
    form = open_form(mine, address(course))
    course.delete()
    assert save(mine, course, form, title="Mine").status_code == 302
    assert not Course.objects.exists()


def test_a_page_that_was_refused_for_an_error_can_be_saved_once_it_is_mended(mine: Client) -> None:
    course = CourseFactory(title="Biology")
    answer = save(mine, course, open_form(mine, address(course)), course_id="", title="Botany")
    assert answer.status_code == 200
    form = form_in(answer)
    assert_saved(save(mine, course, form, course_id="BIO"))
    course.refresh_from_db()
    assert (course.course_id, course.title) == ("BIO", "Botany")


def test_a_page_is_old_even_after_an_error_on_it(mine: Client) -> None:
    course = CourseFactory(title="Biology")
    form = form_in(save(mine, course, open_form(mine, address(course)), course_id=""))
    Course.objects.filter(pk=course.pk).update(title="Zoology")
    assert_refused(save(mine, course, form, course_id="BIO"), "Zoology")


def test_a_saved_form_that_is_sent_twice_is_refused_the_second_time(mine: Client) -> None:
    course = CourseFactory(title="Biology")
    form = open_form(mine, address(course))
    assert_saved(save(mine, course, form, title="Botany"))
    assert_refused(save(mine, course, form, title="Botany"), "Botany")


@pytest.mark.parametrize("token", ["", "nonsense", "a:b:c", "\x00", "eyJ9:1tabcd:xyz"])
def test_a_hidden_field_that_did_not_arrive_whole_saves_nothing(token: str, mine: Client) -> None:
    course = CourseFactory(title="Biology")
    form = open_form(mine, address(course))
    assert_refused(save(mine, course, form, title="Botany", _opened=token), "Botany")
    course.refresh_from_db()
    assert course.title == "Biology"


def test_the_page_of_another_row_is_not_this_ones(mine: Client) -> None:
    first, second = CourseFactory(), CourseFactory()
    form = open_form(mine, address(first))
    assert_refused(save(mine, second, form))


def test_a_form_that_comes_from_no_page_is_saved(mine: Client) -> None:
    course = CourseFactory(title="Biology")
    form = open_form(mine, address(course))
    del form["_opened"]
    assert_saved(save(mine, course, form, title="Botany"))


def test_save_as_new_makes_another_row_whatever_has_changed(mine: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin.site.get_model_admin(Course), "save_as", True)
    course = CourseFactory(title="Biology")
    form = open_form(mine, address(course))
    Course.objects.filter(pk=course.pk).update(title="Botany")
    assert_saved(save(mine, course, form, course_id="COPY", _saveasnew="1"))
    assert Course.objects.get(course_id="COPY").title == "Biology"


def test_no_password_and_no_key_travels_in_a_page(mine: Client) -> None:
    user, client = UserFactory(), ApiClientFactory()
    for row, secret in ((user, user.password), (client, client.key_hash)):
        old = Opened.read(open_form(mine, address(row))["_opened"])
        assert secret not in str(old.values)
        assert "password" not in str(old.values)


def test_a_sign_in_since_does_not_hold_up_the_page_of_a_user(mine: Client) -> None:
    user = UserFactory()
    form = open_form(mine, address(user))
    User.objects.filter(pk=user.pk).update(last_login=datetime(2026, 5, 2, tzinfo=UTC))
    assert_saved(save(mine, user, form, first_name="Grace"))
    user.refresh_from_db()
    assert (user.first_name, user.last_login.day) == ("Grace", 2)


def test_who_may_only_look_gets_no_hidden_field() -> None:
    flow = FlowFactory()
    assert "_opened" not in open_form(signed_in(manager=True), address(flow))


def test_no_list_can_be_edited_in_place() -> None:
    assert not [page for page in admin.site._registry.values() if page.list_editable]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_being_made_is_waited_for(mine: Client) -> None:
    """The form is compared once the other transaction has ended, not before."""
    course = CourseFactory(title="Biology")
    form = open_form(mine, address(course))
    is_changed = threading.Event()

    def change() -> None:
        with transaction.atomic():
            Course.objects.filter(pk=course.pk).update(title="Botany")
            is_changed.set()
            time.sleep(0.5)
        connection.close()

    other = threading.Thread(target=change)
    other.start()
    assert is_changed.wait(timeout=10)
    answer = save(mine, course, form, title="Zoology")
    other.join()
    assert_refused(answer, "Botany")
    course.refresh_from_db()
    assert course.title == "Botany"


@pytest.mark.django_db(transaction=True)
def test_of_forms_saved_at_the_same_time_one_is_saved() -> None:
    course = CourseFactory(title="Biology")
    people = [signed_in(is_superuser=True) for _ in range(4)]
    forms = [open_form(client, address(course)) for client in people]
    statuses: list[int] = []

    def run(client: Client, form: dict[str, Any], title: str) -> None:
        statuses.append(save(client, course, form, title=title).status_code)
        connection.close()

    threads = [
        threading.Thread(target=run, args=(client, form, f"Title {number}"))
        for number, (client, form) in enumerate(zip(people, forms, strict=True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [302, 409, 409, 409]
