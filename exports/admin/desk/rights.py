"""What the dashboard offers depends on these alone: people with the same ones share what is rendered."""

from dataclasses import dataclass

from django.http import HttpRequest

from exports.admin.grades.guidance import may_configure

SHOWN = ("exports.view_flow", "exports.view_participant", "exports.view_exportattempt")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    may_retry: bool
    may_configure: bool
    may_see_ledger: bool = True


def may_see_grades(request: HttpRequest) -> bool:
    return request.user.has_perms(SHOWN)


def rights_of(request: HttpRequest) -> Rights:
    return Rights(
        may_retry=request.user.has_perm("exports.retry"),
        may_configure=may_configure(request),
        may_see_ledger=request.user.has_perm("exports.view_gradeinlearn"),
    )
