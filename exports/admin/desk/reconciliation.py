"""Reconciliation of one flow, and of all flows: differences first, by kind, each with what to do."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.base import site_page
from common.spreadsheets.pages import CONTENT_TYPES, attachment
from exports.admin.desk import addresses
from exports.admin.desk.wiseflow_api import ReadsWiseflow, last_fetch_of
from exports.admin.grades.guidance import may_configure
from exports.fetching.connection import is_offered
from exports.models import ExportState, Flow, PersonInWiseflow
from exports.models.flow import FlowQuerySet
from exports.reconciling.collecting import Reconciled, reconcile
from exports.reconciling.files import COLUMNS, rows_of
from exports.reconciling.kinds import Kind
from exports.reconciling.lines import Line

ALLOWED = ("exports.view_flow", "exports.view_participant", "exports.view_gradeinlearn")
MAX_IN_GROUP = 20  # lines of a kind on the first page; the rest is a link away
LINES_A_PAGE = 100
FLOWS_A_PAGE = 50  # of all flows: others are not read, so that many flows take no longer


class Reconciles(ReadsWiseflow):
    """The flows' admin: *Reconciliation* on the page of a flow."""

    unlinked: tuple[str, ...] = ("fetch", "pull", "reconciliation")  # beside what they are about

    def has_reconcile_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perms(ALLOWED)

    @action(  # type: ignore[untyped-decorator]
        description=_("Reconciliation"), url_path="reconciliation", permissions=["reconcile"], icon="compare_arrows"
    )
    def reconciliation(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """`?kind=` and `?q=` list some lines, `?all=yes` all of them; `?download=csv` is a file of all."""
        flow = self.row_or_404(request, object_id)
        [found] = reconcile([flow], now=timezone.now())
        if (ending := request.GET.get("download", "")) in CONTENT_TYPES:
            rows = rows_of(found, may_configure=may_configure(request))
            return attachment(f"reconciliation-{slugify(flow.flow_id)}".rstrip("-"), ending, COLUMNS, rows)
        by_kind = found.by_kind()
        context = chosen_lines(request, found) if is_list(request) else {"groups": list(groups_of(by_kind))}
        return self.page(
            request,
            "admin/exports/reconciliation.html",
            title=gettext("Reconciliation of flow %(flow)s") % {"flow": flow},
            original=flow,
            found=found,
            kinds=[(kind, len(lines)) for kind, lines in by_kind.items()],
            is_offered=is_offered(),
            in_wiseflow=last_fetch_of(flow) if is_offered() else None,
            may_fetch=self.has_fetch_permission(request),
            may_pull=self.has_pull_permission(request) and found.fetched_at is not None,
            problems=sum(line.kind.is_problem for line in found.lines),
            not_read=sum(Kind.NOT_READ in line.kinds for line in found.lines),
            **context,
        )

    def page_context(self, request: HttpRequest, row: Flow) -> dict[str, Any]:
        """Of *expected, not arrived*: how many WISEflow holds a grade of, once they are due."""
        may_reconcile = self.has_reconcile_permission(request)
        is_due = may_reconcile and not (row.assessment_ends_at and row.assessment_ends_at > timezone.now())
        graded = PersonInWiseflow.objects.number_graded([row.pk]) if is_due and row.missing_count else {}
        return super().page_context(request, row) | {
            "may_reconcile": may_reconcile,
            "graded": graded.get(row.pk, 0),
            "graded_list": addresses.reconciliation(row.pk, Kind.GRADED_NOT_EXPORTED.value),
        }


def is_list(request: HttpRequest) -> bool:
    return not {"kind", "q", "all", "p"}.isdisjoint(request.GET)


def groups_of(by_kind: dict[Kind, list[Line]]) -> Iterator[dict[str, Any]]:
    """What someone has something to do about, by kind."""
    for kind, lines in by_kind.items():
        if kind.is_problem:
            yield {
                "kind": kind,
                "lines": lines[:MAX_IN_GROUP],
                "number": len(lines),
                "has_more": len(lines) > MAX_IN_GROUP,
            }


def chosen_lines(request: HttpRequest, found: Reconciled) -> dict[str, Any]:
    """The lines that an address asks for, problems first; what it asks for that is not there lists nothing else."""
    kind, text = request.GET.get("kind", ""), request.GET.get("q", "").strip()
    lines = sorted(found.lines, key=lambda line: not line.kind.is_problem)
    if kind in Kind.values:
        lines = [line for line in lines if kind in line.kinds]
    if text:
        lines = [line for line in lines if is_about(line, text.casefold())]
    kept = urlencode({name: given for name, given in (("kind", kind), ("q", text)) if given} or {"all": "yes"})
    return {
        "is_list": True,
        "page": Paginator(lines, LINES_A_PAGE).get_page(request.GET.get("p")),
        "chosen": Kind(kind) if kind in Kind.values else None,
        "text": text,
        "query": f"&{kept}",
    }


def is_about(line: Line, text: str) -> bool:
    """Whether an id or the name of its person has the text."""
    person = line.person
    return any(text in each.casefold() for each in (person.user_id, person.name, line.spot.place[2]))


# All flows


def reconcilable(flows: FlowQuerySet) -> FlowQuerySet:
    """Those with people, but for those whose period runs and of which nothing has come."""
    counts = {"not_exported_count": 0, "queued_count": 0, "exported_count": 0, "failed_count": 0}
    running = flows.filter(assessment_ends_at__gt=timezone.now(), state=ExportState.NOT_EXPORTED)
    return flows.exclude(**counts).exclude(pk__in=running.values("pk"))


@permission_required(ALLOWED, raise_exception=True)
def reconciliation_of_all(request: HttpRequest) -> HttpResponse:
    """`?p=` is a page of flows, newest first; `?download=csv` a file of its problems."""
    page = Paginator(reconcilable(Flow.objects.order_by("-pk")), FLOWS_A_PAGE).get_page(request.GET.get("p"))
    found = list(reconcile(page.object_list, now=timezone.now()))
    if (ending := request.GET.get("download", "")) in CONTENT_TYPES:
        may_act = may_configure(request)
        rows = (row for each in found for row in rows_of(each, only_problems=True, may_configure=may_act))
        return attachment("reconciliation-differences", ending, COLUMNS, rows)
    context: dict[str, Any] = {
        "page": page,
        "kinds": kinds_over(found),
        "flows": [summary_of(each) for each in found if each.has_problems],
        "agreeing": sum(not each.has_problems for each in found),
        "is_offered": is_offered(),
    }
    return site_page(request, "admin/exports/reconciliation_of_all.html", title=gettext("Reconciliation"), **context)


def kinds_over(found: Sequence[Reconciled]) -> list[dict[str, Any]]:
    """The problems of all these flows by kind, each with its lines and flows."""
    lines, flows = Counter[Kind](), Counter[Kind]()
    for each in found:
        for kind, theirs in each.by_kind().items():
            lines[kind] += len(theirs)
            flows[kind] += 1
    return [
        {"kind": kind, "number": lines[kind], "flows": flows[kind]} for kind in Kind if kind.is_problem and lines[kind]
    ]


def summary_of(found: Reconciled) -> dict[str, Any]:
    url = reverse("admin:exports_flow_reconciliation", args=[found.flow.pk])
    kinds = [(kind, len(lines), f"{url}?kind={kind.value}") for kind, lines in found.by_kind().items()]
    return {
        "flow": found.flow,
        "url": url,
        "kinds": [each for each in kinds if each[0].is_problem],
        "fetched_at": found.fetched_at,
        "learn_read_at": found.learn_read_at,
    }
