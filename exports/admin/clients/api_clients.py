"""API clients: who may call the endpoint. For integrators; a key is shown once and never again."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import JSONField, ProtectedError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from common.admin.cells import address
from common.history.pages import ConfigurationAdmin
from common.moments import short_moment
from common.sentences import shortlist
from common.signing_in.recent import ask_to_sign_in_again
from exports.admin.clients.kept_apart import KeptApart
from exports.admin.clients.keys import GivesKeys
from exports.models import ApiClient, ExportAttempt, Participant

KEPT = _(
    "This client has exported grades: it is part of the history, and retries use its request profile. Switch it off "
    "instead: clear Active and save. It is then blocked at once."
)


class NetworksField(forms.JSONField):
    """A list of texts, typed one a line; a list in JSON is accepted as well."""

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
class ApiClientAdmin(GivesKeys, KeptApart, ConfigurationAdmin):
    list_display = ["name", "is_active", "may_export", "flows", "networks", "expires_at", "last_used"]
    list_filter = ["is_active", "may_export"]
    search_fields = ["name"]
    fields = ["name", "is_active", "may_export", "profile", "flow_patterns", "allowed_networks", "expires_at"]
    formfield_overrides = {
        JSONField: {"form_class": NetworksField, "widget": UnfoldAdminTextareaWidget(attrs={"rows": 2})}
    }
    actions_detail = ["new_key", "end_old_key"]
    change_form_outer_before_template = "admin/exports/api_client.html"

    def has_delete_permission(self, request: HttpRequest, obj: ApiClient | None = None) -> bool:
        """Only one at a time, and none that is part of the history."""
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
        refusal = gettext("%(client)s was not deleted.") % {"client": client}
        messages.error(request, f"{refusal} {KEPT}")
        return HttpResponseRedirect(address(client))

    def page_context(self, request: HttpRequest, row: ApiClient) -> dict[str, Any]:
        kept = KEPT if is_used(row) and self.has_change_permission(request, row) else ""
        has_old_key = row.has_previous_key(timezone.now())
        return super().page_context(request, row) | {"kept": kept, "has_old_key": has_old_key}

    def save_model(self, request: HttpRequest, obj: ApiClient, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            request.new_key = obj.set_new_key()  # type: ignore[attr-defined]
            obj.save()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A new one gets a key."""
        if self.has_add_permission(request) and (asked := ask_to_sign_in_again(request)):
            return asked
        response: HttpResponse = super().add_view(request, form_url, extra_context)
        return response

    def response_add(self, request: HttpRequest, obj: ApiClient, post_url_continue: str | None = None) -> HttpResponse:
        """Whichever button was pressed: the key is shown only now."""
        return self.key_page(request, obj, request.new_key)  # type: ignore[attr-defined]

    @admin.display(description=_("Flows"))
    def flows(self, client: ApiClient) -> str:
        return shortlist(client.flow_patterns) or gettext("Every flow")

    @admin.display(description=_("Last used"), ordering="last_used_at")
    def last_used(self, client: ApiClient) -> str:
        return short_moment(client.last_used_at) if client.last_used_at else gettext("Never")

    @admin.display(description=_("May call from"))
    def networks(self, client: ApiClient) -> str:
        return ", ".join(client.allowed_networks) or gettext("Anywhere")


def is_used(client: ApiClient) -> bool:
    """Whether it is part of the history. Participants outlive their attempts, which are purged."""
    attempts, people = ExportAttempt.objects.filter(api_client=client), Participant.objects.filter(api_client=client)
    return attempts.exists() or people.exists()
