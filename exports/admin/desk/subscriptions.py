"""Subscriptions: who is sent which e-mail, and who is not. Each person changes their own under My notifications."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.cells import pill_of
from common.admin.read_only import HistoryAdmin
from common.sentences import shortlist
from exports.grades.causes import Cause
from exports.models import Event, Subscription


@admin.register(Subscription)
class SubscriptionAdmin(HistoryAdmin):
    list_display = ["user", "address", "status", "of_kinds", "of_courses", "of_causes"]
    list_filter = ["is_active"]
    search_fields = ["user__username", "user__email", "user__first_name", "user__last_name"]
    list_select_related = ["user"]
    fields = ["user", "address", "status", "of_kinds", "of_courses", "of_causes"]
    readonly_fields = ["address", "status", "of_kinds", "of_courses", "of_causes"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        rows: QuerySet[Subscription] = super().get_queryset(request)
        able = Subscription.objects.able_to_receive().filter(pk=OuterRef("pk")).order_by()
        return rows.annotate(is_able=Exists(able)).prefetch_related("courses")

    @admin.display(description=_("E-mail address"))
    def address(self, subscription: Subscription) -> str:
        return subscription.user.email or pill_of("NO_ADDRESS", gettext("No e-mail address"))

    @admin.display(description=_("Is sent e-mail"))
    def status(self, subscription: Any) -> str:
        if subscription.is_able:
            return pill_of("ON", gettext("Yes"))
        if not subscription.is_active:
            return pill_of("OFF", gettext("Switched off"))
        if not subscription.user.is_active:
            return pill_of("OFF", gettext("Account not active"))
        if not subscription.user.email:
            return pill_of("OFF", gettext("No"))
        return pill_of("OFF", gettext("May not see grades"))

    @admin.display(description=_("Of what"))
    def of_kinds(self, subscription: Subscription) -> str:
        labels = dict(Event.Kind.choices)
        return "; ".join(str(labels.get(kind, kind)) for kind in subscription.kinds)

    @admin.display(description=_("Courses"))
    def of_courses(self, subscription: Subscription) -> str:
        return shortlist([course.course_id for course in subscription.courses.all()]) or gettext("All")

    @admin.display(description=_("Causes"))
    def of_causes(self, subscription: Subscription) -> str:
        labels = dict(Cause.choices)
        return shortlist([str(labels.get(cause, cause)) for cause in subscription.causes]) or gettext("All")
