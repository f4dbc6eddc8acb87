"""*Prove now*: reads back what Learn shows, of one person at once, of a flow or a column by a task whose page says what
it has found.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django_tasks_db.models import DBTaskResult
from unfold.decorators import action

from common.admin.base import BaseAdmin
from common.admin.cells import address
from courses.sentences import sentence
from exports.admin.desk import addresses
from exports.models import GradeInLearn, ProofState
from exports.models.grade_in_learn import DIFFERENCES
from exports.proving.background import prove_grades, prove_in_background
from exports.proving.runs import Proved, prove

SECONDS_FOR_ONE = 20.0  # of a person: someone waits


def may_prove(request: HttpRequest) -> bool:
    return request.user.has_perms(["exports.prove", "exports.view_gradeinlearn"])


class Proves(BaseAdmin):
    """An admin whose pages have a form with the button *Prove now*."""

    def has_prove_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return may_prove(request)

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return super().page_context(request, row) | {"may_prove": may_prove(request)}


class ProvesAtOnce(Proves):
    """The participants' admin."""

    @action(url_path="prove", permissions=["prove"])  # type: ignore[untyped-decorator]
    def prove(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """By the form on the person's page: a link alone makes no calls."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        person = self.row_or_404(request, object_id)
        grades = GradeInLearn.objects.in_learn().filter(participant=person)
        messages.add_message(request, *outcome(prove(grades, seconds=SECONDS_FOR_ONE)))
        return HttpResponseRedirect(address(person))


class ProvesInBackground(Proves):
    """The admins of flows and of columns."""

    proves: str  # what their rows are to the task

    @action(url_path="prove", permissions=["prove"])  # type: ignore[untyped-decorator]
    def prove(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row = self.row_or_404(request, object_id)
        run = prove_in_background(self.proves, row.pk)
        opts = self.opts
        page = reverse(f"admin:{opts.app_label}_{opts.model_name}_proving", args=[row.pk])
        return HttpResponseRedirect(f"{page}?run={run}")

    @action(url_path="proving", permissions=["prove"])  # type: ignore[untyped-decorator]
    def proving(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """How far the task is, and what it has found."""
        row = self.row_or_404(request, object_id)
        result = task_of(request.GET.get("run", ""), self.proves, row.pk)
        has_ended = result.finished_at is not None
        found = result.return_value if has_ended and isinstance(result.return_value, dict) else {}
        response = self.page(
            request,
            "admin/exports/proving.html",
            title=gettext("Prove grades"),
            row=row,
            original=row,
            result=result,
            has_ended=has_ended,
            has_failed=has_ended and not found,
            counts=counts_of(found),
            stopped=sentence(found.get("stopped", {})),
            differences=addresses.grades(**self.proof_filters(row), proof=DIFFERENCES),
            has_differences=any(found.get("verdicts", {}).get(verdict) for verdict in ("DIFFERENT", "ABSENT")),
        )
        if has_ended and "HX-Request" in request.headers:
            response["HX-Refresh"] = "true"  # the page was watching it run
        return response

    def proof_filters(self, row: Any) -> dict[str, Any]:
        """Of the list of grades in Learn, for the grades of this row."""
        raise NotImplementedError


def task_of(run: str, of: str, pk: int) -> Any:
    try:
        result = DBTaskResult.objects.filter(pk=UUID(run), task_path=prove_grades.module_path).first()
    except ValueError:
        result = None
    if result is None or result.args_kwargs["args"] != [of, pk]:
        raise Http404
    return result


def counts_of(found: dict[str, Any]) -> list[tuple[ProofState, int]]:
    verdicts = found.get("verdicts", {})
    return [(state, verdicts[state.value]) for state in ProofState if verdicts.get(state.value)]


def outcome(proved: Proved) -> tuple[int, str]:
    """What the person who waited for it reads."""
    if proved.stopped:
        return messages.WARNING, sentence(proved.stopped)
    read, proven = proved.verdicts.total(), proved.verdicts["PROVEN"]
    if not read:
        return messages.INFO, gettext(
            "There is nothing to read back: no grade is in Learn, as far as GradeBridge knows."
        )
    if read == proven:
        text = ngettext("Proven: Learn shows the grade.", "Proven: Learn shows all %(count)s grades.", read)
        return messages.SUCCESS, text % {"count": intcomma(read)}
    text = gettext("Learn was read. Proven: %(proven)s of %(read)s. The page says what Learn shows.")
    return messages.WARNING, text % {"proven": intcomma(proven), "read": intcomma(read)}
