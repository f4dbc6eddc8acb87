"""Keys of API clients: a new one, beside which the old one works for a while, and the end of the old one."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from common.admin.base import BaseAdmin
from common.admin.cells import address
from common.signing_in.recent import recently_signed_in
from exports.models import ApiClient

MAX_DAYS = 90
DAYS = 7


class NewKeyForm(forms.Form):
    days = forms.IntegerField(
        label=_("Days for which the old key still works"),
        min_value=0,
        max_value=MAX_DAYS,
        initial=DAYS,
        help_text=_(
            "Time to enter the new key at the caller. With 0 the old key stops working at once: choose that if "
            "someone else may know it."
        ),
        widget=UnfoldAdminIntegerFieldWidget,
    )


class GivesKeys(BaseAdmin):
    """The clients' admin."""

    def offers(self, request: HttpRequest, row: Any, button: str) -> bool:
        if button == "end_old_key":
            return bool(row.has_previous_key(timezone.now()))
        return super().offers(request, row, button)

    @action(description=_("New key"), url_path="new-key", permissions=["change"], icon="key")  # type: ignore[untyped-decorator]
    @recently_signed_in
    def new_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first, and for how long the old key is to work. A form without days ends it at once."""
        client, now = self.row_or_404(request, object_id), timezone.now()
        form = NewKeyForm({"days": request.POST.get("days", "0")} if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            days: int = form.cleaned_data["days"]
            key = client.set_new_key(keep_old_until=now + timedelta(days=days) if days else None)
            client.save()
            self.log_change(request, client, "New key.")
            return self.key_page(request, client, key)
        return self.confirm_page(
            request,
            "admin/exports/new_key.html",
            title=gettext("New key"),
            back_url=address(client),
            problem=" ".join(map(str, form.errors.get("days", []))),
            client=client,
            form=form,
            has_old_key=client.has_previous_key(now),
        )

    @action(description=_("End the old key now"), url_path="end-old-key", permissions=["change"], icon="key_off")  # type: ignore[untyped-decorator]
    def end_old_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first: a caller that still uses it is refused from then on."""
        client = self.row_or_404(request, object_id)
        if not client.has_previous_key(timezone.now()):
            messages.info(request, gettext("There is no old key that works any more."))
            return HttpResponseRedirect(address(client))
        if request.method == "POST":
            client.end_previous_key()
            client.save()
            self.log_change(request, client, "The old key was ended.")
            messages.success(request, gettext("The old key does not work any more."))
            return HttpResponseRedirect(address(client))
        template = "admin/exports/end_old_key.html"
        title = gettext("End the old key now")
        return self.confirm_page(request, template, title=title, back_url=address(client), client=client)

    def key_page(self, request: HttpRequest, client: ApiClient, key: str) -> HttpResponse:
        """The answer itself shows the key, so that no message carries it: messages are kept in cookies. No browser
        stores the page (`Cache-Control: no-store`, as all pages of the admin).
        """
        title, back = gettext("Key of %(client)s") % {"client": client}, address(client)
        return self.page(request, "admin/exports/key.html", title=title, client=client, back_url=back, text=key)
