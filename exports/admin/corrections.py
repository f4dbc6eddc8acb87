"""Corrections: asked for on a participant's page, decided by somebody else, kept as history."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.text import Truncator
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from common.admin.cells import address, link, state_pill
from common.admin.filters import OnlyChosen
from common.admin.read_only import HistoryAdmin
from courses.models import NAME_LENGTH
from exports import correcting
from exports.admin.filters import Undelivered
from exports.delivering import settling
from exports.delivering.judging import person_facts
from exports.grades.causes import Cause
from exports.grades.facts import AlreadyExported, PlacedGrade, Refused, Send
from exports.models import Correction, Delivery, ExportState, Flow, Participant
from exports.reading.body import grade_of

MOST_CHARACTERS = 60  # of a flow's title or a reason in a cell

FIELD_OF: dict[type[correcting.NotCorrectable], str] = {
    correcting.MarkNotUsable: "mark",
    correcting.Unchanged: "mark",
    correcting.ReasonNotUsable: "reason",
}


SHOWS_OUTLOOK = {  # attributes of a field
    "hx-get": "",  # this page
    "hx-include": "[name=mark], [name=source_code]",
    "hx-select": "#outlook",
    "hx-target": "#outlook",
    "hx-swap": "outerHTML",
}


class CorrectionForm(forms.Form):
    """What the asker says. What becomes of the mark is shown while it is typed."""

    mark = forms.CharField(
        label="New mark",
        max_length=NAME_LENGTH,
        help_text="As an assessor would give it in WISEflow: it is translated like any other mark.",
        widget=UnfoldAdminTextInputWidget(
            attrs={
                "autocomplete": "off",
                "hx-trigger": "input changed delay:300ms",
                **SHOWS_OUTLOOK,
            }
        ),
    )
    source_code = forms.ChoiceField(
        label="Source",
        required=False,
        help_text="Different grades are in Learn for the sources of this person: choose the one to correct.",
        widget=UnfoldAdminSelectWidget(attrs={"hx-trigger": "change", **SHOWS_OUTLOOK}),
    )
    reason = forms.CharField(
        max_length=correcting.REASON_LENGTH,
        help_text="Why the grade in Learn must change. It is kept for good.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, sources: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if sources:
            field = self.fields["source_code"]
            assert isinstance(field, forms.ChoiceField)
            field.choices, field.required = list(sources), True
        else:
            del self.fields["source_code"]


@admin.register(Correction)
class CorrectionAdmin(HistoryAdmin):
    list_display = ["user_id", "of_flow", "change", "short_reason", "standing", "delivery", "asked", "decided"]
    list_filter = ["state", Undelivered, ("participant", OnlyChosen)]
    list_select_related = ["participant__flow", "asked_by", "decided_by", "attempt"]
    search_fields = ["participant__user_id", "participant__learn_user_id"]
    search_help_text = "WISEflow or Learn user id, flow id or title"
    fieldsets = [
        (
            "What",
            {
                "fields": [
                    ("of_participant", "of_flow"),
                    ("mark_before", "value_before"),
                    ("mark", "source_code"),
                    "reason",
                ]
            },
        ),
        ("Who and when", {"fields": ["standing", "delivery", ("asked_by", "asked_at"), ("decided_by", "decided_at")]}),
    ]
    readonly_fields = ["of_participant", "of_flow", "standing", "delivery"]
    change_form_outer_before_template = "admin/exports/correction.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Correction], search_term: str
    ) -> tuple[QuerySet[Correction], bool]:
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        if search_term:
            flows = Flow.objects.filter(Q(flow_id__icontains=search_term) | Q(title__icontains=search_term))
            found |= queryset.filter(participant__flow__in=flows.order_by())
        return found, may_have_duplicates

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        correction = self.get_object(request, object_id)
        context = self.standing_of(correction, request) if correction else {}
        response: HttpResponse = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        return response

    def standing_of(self, correction: Correction, request: HttpRequest) -> dict[str, Any]:
        waits = correction.state == Correction.State.ASKED
        is_own = correction.asked_by_id == request.user.pk
        may_decide = waits and not is_own and may_approve(request)
        why_not = why_not_approve(correction, request) if may_decide else ""
        return {
            "participant": correction.participant,
            "may_take_back": waits and is_own,
            "may_decline": may_decide,
            "may_approve": may_decide and not why_not,
            "why_not": why_not,
            "outlook": outlook(correction.participant, correction.mark, correction.source_code) if waits else {},
            "in_learn": in_learn(correction),
            "is_undelivered": Correction.objects.undelivered().filter(pk=correction.pk).exists(),
        }

    # The pages

    def ask_page(self, request: HttpRequest, participant: int) -> HttpResponse:
        """The form. With `mark` in the address, and a `source_code`, it says what would become of that."""
        if not may_ask(request):
            raise PermissionDenied
        person = get_object_or_404(Participant.objects.select_related("flow"), pk=participant)
        settling.sweep(Flow.objects.filter(pk=person.flow_id))
        try:
            correcting.refuse_asking(person)
        except correcting.NotCorrectable as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(address(person))
        mark = request.GET.get("mark", proposed_mark(person))
        sources = sources_to_choose(person)
        source_code = request.GET.get("source_code", sources[0][0] if sources else "")
        initial = {"mark": mark, "source_code": source_code}
        form = CorrectionForm(request.POST if request.method == "POST" else None, initial=initial, sources=sources)
        if form.is_valid() and (correction := self.ask(request, person, form)):
            messages.success(request, "Asked for. It is sent once somebody else has approved it.")
            return HttpResponseRedirect(address(correction))
        context = {
            **self.admin_site.each_context(request),
            "title": "Ask for a correction",
            "opts": self.opts,
            "participant": person,
            "form": form,
            "outlook": outlook(person, form.data.get("mark", mark), form.data.get("source_code", source_code)),
            "back_url": address(person),
        }
        return TemplateResponse(request, "admin/exports/ask_correction.html", context)

    def ask(self, request: HttpRequest, person: Participant, form: CorrectionForm) -> Correction | None:
        assert request.user.is_authenticated  # the admin lets nobody else in
        try:
            return correcting.ask(person, **form.cleaned_data, by=request.user)
        except correcting.NotCorrectable as refusal:
            form.add_error(FIELD_OF.get(type(refusal)), str(refusal))
            return None

    def approve_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks first: what reaches Learn cannot be recalled."""
        if not may_approve(request):
            raise PermissionDenied
        correction = self.find(pk)
        if request.method == "POST":
            return self.approve(request, correction)
        if why_not := why_not_approve(correction, request):
            messages.error(request, why_not)
            return HttpResponseRedirect(address(correction))
        context = {
            **self.admin_site.each_context(request),
            "title": "Approve a correction",
            "opts": self.opts,
            "correction": correction,
            "outlook": outlook(correction.participant, correction.mark, correction.source_code),
            "back_url": address(correction),
        }
        return TemplateResponse(request, "admin/exports/approve_correction.html", context)

    def approve(self, request: HttpRequest, correction: Correction) -> HttpResponse:
        assert request.user.is_authenticated
        try:
            approved = correcting.approve(correction, by=request.user)
        except correcting.NotCorrectable as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(address(correction))
        assert approved.attempt is not None
        failures_first = approved.attempt.deliveries.order_by("settled_at")
        delivery = failures_first.exclude(state=Delivery.State.DELIVERED).first() or failures_first[0]
        messages.add_message(request, *outcome(delivery, correction.mark))
        return HttpResponseRedirect(address(approved.attempt if approved.attempt.finished_at is None else approved))

    def decline_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        correction = self.find(pk)
        assert request.user.is_authenticated
        is_own = correction.asked_by_id == request.user.pk
        if not (may_approve(request) or is_own):
            raise PermissionDenied
        try:
            correcting.decline(correction, by=request.user)
        except correcting.NotCorrectable as refusal:
            messages.error(request, str(refusal))
        else:
            messages.info(request, f"{'Taken back' if is_own else 'Declined'}. The grade in Learn stays as it is.")
        return HttpResponseRedirect(address(correction))

    def find(self, pk: int) -> Correction:
        return get_object_or_404(Correction.objects.select_related("participant__flow", "asked_by"), pk=pk)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view
        return [
            path("ask/<int:participant>/", page(self.ask_page), name="exports_correction_ask"),
            path("<int:pk>/approve/", page(self.approve_page), name="exports_correction_approve"),
            path("<int:pk>/decline/", page(self.decline_page), name="exports_correction_decline"),
            *super().get_urls(),
        ]

    # The cells

    @admin.display(description="User id")
    def user_id(self, correction: Correction) -> str:
        return correction.participant.user_id

    @admin.display(description="Participant")
    def of_participant(self, correction: Correction) -> str:
        return link(correction.participant, correction.participant.user_id)

    @admin.display(description="Flow")
    def of_flow(self, correction: Correction) -> str:
        return link(correction.participant.flow, Truncator(correction.participant.flow).chars(MOST_CHARACTERS))

    @admin.display(description="Mark")
    def change(self, correction: Correction) -> str:
        return f"{correction.mark_before} → {correction.mark}"

    @admin.display(description="Reason")
    def short_reason(self, correction: Correction) -> str:
        return Truncator(correction.reason).chars(MOST_CHARACTERS)

    @admin.display(description="State")
    def standing(self, correction: Correction) -> str:
        return state_pill(correction)

    @admin.display(description="Attempt")
    def delivery(self, correction: Correction) -> str | None:
        """Its own attempt: what came of a later retry, that retry says."""
        if attempt := correction.attempt:
            return format_html("{} {}", link(attempt, attempt.pk), state_pill(attempt))
        return "Purged" if correction.state == Correction.State.APPROVED else None

    @admin.display(description="Asked for")
    def asked(self, correction: Correction) -> str:
        return by_and_when(correction.asked_by, correction.asked_at)

    @admin.display(description="Decided")
    def decided(self, correction: Correction) -> str | None:
        return by_and_when(correction.decided_by, correction.decided_at) if correction.decided_by else None


