"""`Hold` and `Release` on the pages and lists of flows and participants."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget

from common.admin.base import BaseAdmin
from common.admin.cells import address
from common.database.bulk import among
from exports import holding
from exports.admin.desk.held_back import held_back
from exports.holding import Held, InProgress, ReasonNotUsable
from exports.models import Flow, Hold, Participant
from exports.models.hold import REASON_LENGTH, HoldQuerySet
from exports.models.participant import ParticipantQuerySet


class HoldForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        help_text=_("Shown wherever it is held, and in the answer to WISEflow. It is stored permanently."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class HoldsBack(BaseAdmin):
    """The admin of what can be held: two actions of its list, and two buttons of a row's page.

    An action leads to a page that asks, which sends it to the list again with `post=yes`.
    """

    def open_holds(self, rows: Collection[int]) -> HoldQuerySet:
        """Those of these rows themselves."""
        raise NotImplementedError

    def hold_rows(self, rows: Collection[int], request: HttpRequest) -> Held:
        """Raises ReasonNotUsable."""
        raise NotImplementedError

    def in_progress(self, rows: Collection[int]) -> InProgress:
        raise NotImplementedError

    def question(self, rows: Collection[int]) -> str:
        """What the page asks, with how many there are."""
        raise NotImplementedError

    def has_hold_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("exports.hold_grades")

    # The list

    @admin.action(description=_("Hold"), permissions=["hold"])
    def hold_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self.ask_or_hold(request, keys_of(queryset), **chosen_again(request, "hold_chosen"))

    @admin.action(description=_("Release"), permissions=["hold"])
    def release_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self.ask_or_release(request, keys_of(queryset), **chosen_again(request, "release_chosen"))

    # The page of a row

    @action(description=_("Hold"), url_path="hold", permissions=["hold", "view_or_change"], icon="pause_circle")  # type: ignore[untyped-decorator]
    def hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first: a link alone changes nothing."""
        row = self.row_or_404(request, object_id)
        is_answer = request.method == "POST"
        page = self.ask_or_hold(request, [row.pk], back_url=address(row), is_answer=is_answer, row=row)
        return page or HttpResponseRedirect(address(row))

    @action(description=_("Release"), url_path="release", permissions=["hold", "view_or_change"], icon="play_circle")  # type: ignore[untyped-decorator]
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        is_answer = request.method == "POST"
        page = self.ask_or_release(request, [row.pk], back_url=address(row), is_answer=is_answer, row=row)
        return page or HttpResponseRedirect(address(row))

    def offers(self, request: HttpRequest, row: Any, button: str) -> bool:
        if button in ("hold", "release"):
            return bool(row.open_holds) == (button == "release")
        return super().offers(request, row, button)

    # What both do

    def ask_or_hold(
        self, request: HttpRequest, rows: Sequence[int], *, back_url: str, is_answer: bool, **form: Any
    ) -> HttpResponse | None:
        """None: it is done, and a message says so."""
        problem = ""
        if is_answer:
            try:
                held = self.hold_rows(rows, request)
            except ReasonNotUsable as refusal:
                problem = str(refusal)
            else:
                messages.add_message(request, messages.SUCCESS if held.held else messages.WARNING, held.sentence())
                return None
        return self.confirm_page(
            request,
            "admin/exports/hold.html",
            title=gettext("Hold"),
            question=self.question(rows),
            back_url=back_url,
            form=HoldForm(initial={"reason": request.POST.get("reason", "")}),
            in_progress=self.in_progress(rows),
            problem=problem,
            **form,
        )

    def ask_or_release(
        self, request: HttpRequest, rows: Sequence[int], *, back_url: str, is_answer: bool, **form: Any
    ) -> HttpResponse | None:
        holds = list(self.open_holds(rows).values_list("pk", flat=True))
        if not holds:
            messages.warning(request, gettext("Nothing to release: nothing of your selection is held."))
            return None
        if is_answer:
            report_release(request, holds)
            return None
        return self.confirm_page(
            request,
            "admin/exports/release.html",
            title=gettext("Release"),
            back_url=back_url,
            number=len(holds),
            **form,
        )


def keys_of(queryset: QuerySet[Any]) -> list[int]:
    return list(queryset.order_by().values_list("pk", flat=True))


