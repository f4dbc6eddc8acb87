"""Creating rows in Learn: what would happen is shown first, and happens once that is confirmed."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from common.admin.cells import address, status_cell
from courses import provisioning, quota, tasks
from courses.admin.under_way import KeepsUnderWay, open_steps, steps_of
from courses.models import Provisioned, mark_as_in_learn, mark_as_not_in_learn

Standing = Provisioned.Standing

MOST_SHOWN = 50  # rows of each kind, on the page that asks


class Provisions(KeepsUnderWay):
    """The admin of what can be created in Learn."""

    actions = ["provision", "mark_as_in_learn", "mark_as_not_in_learn"]
    change_form_outer_before_template = "admin/courses/standing.html"
    identity: tuple[str, ...] = ()  # the fields that say which thing in Learn it is
    is_repeatable = False  # whether creating it again leaves Learn as it was

    def wanted(self, queryset: QuerySet[Any], *, again: bool = False) -> provisioning.Wanted:
        """What the chosen rows stand for. `again`: asked for by name."""
        raise NotImplementedError

    def has_provision_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("courses.provision")

    @admin.action(description="Provision in Learn", permissions=["provision"])
    def provision(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        provisioning.sweep()  # what a dead process left behind can be provisioned again
        wanted = self.wanted(self.model._default_manager.filter(pk__in=queryset.order_by().values("pk")))
        if request.POST.get("post") != "yes":
            here = request.get_full_path()
            selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
            return self.ask(request, wanted, selected=selected, form_url=here, back_url=here)
        return self.carry_out(request, wanted)

    @admin.action(description="Mark as in Learn already", permissions=["provision"])
    def mark_as_in_learn(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.mark(request, queryset, mark_as_in_learn, "in Learn")

    @admin.action(description="Mark as not in Learn", permissions=["provision"])
    def mark_as_not_in_learn(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.mark(request, queryset, mark_as_not_in_learn, "not in Learn")

    @transaction.atomic
    def mark(
        self, request: HttpRequest, queryset: QuerySet[Any], mark: Callable[[QuerySet[Any]], int], how: str
    ) -> None:
        """Somebody has looked in Learn. Django's log of the admin keeps who said so."""
        chosen = self.model._default_manager.filter(pk__in=list(queryset.order_by().values_list("pk", flat=True)))
        assert request.user.pk  # the admin lets nobody else in
        LogEntry.objects.log_actions(request.user.pk, chosen, CHANGE, f"Marked as {how}")
        marked = self.mark_rows(request, chosen, mark)
        messages.success(request, f"{marked} {'was' if marked == 1 else 'were'} marked as {how}.")

    def mark_rows(self, request: HttpRequest, rows: QuerySet[Any], mark: Callable[[QuerySet[Any]], int]) -> int:
        return mark(rows)

    def ask(
        self,
        request: HttpRequest,
        wanted: provisioning.Wanted,
        *,
        selected: Sequence[str],
        form_url: str,
        back_url: str,
    ) -> TemplateResponse:
        choice = provisioning.choose(wanted)
        context = {
            **self.admin_site.each_context(request),
            "title": "Provision in Learn",
            "opts": self.opts,
            "steps": [(kind, row, provisioning.foresee(kind, row, choice)) for kind, row in choice.steps[:MOST_SHOWN]],
            "step_count": len(choice.steps),
            "more_steps": max(0, len(choice.steps) - MOST_SHOWN),
            "left_out": choice.left_out[:MOST_SHOWN],
            "more_left_out": max(0, len(choice.left_out) - MOST_SHOWN),
            "calls_left": quota.calls_left(timezone.now()),
            "lifts_at": quota.lifts_at(timezone.localtime()),
            "selected": selected,
            "select_across": request.POST.get("select_across", "0"),
            "form_url": form_url,
            "back_url": back_url,
        }
        return TemplateResponse(request, "admin/courses/provision.html", context)

    def carry_out(self, request: HttpRequest, wanted: provisioning.Wanted) -> HttpResponse | None:
        """Record the run, and lead to where it can be watched."""
        assert request.user.is_authenticated  # the admin lets nobody else in
        run, choice = tasks.provision(wanted, by=request.user)
        if run is None:
            reasons = {reason for _row, reason in choice.left_out}
            messages.warning(request, f"Nothing to provision. {' '.join(sorted(reasons)[:3])}".strip())
            return None
        return HttpResponseRedirect(address(run))

    def provision_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The same for one row, by the button on its page."""
        row = self.row_to_provision(request, pk)
        changelist = reverse(self.route("changelist"))
        provisioning.sweep()
        wanted = self.wanted(self.model._default_manager.filter(pk=pk))
        return self.ask(request, wanted, selected=[str(pk)], form_url=changelist, back_url=address(row))

    def again_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Create what stands in Learn, or may, once more: only who types its name means it."""
        row = self.row_to_provision(request, pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Create again in Learn",
            "opts": self.opts,
            "row": row,
            "name": getattr(row, self.identity[-1]),
            "back_url": address(row),
            "last_step": str(steps_of(row).aggregate(last=Max("pk"))["last"] or ""),
        }
        if request.method == "POST":
            if request.POST.get("last_step", "") != context["last_step"]:
                context["problem"] = "Something was done about it meanwhile. Look where it stands before you go on."
            elif request.POST.get("name", "").strip() != context["name"].strip():
                context["problem"] = "That is not its name. Nothing was created."
            else:
                again = self.wanted(self.model._default_manager.filter(pk=pk), again=True)
                return self.carry_out(request, again) or HttpResponseRedirect(address(row))
        status = 422 if "problem" in context else 200
        return TemplateResponse(request, "admin/courses/provision_again.html", context, status=status)

    def row_to_provision(self, request: HttpRequest, pk: int) -> Any:
        if not (self.has_provision_permission(request) and self.has_view_or_change_permission(request)):
            raise PermissionDenied
        return get_object_or_404(self.model, pk=pk)

    def get_urls(self) -> list[URLPattern]:
        pages = [("provision", self.provision_page)]
        if not self.is_repeatable:
            pages.append(("again", self.again_page))
        ours = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(page), name=self.route(name).removeprefix("admin:"))
            for name, page in pages
        ]
        return [*ours, *super().get_urls()]

    def route(self, page: str) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        context = self.standing_of(row, request) if row else {}
        response: HttpResponse = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        return response

    def standing_of(self, row: Any, request: HttpRequest) -> dict[str, Any]:
        may_provision = self.has_provision_permission(request)
        standing, own = Standing(row.standing), self.model._default_manager.filter(pk=row.pk)
        can_go = may_provision and provisioning.choose(self.wanted(own)).steps
        can_stand = standing in (Standing.PROVISIONED, Standing.UNCONFIRMED, Standing.DELETED)
        again = may_provision and can_stand and not self.is_repeatable
        return {
            "standing": standing,
            "last_step": steps_of(row).order_by("-pk").select_related("run").first(),
            "run_under_way": open_steps(row).exists(),
            "provision_url": reverse(self.route("provision"), args=[row.pk]) if can_go else "",
            "again_url": reverse(self.route("again"), args=[row.pk]) if again else "",
        }

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """What Learn holds does not change with the row, so a row of another name is not in Learn."""
        if change and form.changed_data and obj.standing != Standing.NOT_PROVISIONED:
            if not set(self.identity).isdisjoint(form.changed_data):
                obj.forget()
                messages.warning(request, "It is something else in Learn now, so it counts as not provisioned.")
            elif obj.is_provisioned:
                messages.info(request, "Learn is not told of changes: what stands there stays as it is.")
        super().save_model(request, obj, form, change)

    @admin.display(description="In Learn", ordering="standing")
    def in_learn(self, row: Provisioned) -> str:
        return status_cell(Standing(row.standing), row.provisioned_at, row.provisioning_message)
