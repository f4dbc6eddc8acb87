"""Rehearse an export: what would become of a body from WISEflow, without an export. Nothing of it is stored."""

from collections import Counter
from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from common.admin.base import site_page
from exports.models import ApiClient, Flow
from exports.models.api_client import FLOW_REFUSED
from exports.reading.body import ID_LENGTH, BodyError, TooManyParticipants, resolve_flow_id
from exports.receiving import read_from
from exports.rehearsing import Outcome, Rehearsal, rehearse

NEEDED = ["exports.view_flow", "exports.view_participant"]  # the verdicts show who has which grade
MAY_CHOOSE_CLIENT = "exports.view_apiclient"
LINES_SHOWN = 200  # those that would be refused first
EXAMPLE = '{"participants": [{"userId": 1, "mark": "75.0", "adminGrade": ""}]}'


class BodyTooLarge(BodyError):
    """It has more bytes than are allowed."""


class FlowRefused(BodyError):
    """The client may not use the flow."""


class RehearsalForm(forms.Form):
    """A body as WISEflow would send it, pasted or in a file, and by whom."""

    flow_id = forms.CharField(
        label=_("Flow id"),
        max_length=ID_LENGTH,
        required=False,
        help_text=_("As in the address that WISEflow calls. Leave empty if the body names the flow."),
        widget=UnfoldAdminTextInputWidget,
    )
    client = forms.ModelChoiceField(
        label=_("API client"),
        queryset=ApiClient.objects.filter(is_active=True).select_related("profile"),
        required=False,
        empty_label=_("None: the documented format"),
        help_text=_("Whose request profile applies."),
        widget=UnfoldAdminSelectWidget,
    )
    file = forms.FileField(label=_("JSON file"), required=False, widget=UnfoldAdminFileFieldWidget)
    body = forms.CharField(
        label=_("Or paste the JSON"),
        required=False,
        strip=False,
        help_text=_("Up to 2 MB; choose a file for more."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "placeholder": EXAMPLE, "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, may_choose_client: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_choose_client:
            del self.fields["client"]
            self.fields["flow_id"].help_text = _(
                "As in the address that WISEflow calls. Leave empty if the body names the flow. "
                "The request profile of the client that exported it last applies."
            )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if bool(given.get("file")) == bool(given.get("body", "").strip()):
            raise forms.ValidationError(gettext("Choose a file or paste a body, not both."))
        return given

    def rehearse(self) -> Rehearsal:
        """Raises BodyError, with the sentence that WISEflow would receive."""
        content = self.content()
        client = self.caller(content)
        body = read_from(client, content)
        flow_id = resolve_flow_id(self.cleaned_data["flow_id"], body.flow_id)
        if client is not None and not client.may_use(flow_id):
            raise FlowRefused(str(FLOW_REFUSED))
        return rehearse(flow_id, body, client)

    def content(self) -> bytes:
        """The body. A file that is too large is never read into memory. Raises BodyTooLarge."""
        file, limit = self.cleaned_data["file"], settings.EXPORT_MAX_BYTES
        pasted = b"" if file else self.cleaned_data["body"].encode()
        if (file.size if file else len(pasted)) > limit:
            raise BodyTooLarge(
                gettext("The body is larger than %(bytes)s bytes (EXPORT_MAX_BYTES).") % {"bytes": limit}
            )
        return file.read() if file else pasted

    def caller(self, content: bytes) -> ApiClient | None:
        """The chosen one; without a choice, who exported the flow last. A body that names it is a documented one."""
        if "client" in self.fields:
            chosen: ApiClient | None = self.cleaned_data["client"]
            return chosen
        flow_id = self.cleaned_data["flow_id"] or read_from(None, content).flow_id
        flow = Flow.objects.filter(flow_id=flow_id).first()
        return flow.latest_client() if flow else None


STATUSES: dict[type[BodyError], int] = {BodyTooLarge: 413, TooManyParticipants: 413, FlowRefused: 403}


@permission_required(NEEDED, raise_exception=True)
def rehearse_page(request: HttpRequest, flow: int | None = None) -> HttpResponse:
    """`flow`: the primary key of the one whose page leads here."""
    known = None if flow is None else get_object_or_404(Flow, pk=flow)
    found: dict[str, Any] = {}
    may_choose = request.user.has_perm(MAY_CHOOSE_CLIENT)
    initial = {"flow_id": known.flow_id if known else "", "client": likely_client(known)}
    form = RehearsalForm(initial=initial, may_choose_client=may_choose)
    if request.method == "POST":
        form = RehearsalForm(request.POST, request.FILES, may_choose_client=may_choose)
        if form.is_valid():
            try:
                found = verdicts(form.rehearse())
            except BodyError as error:
                status = STATUSES.get(type(error), 400)
                text = gettext("WISEflow would receive an error (%(status)s): %(error)s")
                form.add_error(None, text % {"status": status, "error": error})
    return site_page(request, "admin/exports/rehearse.html", title=gettext("Rehearse an export"), form=form, **found)


def likely_client(flow: Flow | None) -> ApiClient | None:
    """Who exported the flow last, else the only client that there is."""
    if flow and (latest := flow.latest_client()):
        return latest
    active = ApiClient.objects.filter(is_active=True)[:2]
    return active[0] if len(active) == 1 else None


def verdicts(rehearsal: Rehearsal) -> dict[str, Any]:
    """The rehearsal as the page shows it."""
    outcomes = Counter(line.outcome for line in rehearsal.lines)
    columns = Counter((line.course_id, line.column_name) for line in rehearsal.lines if line.outcome is Outcome.SEND)
    causes = Counter(line.cause for line in rehearsal.lines if line.cause)
    refused_first = sorted(rehearsal.lines, key=lambda line: line.outcome is not Outcome.REFUSED)
    return {
        "rehearsal": rehearsal,
        "counts": [(outcome, outcomes[outcome]) for outcome in Outcome],
        "columns": columns.most_common(),
        "causes": causes.most_common(),
        "lines": [replace(line, user_id=printable(line.user_id)) for line in refused_first[:LINES_SHOWN]],
        "more_lines": max(0, len(rehearsal.lines) - LINES_SHOWN),
    }


def printable(user_id: Any) -> Any:
    """A user id as it came may hold half a character, which no page can be written with."""
    if not isinstance(user_id, str):
        return user_id
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in user_id)