def chosen_again(request: HttpRequest, name: str) -> dict[str, Any]:
    """What a page that asks posts to the list once more, and whether this is the answer."""
    here = request.get_full_path()
    again: Mapping[str, Any] = {key: request.POST.getlist(key) for key in (ACTION_CHECKBOX_NAME, "select_across")}
    return {
        "back_url": here,
        "form_url": here,
        "again": {**again, "action": name, "post": "yes"},
        "is_answer": request.POST.get("post") == "yes",
    }


def report_release(request: HttpRequest, holds: Collection[int]) -> None:
    assert request.user.is_authenticated  # the admin lets no one else in
    released = holding.release(holds, by=request.user)
    messages.add_message(request, messages.SUCCESS if released.released else messages.WARNING, released.sentence())


def reason_and_person(request: HttpRequest) -> dict[str, Any]:
    assert request.user.is_authenticated  # the admin lets no one else in
    return {"reason": request.POST.get("reason", ""), "by": request.user}


def open_holds_of(name: str, holds: HoldQuerySet) -> Prefetch[Any]:
    """Each row with `open_holds`, so that a list asks once."""
    return Prefetch(name, queryset=holds.open().select_related("held_by"), to_attr="open_holds")


class HoldsFlows(HoldsBack):
    """The flows' admin."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flow]:
        flows: QuerySet[Flow] = super().get_queryset(request)
        people = Hold.objects.open().of_people().filter(flow=OuterRef("pk")).order_by().values("flow")
        return flows.prefetch_related(open_holds_of("holds", Hold.objects.of_flows())).annotate(
            held_people=Subquery(people.annotate(number=Count("pk")).values("number"))
        )

    def open_holds(self, rows: Collection[int]) -> HoldQuerySet:
        return Hold.objects.open().of_flows().filter(among("flow_id", rows))

    def hold_rows(self, rows: Collection[int], request: HttpRequest) -> Held:
        return holding.hold_flows(rows, **reason_and_person(request))

    def in_progress(self, rows: Collection[int]) -> InProgress:
        return holding.in_progress(flows=rows)

    def question(self, rows: Collection[int]) -> str:
        text = ngettext("Hold %(count)s flow?", "Hold %(count)s flows?", len(rows))
        return text % {"count": intcomma(len(rows))}

    def page_context(self, request: HttpRequest, row: Flow) -> dict[str, Any]:
        held = row.open_holds  # type: ignore[attr-defined]  # as get_queryset has found them
        return super().page_context(request, row) | {
            "open_holds": held,
            "held_people": row.held_people,  # type: ignore[attr-defined]
            "in_calls": holding.in_progress(flows=[row.pk]).in_calls if held else 0,
            "held_back": [] if held else held_back(flow=row),
        }


class HoldsPeople(HoldsBack):
    """The participants' admin. A person is held alone, or with their flow."""

    def get_queryset(self, request: HttpRequest) -> ParticipantQuerySet:
        people: ParticipantQuerySet = super().get_queryset(request)
        return people.prefetch_related(
            open_holds_of("holds", Hold.objects.of_people()), open_holds_of("flow__holds", Hold.objects.of_flows())
        )

    def open_holds(self, rows: Collection[int]) -> HoldQuerySet:
        return Hold.objects.open().filter(among("participant_id", rows))

    def hold_rows(self, rows: Collection[int], request: HttpRequest) -> Held:
        return holding.hold_people(rows, **reason_and_person(request))

    def in_progress(self, rows: Collection[int]) -> InProgress:
        return holding.in_progress(participants=rows)

    def question(self, rows: Collection[int]) -> str:
        text = ngettext("Hold %(count)s student?", "Hold %(count)s students?", len(rows))
        return text % {"count": intcomma(len(rows))}

    def page_context(self, request: HttpRequest, row: Participant) -> dict[str, Any]:
        held = [*row.open_holds, *row.flow.open_holds]  # type: ignore[attr-defined]
        return super().page_context(request, row) | {
            "open_holds": held,
            "in_calls": holding.in_progress(participants=[row.pk]).in_calls if held else 0,
            "held_back": [] if held else held_back(participant=row),
        }
