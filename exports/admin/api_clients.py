"""API clients: who may call the endpoint. For administrators; a key is shown once and never again."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import JSONField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminTextareaWidget

from courses.cells import address
from courses.change_pages import ShowsChanges
from exports.models import ApiClient, Participant


@admin.register(ApiClient)
class ApiClientAdmin(ShowsChanges):
    list_display = ["name", "is_active", "may_export", "networks", "created_at"]
    list_filter = ["is_active", "may_export"]
    search_fields = ["name"]
    fields = ["name", "is_active", "may_export", "profile", "allowed_networks"]
    formfield_overrides = {JSONField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 2})}}
    change_form_outer_before_template = "admin/exports/api_client.html"

    def has_view_permission(self, request: HttpRequest, obj: ApiClient | None = None) -> bool:
        """Managers, who may view everything else, have no business here."""
        allowed: bool = self.has_change_permission(request, obj)
        return allowed

    def has_delete_permission(self, request: HttpRequest, obj: ApiClient | None = None) -> bool:
        """Only one that has exported nobody: retries go by its profile. Others can be made inactive."""
        allowed: bool = super().has_delete_permission(request, obj)
        return allowed and obj is not None and not Participant.objects.filter(api_client=obj).exists()

    def save_model(self, request: HttpRequest, obj: ApiClient, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            self.give_new_key(request, obj)

    def give_new_key(self, request: HttpRequest, client: ApiClient) -> None:
        key = client.set_new_key()
        client.save()
        text = "The key of {} is shown this once. Copy it now: <code class='gb-key'>{}</code>"
        messages.warning(request, format_html(text, client.name, key))

    def new_key(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask first: the old key stops working at once."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        client = ApiClient.objects.filter(pk=pk).first()
        if client is None:
            raise Http404
        if request.method == "POST":
            self.give_new_key(request, client)
            self.log_change(request, client, "New key.")
            return HttpResponseRedirect(address(client))
        context = {
            **self.admin_site.each_context(request),
            "title": "New key",
            "opts": self.opts,
            "client": client,
            "client_url": address(client),
        }
        return TemplateResponse(request, "admin/exports/new_key.html", context)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.new_key)
        return [path("<int:pk>/new-key/", page, name="exports_apiclient_new_key"), *super().get_urls()]

    @admin.display(description="May call from", empty_value="Anywhere")
    def networks(self, client: ApiClient) -> str | None:
        return ", ".join(client.allowed_networks) or None