def by_and_when(who: object, when: Any) -> str:
    return f"{who}, {formats.date_format(timezone.localtime(when), 'SHORT_DATETIME_FORMAT')}"


def may_ask(request: HttpRequest) -> bool:
    return request.user.has_perms(["exports.add_correction", "exports.view_participant"])


def may_approve(request: HttpRequest) -> bool:
    return request.user.has_perms(["exports.approve_correction", "exports.view_correction"])


def why_not_approve(correction: Correction, request: HttpRequest) -> str:
    """Why whoever makes the request could not approve it now; empty if they could."""
    assert request.user.is_authenticated
    try:
        correcting.waiting(correction)
        correcting.refuse_approval(correction, correction.participant, by=request.user)
    except correcting.NotCorrectable as refusal:
        return str(refusal)
    return ""


def in_learn(correction: Correction) -> PlacedGrade | None:
    """What is in Learn for certain, if that is the correction's mark."""
    mine = correcting.grades_for(person_facts(correction.participant), correction.source_code)
    same = all(grade.mark == correction.mark and not grade.ended_as for grade in mine)
    return mine[0] if mine and same and correction.participant.state == ExportState.EXPORTED else None


def sources_to_choose(participant: Participant) -> list[tuple[str, str]]:
    """The sources of a person whose grades in Learn differ, each with its grade; none where one correction does."""
    person = person_facts(participant)
    if not correcting.has_different_grades(person):
        return []
    by_source = {code: correcting.grades_for(person, code) for code in person.export_sources()}
    return [(code, f"{code}: {grades[0].value}") for code, grades in by_source.items() if grades]


