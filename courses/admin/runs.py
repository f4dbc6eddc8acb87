"""Provisioning runs: each time somebody created something in Learn, while it runs and ever after."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Case, Count, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from common.admin.cells import link, pill, span
from common.admin.filters import OnlyChosen
from common.admin.read_only import HistoryAdmin
from courses.models import ProvisioningRun, ProvisioningStep

MOST_STEPS = 100  # on one page; the rest is a link away


@admin.register(ProvisioningRun)
class ProvisioningRunAdmin(HistoryAdmin):
    list_display = ["number", "standing", "done", "not_done", "started_at", "took", "asked_by"]
    list_filter = ["state"]
    list_select_related = ["requested_by"]
    fields = ["asked_by", "started_at"]
    readonly_fields = ["asked_by"]
    change_form_outer_after_template = "admin/courses/run.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProvisioningRun]:
        runs: QuerySet[ProvisioningRun] = super().get_queryset(request)
        is_done = Q(steps__state=ProvisioningStep.State.DONE)
        return runs.annotate(done=Count("steps", filter=is_done), not_done=Count("steps", filter=~is_done))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, unquote(object_id))
        context = self.progress_of(run) if run else {}
        response: HttpResponse = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        if run and run.finished_at and "HX-Request" in request.headers:
            response["HX-Refresh"] = "true"  # the page was watching it run: show it whole
        return response

    def progress_of(self, run: ProvisioningRun) -> dict[str, Any]:
        """How far the run has come, and what became of its steps."""
        steps = run.steps.order_by()
        counts = dict(steps.values_list("state").annotate(Count("pk")))
        total = sum(counts.values())
        settled = total - sum(counts.get(state, 0) for state in ProvisioningStep.OPEN)
        failures_first = Case(When(state=ProvisioningStep.State.DONE, then=1), default=0)
        targets = ("schema", "column__course", "metadata__course")
        return {
            "run": run,
            "counts": [(state, counts[state]) for state in ProvisioningStep.State if state in counts],
            "total": total,
            "settled": settled,
            "percent": 100 * settled // total if total else 100,
            "steps": steps.select_related(*targets).order_by(failures_first, "stage", "pk")[:MOST_STEPS],
            "all_steps": f"{reverse('admin:courses_provisioningstep_changelist')}?run__exact={run.pk}",
            "calls": run.calls.count(),
            "all_calls": f"{reverse('admin:courses_servicecall_changelist')}?provisioning_runs__exact={run.pk}",
        }

    @admin.display(description="Run")
    def number(self, run: ProvisioningRun) -> int:
        return run.pk

    @admin.display(description="State")
    def standing(self, run: ProvisioningRun) -> str:
        return pill(ProvisioningRun.State(run.state))

    @admin.display(description="Done")
    def done(self, run: Any) -> int:
        found: int = run.done
        return found

    @admin.display(description="Not done")
    def not_done(self, run: Any) -> int:
        found: int = run.not_done
        return found

    @admin.display(description="Took", empty_value="Running")
    def took(self, run: ProvisioningRun) -> str | None:
        return span(run.finished_at - run.started_at) if run.finished_at else None

    @admin.display(description="Asked by")
    def asked_by(self, run: ProvisioningRun) -> str:
        return str(run.requested_by or "Command line")


@admin.register(ProvisioningStep)
class ProvisioningStepAdmin(HistoryAdmin):
    list_display = ["what", "kind", "outcome", "message", "settled_at", "of_run"]
    list_filter = ["state", "kind", ("run", OnlyChosen)]
    list_select_related = ["run"]
    search_fields = ["name"]
    fields = ["name", "kind", "outcome", "message", "settled_at", "of_run"]
    readonly_fields = ["outcome", "of_run"]

    @admin.display(description="What")
    def what(self, step: ProvisioningStep) -> str:
        return step.name

    @admin.display(description="Outcome")
    def outcome(self, step: ProvisioningStep) -> str:
        return pill(ProvisioningStep.State(step.state))

    @admin.display(description="Run")
    def of_run(self, step: ProvisioningStep) -> str:
        return link(step.run)
