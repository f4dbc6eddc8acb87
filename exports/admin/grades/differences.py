"""*Keep Learn's* and *Replace it*: what is decided about a grade that Learn shows and GradeBridge did not write, by
buttons on the participant's page. A replacement is approved by another person (`decisions.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget

from common.admin.base import BaseAdmin
from common.admin.cells import address
from exports import deciding
from exports.deciding import Difference, Obstacle
from exports.grades.causes import Cause
from exports.models import Decision, Participant
from exports.models.grade_in_learn import DIFFERS
from exports.requesting import REASON_LENGTH

MAX_DECISIONS = 10  # on one page
SEEN = ("shown", "value")  # what was on the page: it is sent along, so that nothing else is decided


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        help_text=_("The reason is stored permanently."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class Listed(NamedTuple):
    """A difference on the participant's page, with the request about it that waits."""

    difference: Difference
    keep_url: str
    replace_url: str
    waiting: Decision | None


class Decides(BaseAdmin):
    """The participants' admin."""

    def has_decide_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perms(["exports.add_decision", "exports.view_participant"])

    def page_context(self, request: HttpRequest, row: Participant) -> dict[str, Any]:
        decisions = list(row.decisions.select_related("requested_by", "decided_by", "attempt")[: MAX_DECISIONS + 1])
        return super().page_context(request, row) | {
            "differences": list(listed(row, decisions)) if may_differ(row) else [],
            "decisions": decisions[:MAX_DECISIONS],
            "has_more_decisions": len(decisions) > MAX_DECISIONS,
            "may_decide": self.has_decide_permission(request),
        }

    @action(url_path="keep", permissions=["decide"])  # type: ignore[untyped-decorator]
    def keep(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for the reason; what Learn shows stays."""
        return self.decide(request, self.row_or_404(request, object_id), Decision.Kind.KEEP)

    @action(url_path="replace", permissions=["decide"])  # type: ignore[untyped-decorator]
    def replace(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for the reason; nothing is sent before another person has approved it."""
        return self.decide(request, self.row_or_404(request, object_id), Decision.Kind.REPLACE)

    def decide(self, request: HttpRequest, person: Participant, kind: Decision.Kind) -> HttpResponse:
        assert request.user.is_authenticated  # the admin lets no one else in
        difference = difference_at(person, request)
        if difference is None:
            messages.info(request, gettext("There is nothing to decide there any more: see what Learn shows below."))
            return HttpResponseRedirect(address(person))
        form = ReasonForm(request.POST if request.method == "POST" else None)
        problem = ""
        if form.is_valid():
            try:
                record = deciding.keep if kind == Decision.Kind.KEEP else deciding.ask_to_replace
                decision = record(as_seen(difference, request), reason=form.cleaned_data["reason"], by=request.user)
            except deciding.NotDecidable as refusal:
                if refusal.obstacle is not Obstacle.REASON_NOT_USABLE:
                    messages.error(request, refusal.sentence)
                    return HttpResponseRedirect(address(person))
                problem = refusal.sentence
            else:
                messages.success(request, str(DONE[kind]))
                return HttpResponseRedirect(address(person if kind == Decision.Kind.KEEP else decision))
        elif form.is_bound:
            problem = " ".join(map(str, form.errors.get("reason", [])))
        return self.confirm_page(
            request,
            "admin/exports/decide.html",
            title=str(TITLES[kind]),
            back_url=address(person),
            again={name: getattr(difference, name) for name in SEEN},
            problem=problem,
            participant=person,
            difference=difference,
            is_keep=kind == Decision.Kind.KEEP,
            form=form,
        )


TITLES = {Decision.Kind.KEEP: _("Keep Learn's grade"), Decision.Kind.REPLACE: _("Replace Learn's grade")}
DONE = {
    Decision.Kind.KEEP: _("Learn's grade is kept. GradeBridge does not overwrite it."),
    Decision.Kind.REPLACE: _("Replacement requested. It is sent when another person approves it."),
}


def may_differ(person: Participant) -> bool:
    """Whether there can be something to decide, as far as what the page has read already says so."""
    is_refused = person.looks_first or person.cause in (Cause.CHANGED_IN_LEARN, Cause.LEARN_GRADE_KEPT)
    return is_refused or any(grade.verdict in DIFFERS for grade in person.in_learn)


def listed(person: Participant, decisions: Sequence[Decision]) -> Iterator[Listed]:
    """What is different of theirs, with where it is decided. What is kept may still be replaced."""
    waiting = {one.place: one for one in decisions if one.state == Decision.State.ASKED}
    for difference in deciding.all_differences(person):
        query = urlencode(dict(zip(("course", "column", "user"), difference.place, strict=True)))
        yield Listed(
            difference=difference,
            keep_url=f"{reverse('admin:exports_participant_keep', args=[person.pk])}?{query}",
            replace_url=f"{reverse('admin:exports_participant_replace', args=[person.pk])}?{query}",
            waiting=waiting.get(difference.place),
        )


def difference_at(person: Participant, request: HttpRequest) -> Difference | None:
    """The one at the place that the address names."""
    place = tuple(request.GET.get(name, "") for name in ("course", "column", "user"))
    return next((one for one in deciding.all_differences(person) if one.place == place), None)


def as_seen(difference: Difference, request: HttpRequest) -> Difference:
    """As the person who decides has seen it."""
    return replace(difference, **{name: request.POST.get(name, getattr(difference, name)) for name in SEEN})
