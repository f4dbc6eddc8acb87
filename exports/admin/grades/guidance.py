"""What to do about a cause, as far as the person who reads it may do it."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from common.admin.base import BaseAdmin
from exports.templatetags.grades import reason


def may_configure(request: HttpRequest) -> bool:
    """Whether this person may change flows, mappings and rosters, or has to ask an administrator."""
    return request.user.has_perm("exports.change_flow")


def may_approve(request: HttpRequest) -> bool:
    """Whether this person may approve and decline what others have requested."""
    return request.user.has_perms(["exports.approve_correction", "exports.view_correction"])


def may_approve_decisions(request: HttpRequest) -> bool:
    """The same for replacing a grade in Learn that GradeBridge did not write."""
    return request.user.has_perms(["exports.approve_decision", "exports.view_decision"])


def may_approve_exemptions(request: HttpRequest) -> bool:
    """The same for what keeps delivered grades as they are."""
    return request.user.has_perms(["exports.approve_exemption", "exports.view_exemption"])


class ExplainsCauses(BaseAdmin):
    """The admin of rows with a cause: its list and its page show `reason`, which says what this person can do."""

    readonly_fields: Sequence[str] = ("reason", "reason_to_repair")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return named_for(request, super().get_list_display(request))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            (title, {**options, "fields": named_for(request, options["fields"])})
            for title, options in super().get_fieldsets(request, obj)
        ]

    @admin.display(description=_("Cause and what to do"))
    def reason(self, row: Any) -> str:
        return reason(row)

    @admin.display(description=_("Cause and what to do"))
    def reason_to_repair(self, row: Any) -> str:
        """The same for an administrator."""
        return reason(row, True)


def named_for(request: HttpRequest, names: Any) -> list[Any]:
    return ["reason_to_repair" if name == "reason" and may_configure(request) else name for name in names]
