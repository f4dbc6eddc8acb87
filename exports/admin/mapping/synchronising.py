"""`Mark as synchronised`: one button instead of a date and a time."""

from collections.abc import Collection

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.base import BaseAdmin
from common.admin.cells import address
from common.database.bulk import among
from common.moments import moment
from exports.models import Flow


class MarksSynchronised(BaseAdmin):
    """The flows' admin: the action of its list, and the button of a flow that is not synchronised yet."""

    @admin.action(description=_("Mark as synchronised"), permissions=["change"])
    def mark_as_synchronised(self, request: HttpRequest, queryset: QuerySet[Flow]) -> HttpResponse | None:
        """Asks first: one click may have chosen the flows of many pages."""
        chosen = list(queryset.order_by().values_list("pk", flat=True))
        if request.POST.get("post") != "yes":
            again = {name: request.POST.getlist(name) for name in (ACTION_CHECKBOX_NAME, "select_across")}
            return self.confirm_page(
                request,
                "admin/exports/mark_synchronised.html",
                title=gettext("Mark as synchronised"),
                back_url=request.get_full_path(),
                form_url=request.get_full_path(),
                again={**again, "action": "mark_as_synchronised", "post": "yes"},
                count=len(chosen),
            )
        marked = mark_synchronised(chosen)
        if marked:
            text = ngettext(
                "%(count)s flow is now marked as synchronised.",
                "%(count)s flows are now marked as synchronised.",
                marked,
            )
            messages.success(request, text % {"count": intcomma(marked)})
        if kept := len(chosen) - marked:
            text = ngettext(
                "%(count)s flow already has a date of synchronisation, which was not changed.",
                "%(count)s flows already have a date of synchronisation, which was not changed.",
                kept,
            )
            messages.warning(request, text % {"count": intcomma(kept)})
        return None

    @action(  # type: ignore[untyped-decorator]
        description=_("Mark as synchronised"),
        url_path="mark-synchronised",
        permissions=["change"],
        icon="event_available",
    )
    def mark_synchronised(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same for one flow. Asks first: a link alone changes nothing."""
        flow = self.row_or_404(request, object_id)
        if is_unmarked(flow) and request.method != "POST":
            return self.confirm_page(
                request,
                "admin/exports/mark_synchronised.html",
                title=gettext("Mark as synchronised"),
                back_url=address(flow),
                flow=flow,
            )
        if is_unmarked(flow) and mark_synchronised([flow.pk]):
            messages.success(request, gettext("The flow is now marked as synchronised. Failed grades can be retried."))
        else:
            flow.refresh_from_db(fields=["synchronised_at"])
            text = gettext("This flow already has a date of synchronisation: %(when)s. It was not changed.")
            messages.warning(request, text % {"when": moment(flow.synchronised_at)})
        return HttpResponseRedirect(address(flow))

    def offers(self, request: HttpRequest, row: Flow, button: str) -> bool:
        if button == "mark_synchronised":
            return is_unmarked(row)
        return super().offers(request, row, button)


def is_unmarked(flow: Flow) -> bool:
    return flow.synchronised_at is None or flow.synchronised_at > timezone.now()


@transaction.atomic
def mark_synchronised(flows: Collection[int]) -> int:
    """Mark those of these flows that are not synchronised yet, with a line in their history each."""
    now = timezone.now()
    unmarked = Flow.objects.filter(Q(synchronised_at=None) | Q(synchronised_at__gt=now), among("pk", flows))
    marked = list(unmarked.order_by("pk").select_for_update(no_key=True))
    for flow in marked:
        flow.synchronised_at = now
        flow.save(update_fields=["synchronised_at"])
    return len(marked)
