"""What a flow's page says above and below its form: its people, problems first, why grades failed, what happened."""

from typing import Any

from django.db.models import Case, Count, IntegerField, Value, When
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from unfold.decorators import action

from common.admin.base import BaseAdmin
from common.history.pages import form_labels
from exports.admin.desk.holding import open_holds_of
from exports.admin.desk.timeline import timeline
from exports.grades.causes import Cause
from exports.models import ExportState, Flow, GradeInLearn, Hold
from exports.models.flow import IS_MISSING

MAX_PEOPLE = 15  # on the page; the rest is a link away


class TellsWhatHappened(BaseAdmin):
    """The flows' admin: the timeline, which a flow's page fetches once it is shown."""

    unlinked: tuple[str, ...] = ("timeline",)

    @action(url_path="timeline", permissions=["view_or_change"])  # type: ignore[untyped-decorator]
    def timeline(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page of it, and the part of the flow's page."""
        flow = self.row_or_404(request, object_id)
        return self.page(
            request,
            "admin/exports/desk/timeline_page.html",
            title=gettext("What happened"),
            original=flow,
            happenings=timeline(flow, form_labels(), request),
            addresses=addresses(flow),
        )


def addresses(flow: Flow) -> dict[str, str]:
    return {
        "attempts_url": f"{reverse('admin:exports_exportattempt_changelist')}?flow__exact={flow.pk}",
        "history_url": reverse("admin:exports_flow_history", args=[flow.pk]),
        "timeline_url": reverse("admin:exports_flow_timeline", args=[flow.pk]),
    }


def people_of_flow(flow: Flow, request: HttpRequest) -> dict[str, Any]:
    """For the templates of a flow's page. The number of statements does not depend on the number of people."""
    may_see_people = request.user.has_perm("exports.view_participant")
    causes = flow.participants.failed().order_by().values_list("cause").annotate(number=Count("pk"))
    return {
        "listed": problems_first(flow) if may_see_people else [],
        "causes": [(Cause(cause), number) for cause, number in causes.order_by("-number", "cause")],
        "addresses": addresses(flow),
    }


def problems_first(flow: Flow) -> list[Any]:
    """The first MAX_PEOPLE: failed, different in Learn, missing, in progress, then the rest; each with what is in Learn
    of theirs.
    """
    different = GradeInLearn.objects.different().filter(participant__flow=flow).order_by().values("participant")
    rank = Case(
        When(state=ExportState.FAILED, then=Value(0)),
        When(pk__in=different, then=Value(1)),
        When(IS_MISSING, then=Value(2)),
        When(state=ExportState.QUEUED, then=Value(3)),
        default=Value(4),
        output_field=IntegerField(),
    )
    held = open_holds_of("holds", Hold.objects.of_people())
    people = list(flow.participants.with_grades().prefetch_related(held).order_by(rank, "user_id")[:MAX_PEOPLE])
    for person in people:
        person.flow = flow  # without a statement for each
    return people
