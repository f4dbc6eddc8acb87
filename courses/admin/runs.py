"""Provisioning runs: each time someone created something in Learn, while it runs and ever after."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, Count, Q, QuerySet, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.cells import link, pill, span
from common.admin.filters import LinkedRowFilter
from common.admin.read_only import HistoryAdmin, WatchedAdmin
from courses.models import ProvisioningRun, ProvisioningStep

MAX_STEPS = 100  # on one page; the rest is a link away


@admin.register(ProvisioningRun)
class ProvisioningRunAdmin(WatchedAdmin):
    list_display = ["number", "status", "done", "not_done", "started_at", "took", "requested_by"]
    list_filter = ["state"]
    list_select_related = ["requested_by"]
    fields = ["requested_by", "started_at"]
    readonly_fields = ["requested_by"]
    change_form_outer_after_template = "admin/courses/run.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProvisioningRun]:
        runs: QuerySet[ProvisioningRun] = super().get_queryset(request)
        is_done = Q(steps__state=ProvisioningStep.State.DONE)
        return runs.annotate(done=Count("steps", filter=is_done), not_done=Count("steps", filter=~is_done))

    def page_context(self, request: HttpRequest, row: ProvisioningRun) -> dict[str, Any]:
        """How far the run has come, and what became of its steps."""
        steps = row.steps.order_by()
        counts = dict(steps.values_list("state").annotate(Count("pk")))
        total = sum(counts.values())
        finished = total - sum(counts.get(state, 0) for state in ProvisioningStep.OPEN)
        failures_first = Case(When(state=ProvisioningStep.State.DONE, then=1), default=0)
        targets = ("schema", "column__course", "metadata__course")
        return super().page_context(request, row) | {
            "run": row,
            "counts": [(state, counts[state]) for state in ProvisioningStep.State if state in counts],
            "total": total,
            "finished": finished,
            "percent": 100 * finished // total if total else 100,
            "steps": steps.select_related(*targets).order_by(failures_first, "stage", "pk")[:MAX_STEPS],
            "all_steps": f"{reverse('admin:courses_provisioningstep_changelist')}?run__exact={row.pk}",
            "calls": row.calls.count(),
            "all_calls": f"{reverse('admin:courses_servicecall_changelist')}?provisioning_runs__exact={row.pk}",
        }

    @admin.display(description=_("Run"))
    def number(self, run: ProvisioningRun) -> int:
        return run.pk

    @admin.display(description=_("State"))
    def status(self, run: ProvisioningRun) -> str:
        return pill(ProvisioningRun.State(run.state))

    @admin.display(description=_("Done"))
    def done(self, run: Any) -> int:
        found: int = run.done
        return found

    @admin.display(description=_("Not done"))
    def not_done(self, run: Any) -> int:
        found: int = run.not_done
        return found

    @admin.display(description=_("Duration"))
    def took(self, run: ProvisioningRun) -> str:
        return span(run.finished_at - run.started_at) if run.finished_at else gettext("Running")

    @admin.display(description=_("Started by"))
    def requested_by(self, run: ProvisioningRun) -> str:
        return str(run.requested_by or gettext("Command line"))


@admin.register(ProvisioningStep)
class ProvisioningStepAdmin(HistoryAdmin):
    list_display = ["what", "kind", "outcome", "message", "finished_at", "of_run"]
    list_filter = ["state", "kind", ("run", LinkedRowFilter)]
    list_select_related = ["run"]
    search_fields = ["name"]
    fields = ["name", "kind", "outcome", "message", "finished_at", "of_run"]
    readonly_fields = ["outcome", "of_run"]

    @admin.display(description=_("What"))
    def what(self, step: ProvisioningStep) -> str:
        return step.name

    @admin.display(description=_("Outcome"))
    def outcome(self, step: ProvisioningStep) -> str:
        return pill(ProvisioningStep.State(step.state))

    @admin.display(description=_("Run"))
    def of_run(self, step: ProvisioningStep) -> str:
        return link(step.run)
