"""Users, groups and background tasks in the same dress as the rest of the admin."""

from collections.abc import Collection, Iterator
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import ForeignKey
from django.http import HttpRequest
from django_tasks_db.admin import DBTaskResultAdmin
from django_tasks_db.models import DBTaskResult
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from common.admin.addresses import GuardsAddresses
from common.admin.dates import ChecksYears

admin.site.unregister([User, Group, DBTaskResult])


def who_have_acted(users: Collection[User]) -> list[User]:
    """Those among them whom a history, an attempt, a correction or a run in Learn names."""
    named: set[int] = set()
    for key in keys_to_users():
        acted = key.model._base_manager.filter(**{f"{key.name}__in": users}).order_by()
        named.update(acted.values_list(key.attname, flat=True).distinct())
    return [user for user in users if user.pk in named]


def keys_to_users() -> Iterator[Any]:
    """Every field in which our own models, their histories included, name a person."""
    for label in ("courses", "exports"):
        for model in apps.get_app_config(label).get_models():
            for field in model._meta.concrete_fields:
                if isinstance(field, ForeignKey) and field.related_model is User:
                    yield field


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User], ChecksYears, GuardsAddresses):  # type: ignore[misc]  # both are untyped in part
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "first_name", "last_name", "email", "is_active", "is_superuser", "last_login"]
    delete_confirmation_template = "admin/auth/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/auth/delete_selected_confirmation.html"

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Who has done anything stays: a history would no longer tell who it was."""
        stay = [f"User {user}, whom the history names" for user in who_have_acted(list(objs))]
        if stay:
            return [], {}, set(), stay
        return super().get_deleted_objects(objs, request)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, GuardsAddresses):  # type: ignore[misc]  # both are untyped in part
    pass


@admin.register(DBTaskResult)
class TaskResultAdmin(DBTaskResultAdmin, GuardsAddresses):  # type: ignore[misc]  # both are untyped in part
    """Read-only, as its own package has made it."""

    list_display = ("task_name", "status", "enqueued_at", "started_at", "finished_at", "id")  # type: ignore[assignment]
    list_filter = ("status",)  # type: ignore[assignment]
    show_full_result_count = False
