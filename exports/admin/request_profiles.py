"""Request profiles: where a caller's body holds what, and what it would be read as."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminTextareaWidget

from courses.admin.base import LearnAdmin
from exports.grades.causes import Cause
from exports.grades.facts import Entry
from exports.models import RequestProfile
from exports.reading.body import Body, BodyError, UnreadableEntry, read
from exports.reading.profiles import DOCUMENTED, LearnUserRule, Rule

FORM = "requestprofile_form"  # Unfold's id of the form on the page of a profile
MOST_CHARACTERS = 200_000  # of a body that is tried
LINES_SHOWN = 100
EXAMPLE = '{"participants": [{"userId": 1, "mark": "75.0", "adminGrade": ""}]}'


class RequestProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        labels = {"learn_user_rule": "The Learn user is"}
        help_texts = {
            "name": "As administrators find it when they choose it for an API client.",
            "participants": "The list with one entry a person.",
            "flow_id": "Empty: the flow is named in the address that WISEflow calls.",
            "user_id": "It is sent back in the answer as it came, so let it find the id itself, not one put together.",
            "learn_user_id": "The batch uid in Learn, where the body has it.",
            "mark": "Numbers keep their digits as they are written.",
            "alternative_grade": "It overrides the mark.",
            "entry_source_code": "Decides the column, where a flow has one for each source.",
            "learn_user_rule": "",
        }


class TriedForm(RequestProfileForm):
    """The profile as it stands in the form, saved or not, and a body to try it on."""

    sample = forms.CharField(
        label="A body as WISEflow sends it",
        max_length=MOST_CHARACTERS,
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


def tried(body: Body, rule: LearnUserRule) -> Tried:
    lines = [tried_line(line, place, rule) for place, line in enumerate(body.lines, start=1)]
    return Tried(flow_id=body.flow_id, lines=lines)


def tried_line(line: Entry | UnreadableEntry, place: int, rule: LearnUserRule) -> TriedLine:
    if isinstance(line, UnreadableEntry):
        return TriedLine(place=place, trouble=Cause.NO_USER_ID.sentence(line.detail))
    learn_user_id = line.learn_user_id or rule.learn_user_of(line.user_id) or ""
    trouble = ""
    if line.fault:
        trouble = line.fault.sentence(line.fault_detail)
    elif not line.given:
        trouble = Cause.NO_ASSESSMENT.sentence()
    elif not learn_user_id:
        trouble = Cause.LEARN_USER_UNKNOWN.sentence(line.user_id)
    return TriedLine(place=place, entry=line, learn_user_id=learn_user_id, trouble=trouble)


def try_attrs() -> dict[str, str]:
    """Of the button that sends the form's values to be tried, without leaving the page where scripts run."""
    url = reverse("admin:exports_requestprofile_try")
    into = {"hx-target": "#tried", "hx-select": "#tried", "hx-swap": "outerHTML"}
    return {"formaction": url, "hx-post": url, "hx-include": f"#{FORM}"} | into


@admin.register(RequestProfile)
class RequestProfileAdmin(LearnAdmin):
    form = RequestProfileForm
    list_display = ["name", "participants", "user_id", "learn_user", "clients"]
    search_fields = ["name"]
    fieldsets = [
        (None, {"fields": ["name"]}),
        ("Looked for in the body", {"fields": ["participants", "flow_id", "source_code"]}),
        (
            "Looked for in each entry",
            {"fields": ["user_id", "mark", "alternative_grade", "learn_user_id", "entry_source_code", "added_by"]},
        ),
        (
            "Where neither the body nor the roster names a Learn user",
            {"fields": ["learn_user_rule", "learn_user_text"]},
        ),
    ]
    change_form_outer_after_template = "admin/exports/request_profile.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[RequestProfile]:
        profiles: QuerySet[RequestProfile] = super().get_queryset(request)
        return profiles.annotate(client_count=Count("api_clients"))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kw: Any) -> HttpResponse:
        context |= {"try_form": TriedForm(), "may_try": self.has_change_permission(request), "try_attrs": try_attrs()}
        response: HttpResponse = super().render_change_form(request, context, *args, **kw)
        return response

    def try_page(self, request: HttpRequest) -> HttpResponse:
        """What a body would be read as, by the form's values. Nothing is stored, nothing is sent."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        form = TriedForm(request.POST)
        context = {**self.admin_site.each_context(request), "title": "Try a body", "opts": self.opts, "try_form": form}
        if form.is_valid():
            try:
                context["tried"] = found = form.tried()
                context["lines"] = found.lines[:LINES_SHOWN]
                context["more_lines"] = max(0, len(found.lines) - LINES_SHOWN)
            except BodyError as error:
                context["refusal"] = str(error)
        return TemplateResponse(request, "admin/exports/request_profile_tried.html", context)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.try_page)
        return [path("try/", page, name="exports_requestprofile_try"), *super().get_urls()]

    @admin.display(description="Learn user")
    def learn_user(self, profile: RequestProfile) -> str:
        if profile.learn_user_rule == Rule.AS_IS:
            return Rule.AS_IS.label
        return f"{Rule(profile.learn_user_rule).label}: {profile.learn_user_text}"

    @admin.display(description="API clients")
    def clients(self, profile: Any) -> int:
        count: int = profile.client_count
        return count
