"""The checklist of an empty site ticks itself."""

import pytest
from django.core.cache import cache
from django.test import RequestFactory

from courses.grades_journey import VERSION_SERVICE
from courses.models import ServiceCall
from exports.admin.desk.guided_start import are_needed, steps
from tests.exports.admin.desk.conftest import panel, visit
from tests.factories import (
    ApiClientFactory,
    CourseFactory,
    FlowFactory,
    GradeColumnFactory,
    ParticipantFactory,
    ServiceCallFactory,
    UserFactory,
)
from tests.pages import words_of
from tests.signed_in import signed_in, text_of

pytestmark = pytest.mark.django_db

START = "/admin/start/"


def found(**traits):
    request = RequestFactory().get("/")
    request.user = UserFactory(**traits)
    return steps(request)


def done(**traits):
    return {step.title for step in found(**traits) if step.is_done}


def test_an_empty_site_has_everything_to_do():
    assert done(is_superuser=True) == set()
    assert are_needed(found(is_superuser=True))


def test_each_step_ticks_itself():
    ServiceCallFactory(service=VERSION_SERVICE)
    assert done() == {"Connect to Learn"}
    ServiceCallFactory()
    assert "Give the application its permissions in Learn" in done()
    CourseFactory()
    assert "Enter a course" in done()
    GradeColumnFactory(in_learn=True)
    assert "Create a column in Learn" in done()
    FlowFactory(mapped=True)
    assert "Map a flow" in done()
    ApiClientFactory()
    assert "Create an API client" in done()
    assert are_needed(found())
    ParticipantFactory(exported=True)
    assert "Rehearse, then export" in done()
    assert not are_needed(found())


def test_a_manager_sees_the_steps_and_gets_no_link_to_what_they_may_not_do():
    urls = {step.title: step.url for step in found(manager=True)}

    assert urls["Create an API client"] == urls["Connect to Learn"] == urls["Invite a colleague"] == ""
    assert urls["Map a flow"] != ""


def test_a_call_that_learn_did_not_entitle_says_which_permission_is_missing():
    ServiceCallFactory(status=403, error="PermissionMissing")
    step = found()[1]
    assert not step.is_done
    assert "entitlements of Grades Journey, then try again" in step.what

    ServiceCallFactory()
    assert found()[1].is_done


def test_it_is_over_once_a_grade_is_in_learn_whatever_has_been_purged_since():
    ParticipantFactory(exported=True)
    assert not ServiceCall.objects.exists()

    assert not are_needed(found())


def test_all_steps_are_one_statement(django_assert_num_queries):
    request = RequestFactory().get("/")
    request.user = UserFactory(is_superuser=True)
    with django_assert_num_queries(1):
        steps(request)


class TestOnTheDashboard:
    def test_an_empty_site_shows_nothing_else(self, administrator):
        page = visit(administrator)

        assert "Enter a course" in panel(page, "start")
        assert "desk-states" not in text_of(page)

    def test_it_stays_until_the_first_grade_is_in_learn(self, administrator):
        ParticipantFactory(failed=True)
        assert "Enter a course" in panel(visit(administrator), "start")

        ParticipantFactory(exported=True)
        assert panel(visit(administrator), "start") == ""

    def test_it_ticks_itself_while_the_page_is_open(self, administrator):
        for arrange in (lambda: None, lambda: ParticipantFactory(failed=True)):
            arrange()
            address = visit(administrator).context["watch"]["address"]
            ServiceCallFactory(service="gradeValueAPI" if ServiceCall.objects.exists() else VERSION_SERVICE)
            cache.clear()
            assert "#desk-start" in administrator.get(address).content.decode()

    def test_before_the_first_grade_the_page_costs_few_statements_too(self, manager, django_assert_max_num_queries):
        ParticipantFactory(failed=True)
        with django_assert_max_num_queries(29):
            visit(manager)


class TestAtItsOwnAddress:
    def test_it_is_there_for_good(self, administrator):
        ParticipantFactory(exported=True)

        page = words_of(administrator.get(START))

        assert "The first grade is in Learn: GradeBridge is ready." in page
        assert "Enter a course" in page
        assert START in text_of(visit(administrator))  # in the side bar

    @pytest.mark.parametrize(
        ("traits", "status"), [({"manager": True}, 200), ({"administrator": True}, 200), ({}, 403)]
    )
    def test_who_may_see_grades_may_see_it(self, traits, status, db):
        assert signed_in(**traits).get(START).status_code == status

    def test_it_costs_few_statements(self, administrator, django_assert_max_num_queries):
        with django_assert_max_num_queries(6):
            administrator.get(START)
