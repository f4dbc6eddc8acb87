"""Who may call the API, and what accounts may do: each change that opens more is said to those who configure the site.

Recorded wherever it is made in an answer to someone: on any page, or by what a sign-in service says of a person; and by
the command that makes an API client. Whoever has a shell on the machine has the database, and is not watched here.
"""

from typing import Any

from django.contrib.auth.models import Group, User
from simple_history.models import HistoricalRecords

from exports.models import ApiClient, Event

NARROWS = {"is_active", "may_export"}  # switched off, they open nothing


def record_client(sender: Any, *, instance: Any, history_instance: Any, **_: Any) -> None:
    """Connected to the history of API clients: what is not in it is the key."""
    if not isinstance(instance, ApiClient) or history_instance.history_type == "-" or not is_in_request():
        return
    if history_instance.history_type == "+":
        change = "CLIENT_MADE"
    elif changed := changed_fields(history_instance):
        is_narrower = all(not getattr(instance, name) for name in changed & NARROWS)
        if changed <= {*NARROWS, "name"} and is_narrower:
            return
        change = "CLIENT_CHANGED"
    else:
        change = "KEY_MADE"
    by = history_instance.history_user
    record(Event.Kind.ACCESS_CHANGED, change, name=instance.name, by=by, client=instance.pk)


def changed_fields(history_instance: Any) -> set[str]:
    before = history_instance.prev_record
    return set(history_instance.diff_against(before).changed_fields) if before else set()


def record_password(user: User) -> None:
    """Someone else has set it."""
    record(Event.Kind.ACCOUNT_CHANGED, "PASSWORD_SET", name=user.get_username(), account=user.pk)


def note_account(sender: Any, *, instance: User, **_: Any) -> None:
    """Before an account is saved: what it was."""
    known = User.objects.filter(pk=instance.pk).values("is_active", "is_staff", "is_superuser").first()
    instance.rights_before = known or {}  # type: ignore[attr-defined]


def record_account(sender: Any, *, instance: User, created: bool, raw: bool = False, **_: Any) -> None:
    if raw or not (instance.is_active and instance.is_staff) or not is_in_request():
        return
    before = getattr(instance, "rights_before", {})
    if created:
        record(Event.Kind.ACCOUNT_CHANGED, "ACCOUNT_MADE", name=instance.username, account=instance.pk)
    elif any(getattr(instance, name) and not was for name, was in before.items()):
        record(Event.Kind.ACCOUNT_CHANGED, "ACCOUNT_OPENED", name=instance.username, account=instance.pk)


def record_roles(sender: Any, *, instance: Any, action: str, reverse: bool, pk_set: Any, **_: Any) -> None:
    """Connected to the groups and permissions of accounts, and to the permissions of groups."""
    if action != "post_add" or not pk_set or not is_in_request():
        return
    if reverse:  # `group.user_set.add(user)`
        for user in User.objects.filter(pk__in=pk_set):
            record(Event.Kind.ACCOUNT_CHANGED, "ROLES_GIVEN", name=user.username, account=user.pk)
    elif isinstance(instance, Group):
        record(Event.Kind.ACCOUNT_CHANGED, "ROLES_GIVEN", name=instance.name, group=instance.pk)
    else:
        record(Event.Kind.ACCOUNT_CHANGED, "ROLES_GIVEN", name=instance.username, account=instance.pk)


def is_in_request() -> bool:
    return hasattr(HistoricalRecords.context, "request")


def record(kind: Event.Kind, change: str, *, name: str, by: Any = None, **about: int) -> None:
    by = by or signed_in_person()
    Event.objects.create(
        kind=kind, data={"change": change, "name": name, "by": by.get_username() if by else "", **about}
    )


def signed_in_person() -> Any:
    """Who makes the request, as the history knows them; None outside of one."""
    user = getattr(getattr(HistoricalRecords.context, "request", None), "user", None)
    return user if user is not None and user.is_authenticated else None
