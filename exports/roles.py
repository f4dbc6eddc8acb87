"""The two groups of people: Managers see and retry, Administrators also configure."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import connections
from django.db.models import QuerySet

MANAGERS = "Managers"
ADMINISTRATORS = "Administrators"

SEEN = (
    "flow",
    "columnmapping",
    "participant",
    "exportattempt",
    "retryrun",
    "delivery",
    "gradeinlearn",
    "correction",
    "decision",
    "hold",
    "refusedrequest",
    "evidence",
    "translation",
    "translatedgrade",
    "servicecall",
    "course",
    "gradecolumn",
    "gradeschema",
    "enrolmentmetadata",
    "provisioningrun",
    "provisioningstep",
)
CONFIGURED = (
    "flow",
    "columnmapping",
    "apiclient",
    "requestprofile",
    "translation",
    "translatedgrade",
    "course",
    "gradecolumn",
    "gradeschema",
    "enrolmentmetadata",
    "webhook",
)

MAY_WATCH = [
    *("retry", "add_correction", "approve_correction", "add_decision", "approve_decision", "deal_with_grade"),
    *("hold_grades", "make_evidence", "fetch_flow", "pull_grades"),
    *("check_with_learn", "prove"),
    *(f"view_{model}" for model in SEEN),
]
MAY_CONFIGURE = [
    "unlock_mapping",
    "pause_sending",
    "provision",
    "delete_graded_column",
    "view_subscription",
    "view_digest",
    "view_purgerun",
    *(f"{verb}_{model}" for model in CONFIGURED for verb in ("view", "add", "change", "delete")),
]


known_before: dict[str, set[int]] = {}  # permissions that were there before a migrate that runs, by database


def note_permissions(using: str, **_: Any) -> None:
    """Before every migrate."""
    is_there = Permission._meta.db_table in connections[using].introspection.table_names()
    known_before[using] = set(ours(using).values_list("pk", flat=True)) if is_there else set()


def grant_new_permissions(using: str, **_: Any) -> None:
    """After every migrate: the groups get the permissions that it has made, each once. What a site takes from a group
    stays away, and what it adds stays. The groups are made with the first permissions, so that one that a site deletes
    or renames does not come back.
    """
    before = known_before.pop(using, set())  # a flush, which empties the database, has noted nothing
    new = ours(using).exclude(pk__in=before)
    for name, codenames in ((MANAGERS, MAY_WATCH), (ADMINISTRATORS, MAY_WATCH + MAY_CONFIGURE)):
        groups = Group.objects.using(using).filter(name=name)
        if not before:
            Group.objects.using(using).get_or_create(name=name)
        for group in groups:
            group.permissions.add(*new.filter(codename__in=codenames))


def ours(using: str) -> QuerySet[Permission]:
    return Permission.objects.using(using).filter(content_type__app_label__in=["exports", "courses"])