def is_correctable(participant: Participant) -> bool:
    """Whether a correction could be asked for now."""
    try:
        correcting.refuse_asking(participant)
    except correcting.NotCorrectable:
        return False
    return True


def proposed_mark(participant: Participant) -> str:
    """What WISEflow changed it to, if it did."""
    if not participant.changed_since_export or participant.alternative_grade:
        return ""
    return participant.mark


def outlook(participant: Participant, mark: str, source_code: str = "") -> dict[str, Any]:
    """What is in Learn now, and what would become of the mark today, as `outlook.html` shows it."""
    in_learn = [grade for grade in person_facts(participant).grades if not grade.ended_as]
    grades = sorted(in_learn, key=lambda grade: (grade.is_left_behind, grade.source_code, grade.place))
    found: dict[str, Any] = {"now": grades, "places": [], "refusals": [], "unchanged": []}
    try:
        mark = grade_of(mark, NAME_LENGTH)
    except ValueError as reason:
        return {**found, "refusals": [f"The new mark is not usable: it {reason}."]}
    if not mark:
        return found
    for entry, verdict in correcting.foresee(participant, mark, source_code).items():
        match verdict:
            case Send():
                left = [grade for grade in grades if grade.source_code in (entry.source_code, "")]
                found["places"].append((verdict, [grade for grade in left if grade.place != verdict.place]))
            case AlreadyExported(value):
                found["unchanged"].append(value)
            case Refused(cause, detail):
                found["refusals"].append(cause.error_info(detail))
    return found


def outcome(delivery: Delivery, mark: str) -> tuple[int, str]:
    """What to tell who has approved it."""
    if delivery.state == Delivery.State.REFUSED:
        why = Cause(delivery.cause).error_info(delivery.detail)
        return messages.WARNING, f"Approved, but a rule keeps {mark} from being sent. {why}"
    if delivery.state == Delivery.State.DELIVERED:
        return messages.SUCCESS, f"Approved. Learn shows {delivery.value} already, so nothing was sent."
    return messages.SUCCESS, f"Approved: {delivery.value} is on the way to Learn."
