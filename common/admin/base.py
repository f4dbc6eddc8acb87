"""The base of every page of the admin."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import islice
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import TO_FIELD_VAR
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.core.signing import BadSignature
from django.db import transaction
from django.db.models import Field
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst

from common.admin import stale
from common.admin.addresses import GuardsAddresses
from common.admin.dates import refuse_odd_year


class BaseAdmin(GuardsAddresses):
    """What a page shows beside its form, pages that ask before something happens, and no change that is
    overwritten unseen.

    A form that is older than what it would save saves nothing: the page is shown as it is now, with what has changed
    since it was opened, and what was typed. A form without the hidden field comes from no page, and is saved.
    """

    unlinked: tuple[str, ...] = ()  # buttons of which a template has the form: above the page they get no link

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A list is named for what it shows; Django's own title is an order ("Select flow to view")."""
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, title | (extra_context or {}))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """A page that only shows reads its row once: Django and Unfold ask for it three times."""
        if request.method != "GET":
            return super().get_object(request, object_id, from_field)
        read = vars(request).setdefault("rows_read", {})
        key = self.opts.label, object_id, from_field
        if key not in read:
            read[key] = super().get_object(request, object_id, from_field)
        return read[key]

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the templates of a row's page show beside its form."""
        return {}

    def lock_first(self, row: Any) -> None:
        """Lock the rows that everyone locks before this one."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        to_field = request.POST.get(TO_FIELD_VAR, request.GET.get(TO_FIELD_VAR))
        is_odd = to_field and not self.to_field_allowed(request, to_field)  # which Django says
        if object_id is None or is_odd or (request.method == "POST" and "_saveasnew" in request.POST):
            response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
            return response
        with transaction.atomic() if request.method == "POST" else nullcontext():
            row = self.get_object(request, unquote(object_id), to_field)
            return self.change_page(request, row, object_id, form_url, extra_context or {})

    def change_page(
        self, request: HttpRequest, row: Any, object_id: str, form_url: str, context: dict[str, Any]
    ) -> HttpResponse:
        status = 200
        if row and self.has_change_permission(request, row):
            is_post = request.method == "POST"
            parts = list(self.parts(request, row))
            if is_post:
                self.lock_first(row)
            now = stale.opened(parts, lock=is_post)
            context = {"opened": now.token(), "opened_field": stale.FIELD} | context
            if is_post and (refused := self.refuse_stale(request, parts, now)):
                context, status = context | refused, 409
                request.method = "GET"  # show the page as it is now
        if row and self.has_view_or_change_permission(request, row):
            context = self.page_context(request, row) | context
        response: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        if status != 200 and response.status_code == 200:  # a row that was deleted leads away
            response.status_code = status
        return response

    def parts(self, request: HttpRequest, row: Any) -> Iterator[stale.Part]:
        """The row, and the lines that are edited on its page."""
        form = self.get_form(request, row, change=True, fields=flatten_fieldsets(self.get_fieldsets(request, row)))
        fields = stale.shown_fields(self.model, form.base_fields)
        yield stale.Part(model=self.model, fields=fields, where={"pk": row.pk})
        for formset, inline in self.get_formsets_with_inlines(request, row):
            if inline.has_view_or_change_permission(request, row):
                fields = stale.shown_fields(inline.model, formset.form.base_fields)
                prefix = formset.get_default_prefix()
                yield stale.Part(model=inline.model, fields=fields, where={formset.fk.name: row}, prefix=prefix)

    def refuse_stale(self, request: HttpRequest, parts: Sequence[stale.Part], now: stale.Opened) -> dict[str, Any]:
        """What has changed since the page was opened, and what was typed on it; empty if it can be saved."""
        if stale.FIELD not in request.POST:
            return {}
        try:
            old = stale.Opened.read(request.POST[stale.FIELD])
        except BadSignature:
            old = now
        else:
            if old.values == now.values:
                return {}
        found = list(islice(stale.changes(parts, old, now), stale.MAX_SHOWN + 1))
        typed = list(islice(stale.typed(parts, old, request), stale.MAX_SHOWN + 1))
        return {
            "stale": found[: stale.MAX_SHOWN],
            "is_stale": True,
            "typed": typed[: stale.MAX_SHOWN],
            "is_cut": max(len(found), len(typed)) > stale.MAX_SHOWN,
        }

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """The page takes the years that an import takes, so that its export can be read again."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, (forms.DateField, forms.DateTimeField, forms.SplitDateTimeField)):
            field.validators = [*field.validators, refuse_odd_year]
        return field

    # Pages of buttons

    def row_or_404(self, request: HttpRequest, object_id: str) -> Any:
        """The row that a button is about."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        return row

    def list_url(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        return [button for button in super().get_actions_list(request) if name_of(button) not in self.unlinked]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """The buttons of a row's page: those that this person may use, and that do something for this row."""
        buttons = super().get_actions_detail(request, object_id)
        linked = [button for button in buttons if name_of(button) not in self.unlinked]
        row = self.get_object(request, unquote(str(object_id))) if linked else None
        return [button for button in linked if row and self.offers(request, row, name_of(button))]

    def offers(self, request: HttpRequest, row: Any, button: str) -> bool:
        """Whether the button of this name would do anything for the row."""
        return True

    def page(
        self, request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any
    ) -> TemplateResponse:
        """Any other page that belongs to these rows."""
        return site_page(request, template, title=title, status=status, opts=self.opts, **context)

    def confirm_page(
        self,
        request: HttpRequest,
        template: str,
        *,
        title: str,
        back_url: str,
        again: Mapping[str, str | Sequence[str]] | None = None,
        problem: str = "",
        **context: Any,
    ) -> TemplateResponse:
        """Asks before something happens. The template extends `admin/confirm.html`, and says what will happen.

        `again`: what is posted beside the answer, as by an action of a list. `problem`: why an answer was refused.
        """
        hidden = [(name, value) for name, given in (again or {}).items() for value in as_list(given)]
        context |= {"back_url": back_url, "hidden": hidden, "problem": problem}
        return self.page(request, template, title=title, status=422 if problem else 200, **context)


def site_page(
    request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any
) -> TemplateResponse:
    """A page of the admin that belongs to no model."""
    context = admin.site.each_context(request) | {"title": title} | context
    return TemplateResponse(request, template, context, status=status)


def name_of(button: Any) -> str:
    """Of the method behind a button."""
    name: str = button.method.original_function_name
    return name


def as_list(given: str | Sequence[str]) -> Sequence[str]:
    return [given] if isinstance(given, str) else given
