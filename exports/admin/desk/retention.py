"""Retention: how long each kind of data is kept, how much is older now, and what the last purges deleted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from common.admin.base import site_page
from exports.models import PurgeRun
from exports.models.refused_request import KEPT
from exports.privacy.retention import GRADES, LOG, all_older_than, by_settings, kinds, of_grades, of_log

RUNS_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """`days`: its period, None: for ever. `older`: rows that the next purge deletes, None: none is looked for."""

    name: Any
    days: int | None
    older: int | None


@permission_required("exports.view_purgerun", raise_exception=True)
def retention_page(request: HttpRequest) -> HttpResponse:
    names = {str(kind.code): kind.name for kind in every_kind()}
    runs = [(run, deleted_by(run, names)) for run in PurgeRun.objects.order_by("-pk")[:RUNS_SHOWN]]
    context: dict[str, Any] = {
        "periods": [
            (_("Exams and their grades"), GRADES, settings.RETENTION_DAYS),
            (_("What only says what was done"), LOG, settings.RETENTION_LOG_DAYS),
        ],
        "lines": list(lines()),
        "runs": runs,
        "is_scheduled": settings.RETENTION_DAYS is not None or settings.RETENTION_LOG_DAYS is not None,
    }
    return site_page(request, "admin/exports/retention.html", title=_("Retention"), **context)


def every_kind() -> Iterator[Any]:
    """Whether it has a period or not. Nothing is looked up."""
    before = all_older_than(1, timezone.now())
    assert before.grades is not None
    yield from of_grades(before.grades)
    yield from of_log(before)


def lines() -> Iterator[Line]:
    older = {kind.code: kind.count() for kind in kinds(by_settings(timezone.now()))}
    before = all_older_than(1, timezone.now())
    assert before.grades is not None
    for kind in of_grades(before.grades):
        yield Line(name=kind.name, days=settings.RETENTION_DAYS, older=older.get(kind.code))
    for kind in of_log(before):
        days = settings.RETENTION_LOG_DAYS
        if kind.code == "refused requests":  # the clock deletes these whatever the period
            days = min(days or KEPT.days, KEPT.days)
        yield Line(name=kind.name, days=days, older=older.get(kind.code))


def deleted_by(run: PurgeRun, names: dict[str, Any]) -> list[tuple[Any, int]]:
    """What it has deleted, without what there was none of. A kind of another version is shown by its code, last."""
    codes = [*(code for code in names if code in run.deleted), *sorted(run.deleted.keys() - names.keys())]
    return [(names.get(code, code), run.deleted[code]) for code in codes if run.deleted[code]]
