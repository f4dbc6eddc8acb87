"""Users, groups and background tasks, styled as the rest of the admin."""

from collections.abc import Collection, Iterator
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import CASCADE, ForeignKey, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_tasks_db.admin import DBTaskResultAdmin
from django_tasks_db.models import DBTaskResult
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserCreationForm

from common.admin.base import BaseAdmin
from common.admin.cells import PILLS, address, pill_of
from common.signing_in import devices
from common.signing_in.recent import ask_to_sign_in_again, recently_signed_in
from common.signing_in.ways import is_provider_offered
from exports.notifying.access import record_password
from exports.notifying.digests import sends_mail
from gradebridge.accounts import OF_SUPERUSERS, AccountForm
from gradebridge.invitations import (
    InvitationForm,
    days_valid,
    invite_again,
    is_invited,
    link_for,
    mail_link,
    may_invite_again,
)

admin.site.unregister([User, Group, DBTaskResult, StaticDevice, TOTPDevice])  # a device would show its secret

PILLS |= {  # of an account
    "INVITED": ("info", "mail"),
    "ACTIVE": ("success", "check"),
    "INACTIVE": ("plain", "person_off"),
    "NO_ROLE": ("plain", "person_off"),
}


def inviter_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin lets no one else in
    return request.user


def who_have_acted(users: Collection[User]) -> list[User]:
    """Those among them whom a history, an attempt, a correction or a run in Learn names."""
    named: set[int] = set()
    for key in keys_to_users():
        acted = key.model._base_manager.filter(**{f"{key.name}__in": users}).order_by()
        named.update(acted.values_list(key.attname, flat=True).distinct())
    return [user for user in users if user.pk in named]


def keys_to_users() -> Iterator[Any]:
    """Every field in which our own models, their histories included, name a person for what they have done."""
    return (key for key in all_keys_to_users() if key.remote_field.on_delete is not CASCADE)


def models_of_people() -> set[Any]:
    """What goes when the person does, such as a subscription: it is no history."""
    return {key.model for key in all_keys_to_users() if key.remote_field.on_delete is CASCADE} | {StaticToken}


def all_keys_to_users() -> Iterator[Any]:
    for label in ("common", "courses", "exports", "otp_static", "otp_totp"):
        for model in apps.get_app_config(label).get_models():
            for field in model._meta.concrete_fields:
                if isinstance(field, ForeignKey) and field.related_model is User:
                    yield field


