"""Creating rows in Learn: what would happen is shown first, and happens once that is confirmed."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from common.admin.cells import address, status_cell
from courses import provisioning, quota, tasks
from courses.admin.in_progress import LocksWhileProvisioning, open_steps, steps_of
from courses.models import Provisioned, mark_as_in_learn, mark_as_not_in_learn
from courses.models.provisioned import NOT_SENT
from courses.sentences import sentence

Status = Provisioned.Status
Rows = Mapping[str, Sequence[str]]  # which rows of a list were chosen, as its form says it

MAX_SHOWN = 50  # rows of each kind, on the page that asks


class Provisions(LocksWhileProvisioning):
    """The admin of what can be created in Learn."""

    actions_detail = ["provision_row", "again"]
    actions = ["provision", "mark_as_in_learn", "mark_as_not_in_learn"]
    change_form_outer_before_template = "admin/courses/status.html"
    identity: tuple[str, ...] = ()  # the fields that say which thing in Learn it is

    def provisioning_request(self, queryset: QuerySet[Any], *, again: bool = False) -> provisioning.ProvisioningRequest:
        """What is requested for the chosen rows. `again`: even if they are in Learn."""
        raise NotImplementedError

    def has_provision_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("courses.provision")

    @admin.action(description=_("Provision in Learn"), permissions=["provision"])
    def provision(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        provisioning.sweep()  # what a dead process left behind can be provisioned again
        wanted = self.provisioning_request(self.model._default_manager.filter(pk__in=queryset.order_by().values("pk")))
        if request.POST.get("post") != "yes":
            again = {name: request.POST.getlist(name) for name in (ACTION_CHECKBOX_NAME, "select_across")}
            here = request.get_full_path()
            return self.ask(request, wanted, again, form_url=here, back_url=here)
        return self.carry_out(request, wanted)

    @admin.action(description=_("Mark as in Learn already"), permissions=["provision"])
    def mark_as_in_learn(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        marked = self.mark(request, queryset, mark_as_in_learn, gettext("Marked as in Learn"))
        text = ngettext("%(count)s row was marked as in Learn.", "%(count)s rows were marked as in Learn.", marked)
        messages.success(request, text % {"count": intcomma(marked)})

    @admin.action(description=_("Mark as not in Learn"), permissions=["provision"])
    def mark_as_not_in_learn(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        take_out = partial(self.take_out, request)
        marked = self.mark(request, queryset, take_out, gettext("Marked as not in Learn"))
        text = ngettext(
            "%(count)s row was marked as not in Learn.", "%(count)s rows were marked as not in Learn.", marked
        )
        messages.success(request, text % {"count": intcomma(marked)})

    def take_out(self, request: HttpRequest, rows: QuerySet[Any]) -> int:
        """Someone says that these are not in Learn. Returns how many were not marked so before."""
        return mark_as_not_in_learn(rows)

    @transaction.atomic
    def mark(
        self, request: HttpRequest, queryset: QuerySet[Any], mark: Callable[[QuerySet[Any]], int], entry: str
    ) -> int:
        """Someone has looked in Learn. Django's log of the admin keeps who said so. Returns how many were marked."""
        chosen = self.model._default_manager.filter(pk__in=list(queryset.order_by().values_list("pk", flat=True)))
        assert request.user.pk  # the admin lets no one else in
        LogEntry.objects.log_actions(request.user.pk, chosen, CHANGE, entry)
        return mark(chosen)

    def ask(
        self,
        request: HttpRequest,
        wanted: provisioning.ProvisioningRequest,
        again: Rows,
        *,
        form_url: str,
        back_url: str,
    ) -> HttpResponse:
        plan = provisioning.plan(wanted)
        return self.confirm_page(
            request,
            "admin/courses/provision.html",
            title=gettext("Provision in Learn"),
            back_url=back_url,
            again={**again, "action": "provision", "post": "yes"},
            form_url=form_url,
            steps=[
                (kind, row, sentence(provisioning.preview(kind, row, plan))) for kind, row in plan.steps[:MAX_SHOWN]
            ],
            step_count=len(plan.steps),
            more_steps=max(0, len(plan.steps) - MAX_SHOWN),
            left_out=[(row, sentence(reason)) for row, reason in plan.left_out[:MAX_SHOWN]],
            more_left_out=max(0, len(plan.left_out) - MAX_SHOWN),
            calls_left=quota.calls_left(timezone.now()),
            lifts_at=quota.lifts_at(timezone.localtime()),
        )

    def carry_out(self, request: HttpRequest, wanted: provisioning.ProvisioningRequest) -> HttpResponse | None:
        """Record the run, and lead to where it can be watched."""
        assert request.user.is_authenticated  # the admin lets no one else in
        run, plan = tasks.provision(wanted, by=request.user)
        if run is None:
            reasons = sorted({sentence(reason) for _row, reason in plan.left_out})
            messages.warning(request, " ".join([gettext("Nothing to provision."), *reasons[:3]]))
            return None
        return HttpResponseRedirect(address(run))

    @action(  # type: ignore[untyped-decorator]
        description=_("Provision in Learn"),
        url_path="provision",
        permissions=["provision", "view_or_change"],
        icon="cloud_upload",
        variant=ActionVariant.PRIMARY,
    )
    def provision_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same for one row."""
        row = self.row_or_404(request, object_id)
        provisioning.sweep()
        again = {ACTION_CHECKBOX_NAME: [str(row.pk)]}
        wanted = self.provisioning_request(self.only(row))
        return self.ask(request, wanted, again, form_url=self.list_url(), back_url=address(row))

    @action(  # type: ignore[untyped-decorator]
        description=_("Create again in Learn"),
        url_path="again",
        permissions=["provision", "view_or_change"],
        icon="cloud_sync",
    )
    def again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Create once more what is in Learn, or may be: only who types its name means it."""
        row = self.row_or_404(request, object_id)
        name, problem = getattr(row, self.identity[-1]), ""
        last_step = str(steps_of(row).aggregate(last=Max("pk"))["last"] or "")
        if request.method == "POST":
            if request.POST.get("last_step", "") != last_step:
                problem = gettext("It was changed by someone else. Check its status and try again.")
            elif request.POST.get("name", "").strip() != name.strip():
                problem = gettext("This is not its name. Nothing was created.")
            else:
                wanted = self.provisioning_request(self.only(row), again=True)
                return self.carry_out(request, wanted) or HttpResponseRedirect(address(row))
        return self.confirm_page(
            request,
            "admin/courses/provision_again.html",
            title=gettext("Create again in Learn"),
            back_url=address(row),
            again={"last_step": last_step},
            problem=problem,
            row=row,
            name=name,
        )

    def only(self, row: Any) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model._default_manager.filter(pk=row.pk)
        return rows

    def offers(self, request: HttpRequest, row: Any, button: str) -> bool:
        match button:
            case "provision_row":
                return bool(provisioning.plan(self.provisioning_request(self.only(row))).steps)
            case "again":
                return row.status in (Status.PROVISIONED, Status.UNCONFIRMED, Status.DELETED)
        return super().offers(request, row, button)

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return super().page_context(request, row) | {
            "status": Status(row.status),
            "last_step": steps_of(row).order_by("-pk").select_related("run").first(),
            "run_in_progress": open_steps(row).exists(),
        }

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """What Learn holds does not change with the row, so a row of another name is not in Learn."""
        if change and form.changed_data and obj.status != Status.NOT_PROVISIONED:
            if not set(self.identity).isdisjoint(form.changed_data):
                obj.forget()
                text = gettext("You changed its identity. GradeBridge treats it as not yet created in Learn.")
                messages.warning(request, text)
            elif obj.is_provisioned:
                messages.info(request, NOT_SENT)
        super().save_model(request, obj, form, change)

    @admin.display(description=_("In Learn"), ordering="status")
    def in_learn(self, row: Provisioned) -> str:
        return status_cell(Status(row.status), row.provisioned_at, row.provisioning_message)
