"""Digests: the e-mails that were sent, wait for their next try, or were given up, and why."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from common.admin.cells import state_pill
from common.admin.read_only import HistoryAdmin
from common.moments import short_moment
from exports.models import Digest
from exports.notifying.digests import parts_of, sends_mail
from exports.notifying.sentences import reason_sentence

MAX_EVENTS = 200  # on one page


@admin.register(Digest)
class DigestAdmin(HistoryAdmin):
    list_display = ["user", "created_at", "status", "number", "tries", "next", "reason_given"]
    list_filter = ["state"]
    search_fields = ["user__username", "user__email"]
    list_select_related = ["user"]
    fields = ["user", "created_at", "status", "tries", "next", "finished_at", "reason_given"]
    readonly_fields = ["status", "next", "reason_given"]
    change_form_outer_after_template = "admin/exports/digest.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Digest]:
        rows: QuerySet[Digest] = super().get_queryset(request)
        return rows.annotate(event_count=Count("events")).prefetch_related("events")

    def page_context(self, request: HttpRequest, row: Digest) -> dict[str, Any]:
        events = list(row.events.select_related("flow").order_by("pk")[:MAX_EVENTS])
        return super().page_context(request, row) | {"parts": list(parts_of(events)), "sends_mail": sends_mail()}

    @admin.display(description=_("State"))
    def status(self, digest: Digest) -> str:
        return state_pill(digest)

    @admin.display(description=_("Events"))
    def number(self, digest: Any) -> int:
        count: int = digest.event_count
        return count

    @admin.display(description=_("Next try"))
    def next(self, digest: Digest) -> str | None:
        return short_moment(digest.next_try_at) if digest.state == Digest.State.WAITING else None

    @admin.display(description=_("Why the last try failed"))
    def reason_given(self, digest: Digest) -> str | None:
        return reason_sentence(digest.reason) or None