def ask_who_changes(model_admin: BaseAdmin, request: HttpRequest, object_id: str | None) -> HttpResponse | None:
    """Whoever makes an account, or changes what one may do, makes a second person: they show who they are first."""
    if object_id is None:
        allowed = model_admin.has_add_permission(request)
    elif request.method == "POST":
        row = model_admin.get_object(request, unquote(object_id))
        allowed = model_admin.has_change_permission(request, row)
    else:
        allowed = False
    return ask_to_sign_in_again(request) if allowed else None


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User], BaseAdmin):  # type: ignore[misc]  # both are untyped in part
    form = AccountForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    actions_list = ["invite"]
    actions_detail = ["new_invitation", "reset_second_factor"]
    list_display = ["username", "first_name", "last_name", "email", "role", "account", "last_login"]
    readonly_fields = ("last_login",)  # a form would save an older one over it
    delete_confirmation_template = "admin/auth/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/auth/delete_selected_confirmation.html"

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Roles and permissions, and where an invitation goes, are for superusers to decide."""
        if obj is None or inviter_of(request).is_superuser:
            return tuple(self.readonly_fields)
        return (*self.readonly_fields, *OF_SUPERUSERS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Not of an account that may do more."""
        allowed = bool(super().has_change_permission(request, obj))
        return allowed and (obj is None or may_invite_again(inviter_of(request), obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        allowed = bool(super().has_delete_permission(request, obj))
        return allowed and (obj is None or may_invite_again(inviter_of(request), obj))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        asked = ask_who_changes(self, request, object_id)
        return asked or super().changeform_view(request, object_id, form_url, extra_context)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Whoever sets the password of a colleague can sign in as the second person of their own requests."""
        user = self.row_or_404(request, id)
        if not inviter_of(request).is_superuser:
            raise PermissionDenied
        if asked := ask_to_sign_in_again(request):
            return asked
        response: HttpResponse = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302:
            record_password(user)
        return response

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: QuerySet[User] = super().get_queryset(request)
        return users.select_related("identity").prefetch_related("groups")

    @admin.display(description=_("Role"))
    def role(self, user: User) -> str:
        groups = [group.name for group in user.groups.all()]
        return ", ".join([gettext("Superuser"), *groups] if user.is_superuser else groups)

    @admin.display(description=_("Account"), ordering="is_active")
    def account(self, user: User) -> str:
        """Whether this person can sign in."""
        if not user.is_active:
            return pill_of("INACTIVE", gettext("Inactive"))
        if hasattr(user, "identity") and not user.is_staff:  # of the provider, who gives them no role any more
            return pill_of("NO_ROLE", gettext("No role"))
        return pill_of("INVITED", gettext("Invited")) if is_invited(user) else pill_of("ACTIVE", gettext("Active"))

    def has_invite_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Where a provider signs people in, their groups there give them access: an invitation would lead nowhere."""
        may_reach = sends_mail() or inviter_of(request).is_superuser
        return request.user.has_perm("auth.add_user") and may_reach and not is_provider_offered()

    def has_reset_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("auth.change_user")

    def offers(self, request: HttpRequest, row: User, button: str) -> bool:
        if button == "reset_second_factor":
            return devices.has_device(row) and may_invite_again(inviter_of(request), row)
        if button == "new_invitation":
            return is_invited(row) and self.may_reach(request, row)
        return super().offers(request, row, button)

    def may_reach(self, request: HttpRequest, invited: User) -> bool:
        """Only superusers see the link: of others it goes to an address or nowhere."""
        by = inviter_of(request)
        return may_invite_again(by, invited) and (by.is_superuser or bool(invited.email))

    @action(description=_("Invite a colleague"), url_path="invite", permissions=["invite"], icon="person_add")  # type: ignore[untyped-decorator]
    @recently_signed_in
    def invite(self, request: HttpRequest) -> HttpResponse:
        """Name, e-mail and role; the colleague chooses a password by a link."""
        form = InvitationForm(request.POST or None, by=inviter_of(request))
        if request.method == "POST" and form.is_valid() and (user := form.save()):
            self.log_addition(request, user, [{"added": {}}])
            return self.invited_page(request, user, is_mailed=form.cleaned_data.get("is_mailed", False))
        return self.page(request, "admin/auth/invite.html", title=gettext("Invite a colleague"), form=form)

    @action(description=_("New invitation link"), url_path="new-invitation", permissions=["invite"], icon="link")  # type: ignore[untyped-decorator]
    @recently_signed_in
    def new_invitation(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask first: the old link stops working at once."""
        user: User = self.row_or_404(request, object_id)
        if not self.may_reach(request, user):
            raise PermissionDenied
        if request.method == "POST" and (user_now := invite_again(user.pk)):
            self.log_change(request, user_now, "New invitation link.")
            return self.invited_page(request, user_now, is_mailed="is_mailed" in request.POST)
        if request.method == "POST" or not is_invited(user):
            text = gettext("%(user)s needs no invitation: there is a password, or the account is inactive.")
            messages.info(request, text % {"user": user})
            return HttpResponseRedirect(address(user))
        title = gettext("New invitation link")
        may_mail = sends_mail() and bool(user.email) and inviter_of(request).is_superuser  # else it is mailed anyhow
        template, back_url = "admin/auth/new_invitation.html", address(user)
        return self.confirm_page(request, template, title=title, back_url=back_url, invited=user, may_mail=may_mail)

    @action(  # type: ignore[untyped-decorator]
        description=_("Reset second factor"),
        url_path="reset-second-factor",
        permissions=["reset"],
        icon="phonelink_erase",
    )
    @recently_signed_in
    def reset_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first. Who resets it for someone could sign in as them with the password: as with an invitation."""
        user: User = self.row_or_404(request, object_id)
        if not may_invite_again(inviter_of(request), user):
            raise PermissionDenied
        if request.method == "POST":
            if devices.remove(user):
                self.log_change(request, user, "Second factor reset.")
                messages.success(request, gettext("The second factor of %(user)s is reset.") % {"user": user})
            return HttpResponseRedirect(address(user))
        title, back_url = gettext("Reset second factor"), address(user)
        template = "admin/auth/reset_second_factor.html"
        return self.confirm_page(request, template, title=title, back_url=back_url, person=user)

    def invited_page(self, request: HttpRequest, user: User, *, is_mailed: bool) -> HttpResponse:
        """Shows superusers the link, which no message carries: messages are kept in cookies. No browser stores the
        page. Whoever else invites never sees it.
        """
        link, by = link_for(user, request), inviter_of(request)
        is_mailed = (is_mailed or not by.is_superuser) and sends_mail() and bool(user.email)
        not_mailed = mail_link(user, link, by=by) if is_mailed else ""
        context: dict[str, Any] = {"invited": user, "is_mailed": is_mailed, "not_mailed": not_mailed}
        context["link"] = link if by.is_superuser else ""
        title = gettext("Invitation of %(user)s") % {"user": user}
        return self.page(request, "admin/auth/invited.html", title=title, days=days_valid(), **context)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Who has done anything stays: the history must keep their name."""
        stay = [gettext("User %(name)s, named in the history") % {"name": user} for user in who_have_acted(list(objs))]
        if stay:
            return [], {}, set(), stay
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, needed - {model._meta.verbose_name for model in models_of_people()}, protected


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, BaseAdmin):  # type: ignore[misc]  # both are untyped in part
    """What a group may do, its members may: only superusers decide that."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        asked = ask_who_changes(self, request, object_id)
        return asked or super().changeform_view(request, object_id, form_url, extra_context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return inviter_of(request).is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return inviter_of(request).is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return inviter_of(request).is_superuser


@admin.register(DBTaskResult)
class TaskResultAdmin(DBTaskResultAdmin, BaseAdmin):  # type: ignore[misc]  # both are untyped in part
    """Read-only, as its own package has made it."""

    list_display = ("task_name", "status", "enqueued_at", "started_at", "finished_at", "id")  # type: ignore[assignment]
    list_filter = ("status",)  # type: ignore[assignment]
    show_full_result_count = False
