"""Requesting a correction, by a button on the participant's page. Another person decides (`corrections.py`)."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from common.admin.base import BaseAdmin
from common.admin.cells import address
from courses import sentences
from courses.models import NAME_LENGTH
from exports import correcting
from exports.admin.grades.guidance import may_configure
from exports.correcting import Obstacle
from exports.delivering import finishing
from exports.delivering.judging import person_facts
from exports.grades.facts import AlreadyExported, Refused, Send
from exports.grades.sentences import error_info
from exports.models import Correction, Flow, Participant
from exports.reading.body import grade_of
from exports.reading.values import Unreadable
from exports.requesting import REASON_LENGTH

FIELD_OF = {
    Obstacle.MARK_NOT_USABLE: "mark",
    Obstacle.UNCHANGED: "mark",
    Obstacle.REASON_NOT_USABLE: "reason",
}


SHOWS_OUTLOOK = {  # attributes of a field
    "hx-get": "",  # this page
    "hx-include": "[name=mark], [name=source_code]",
    "hx-select": "#outlook",
    "hx-target": "#outlook",
    "hx-swap": "outerHTML",
}


class CorrectionForm(forms.Form):
    """What is requested. What becomes of the mark is shown while it is typed."""

    mark = forms.CharField(
        label=_("New mark"),
        max_length=NAME_LENGTH,
        help_text=_("Enter the mark as in WISEflow. GradeBridge converts it for Learn as usual."),
        widget=UnfoldAdminTextInputWidget(
            attrs={
                "autocomplete": "off",
                "hx-trigger": "input changed delay:300ms",
                **SHOWS_OUTLOOK,
            }
        ),
    )
    source_code = forms.ChoiceField(
        label=_("Source"),
        required=False,
        help_text=_("This participant has a different grade in Learn for each source. Choose the one to correct."),
        widget=UnfoldAdminSelectWidget(attrs={"hx-trigger": "change", **SHOWS_OUTLOOK}),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        help_text=_("Why the grade in Learn must change. The reason is stored permanently."),
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


class AsksForCorrections(BaseAdmin):
    """The participants' admin."""

    def has_ask_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perms(["exports.add_correction", "exports.view_participant"])

    def offers(self, request: HttpRequest, row: Participant, button: str) -> bool:
        if button == "ask_correction":
            return is_correctable(row)
        return super().offers(request, row, button)

    @action(description=_("Request a correction"), url_path="ask-correction", permissions=["ask"], icon="edit")  # type: ignore[untyped-decorator]
    def ask_correction(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The form. With `mark` in the address, and a `source_code`, it shows what would become of that."""
        person = self.row_or_404(request, object_id)
        finishing.sweep(Flow.objects.filter(pk=person.flow_id))
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
        if form.is_valid() and (correction := ask(request, person, form)):
            messages.success(request, gettext("Correction requested. It will be sent when another person approves it."))
            return HttpResponseRedirect(address(correction))
        return self.page(
            request,
            "admin/exports/ask_correction.html",
            title=gettext("Request a correction"),
            participant=person,
            form=form,
            outlook=outlook(request, person, form.data.get("mark", mark), form.data.get("source_code", source_code)),
            back_url=address(person),
        )


def ask(request: HttpRequest, person: Participant, form: CorrectionForm) -> Correction | None:
    assert request.user.is_authenticated  # the admin lets no one else in
    try:
        return correcting.ask(person, **form.cleaned_data, by=request.user)
    except correcting.NotCorrectable as refusal:
        form.add_error(FIELD_OF.get(Obstacle(refusal.obstacle)), refusal.sentence)
        return None


def sources_to_choose(participant: Participant) -> list[tuple[str, str]]:
    """The sources of a person whose grades in Learn differ, each with its grade; none if one correction is enough."""
    person = person_facts(participant)
    if not correcting.has_different_grades(person):
        return []
    by_source = {code: correcting.grades_for(person, code) for code in person.export_sources()}
    return [(code, f"{code}: {grades[0].value}") for code, grades in by_source.items() if grades]


def is_correctable(participant: Participant) -> bool:
    """Whether a correction could be requested now."""
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


def outlook(request: HttpRequest, participant: Participant, mark: str, source_code: str = "") -> dict[str, Any]:
    """What is in Learn now, and what would become of the mark today, as `outlook.html` shows it."""
    in_learn = [grade for grade in person_facts(participant).grades if not grade.ended_as]
    grades = sorted(in_learn, key=lambda grade: (grade.is_left_behind, grade.source_code, grade.place))
    found: dict[str, Any] = {"now": grades, "places": [], "refusals": [], "unchanged": []}
    try:
        mark = grade_of(mark, NAME_LENGTH)
    except Unreadable as error:
        return {**found, "refusals": [sentences.ended(capfirst(str(error.at(gettext("the new mark")))))]}
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
                found["refusals"].append(error_info(cause, detail, may_configure=may_configure(request)))
    return found
