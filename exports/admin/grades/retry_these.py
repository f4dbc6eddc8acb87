"""*Retry these* and *Download*: all the failed that a list shows, or that an address names, without ticking them."""

from contextlib import suppress
from copy import copy
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from unfold.decorators import action

from exports.admin.grades.failed_files import ExportsFailed, download_failed
from exports.admin.grades.filters import FailedSince, moment_of
from exports.admin.grades.retry import RetriesFailed
from exports.delivering import finishing
from exports.grades.causes import Cause
from exports.models import ExportState, Flow
from exports.models.participant import ParticipantQuerySet
from exports.retrying import CHOSEN, Scope

# What an address may say of the failed that are meant, and the filter of the list that it is. All other filters and the
# search of the list are known by their own names: `attempt`, `run`, `q`.
SHORT_NAMES = {"cause": "cause__exact", "flow": "flow__exact", "since": FailedSince.parameter_name}
SCOPES = set(SHORT_NAMES.values())
STATE = "state__exact"
NO_FILTERS = ("p", "o", "all", "e")  # which page of the list, and in which order


class RetriesListed(ExportsFailed, RetriesFailed):
    """The participants' admin: pages that take the filters of its list, of which they mean the failed."""

    actions_list = ["retry_these", "failed_csv", "failed_xlsx"]
    unlinked: tuple[str, ...] = ("retry_these", "failed_csv", "failed_xlsx")

    def listed(self, request: HttpRequest) -> ChangeList:
        """The list of the failed that the address names. Raises IncorrectLookupParameters."""
        listing = copy(request)
        given = request.GET.copy()
        for name, lookup in SHORT_NAMES.items():
            if name in given:
                given[lookup] = given.pop(name)[-1]
        for name in NO_FILTERS:
            given.pop(name, None)
        if since := given.get(FailedSince.parameter_name):  # the last hour when it was asked, also once it is confirmed
            with suppress(ValueError):  # which the filter says
                given[FailedSince.parameter_name] = moment_of(since, timezone.now()).isoformat()
        given[STATE] = ExportState.FAILED.value
        listing.GET = given  # type: ignore[assignment]
        changes: ChangeList = self.get_changelist_instance(listing)
        return changes

    def has_view_failed_permission(self, request: HttpRequest) -> bool:
        allowed: bool = self.has_view_permission(request)
        return allowed

    @action(url_path="retry-these", permissions=["retry", "view_failed"])  # type: ignore[untyped-decorator]
    def retry_these(self, request: HttpRequest) -> HttpResponse:
        """Asks, and by POST does it."""
        try:
            changes = self.listed(request)
        except IncorrectLookupParameters:
            return self.not_understood(request)
        finishing.sweep()  # what a dead process left behind can be retried too
        failed: ParticipantQuerySet = changes.queryset.failed()
        here = f"{request.path}{changes.get_query_string()}"
        back_url = f"{self.list_url()}{changes.get_query_string()}"
        if request.POST.get("post") == "yes":
            scope, nothing_url = scope_of(changes), reverse("admin:index")
            return self.retry_confirmed(request, failed, {}, scope=scope, form_url=here, back_url=nothing_url)
        if not failed.exists():
            messages.warning(request, gettext("Nothing to retry: no grade here has failed."))
            return HttpResponseRedirect(reverse("admin:index"))
        return self.ask_to_retry(request, failed, {}, form_url=here, back_url=back_url)

    def not_understood(self, request: HttpRequest) -> HttpResponse:
        text = gettext("GradeBridge cannot read from this address which grades are meant. Nothing was done.")
        messages.error(request, text)
        return HttpResponseRedirect(f"{self.list_url()}?{urlencode({STATE: ExportState.FAILED})}")

    @action(url_path="failed.csv", permissions=["view_failed"])  # type: ignore[untyped-decorator]
    def failed_csv(self, request: HttpRequest) -> HttpResponse:
        return self.download_listed(request, "csv")

    @action(url_path="failed.xlsx", permissions=["view_failed"])  # type: ignore[untyped-decorator]
    def failed_xlsx(self, request: HttpRequest) -> HttpResponse:
        return self.download_listed(request, "xlsx")

    def download_listed(self, request: HttpRequest, ending: str) -> HttpResponse:
        try:
            changes = self.listed(request)
        except IncorrectLookupParameters:
            return self.not_understood(request)
        return download_failed(request, changes.queryset, ending)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A list of the failed has the buttons for all that it shows."""
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data and "cl" in response.context_data:
            changes: ChangeList = response.context_data["cl"]
            if shows_failed(changes):
                response.context_data["failed_listed"] = {
                    "number": changes.result_count,
                    "may_retry": self.has_retry_permission(request),
                    "query": changes.get_query_string(remove=NO_FILTERS),
                }
        return response


def shows_failed(changes: ChangeList) -> bool:
    return given(changes, STATE) == ExportState.FAILED or bool(given(changes, FailedSince.parameter_name))


def given(changes: ChangeList, name: str) -> str:
    value = changes.params.get(name, "")
    return str(value[-1] if isinstance(value, list) else value)


def scope_of(changes: ChangeList) -> Scope:
    """What a retry of the whole list is for. Whatever else it is filtered by makes it a choice."""
    if changes.query or set(changes.params) - SCOPES - {STATE}:
        return CHOSEN
    cause, flow = given(changes, "cause__exact"), given(changes, "flow__exact")
    since = given(changes, FailedSince.parameter_name)
    failed_since: datetime | None = moment_of(since, timezone.now()) if since else None
    return Scope(
        cause=Cause(cause) if cause else None,
        flow=Flow.objects.filter(pk=flow).first() if flow else None,
        failed_since=failed_since,
    )
