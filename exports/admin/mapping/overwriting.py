"""Overwriting on a flow's page: one person allows it before the first grade is delivered; afterwards two do."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.signing_in.recent import recently_signed_in
from exports import exempting
from exports.admin.grades.exemptions import RequestsExemptions
from exports.models import Exemption, Flow


class FlowForm(forms.ModelForm):  # type: ignore[type-arg]
    """Overwriting is greyed out where a second person must agree, and refused if it is sent all the same."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("allow_overwrite")
        if field and self.instance.pk and exempting.needs_second_person(self.instance):
            field.help_text = _("Grades have been delivered: use the button “Request overwriting”.")
            # Browsers do not send what is greyed out. What is sent came from a page older than the first grade.
            field.disabled = self.add_prefix("allow_overwrite") not in self.data

    def clean_allow_overwrite(self) -> bool:
        """The flow's row is locked, so a delivery is recorded before this, and seen, or after it."""
        is_allowed = bool(self.cleaned_data["allow_overwrite"])
        if is_allowed and self.instance.pk:
            now = Flow.objects.get(pk=self.instance.pk)
            if exempting.needs_second_person(now):
                raise forms.ValidationError(
                    gettext(
                        "Grades of this flow have been delivered, so a second person must agree to overwriting. Use "
                        "the button “Request overwriting”."
                    )
                )
        return is_allowed


class AllowsOverwriting(RequestsExemptions):
    """The flows' admin."""

    def has_overwriting_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("exports.change_flow")

    def offers(self, request: HttpRequest, row: Flow, button: str) -> bool:
        if button == "allow_overwriting":
            return exempting.needs_second_person(row)
        return super().offers(request, row, button)

    @action(  # type: ignore[untyped-decorator]
        description=_("Request overwriting"),
        url_path="allow-overwriting",
        permissions=["overwriting"],
        icon="edit_note",
    )
    @recently_signed_in
    def allow_overwriting(self, request: HttpRequest, object_id: str) -> HttpResponse:
        flow = self.row_or_404(request, object_id)
        kind = Exemption.Kind.ALLOW_OVERWRITE
        return self.exemption_page(request, flow, kind, exempting.ask_for_flow, exempting.refuse_flow)
