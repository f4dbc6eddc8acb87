"""The two groups: what a site takes from them stays away, what a new release adds is given once."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from exports.roles import ADMINISTRATORS, MANAGERS

pytestmark = pytest.mark.django_db


def migrate() -> None:
    call_command("migrate", verbosity=0)


def codenames_of(group: str) -> set[str]:
    return set(Group.objects.get(name=group).permissions.values_list("codename", flat=True))


def take(group: str, codename: str) -> None:
    Group.objects.get(name=group).permissions.remove(Permission.objects.get(codename=codename))


def test_a_new_site_has_both_groups_with_their_permissions() -> None:
    assert {"retry", "approve_correction", "view_flow"} <= codenames_of(MANAGERS)
    assert codenames_of(MANAGERS) < codenames_of(ADMINISTRATORS)
    assert "add_apiclient" in codenames_of(ADMINISTRATORS) - codenames_of(MANAGERS)


@pytest.mark.parametrize(
    ("group", "codename"),
    [(MANAGERS, "approve_correction"), (MANAGERS, "view_course"), (ADMINISTRATORS, "delete_flow")],
)
def test_what_a_site_takes_from_a_group_stays_away(group: str, codename: str) -> None:
    take(group, codename)

    migrate()
    migrate()

    assert codename not in codenames_of(group)


def test_what_a_site_gives_to_a_group_stays() -> None:
    Group.objects.get(name=MANAGERS).permissions.add(Permission.objects.get(codename="view_user"))

    migrate()

    assert "view_user" in codenames_of(MANAGERS)


def test_a_permission_that_a_new_release_adds_is_given_once() -> None:
    Permission.objects.get(codename="retry").delete()  # as before the release that has it

    migrate()
    assert "retry" in codenames_of(MANAGERS) & codenames_of(ADMINISTRATORS)

    take(MANAGERS, "retry")
    migrate()
    assert "retry" not in codenames_of(MANAGERS)
    assert "retry" in codenames_of(ADMINISTRATORS)


def test_a_group_that_a_site_renames_or_deletes_does_not_come_back() -> None:
    Group.objects.filter(name=MANAGERS).update(name="Exam office")
    Group.objects.filter(name=ADMINISTRATORS).delete()

    migrate()

    assert not Group.objects.filter(name__in=[MANAGERS, ADMINISTRATORS]).exists()
    assert "retry" in codenames_of("Exam office")


@pytest.mark.django_db(transaction=True)
def test_an_emptied_database_has_both_groups_again() -> None:
    migrate()

    call_command("flush", interactive=False, verbosity=0)

    assert "retry" in codenames_of(MANAGERS) & codenames_of(ADMINISTRATORS)
