"""The two groups of people: Managers see and retry, Administrators also configure."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

MANAGERS = "Managers"
ADMINISTRATORS = "Administrators"

CONFIGURED = {  # what administrators add, change and delete
    "exports": ["flow", "columnmapping", "apiclient"],
    "courses": ["course", "gradecolumn", "gradeschema"],
}


def create_groups(**_: Any) -> None:
    """Make both groups with their permissions, after every migrate. What a site has added to them is left alone."""
    permissions = {  # those of apps that are migrated later are there at the next call
        (permission.content_type.app_label, permission.codename): permission
        for permission in Permission.objects.select_related("content_type").filter(
            Q(content_type__app_label__in=["exports", "courses"])
        )
    }
    seen = [
        permission for (_app, code), permission in permissions.items() if code.startswith("view_") or code == "retry"
    ]
    configured = [
        permissions[app, f"{verb}_{model}"]
        for app, models in CONFIGURED.items()
        for model in models
        for verb in ("add", "change", "delete")
        if (app, f"{verb}_{model}") in permissions
    ]
    Group.objects.get_or_create(name=MANAGERS)[0].permissions.add(*seen)
    Group.objects.get_or_create(name=ADMINISTRATORS)[0].permissions.add(*seen, *configured)
