"""API clients: who may call the endpoint. For administrators; a key is shown once and never again."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import JSONField, ProtectedError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.widgets import UnfoldAdminTextareaWidget

from common.admin.cells import address
from common.history.pages import ShowsChanges
from exports.models import ApiClient, ExportAttempt, Participant

KEPT = (
    "It has exported, so the history names it, and retries use its request profile. Deactivate it instead: take away "
    "the tick at Active and save. It is then refused at once."
)


class NetworksField(forms.JSONField):
    """A list of texts, typed one a line; a list in JSON is taken as well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"show_hidden_initial": False})  # the stored list is compared

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and not value.strip().startswith(("[", "{", '"')) and value.strip() != "null":
            return [line for each in value.splitlines() if (line := each.strip(" \t,;"))]
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return "\n".join(value)
        return value if isinstance(value, str) else super().prepare_value(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((self.to_python(data) or []) != (initial or []))
        except forms.ValidationError:
            return True


@admin.register(ApiClient)
class ApiClientAdmin(ShowsChanges):
    list_display = ["name", "is_active", "may_export", "networks", "created_at"]
    list_filter = ["is_active", "may_export"]
    search_fields = ["name"]
    fields = ["name", "is_active", "may_export", "profile", "allowed_networks"]
    formfield_overrides = {
        JSONField: {"form_class": NetworksField, "widget": UnfoldAdminTextareaWidget(attrs={"rows": 2})}
    }
    change_form_outer_before_template = "admin/exports/api_client.html"

    def has_view_permission(self, request: HttpRequest, obj: ApiClient | None = None) -> bool:
        """Managers, who may view everything else, have no business here."""
        allowed: bool = self.has_change_permission(request, obj)
        return allowed

    def has_delete_permission(self, request: HttpRequest, obj: ApiClient | None = None) -> bool:
        """Only one at a time, and none that the history names."""
        allowed: bool = super().has_delete_permission(request, obj)
        return allowed and obj is not None and not is_used(obj)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        client = self.get_object(request, unquote(object_id))
        try:
            if client is None or not is_used(client) or not super().has_delete_permission(request, client):
                response: HttpResponse = super().delete_view(request, object_id, extra_context)
                return response
        except ProtectedError:  # it has exported since
            pass
        messages.error(request, f"{client} was not deleted. {KEPT}")
        return HttpResponseRedirect(address(client))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        client = self.get_object(request, unquote(object_id))
        context = {"kept": KEPT if client and is_used(client) else ""}
        response: HttpResponse = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        return response

    def save_model(self, request: HttpRequest, obj: ApiClient, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            request.new_key = obj.set_new_key()  # type: ignore[attr-defined]
            obj.save()

    def response_add(self, request: HttpRequest, obj: ApiClient, post_url_continue: str | None = None) -> HttpResponse:
        """Whichever button was pressed: the key is shown now or never."""
        return self.key_page(request, obj, request.new_key)  # type: ignore[attr-defined]

    def new_key(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask first: the old key stops working at once."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        client = ApiClient.objects.filter(pk=pk).first()
        if client is None:
            raise Http404
        if request.method == "POST":
            key = client.set_new_key()
            client.save()
            self.log_change(request, client, "New key.")
            return self.key_page(request, client, key)
        return self.page(request, client, "admin/exports/new_key.html", title="New key")

    def key_page(self, request: HttpRequest, client: ApiClient, key: str) -> HttpResponse:
        """The answer itself shows the key, so that no message carries it: those travel in cookies. No browser stores
        the page (`Cache-Control: no-store`, as all pages of the admin).
        """
        return self.page(request, client, "admin/exports/key.html", title=f"Key of {client}", key=key)

    def page(self, request: HttpRequest, client: ApiClient, template: str, **context: Any) -> HttpResponse:
        context |= {"opts": self.opts, "client": client, "client_url": address(client)}
        return TemplateResponse(request, template, self.admin_site.each_context(request) | context)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.new_key)
        return [path("<int:pk>/new-key/", page, name="exports_apiclient_new_key"), *super().get_urls()]

    @admin.display(description="May call from", empty_value="Anywhere")
    def networks(self, client: ApiClient) -> str | None:
        return ", ".join(client.allowed_networks) or None


def is_used(client: ApiClient) -> bool:
    """Whether the history names it. Participants outlive their attempts, which are purged."""
    attempts, people = ExportAttempt.objects.filter(api_client=client), Participant.objects.filter(api_client=client)
    return attempts.exists() or people.exists()
