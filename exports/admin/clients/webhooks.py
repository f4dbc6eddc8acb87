"""Webhooks: which other systems are sent events. For administrators."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from common.admin.cells import address, pill_of
from common.history.pages import ConfigurationAdmin
from common.signing_in.recent import ask_to_sign_in_again, recently_signed_in
from exports.models import Webhook, WebhookMessage
from exports.models.event import SUBSCRIBABLE, Event
from exports.notifying.sentences import reason_sentence
from exports.notifying.webhooks import post_now, post_test

LATEST = 20  # messages on the page of a webhook


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    kinds = forms.MultipleChoiceField(
        label=_("Kinds of events"), choices=SUBSCRIBABLE, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )


@admin.register(Webhook)
class WebhookAdmin(ConfigurationAdmin):
    form = WebhookForm
    list_display = ["name", "url", "is_active", "of_kinds", "last_message"]
    list_filter = ["is_active"]
    search_fields = ["name", "url"]
    fields = ["name", "url", "kinds", "is_active"]
    actions_detail = ["new_secret", "test", "send_again"]
    unlinked = ("test", "send_again")
    change_form_outer_before_template = "admin/exports/webhook.html"
    change_form_outer_after_template = "admin/exports/webhook_messages.html"

    def has_view_permission(self, request: HttpRequest, obj: Webhook | None = None) -> bool:
        """Managers, who may view everything else, do not see these."""
        allowed: bool = self.has_change_permission(request, obj)
        return allowed

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        rows: QuerySet[Webhook] = super().get_queryset(request)
        last = WebhookMessage.objects.filter(webhook=OuterRef("pk")).order_by("-created_at")
        return rows.annotate(last_state=Subquery(last.values("state")[:1]))

    def page_context(self, request: HttpRequest, row: Webhook) -> dict[str, Any]:
        latest = row.messages.select_related("event__flow")[:LATEST]
        return super().page_context(request, row) | {
            "webhook": row,
            "sent": [(message, reason_sentence(message.reason)) for message in latest],
            "site_url": settings.SITE_URL,
        }

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A new one gets a secret."""
        if self.has_add_permission(request) and (asked := ask_to_sign_in_again(request)):
            return asked
        response: HttpResponse = super().add_view(request, form_url, extra_context)
        return response

    def response_add(self, request: HttpRequest, obj: Webhook, post_url_continue: str | None = None) -> HttpResponse:
        """Whichever button was pressed: the secret is shown only now."""
        return self.secret_page(request, obj)

    @action(description=_("New secret"), url_path="new-secret", permissions=["change"], icon="key")  # type: ignore[untyped-decorator]
    @recently_signed_in
    def new_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first: the receiver refuses what is signed with another one."""
        webhook = self.row_or_404(request, object_id)
        if request.method == "POST":
            webhook.set_new_secret()
            webhook.save()
            self.log_change(request, webhook, "New secret.")
            return self.secret_page(request, webhook)
        template, back_url = "admin/exports/new_secret.html", address(webhook)
        return self.confirm_page(request, template, title=gettext("New secret"), back_url=back_url, webhook=webhook)

    def secret_page(self, request: HttpRequest, webhook: Webhook) -> HttpResponse:
        """The answer itself shows it, so that no message carries it. No browser stores the page."""
        title, back = gettext("Secret of %(webhook)s") % {"webhook": webhook}, address(webhook)
        template = "admin/exports/secret.html"
        return self.page(request, template, title=title, webhook=webhook, back_url=back, text=webhook.secret)

    @action(url_path="test", permissions=["change"])  # type: ignore[untyped-decorator]
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Posts a message that says nothing, while the person waits: up to 10 seconds."""
        webhook = self.row_or_404(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return self.result(request, webhook, post_test(webhook))

    @action(url_path="send-again", permissions=["change"])  # type: ignore[untyped-decorator]
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Posts a finished message once more, with its old id; if the receiver does not accept it, for a day more."""
        webhook = self.row_or_404(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            message = webhook.messages.filter(pk=request.POST.get("message")).first()
        except ValidationError:  # it is no id
            message = None
        if message is None:
            messages.error(request, gettext("This message does not exist any more."))
            return HttpResponseRedirect(address(webhook))
        WebhookMessage.objects.send_again(message.pk)
        return self.result(request, webhook, post_now(message.pk) or message)

    def result(self, request: HttpRequest, webhook: Webhook, message: WebhookMessage) -> HttpResponse:
        message.refresh_from_db()
        if message.state == WebhookMessage.State.SENT:
            text = gettext("The receiver accepted the message (%(status)s).") % {"status": message.response_status}
            messages.success(request, text)
        elif message.reason:
            text = gettext("The message was not accepted, and is sent again later.")
            messages.error(request, f"{reason_sentence(message.reason)} {text}")
        else:
            messages.info(request, gettext("The message is being sent. Look again in a minute."))
        return HttpResponseRedirect(address(webhook))

    @admin.display(description=_("Kinds of events"))
    def of_kinds(self, webhook: Webhook) -> str:
        labels = dict(Event.Kind.choices)
        return "; ".join(str(labels.get(kind, kind)) for kind in webhook.kinds)

    @admin.display(description=_("Last message"))
    def last_message(self, webhook: Any) -> str | None:
        state = webhook.last_state
        return pill_of(state, str(WebhookMessage.State(state).label)) if state else None
