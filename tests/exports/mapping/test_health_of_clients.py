"""Clients whose request profile may be wrong: nothing they send is read, or no grade is found in it."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from exports.grades.causes import Cause
from exports.mapping.health import check_clients
from tests.factories import (
    ApiClientFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    RefusedRequestFactory,
)
from tests.pages import words_of
from tests.signed_in import signed_in

pytestmark = pytest.mark.django_db

REASON = "The request body has no 'participants'."


@pytest.fixture
def wiseflow():
    return ApiClientFactory(name="WISEflow")


def refuse(client, **fields):
    return RefusedRequestFactory(client=client, status=400, reason=REASON, **fields)


def export(client, *causes, **fields):
    attempt = ExportAttemptFactory(api_client=client, flow__flow_id="77", **fields)
    for cause in causes:
        DeliveryFactory(attempt=attempt, refused=True, cause=cause, mark="")
    return attempt


def sentences():
    return [problem.sentence for problem in check_clients()]


def test_a_client_whose_latest_request_could_not_be_read(wiseflow):
    export(wiseflow, started_at=timezone.now() - timedelta(days=1))
    refuse(wiseflow)

    (sentence,) = sentences()

    assert sentence.startswith("The latest request of WISEflow (")
    assert REASON in sentence


def test_an_export_that_was_read_since_then_is_enough(wiseflow):
    refuse(wiseflow, at=timezone.now() - timedelta(days=1))
    export(wiseflow, Cause.NOT_MAPPED, started_at=timezone.now())

    assert sentences() == []


def test_a_client_in_whose_latest_export_no_one_has_a_grade(wiseflow):
    export(wiseflow, Cause.NO_ASSESSMENT, Cause.NO_ASSESSMENT)

    (sentence,) = sentences()

    assert "The latest export of WISEflow (flow 77) had 2 participants, without any grade." in sentence


def test_one_grade_is_enough(wiseflow):
    export(wiseflow, Cause.NO_ASSESSMENT, Cause.NOT_MAPPED)

    assert sentences() == []


@pytest.mark.parametrize("fields", [{"is_active": False}, {"may_export": False}])
def test_clients_that_may_not_export_are_left_out(wiseflow, fields):
    refuse(wiseflow)
    type(wiseflow).objects.update(**fields)

    assert sentences() == []


def test_a_key_that_is_refused_says_nothing_of_the_profile(wiseflow):
    RefusedRequestFactory(client=wiseflow, status=403)

    assert sentences() == []


@pytest.mark.parametrize("number", [1, 10])
def test_looking_is_two_statements(number, django_assert_num_queries):
    for client in ApiClientFactory.create_batch(number):
        refuse(client)
    with django_assert_num_queries(2):
        assert len(sentences()) == number


def test_the_page_shows_it_and_leads_administrators_to_the_client(wiseflow):
    refuse(wiseflow)
    address = f"/admin/exports/apiclient/{wiseflow.pk}/change/"

    manager, administrator = (
        signed_in(**who).get("/admin/health/") for who in ({"manager": True}, {"administrator": True})
    )

    assert "The latest request of WISEflow" in words_of(manager)
    assert address not in manager.content.decode()
    assert address in administrator.content.decode()


def test_the_command_says_it(wiseflow, capsys):
    refuse(wiseflow)

    call_command("check_mappings")

    assert "Note: client WISEflow: The latest request of WISEflow" in capsys.readouterr().out


def test_a_client_that_expires_soon_or_has_expired():
    for name, days in (("far", 31), ("near", 29), ("over", -1)):
        ApiClientFactory(name=name, expires_at=timezone.now() + timedelta(days=days))
    ApiClientFactory(name="off", is_active=False, expires_at=timezone.now())

    over, near = sentences()

    assert over.startswith("The API client over has expired (")
    assert near.startswith("The API client near expires on ")


def test_the_dashboard_warns_of_it_too():
    ExportAttemptFactory()
    ApiClientFactory(name="near", expires_at=timezone.now() + timedelta(days=1))

    assert "The API client near expires on" in words_of(signed_in(manager=True).get("/admin/").content.decode())
