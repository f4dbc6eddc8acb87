"""The action `Retry failed grades`: what would happen is shown first, and happens once that is confirmed."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.admin import ModelAdmin

from common.admin.cells import address, link
from courses import quota
from exports import retrying
from exports.admin.forecast import forecast
from exports.delivering import settling
from exports.models.participant import ParticipantQuerySet
from exports.retrying import Retry

MOST_LINKS = 5  # to attempts, in one message


class RetriesFailed(ModelAdmin):  # type: ignore[misc]  # Unfold is untyped
    """The admin of whatever has failed participants: the action, and a page for a button to lead to.

    Both lead to one form, which sends the action to the list again with `post=yes`.
    """

    actions = ["retry_failed"]

    def failed_among(self, queryset: Any) -> ParticipantQuerySet:
        """The failed participants that the chosen rows stand for."""
        raise NotImplementedError

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("exports.retry")

    @admin.action(description="Retry failed grades", permissions=["retry"])
    def retry_failed(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        settling.sweep()  # what a dead process left behind can be retried too
        failed = self.failed_among(queryset)
        if not failed.exists():
            messages.warning(request, "Nothing to retry: no grade of your selection is failed.")
            return None
        if request.POST.get("post") != "yes":
            selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
            here = request.get_full_path()
            return self.confirm(request, failed, selected=selected, form_url=here, back_url=here)
        assert request.user.is_authenticated  # the admin lets nobody else in
        outcome = retrying.retry(failed, by=request.user)
        tell(request, outcome)
        return HttpResponseRedirect(address(outcome.attempts[0])) if len(outcome.attempts) == 1 else None

    def confirm(
        self,
        request: HttpRequest,
        failed: ParticipantQuerySet,
        *,
        selected: Sequence[str],
        form_url: str,
        back_url: str,
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Retry failed grades",
            "opts": self.opts,
            "forecast": (expected := forecast(failed)),
            "quota": quota.forecast(expected.failed, now=timezone.localtime()),
            "selected": selected,
            "select_across": request.POST.get("select_across", "0"),
            "form_url": form_url,
            "back_url": back_url,
        }
        return TemplateResponse(request, "admin/exports/retry.html", context)

    def retry_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The same for one row, by the button on its page."""
        if not (self.has_retry_permission(request) and self.has_view_or_change_permission(request)):
            raise PermissionDenied
        page = reverse(self._route("change"), args=[pk])
        settling.sweep()
        failed = self.failed_among(self.get_queryset(request).filter(pk=pk))
        if not failed.exists():
            messages.warning(request, "Nothing to retry: no grade here is failed.")
            return HttpResponseRedirect(page)
        changelist = reverse(self._route("changelist"))
        return self.confirm(request, failed, selected=[str(pk)], form_url=changelist, back_url=page)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.retry_page)
        name = self._route("retry").removeprefix("admin:")
        return [path("<int:pk>/retry/", page, name=name), *super().get_urls()]

    def _route(self, page: str) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"


def tell(request: HttpRequest, outcome: Retry) -> None:
    """What was recorded, with links to where it can be watched."""
    links = format_html_join(", ", "{}", ((link(attempt),) for attempt in outcome.attempts[:MOST_LINKS]))
    more = len(outcome.attempts) - MOST_LINKS
    text = format_html("{} {}{}", outcome.sentence(), links, f" and {more} more attempts" if more > 0 else "")
    messages.add_message(request, messages.SUCCESS if outcome.queued else messages.WARNING, text)
