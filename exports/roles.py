"""The two groups of people: Managers see and retry, Administrators also configure."""

from typing import Any

from django.contrib.auth.models import Group, Permission

MANAGERS = "Managers"
ADMINISTRATORS = "Administrators"

SEEN = (
    "flow",
    "columnmapping",
    "participant",
    "exportattempt",
    "delivery",
    "correction",
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
)

MAY_WATCH = ["retry", "add_correction", "approve_correction", *(f"view_{model}" for model in SEEN)]
MAY_CONFIGURE = [
    "unlock_mapping",
    "provision",
    "delete_graded_column",
    *(f"{verb}_{model}" for model in CONFIGURED for verb in ("view", "add", "change", "delete")),
]


def create_groups(**_: Any) -> None:
    """Make both groups with their permissions, after every migrate. What a site has added to them is left alone."""
    ours = Permission.objects.filter(content_type__app_label__in=["exports", "courses"])
    for name, codenames in ((MANAGERS, MAY_WATCH), (ADMINISTRATORS, MAY_WATCH + MAY_CONFIGURE)):
        group, _created = Group.objects.get_or_create(name=name)
        group.permissions.add(*ours.filter(codename__in=codenames))
