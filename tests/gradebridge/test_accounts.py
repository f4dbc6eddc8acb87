"""No one makes themselves, or a second account of theirs, more powerful."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from exports.roles import ADMINISTRATORS, INTEGRATORS, MANAGERS, is_kept_apart
from tests.factories import UserFactory
from tests.signed_in import signed_in, text_of


@pytest.fixture
def clerk(db: None) -> Client:
    """An administrator whom the site lets manage accounts."""
    person = UserFactory(username="clerk", administrator=True)
    person.user_permissions.add(*Permission.objects.filter(content_type__app_label="auth"))
    client = Client()
    client.force_login(person)
    return client


def groups(*names: str) -> list[str]:
    return [str(pk) for pk in Group.objects.filter(name__in=names).values_list("pk", flat=True)]


def save(client: Client, user: User, **fields: Any) -> Any:
    form = {"username": user.username, "is_active": "on", "is_staff": "on", "date_joined_0": "2026-01-01"}
    address = reverse("admin:auth_user_change", args=[user.pk])
    return client.post(address, {**form, "date_joined_1": "10:00:00", **fields})


def roles(user: User) -> set[str]:
    return set(user.groups.values_list("name", flat=True))


@pytest.mark.django_db
def test_one_person_is_not_administrator_and_integrator(settings: Any) -> None:
    superuser, anna = signed_in(is_superuser=True), UserFactory(username="anna")
    refused = save(superuser, anna, groups=groups(ADMINISTRATORS, INTEGRATORS))
    assert "One person cannot be administrator and integrator" in text_of(refused)
    assert roles(anna) == set()
    save(superuser, anna, groups=groups(MANAGERS, INTEGRATORS))
    assert roles(anna) == {MANAGERS, INTEGRATORS}
    settings.ADMINISTRATORS_MAY_INTEGRATE = True
    save(superuser, anna, groups=groups(ADMINISTRATORS, INTEGRATORS))
    assert roles(anna) == {ADMINISTRATORS, INTEGRATORS}


@pytest.mark.django_db
def test_who_has_both_all_the_same_sees_clients_and_changes_nothing(settings: Any) -> None:
    both = signed_in(administrator=True, integrator=True)
    clients = reverse("admin:exports_apiclient_changelist")
    page = text_of(both.get(clients))
    assert "you cannot change who calls the API" in page
    assert both.post(reverse("admin:exports_apiclient_add"), {"name": "x"}).status_code == 403
    settings.ADMINISTRATORS_MAY_INTEGRATE = True
    assert both.get(reverse("admin:exports_apiclient_add")).status_code == 200


@pytest.mark.django_db
def test_only_who_decides_where_grades_go_is_kept_apart() -> None:
    assert is_kept_apart(UserFactory(administrator=True))
    assert not is_kept_apart(UserFactory(integrator=True))
    assert not is_kept_apart(UserFactory(manager=True, integrator=True))
    assert not is_kept_apart(UserFactory(is_superuser=True))


def test_who_manages_accounts_gives_no_one_more(clerk: Client) -> None:
    own, anna = User.objects.get(username="clerk"), UserFactory(username="anna")
    for user in (own, anna):
        save(clerk, user, is_superuser="on", groups=groups(INTEGRATORS), email="clerk@example.edu")
        user.refresh_from_db()
        assert not user.is_superuser
        assert INTEGRATORS not in roles(user)
        assert user.email == ""


def test_nor_signs_in_as_a_colleague(clerk: Client) -> None:
    manager, root = UserFactory(manager=True), UserFactory(is_superuser=True)
    for user in (manager, root):
        assert clerk.get(reverse("admin:auth_user_password_change", args=[user.pk])).status_code == 403
    assert save(clerk, root, first_name="X").status_code == 403
    assert clerk.post(reverse("admin:auth_user_delete", args=[root.pk]), {"post": "yes"}).status_code == 403


def test_nor_changes_what_a_group_may_do(clerk: Client) -> None:
    group = Group.objects.get(name=ADMINISTRATORS)
    form = {"name": group.name, "permissions": [str(pk) for pk in Permission.objects.values_list("pk", flat=True)]}
    assert clerk.post(reverse("admin:auth_group_change", args=[group.pk]), form).status_code == 403
    assert clerk.post(reverse("admin:auth_group_add"), {"name": "Mine"}).status_code == 403
