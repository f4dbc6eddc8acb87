"""The two groups: what a site takes from them stays away, what a new release adds is given once."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from exports.roles import ADMINISTRATORS, INTEGRATORS, MANAGERS

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
    assert "add_flow" in codenames_of(ADMINISTRATORS) - codenames_of(MANAGERS)


def test_who_decides_where_grades_go_makes_no_keys() -> None:
    of_the_api = {codename for codename in codenames_of(INTEGRATORS) if "apiclient" in codename}
    assert of_the_api == {"view_apiclient", "add_apiclient", "change_apiclient", "delete_apiclient"}
    assert of_the_api & codenames_of(ADMINISTRATORS) == {"view_apiclient"}
    assert of_the_api & codenames_of(MANAGERS) == set()
    assert codenames_of(INTEGRATORS) & codenames_of(ADMINISTRATORS) == {
        *("view_apiclient", "view_requestprofile", "view_refusedrequest"),
    }


def test_the_table_of_the_documents_names_who_may_what() -> None:
    """docs/roles.md, by one permission of each line."""
    table = (ROOT / "docs" / "roles.md").read_text().split("|---|---|---|---|\n")[1].split("\n\n")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    found = {what: said for what, *said in lines}
    assert set(found) == set(LINES)
    for what, codename in LINES.items():
        groups = (MANAGERS, ADMINISTRATORS, INTEGRATORS)
        assert found[what] == ["yes" if codename in codenames_of(group) else "no" for group in groups], what


ROOT = Path(__file__).parent.parent.parent
LINES = {
    "see flows, students, grades, attempts, calls to Learn": "view_gradeinlearn",
    "see refused requests": "view_refusedrequest",
    "retry, hold, release, prove, make evidence": "retry",
    "request and approve corrections and decisions about differences, approve exemptions": "approve_exemption",
    "request exemptions": "unlock_mapping",
    "make and change flows, mappings, translations, courses, columns, schemas, rosters": "change_flow",
    "create and delete in Learn, pause all sending, webhooks": "delete_graded_column",
    "see API clients and request profiles": "view_apiclient",
    "make and change API clients, their keys and request profiles": "change_apiclient",
}


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
