"""Inviting a colleague: name, e-mail and role on one page. A link that works once leads to choosing a password.

Whoever has the link can sign in as the second person of their own requests. So only superusers see it; what others
invite GradeBridge mails.
"""

from typing import Any

import structlog
from django import forms
from django.conf import settings
from django.contrib.auth import password_validation
from django.contrib.auth.models import Group, User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.auth.views import PasswordResetConfirmView
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse, reverse_lazy
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from common.signing_in import devices
from common.signing_in.ways import BY_PASSWORD, is_offered_to
from exports.notifying.digests import code_of, sends_mail
from exports.notifying.sentences import reason_sentence
from exports.roles import ADMINISTRATORS, INTEGRATORS, MANAGERS

log = structlog.get_logger(__name__)

ROLES = (
    (MANAGERS, _("Manager: sees all grades, retries, requests and approves corrections")),
    (ADMINISTRATORS, _("Administrator: also configures courses, columns, mappings and rosters")),
    (INTEGRATORS, _("Integrator: makes API clients, their keys and request profiles; sees no grades")),
)


class InvitationForm(forms.Form):
    first_name = forms.CharField(label=_("First name"), max_length=150, widget=UnfoldAdminTextInputWidget)
    last_name = forms.CharField(label=_("Last name"), max_length=150, widget=UnfoldAdminTextInputWidget)
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=150,
        required=False,
        help_text=_("Also the name to sign in with. Leave empty for a colleague without e-mail."),
        widget=UnfoldAdminEmailInputWidget,
    )
    username = forms.CharField(
        label=_("Name to sign in with"),
        max_length=150,
        required=False,
        validators=[UnicodeUsernameValidator()],
        help_text=_("Only for a colleague without e-mail."),
        widget=UnfoldAdminTextInputWidget,
    )
    role = forms.ChoiceField(label=_("Role"), choices=ROLES, widget=UnfoldAdminRadioSelectWidget)
    is_mailed = forms.BooleanField(
        label=_("Send the invitation by e-mail"),
        required=False,
        initial=True,
        help_text=_("You see the link as well, and can pass it on yourself."),
        widget=UnfoldBooleanSwitchWidget,
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["role"]
        field.choices = [role for role in ROLES if may_give(by, role[0])]
        if not sends_mail() or not by.is_superuser:
            del self.fields["is_mailed"]
        if not by.is_superuser:  # the link can only be mailed
            del self.fields["username"]
            self.fields["email"].required, self.fields["email"].help_text = True, ""

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if self.errors:
            return given
        if bool(given["email"]) == bool(given.get("username")):
            raise forms.ValidationError(gettext("Enter an e-mail address, or a name to sign in with, not both."))
        name = given["email"] or given["username"]
        if User.objects.filter(Q(username__iexact=name) | Q(email__iexact=name)).exists():
            self.refuse_known()
        return given

    def refuse_known(self) -> None:
        if self.cleaned_data["email"]:
            self.add_error("email", gettext("There is an account with this e-mail address already."))
        else:
            self.add_error("username", gettext("There is an account with this name already."))

    def save(self) -> User | None:
        """The account, without a password until its owner has chosen one. None: another invitation was quicker."""
        values: dict[str, Any] = {name: self.cleaned_data[name] for name in ("first_name", "last_name", "email")}
        try:
            with transaction.atomic():
                name = self.cleaned_data["email"] or self.cleaned_data["username"]
                user = User.objects.create_user(name, is_staff=True, **values)
                user.groups.add(Group.objects.get(name=self.cleaned_data["role"]))
        except IntegrityError:
            self.refuse_known()
            return None
        return user


def may_give(by: User, role: str) -> bool:
    """No one gives a role that they do not have themselves."""
    return by.is_superuser or by.groups.filter(name=role).exists()


def is_invited(user: User) -> bool:
    """Has an account, and has not chosen a password yet. Who signs in at the provider needs none."""
    return user.is_active and not user.has_usable_password() and not hasattr(user, "identity")


def may_invite_again(by: User, user: User) -> bool:
    """Whoever has the link has the account: no one gets one that may do what they may not."""
    return by.is_superuser or (not user.is_superuser and by.get_all_permissions() >= user.get_all_permissions())


def invite_again(pk: Any) -> User | None:
    """Make earlier links of this account useless, for a new one. None: a password has been chosen since then."""
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=pk)
        if not is_invited(user):
            return None
        user.set_unusable_password()  # another random text, of which links are made
        user.save(update_fields=["password"])
        return user


def link_for(user: User, request: HttpRequest) -> str:
    """Where the invited person chooses a password. It works once, for PASSWORD_RESET_TIMEOUT seconds."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("welcome", args=[uid, default_token_generator.make_token(user)])
    return request.build_absolute_uri(path)


def mail_link(user: User, link: str, *, by: User) -> str:
    """Send the link to the invited person. Returns why it was not sent; empty: it was."""
    inviter = by.get_full_name() or by.get_username()
    context = {"user": user, "link": link, "inviter": inviter, "days": days_valid()}
    message = EmailMessage(
        subject=gettext("%(inviter)s invites you to GradeBridge") % {"inviter": " ".join(inviter.split())},
        body=render_to_string("registration/invitation.txt", context),
        to=[user.email],
    )
    try:
        message.send()
    except OSError as error:  # smtplib's own errors are OSErrors
        code = code_of(error)
        log.warning("invitation_not_sent", user_pk=user.pk, reason=code)
        return reason_sentence({"code": code})
    return ""


def days_valid() -> int:
    return settings.PASSWORD_RESET_TIMEOUT // 86_400


class WelcomeView(PasswordResetConfirmView):
    """The invited person chooses a password, and is signed in."""

    template_name = "registration/welcome.html"
    post_reset_login = True
    post_reset_login_backend = BY_PASSWORD
    success_url = reverse_lazy("admin:index")

    def form_valid(self, form: Any) -> HttpResponse:
        """Who has a second factor signs in with it; who may not use a password here reads so at the sign-in page."""
        needs_code = settings.SECOND_FACTOR != "off" and devices.has_device(form.user)
        self.post_reset_login = is_offered_to(form.user) and not needs_code
        response: HttpResponse = super().form_valid(form)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rules = password_validation.password_validators_help_texts()
        return super().get_context_data(**kwargs) | {"rules": rules, "days": days_valid()}
