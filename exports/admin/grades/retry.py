"""The action `Retry failed grades`: what would happen is shown first, and happens once that is confirmed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID, uuid4

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from common.admin.base import BaseAdmin, name_of
from common.admin.cells import address
from courses import quota
from exports import retrying
from exports.admin.grades.forecast import forecast
from exports.delivering import finishing
from exports.models.participant import ParticipantQuerySet
from exports.retrying import CHOSEN, Retry, Scope

Rows = Mapping[str, Sequence[str]]  # which rows of a list were chosen, as its form sends them


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What a person has seen before they confirm a retry: `seen` failed grades, at `seen_at` (aware).

    Its form sends it along, so that no more is retried than was shown, and a double click starts one retry.
    """

    token: UUID
    seen_at: datetime
    seen: int

    @classmethod
    def read(cls, posted: Mapping[str, str]) -> Self | None:
        """None where it was not sent along, or not as it was written: then all that has failed is meant."""
        try:
            return cls(
                token=UUID(posted["token"]),
                seen_at=datetime.fromisoformat(posted["seen_at"]).astimezone(UTC),
                seen=int(posted["seen"]),
            )
        except (KeyError, ValueError, OverflowError):
            return None

    def hidden(self) -> dict[str, str]:
        return {"token": str(self.token), "seen_at": self.seen_at.isoformat(), "seen": str(self.seen)}

    def seen_among(self, failed: ParticipantQuerySet) -> ParticipantQuerySet:
        """Without those who have failed since. A failure that was recorded long ago has no time."""
        return failed.filter(Q(failed_at__isnull=True) | Q(failed_at__lte=self.seen_at))


class RetriesFailed(BaseAdmin):
    """The admin of whatever has failed participants: the action of its list, and the button `retry` of a row's page.

    Both lead to one form, which sends the action to the list again with `post=yes`.
    """

    actions = ["retry_failed"]
    actions_detail = ["retry"]

    def failed_among(self, queryset: Any) -> ParticipantQuerySet:
        """The failed participants that the chosen rows stand for."""
        raise NotImplementedError

    def scope_of(self, row: Any) -> Scope:
        """What a retry of all the failed of a row is for."""
        return CHOSEN

    def has_retry_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("exports.retry")

    @admin.action(description=_("Retry failed grades"), permissions=["retry"])
    def retry_failed(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        finishing.sweep()  # what a dead process left behind can be retried too
        failed = self.failed_among(queryset)
        here = request.get_full_path()
        again = {name: request.POST.getlist(name) for name in (ACTION_CHECKBOX_NAME, "select_across")}
        if request.POST.get("post") == "yes":
            chosen = [] if request.POST.get("select_across", "0") != "0" else list(queryset[:2])
            scope = self.scope_of(chosen[0]) if len(chosen) == 1 else CHOSEN
            return self.retry_confirmed(request, failed, again, scope=scope, form_url=here, back_url=here)
        if not failed.exists():
            messages.warning(request, gettext("Nothing to retry: no grade of your selection has failed."))
            return None
        return self.ask_to_retry(request, failed, again, form_url=here, back_url=here)

    def ask_to_retry(
        self,
        request: HttpRequest,
        failed: ParticipantQuerySet,
        again: Rows,
        *,
        form_url: str,
        back_url: str,
        has_grown: bool = False,
    ) -> HttpResponse:
        seen_at = timezone.now()
        expected = forecast(failed)
        question = Question(token=uuid4(), seen_at=seen_at, seen=failed.count())
        return self.confirm_page(
            request,
            "admin/exports/retry.html",
            title=gettext("Retry failed grades"),
            back_url=back_url,
            again={**again, "action": "retry_failed", "post": "yes", **question.hidden()},
            form_url=form_url,
            forecast=expected,
            has_grown=has_grown,
            quota=quota.forecast(expected.sendable, now=timezone.localtime()),
        )

    def retry_confirmed(
        self,
        request: HttpRequest,
        failed: ParticipantQuerySet,
        again: Rows,
        *,
        scope: Scope,
        form_url: str,
        back_url: str,
    ) -> HttpResponse:
        """Do what was confirmed, no more, and show where it can be watched."""
        assert request.user.is_authenticated  # the admin lets no one else in
        question = Question.read(request.POST)
        seen, newer = failed, 0
        if question:
            seen = question.seen_among(failed)
            known = seen.count()
            if known > question.seen:  # recorded just then: they have failed earlier than the question was shown
                return self.ask_to_retry(request, failed, again, form_url=form_url, back_url=back_url, has_grown=True)
            newer = failed.count() - known
        outcome = retrying.retry(seen, by=request.user, scope=scope, token=question.token if question else None)
        if not outcome.run:
            messages.warning(request, gettext("Nothing to retry: no grade of your selection has failed."))
            return HttpResponseRedirect(back_url)
        report(request, outcome, newer=newer)
        is_one = len(outcome.attempts) == 1
        return HttpResponseRedirect(address(outcome.attempts[0] if is_one else outcome.run))

    @action(  # type: ignore[untyped-decorator]
        description=_("Retry failed grades"),
        url_path="retry",
        permissions=["retry", "view_or_change"],
        icon="replay",
        variant=ActionVariant.PRIMARY,
    )
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same for one row."""
        row = self.row_or_404(request, object_id)
        finishing.sweep()
        failed = self.failed_among(self.get_queryset(request).filter(pk=row.pk))
        if not failed.exists():
            messages.warning(request, gettext("Nothing to retry: no grade here has failed."))
            return HttpResponseRedirect(address(row))
        again = {ACTION_CHECKBOX_NAME: [str(row.pk)]}
        return self.ask_to_retry(request, failed, again, form_url=self.list_url(), back_url=address(row))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """The button says how many grades it is about, and is not there where it is about none."""
        buttons = super().get_actions_detail(request, object_id)
        failed = 0
        if any(name_of(button) == "retry" for button in buttons):
            failed = self.failed_among(self.get_queryset(request).filter(pk=object_id)).count()
        return [
            labelled(button, failed) if name_of(button) == "retry" else button
            for button in buttons
            if failed or name_of(button) != "retry"
        ]


def labelled(button: Any, failed: int) -> Any:
    if failed == 1:
        return button
    text = ngettext("Retry %(count)s failed grade", "Retry %(count)s failed grades", failed)
    return replace(button, description=text % {"count": intcomma(failed)})


def report(request: HttpRequest, outcome: Retry, *, newer: int = 0) -> None:
    """What was recorded; and how many have failed since it was confirmed."""
    messages.add_message(request, messages.SUCCESS if outcome.queued else messages.WARNING, outcome.sentence())
    if newer:
        sentence = ngettext(
            "%(count)s grade has failed since you opened the question. It is not part of this retry.",
            "%(count)s grades have failed since you opened the question. They are not part of this retry.",
            newer,
        )
        messages.warning(request, sentence % {"count": intcomma(newer)})
