"""The admin's pages of changes: the history of one row, and what has changed in all of the configuration."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from common.admin.base import BaseAdmin, site_page
from common.history.changes import Labels, Names, Records, history_of, newest, owner_of, row_of, tracked_models

TEMPLATE = "admin/changes.html"


class ConfigurationAdmin(BaseAdmin):
    """The admin of a model that keeps its history: the page behind the button History. What others depend on is
    protected: a page says what to remove first.
    """

    list_per_page = 50
    show_full_result_count = False
    warn_unsaved_form = True
    delete_confirmation_template = "admin/configuration/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/configuration/delete_selected_confirmation.html"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """What no one changed is not recorded as a change."""
        if not change or form.changed_data:
            super().save_model(request, obj, form, change)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Also of a row that is gone, and with the history of its parts."""
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        try:
            pk = self.opts.pk.to_python(unquote(object_id))
        except ValidationError:
            pk = None
        own = history_of(self.model).filter(id=pk)
        last = None if row else own.first()
        if row is None and last is None:
            gone: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            return gone
        histories = [own, *self.histories_of_parts(request, pk)]
        name = str(row) if row else Names([row_of(last)]).of(row_of(last))
        context = {"title": _("History"), "opts": self.opts, "original": row, "name": name} | (extra_context or {})
        return page_of(request, histories, **context)

    def histories_of_parts(self, request: HttpRequest, pk: Any) -> Iterable[Records]:
        """Those of what is edited on the row's own page."""
        for part in (inline.model for inline in self.inlines):
            owner = owner_of(part)
            if part in tracked_models() and owner and may_view(request, part):
                yield history_of(part).filter(**{owner.attname: pk})


def all_changes(request: HttpRequest) -> HttpResponse:
    """What has changed in all of the configuration that this person may see."""
    histories = [history_of(model) for model in seen_histories(request)]
    if not histories:
        raise PermissionDenied
    return page_of(request, histories, title=_("Changes"), is_over_all=True)


def seen_histories(request: HttpRequest) -> list[type[Model]]:
    return [model for model in tracked_models() if may_view(request, model)]


def may_see_changes(request: HttpRequest) -> bool:
    return bool(seen_histories(request))


def page_of(request: HttpRequest, histories: list[Records], **context: Any) -> HttpResponse:
    page = newest(histories, request.GET.get("p"), form_labels())
    context["page"] = page
    context["changes"] = [(change, address(change.row), change.owner and address(change.owner)) for change in page]
    return site_page(request, TEMPLATE, **context)


def form_labels() -> Labels:
    """What forms call their fields, where that is not the field's own name."""
    return {
        (of.model, name): label
        for page in admin.site._registry.values()
        for of in (page, *page.inlines)
        for name, label in (getattr(getattr(of.form, "_meta", None), "labels", None) or {}).items()
    }


def may_view(request: HttpRequest, model: type[Model]) -> bool:
    if admin.site.is_registered(model):
        return admin.site.get_model_admin(model).has_view_or_change_permission(request)
    names = [f"{model._meta.app_label}.{verb}_{model._meta.model_name}" for verb in ("view", "change")]
    return any(map(request.user.has_perm, names))


def address(row: Model) -> str:
    """Of the row's history: it is there even when the row is not. Empty for a row without a page of its own."""
    if not admin.site.is_registered(type(row)):
        return ""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_history", args=[row.pk])
