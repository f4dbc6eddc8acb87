"""My notifications: of which events the person who has signed in is sent an e-mail."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldBooleanWidget,
)

from common.admin.base import site_page
from exports.grades.causes import Cause
from exports.models import Digest, Subscription
from exports.models.event import MAY_APPROVE, MAY_APPROVE_DECISIONS, MAY_SEE_GRADES, SUBSCRIBABLE, Event
from exports.notifying.digests import sends_mail
from exports.notifying.sentences import reason_sentence

LATEST = 10  # digests

AUTOCOMPLETE = {"class": "unfold-admin-autocomplete", "data-theme": "admin-autocomplete", "style": "width: 100%"}


class SubscriptionForm(forms.ModelForm):  # type: ignore[type-arg]
    kinds = forms.MultipleChoiceField(
        label=_("Of what"), required=False, choices=SUBSCRIBABLE, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    causes = forms.MultipleChoiceField(
        label=_("Causes"),
        required=False,
        choices=Cause.choices,
        help_text=_("Of failures, only those with one of these causes. Leave empty for all causes."),
        widget=UnfoldAdminSelect2MultipleWidget(attrs={"style": "width: 100%"}),
    )

    class Meta:
        model = Subscription
        fields = ["is_active", "kinds", "courses", "causes"]
        labels = {"is_active": _("Send me e-mail"), "courses": _("Courses")}
        help_texts = {
            "courses": _(
                "Only exams whose grades go to one of these courses. Leave empty for all exams, those without a "
                "course included."
            )
        }
        widgets = {
            "is_active": UnfoldBooleanWidget,
            "courses": AutocompleteSelectMultiple(
                Subscription._meta.get_field("courses"), admin.site, attrs=AUTOCOMPLETE
            ),
        }

    def __init__(self, *args: Any, not_for: Collection[str], **kwargs: Any) -> None:
        """`not_for`: kinds of events that this person may not act on."""
        super().__init__(*args, **kwargs)
        offered = [(kind, label) for kind, label in SUBSCRIBABLE if kind not in not_for]
        self.fields["kinds"].choices = offered  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("is_active") and not given.get("kinds"):
            self.add_error("kinds", gettext("Choose at least one, or switch off e-mail."))
        return given


NEEDED = {
    Event.Kind.CORRECTION_REQUESTED: MAY_APPROVE,
    Event.Kind.DECISION_REQUESTED: MAY_APPROVE_DECISIONS,
}


def my_notifications(request: HttpRequest) -> HttpResponse:
    """The page of whoever has signed in, and of no one else."""
    user = request.user
    assert user.is_authenticated
    may_see_grades = user.has_perm(MAY_SEE_GRADES)
    not_for = [kind.value for kind, permission in NEEDED.items() if not user.has_perm(permission)]
    if request.method == "POST":
        if not may_see_grades:
            raise PermissionDenied
        with transaction.atomic():
            mine, _created = Subscription.objects.select_for_update(of=("self",)).get_or_create(user=user)
            form = SubscriptionForm(request.POST, instance=mine, not_for=not_for)
            if form.is_valid():
                mine.language = get_language() or ""
                form.save()
                messages.success(request, gettext("Your notifications were saved."))
                return HttpResponseRedirect(reverse("my-notifications"))
            transaction.set_rollback(True)
    else:
        found = Subscription.objects.filter(user=user).first()
        form = SubscriptionForm(instance=found or Subscription(kinds=first_kinds()), not_for=not_for)
    latest = Digest.objects.filter(user=user).prefetch_related("events")[:LATEST]
    context: dict[str, Any] = {
        "form": form,
        "may_see_grades": may_see_grades,
        "sends_mail": sends_mail(),
        "sender": settings.DEFAULT_FROM_EMAIL,
        "address": user.email,
        "digests": [(digest, reason_sentence(digest.reason)) for digest in latest],
    }
    return site_page(request, "admin/exports/notifications.html", title=gettext("My notifications"), **context)


def first_kinds() -> list[str]:
    """What is ticked for someone who has chosen nothing yet."""
    return [kind for kind, _label in SUBSCRIBABLE]
