"""What one account may do to another: no one makes themselves, or a second account of theirs, more powerful.

Only superusers decide on roles and permissions, and set passwords of others: whoever signs in as a colleague would be
the second person of their own requests. What a superuser does so is said to all who configure the site.
"""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import Permission
from django.db.models import Q
from django.utils.translation import gettext
from unfold.forms import UserChangeForm

from exports.roles import joins_both

OF_SUPERUSERS = ("is_superuser", "is_staff", "groups", "user_permissions", "username", "email")


class AccountForm(UserChangeForm):  # type: ignore[misc]  # Unfold is untyped
    def clean(self) -> dict[str, Any] | None:
        """No one decides where grades go and makes keys of the API, unless the site allows that."""
        given: dict[str, Any] | None = super().clean()
        groups, single = self.cleaned_data.get("groups"), self.cleaned_data.get("user_permissions")
        is_free = self.cleaned_data.get("is_superuser", self.instance.is_superuser)
        if settings.ADMINISTRATORS_MAY_INTEGRATE or is_free or groups is None or single is None:
            return given
        if joins_both(Permission.objects.filter(Q(group__in=groups) | Q(pk__in=single)).distinct()):
            raise forms.ValidationError(
                gettext(
                    "One person cannot be administrator and integrator: whoever makes keys of the API must not decide "
                    "where grades go. Choose one of the two, or set ADMINISTRATORS_MAY_INTEGRATE for the whole site."
                )
            )
        return given
