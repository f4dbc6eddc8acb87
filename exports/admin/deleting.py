"""Deleting flows that were never used: one by one by the button of their page, many by an action of their list."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from common.admin.base import BaseAdmin
from exports.admin.desk.holding import chosen_again, keys_of
from exports.deleting import WhatGoes, delete_never_used, what_goes
from exports.models import Delivery, ExportAttempt, Flow, Participant

MAX_NAMED = 50  # flow ids on the page that asks


class DeletesNeverUsed(BaseAdmin):
    """The flows' admin."""

    def has_delete_unused_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("exports.delete_flow")

    @admin.action(description=_("Delete flows that were never used"), permissions=["delete_unused"])
    def delete_never_used(self, request: HttpRequest, queryset: QuerySet[Flow]) -> HttpResponse | None:
        """Asks first, and says what goes and what is kept."""
        again = chosen_again(request, "delete_never_used")
        keys, is_answer = keys_of(queryset), again.pop("is_answer")
        found = what_goes(keys)
        if not found.flows:
            messages.warning(request, gettext("Nothing to delete: all chosen flows were used, or something is kept."))
            return None
        if is_answer:
            self.delete_and_report(request, keys)
            return None
        return self.ask(request, keys, found, **again)

    def ask(self, request: HttpRequest, keys: Sequence[int], found: WhatGoes, **again: Any) -> HttpResponse:
        flows = Flow.objects.filter(pk__in=keys).never_used().order_by("flow_id")
        names = list(flows.values_list("flow_id", flat=True)[: MAX_NAMED + 1])
        return self.confirm_page(
            request,
            "admin/exports/delete_never_used.html",
            title=gettext("Delete flows that were never used"),
            goes=sentences(found),
            names=names[:MAX_NAMED],
            more=max(0, found.flows - MAX_NAMED),
            kept=kept_sentence(found.kept),
            **again,
        )

    def delete_and_report(self, request: HttpRequest, keys: Sequence[int]) -> None:
        assert request.user.is_authenticated  # the admin lets no one else in
        chosen = list(Flow.objects.filter(pk__in=keys))
        deleted = set(delete_never_used(keys, by=request.user))
        gone = [flow for flow in chosen if flow.flow_id in deleted]
        LogEntry.objects.log_actions(request.user.pk, gone, DELETION)
        text = ngettext("%(count)s flow was deleted.", "%(count)s flows were deleted.", len(gone))
        messages.success(request, text % {"count": intcomma(len(gone))})
        if kept := kept_sentence(len(keys) - len(gone)):
            messages.warning(request, kept)

    # The button of a page, and Django's own page behind it

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Of a flow that was never used everything goes, though none of it may be deleted alone."""
        keys = [flow.pk for flow in objs]
        found = what_goes(keys)
        if not found.flows or found.kept:
            return super().get_deleted_objects(objs, request)
        numbers: dict[type[Model], int] = {
            Flow: found.flows,
            Participant: found.participants,
            ExportAttempt: found.attempts,
            Delivery: found.deliveries,
        }
        summary = {model._meta.verbose_name_plural: number for model, number in numbers.items() if number}
        return list(map(str, objs)), summary, set(), []

    def delete_model(self, request: HttpRequest, obj: Flow) -> None:
        assert request.user.is_authenticated  # the admin lets no one else in
        if not delete_never_used([obj.pk], by=request.user):
            super().delete_model(request, obj)  # it has a column, and nothing came: it may go, as always


def sentences(found: WhatGoes) -> list[str]:
    """What is deleted, a line a kind."""
    lines = [
        (ngettext("%(count)s flow", "%(count)s flows", found.flows), found.flows),
        (ngettext("%(count)s participant", "%(count)s participants", found.participants), found.participants),
        (ngettext("%(count)s export attempt", "%(count)s export attempts", found.attempts), found.attempts),
        (ngettext("%(count)s refused grade", "%(count)s refused grades", found.deliveries), found.deliveries),
    ]
    return [text % {"count": intcomma(number)} for text, number in lines if number]


def kept_sentence(kept: int) -> str:
    if not kept:
        return ""
    return ngettext(
        "%(count)s chosen flow is kept: it had a column or a roster, its grades were sent, or it is held, corrected, "
        "documented or in progress.",
        "%(count)s chosen flows are kept: they had a column or a roster, their grades were sent, or they are held, "
        "corrected, documented or in progress.",
        kept,
    ) % {"count": intcomma(kept)}
