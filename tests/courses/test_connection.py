"""The test of the connection names what is wrong, with what to do."""

import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from courses import quota
from courses.connection import (
    ADVICE_FOR,
    READING_PRIVILEGES,
    gradebook,
    grades_journey,
    try_connection,
    works,
)
from courses.grades_journey import LearnError
from courses.models import ServiceCall
from courses.sentences import ADVICE
from tests.conftest import COURSE
from tests.factories import ServiceCallFactory


def test_a_connection_that_works_is_tried_step_by_step_and_changes_nothing(learn):
    findings = try_connection()
    assert [(finding.tried, finding.is_ok) for finding in findings] == [
        ("Access token", True),
        ("Version of Learn", True),
        ("Grades Journey", True),
    ]
    assert findings[1].sentence == "It is Learn 4000.0.0."
    assert learn.world.writes == 0
    assert [(call.service, call.items) for call in ServiceCall.objects.order_by("pk")] == [
        ("version", 0),
        ("gradeValueAPI", 0),
    ]


@pytest.mark.parametrize(
    ("fault", "service", "tried", "sentence", "advice"),
    [
        ("token_refused", None, "Access token", "refused GradeBridge's key and secret", "Check LEARN_KEY"),
        ("token_down", None, "Access token", "token service is not available", "maintenance window"),
        ("token_quota", None, "Access token", "daily call limit is reached", "Wait until then"),
        ("server_error", "version", "Version of Learn", "contains no", "Try again"),
        ("not_installed", "gradeValueAPI", "Grades Journey", "not installed", "REST API"),
        ("forbidden", "gradeValueAPI", "Grades Journey", "entitlement is missing", "entitlements"),
        ("quota_long", "gradeValueAPI", "Grades Journey", "daily call limit is reached", "Wait until then"),
        ("maintenance", "gradeValueAPI", "Grades Journey", "not available", "maintenance window"),
        ("redirect", "gradeValueAPI", "Grades Journey", "elsewhere.invalid", "LEARN_URL"),
        ("bad_gateway", "gradeValueAPI", "Grades Journey", "contains no results", "Try again"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(learn, settings, fault, service, tried, sentence, advice):
    settings.LEARN_TIMEOUT = 1
    learn.faults.add(fault, times=None, **({"service": service} if service else {}))

    last = try_connection()[-1]

    assert (last.tried, last.is_ok) == (tried, False)
    assert sentence in last.sentence
    assert advice in last.what_to_do


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://no-such-host.invalid", "Learn's host name could not be found."),
        ("http://127.0.0.1:9", "Learn could not be reached."),
    ],
)
def test_a_learn_that_is_not_there(transactional_db, settings, url, sentence):
    settings.LEARN_URL = url
    [finding] = try_connection()
    assert finding.sentence == sentence
    assert "Check LEARN_URL" in finding.what_to_do
    assert not ServiceCall.objects.exists()


def test_a_quota_of_the_token_service_is_remembered(learn):
    learn.faults.add("token_quota", times=1)

    try_connection()

    [call] = ServiceCall.objects.all()
    assert (call.service, call.status) == ("token", 429)
    assert quota.lifts_at(timezone.now()) == call.lifts_at


def test_a_connection_that_works_says_that_learn_takes_calls_again(learn):
    ServiceCallFactory(status=429, error="QuotaUsedUp", ok_count=0, lifts_at=timezone.now() + timedelta(hours=2))

    try_connection()

    assert quota.lifts_at(timezone.now()) is None


def test_an_absent_application_is_a_call_in_the_log(learn):
    learn.faults.add("not_installed", times=None, service="gradeValueAPI")
    try_connection()
    assert ServiceCall.objects.filter(error="NotInstalled", status=404).count() == 1


def test_where_a_column_is_in_learn_its_gradebook_is_read_too(learn, flow):
    findings = try_connection()

    assert (findings[-1].tried, findings[-1].is_ok, works(findings)) == ("Reading the gradebook", True, True)
    assert findings[-1].sentence == f"The columns of course {COURSE} can be read."
    assert [call.service for call in ServiceCall.objects.order_by("pk")] == ["version", "gradeValueAPI", "columns"]
    assert learn.world.writes == 0


def test_a_connection_without_the_privileges_for_reading_works_and_says_which_are_missing(learn, flow):
    learn.privileges.take_away(*READING_PRIVILEGES)

    findings = try_connection()

    assert (findings[-1].is_ok, works(findings)) == (False, True)
    assert findings[-1].sentence == "Learn does not allow GradeBridge to read this: a privilege is missing."
    assert "privileges for reading" in findings[-1].what_to_do


@pytest.mark.parametrize("fault", ["not_installed", "html_200", "silent_before", "quota_long", "wrong_types"])
def test_whatever_is_wrong_with_reading_grades_can_be_delivered(learn, flow, settings, fault):
    settings.LEARN_TIMEOUT = 1
    learn.faults.add(fault, times=None, service="columns")

    findings = try_connection()

    assert works(findings)
    assert findings[-1].is_ok is (fault == "wrong_types")  # the rows are not looked at


def test_the_command_says_both(learn, flow):
    learn.privileges.take_away("course.gradebook.MODIFY")
    output = StringIO()

    call_command("test_connection", stdout=output)

    assert "FAILED: Reading the gradebook" in output.getvalue()
    assert "The page Connection to Learn lists them." in output.getvalue()
    assert output.getvalue().endswith("The connection works.\n")


def test_the_page_lists_the_privileges_and_that_grades_are_delivered_without(learn, flow, admin_client):
    learn.privileges.take_away("course.gradebook.MODIFY")

    page = admin_client.post(reverse("connection")).content.decode()

    assert all(privilege in page for privilege in READING_PRIVILEGES)
    assert "The connection works" in page
    assert "a privilege is missing" in page


def test_both_clients_share_one_token(learn, flow):
    until = time.monotonic() + 10
    grades_journey().version(until=until)
    gradebook().course(COURSE, until=until)

    assert [call.service for call in learn.calls] == ["token", "version", "course"]
    assert gradebook() is gradebook()


def test_there_is_something_to_do_about_every_error():
    def kinds(of):
        return {of, *(kind for child in of.__subclasses__() for kind in kinds(child))}

    for kind in kinds(LearnError) - {LearnError}:
        if kind.__module__.startswith("courses."):
            assert any(ADVICE.get(ADVICE_FOR.get(parent)) for parent in kind.__mro__), kind
