"""Users, groups, tasks, and how the site presents itself."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from exports.tasks import deliver_attempt
from tests.factories import CorrectionFactory, ExportAttemptFactory, FlowFactory, ProvisioningRunFactory, UserFactory
from tests.signed_in import signed_in, text_of


@pytest.fixture
def superuser(db: None) -> Client:
    return signed_in(is_superuser=True)


def test_a_user_is_added_and_put_into_a_group(superuser: Client) -> None:
    password = "a pass phrase of some length"
    form = {"username": "anna", "password1": password, "password2": password, "usable_password": "true"}
    response = superuser.post(reverse("admin:auth_user_add"), form)
    anna = User.objects.get(username="anna")
    assert response.url == reverse("admin:auth_user_change", args=[anna.pk])
    assert anna.check_password(password)
    assert "Managers" in text_of(superuser.get(response.url))
    assert superuser.get(reverse("admin:auth_user_password_change", args=[anna.pk])).status_code == 200


def in_a_history(user: User) -> None:
    FlowFactory().history.update(history_user=user)


ACTS = {
    "a history": in_a_history,
    "an attempt": lambda user: ExportAttemptFactory(requested_by=user, requested_at=timezone.now()),
    "a correction": lambda user: CorrectionFactory(requested_by=user),
    "a run in Learn": lambda user: ProvisioningRunFactory(requested_by=user),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_user_whom_the_history_names_is_not_deleted(superuser: Client, act: Any) -> None:
    user, stranger = UserFactory(username="anna"), UserFactory(username="bert")
    act(user)
    chosen = {"action": "delete_selected", "_selected_action": [user.pk, stranger.pk], "post": "yes"}
    singly = superuser.post(reverse("admin:auth_user_delete", args=[user.pk]), {"post": "yes"})
    by_list = superuser.post(reverse("admin:auth_user_changelist"), chosen)
    for answer in (singly, by_list):
        assert "Make the account inactive instead" in text_of(answer)
        assert "User anna, named in the history" in text_of(answer)
        assert "User bert" not in text_of(answer)
    assert User.objects.filter(username__in=["anna", "bert"]).count() == 2


def test_a_user_who_has_done_nothing_is_deleted(superuser: Client) -> None:
    user = UserFactory()
    page = reverse("admin:auth_user_delete", args=[user.pk])
    assert "inactive" not in text_of(superuser.get(page))
    assert superuser.post(page, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=user.pk).exists()


def test_groups_open(superuser: Client) -> None:
    assert superuser.get(reverse("admin:auth_group_changelist")).status_code == 200
    assert superuser.get(reverse("admin:auth_group_change", args=[1])).status_code == 200


@pytest.mark.parametrize("people", [{"manager": True}, {"administrator": True}])
def test_users_groups_and_tasks_are_for_those_with_the_permission(people: dict[str, Any], db: None) -> None:
    client = signed_in(**people)
    for model in ("auth_user", "auth_group", "django_tasks_database_dbtaskresult"):
        assert client.get(reverse(f"admin:{model}_changelist")).status_code == 403


def test_a_task_is_seen_and_not_touched(superuser: Client) -> None:
    deliver_attempt.enqueue(ExportAttemptFactory().pk)
    task = DBTaskResult.objects.get()
    assert "deliver_attempt" in text_of(superuser.get(reverse("admin:django_tasks_database_dbtaskresult_changelist")))
    page = reverse("admin:django_tasks_database_dbtaskresult_change", args=[task.pk])
    assert superuser.get(page).status_code == 200
    assert superuser.post(page, {"status": "FAILED"}).status_code == 403


def test_signing_in_leads_to_the_dashboard_under_the_sites_own_name(client: Client, db: None) -> None:
    UserFactory(username="anna", manager=True)
    login = reverse("admin:login")
    assert "GradeBridge" in text_of(client.get(login))
    form = {"username": "anna", "password": "a pass phrase of some length"}
    assert client.post(login, form).url == reverse("admin:index")


@pytest.mark.parametrize("name", ["symbol.svg", "admin.css"])
def test_its_own_looks_are_served_by_the_site(name: str, client: Client) -> None:
    response = client.get(f"/static/gradebridge/{name}")
    assert response.status_code == 200
    assert b"".join(response.streaming_content)
