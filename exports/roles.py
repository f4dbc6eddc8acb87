"""The three groups of people: Managers see and retry, Administrators also configure, Integrators make the API's keys.

Who decides where grades go, and who has the keys with which they come, are two people: one alone could send a grade of
their own invention to where it replaces another.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, Permission, User
from django.db import connections
from django.db.models import QuerySet

MANAGERS = "Managers"
ADMINISTRATORS = "Administrators"
INTEGRATORS = "Integrators"

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
    "exemption",
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
    "translation",
    "translatedgrade",
    "course",
    "gradecolumn",
    "gradeschema",
    "enrolmentmetadata",
    "webhook",
)
OF_THE_API = ("apiclient", "requestprofile")
VERBS = ("view", "add", "change", "delete")

MAY_WATCH = [
    *("retry", "add_correction", "approve_correction", "add_decision", "approve_decision", "deal_with_grade"),
    "approve_exemption",
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
    *(f"view_{model}" for model in OF_THE_API),
    *(f"{verb}_{model}" for model in CONFIGURED for verb in VERBS),
]
MAY_INTEGRATE = ["view_refusedrequest", *(f"{verb}_{model}" for model in OF_THE_API for verb in VERBS)]

GROUPS = {MANAGERS: MAY_WATCH, ADMINISTRATORS: MAY_WATCH + MAY_CONFIGURE, INTEGRATORS: MAY_INTEGRATE}

# Any of these, together with a key of the API, would let one person decide what a delivered grade becomes.
DECIDES_WHERE = (
    *("exports.change_flow", "exports.change_columnmapping", "exports.change_translation", "exports.unlock_mapping"),
    *("courses.change_gradecolumn", "courses.delete_graded_column"),
)


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
    for name, codenames in GROUPS.items():
        groups = Group.objects.using(using).filter(name=name)
        if not before:
            Group.objects.using(using).get_or_create(name=name)
        for group in groups:
            group.permissions.add(*new.filter(codename__in=codenames))


def ours(using: str) -> QuerySet[Permission]:
    return Permission.objects.using(using).filter(content_type__app_label__in=["exports", "courses"])


def joins_both(permissions: QuerySet[Permission]) -> bool:
    """Whether together these decide where grades go, and change who calls the API."""
    names = {f"{app}.{codename}" for app, codename in permissions.values_list("content_type__app_label", "codename")}
    changes_access = {f"exports.{verb}_{model}" for verb in VERBS[1:] for model in OF_THE_API}
    return not names.isdisjoint(DECIDES_WHERE) and not names.isdisjoint(changes_access)


def is_kept_apart(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether this person decides where grades go, so that their rights to the API's keys do not count.

    However they have come by both: by groups, single permissions, or what a sign-in service says. Not of superusers,
    who may do everything, and not where the site allows it.
    """
    if settings.ADMINISTRATORS_MAY_INTEGRATE or not isinstance(user, User) or user.is_superuser:
        return False
    return any(map(user.has_perm, DECIDES_WHERE))
