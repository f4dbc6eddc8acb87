"""Request profiles: where a caller's body holds what, and what it would be read as."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget

from common.history.pages import ConfigurationAdmin
from exports.admin.clients.kept_apart import KeptApart
from exports.grades.causes import Cause
from exports.grades.facts import Entry
from exports.grades.sentences import sentence
from exports.models import RequestProfile
from exports.reading.body import Body, BodyError, UnreadableEntry, read
from exports.reading.profiles import DOCUMENTED, LearnUserRule, Rule

FORM = "requestprofile_form"  # Unfold's id of the form on the page of a profile
MAX_CHARACTERS = 200_000  # of a body that is tried
LINES_SHOWN = 100
EXAMPLE = '{"participants": [{"userId": 1, "mark": "75.0", "adminGrade": ""}]}'


class RequestProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        labels = {"learn_user_rule": _("The Learn user is")}
        help_texts = {
            "name": _("The name that administrators choose for an API client."),
            "participants": _("The list with one entry for each person."),
            "flow_id": _("Leave empty if the address that WISEflow calls names the flow."),
            "user_id": _("Must return the id exactly as WISEflow sends it."),
            "learn_user_id": _("The batch uid in Learn, if the body has it."),
            "mark": _("Numbers keep their digits as written."),
            "alternative_grade": _("Overrides the mark."),
            "entry_source_code": _("Decides the column if a flow has one for each source."),
            "learn_user_rule": "",
        }


class TriedForm(RequestProfileForm):
    """The profile as the form has it, saved or not, and a body to try it on."""

    sample = forms.CharField(
        label=_("A body as WISEflow sends it"),
        max_length=MAX_CHARACTERS,
        strip=False,
        widget=UnfoldAdminTextareaWidget(
            attrs={"form": FORM, "rows": 8, "placeholder": EXAMPLE, "spellcheck": "false", "autocomplete": "off"}
        ),
    )

    class Meta(RequestProfileForm.Meta):
        model = RequestProfile
        fields = [*DOCUMENTED, "learn_user_rule", "learn_user_text"]

    def tried(self) -> "Tried":
        """Raises BodyError."""
        profile: RequestProfile = self.instance
        return tried(read(self.cleaned_data["sample"].encode("utf-8", "replace"), profile.profile()), profile.rule())

    def doubt(self) -> str:
        """What the profile does not find in the body; empty where it finds people with grades."""
        try:
            return self.tried().doubt
        except BodyError as error:
            return str(error)


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedLine:
    """One entry as it would be read, and what is wrong with it."""

    place: int
    entry: Entry | None = None
    learn_user_id: str = ""
    trouble: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    flow_id: str
    lines: list[TriedLine]

    @property
    def troubles(self) -> int:
        return sum(bool(line.trouble) for line in self.lines)

    @property
    def doubt(self) -> str:
        """What the profile does not find in the whole body; empty where it finds people with grades."""
        entries = [line.entry for line in self.lines if line.entry]
        if not self.lines:
            return gettext("The list of participants is empty.")
        if not entries:
            return gettext("No user id was found in any entry.")
        if not any(entry.given or entry.fault for entry in entries):
            return gettext("No mark and no alternative grade was found in any entry.")
        return ""


def tried(body: Body, rule: LearnUserRule) -> Tried:
    lines = [tried_line(line, place, rule) for place, line in enumerate(body.lines, start=1)]
    return Tried(flow_id=body.flow_id, lines=lines)


def tried_line(line: Entry | UnreadableEntry, place: int, rule: LearnUserRule) -> TriedLine:
    if isinstance(line, UnreadableEntry):
        return TriedLine(place=place, trouble=sentence(Cause.NO_USER_ID, line.detail))
    learn_user_id = line.learn_user_id or rule.learn_user_of(line.user_id) or ""
    trouble = ""
    if line.fault:
        trouble = sentence(line.fault, line.fault_detail)
    elif not line.given:
        trouble = sentence(Cause.NO_ASSESSMENT, {})
    elif not learn_user_id:
        trouble = sentence(Cause.LEARN_USER_UNKNOWN, {"user_id": line.user_id})
    return TriedLine(place=place, entry=line, learn_user_id=learn_user_id, trouble=trouble)


def try_attrs() -> dict[str, str]:
    """Of the button that sends the form's values to be tried, without leaving the page where scripts run."""
    url = reverse("admin:exports_requestprofile_try_body")
    into = {"hx-target": "#tried", "hx-select": "#tried", "hx-swap": "outerHTML"}
    return {"formaction": url, "hx-post": url, "hx-include": f"#{FORM}"} | into


@admin.register(RequestProfile)
class RequestProfileAdmin(KeptApart, ConfigurationAdmin):
    actions_list = ["try_body"]
    unlinked = ("try_body",)
    form = RequestProfileForm
    list_display = ["name", "participants", "user_id", "learn_user", "clients"]
    search_fields = ["name"]
    fieldsets = [
        (None, {"fields": ["name"]}),
        (_("Found in the body"), {"fields": ["participants", "flow_id", "source_code"]}),
        (
            _("Found in each entry"),
            {"fields": ["user_id", "mark", "alternative_grade", "learn_user_id", "entry_source_code", "added_by"]},
        ),
        (
            _("If neither the body nor the roster names a Learn user"),
            {"fields": ["learn_user_rule", "learn_user_text"]},
        ),
    ]
    change_form_outer_after_template = "admin/exports/request_profile.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[RequestProfile]:
        profiles: QuerySet[RequestProfile] = super().get_queryset(request)
        return profiles.annotate(client_count=Count("api_clients"))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kw: Any) -> HttpResponse:
        form = TriedForm(initial={"sample": request.POST.get("sample", "")})  # what was pasted stays
        context |= {"try_form": form, "may_try": self.has_change_permission(request), "try_attrs": try_attrs()}
        response: HttpResponse = super().render_change_form(request, context, *args, **kw)
        return response

    def save_model(self, request: HttpRequest, obj: RequestProfile, form: Any, change: bool) -> None:
        """A profile that finds nothing in the body that was pasted to try it is saved, with a warning."""
        super().save_model(request, obj, form, change)
        tried_form = TriedForm(request.POST)
        if tried_form.is_valid() and (doubt := tried_form.doubt()):
            text = gettext("In the body under Try it, this profile finds no grades: %(doubt)s")
            messages.warning(request, text % {"doubt": doubt})

    @action(url_path="try", permissions=["change"])  # type: ignore[untyped-decorator]
    def try_body(self, request: HttpRequest) -> HttpResponse:
        """What a body would be read as, by the form's values. Nothing is stored, nothing is sent."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = TriedForm(request.POST)
        context: dict[str, Any] = {"try_form": form}
        if form.is_valid():
            try:
                context["tried"] = found = form.tried()
                context["lines"] = found.lines[:LINES_SHOWN]
                context["more_lines"] = max(0, len(found.lines) - LINES_SHOWN)
            except BodyError as error:
                context["refusal"] = str(error)
        return self.page(request, "admin/exports/request_profile_tried.html", title=gettext("Try a body"), **context)

    @admin.display(description=_("Learn user"))
    def learn_user(self, profile: RequestProfile) -> str:
        if profile.learn_user_rule == Rule.AS_IS:
            return str(Rule.AS_IS.label)
        rule = {"rule": Rule(profile.learn_user_rule).label, "text": profile.learn_user_text}
        return gettext("%(rule)s: %(text)s") % rule

    @admin.display(description=_("API clients"))
    def clients(self, profile: Any) -> int:
        count: int = profile.client_count
        return count
