"""Filters that Django does not have ready."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from exports.models import Correction, Flow, Participant


class ChangedSinceExport(admin.SimpleListFilter):
    """Flows with people whose grade has changed in WISEflow after it was exported."""

    title = "changed since export"
    parameter_name = "changed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Has people changed since export")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flow]) -> QuerySet[Flow]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(pk__in=Participant.objects.filter(changed_since_export=True).order_by().values("flow"))


class Undelivered(admin.SimpleListFilter):
    """Approved corrections that a rule has refused, or that have not arrived."""

    title = "not in Learn yet"
    parameter_name = "undelivered"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Approved, not in Learn yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Correction]) -> QuerySet[Correction]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(pk__in=Correction.objects.undelivered().order_by().values("pk"))
