"""Grades in Learn: what is where, what was left behind, and what is there no longer."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from common.admin.cells import link, pill
from common.admin.filters import OnlyChosen
from common.admin.read_only import HistoryAdmin
from exports import dealing
from exports.models import GradeInLearn
from exports.models.grade_in_learn import GradeInLearnQuerySet
from exports.templatetags.grades import whereabouts

MOST_CHARACTERS = 60  # of a flow's title in a cell


class Whereabouts(admin.SimpleListFilter):
    """What is in Learn now, unless something else is asked for."""

    title = "whereabouts"
    parameter_name = "whereabouts"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("left_behind", "Left behind"), ("ended", "No longer in Learn"), ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[GradeInLearn]) -> QuerySet[GradeInLearn]:
        assert isinstance(queryset, GradeInLearnQuerySet)
        match self.value():
            case "left_behind":
                return queryset.left_behind()
            case "ended":
                return queryset.filter(until__isnull=False)
            case "all":
                return queryset
        return queryset.in_learn()

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        default, *others = super().choices(changelist)
        yield {**default, "display": "In Learn"}
        yield from others


@admin.register(GradeInLearn)
class GradeInLearnAdmin(HistoryAdmin):
    actions = ["deal_with"]
    list_display = [
        *("value", "user_id", "of_flow", "course_and_column", "learn_user_id"),
        *("how_certain", "since", "where_it_is"),
    ]
    list_filter = [Whereabouts, "certainty", "ended_as", ("participant", OnlyChosen)]
    list_select_related = ["participant__flow", "ended_by__flow", "dealt_with_by"]
    search_fields = ["learn_user_id", "course_id", "column_name", "participant__user_id"]
    search_help_text = "Learn user, course, column or WISEflow user id"
    fieldsets = [
        ("Grade", {"fields": [("value", "how_certain"), ("mark", "alternative_grade"), "since", "by_delivery"]}),
        ("Place", {"fields": ["course_id", "column_name", "learn_user_id"]}),
        ("Person", {"fields": ["of_participant", "of_flow", "source_code"]}),
        ("What became of it", {"fields": ["where_it_is", "left_behind_at", "until", "followed_by", "dealt_with_by"]}),
    ]
    readonly_fields = ["how_certain", "by_delivery", "of_participant", "of_flow", "where_it_is", "followed_by"]

    def has_deal_with_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("exports.deal_with_grade")

    @admin.action(description="Mark as dealt with", permissions=["deal_with"])
    def deal_with(self, request: HttpRequest, queryset: QuerySet[GradeInLearn]) -> None:
        assert request.user.is_authenticated  # the admin lets nobody else in
        dealt = dealing.deal_with(list(queryset.values_list("pk", flat=True)), by=request.user)
        is_done = dealt.marked and not dealt.in_place and not dealt.ended
        messages.add_message(request, messages.SUCCESS if is_done else messages.WARNING, dealt.sentence())

    @admin.display(description="User id")
    def user_id(self, grade: GradeInLearn) -> SafeString:
        return link(grade.participant, grade.participant.user_id)

    @admin.display(description="Participant")
    def of_participant(self, grade: GradeInLearn) -> SafeString:
        return link(grade.participant, grade.participant.user_id)

    @admin.display(description="Flow")
    def of_flow(self, grade: GradeInLearn) -> SafeString:
        return link(grade.participant.flow, Truncator(grade.participant.flow).chars(MOST_CHARACTERS))

    @admin.display(description="Course and column")
    def course_and_column(self, grade: GradeInLearn) -> str:
        return f"{grade.course_id} · {grade.column_name}"

    @admin.display(description="Certainty")
    def how_certain(self, grade: GradeInLearn) -> SafeString:
        return pill(GradeInLearn.Certainty(grade.certainty))

    @admin.display(description="Whereabouts")
    def where_it_is(self, grade: GradeInLearn) -> SafeString | str:
        return whereabouts(grade)

    @admin.display(description="Delivery")
    def by_delivery(self, grade: GradeInLearn) -> SafeString | str:
        return link(grade.delivery, grade.delivery_id) if grade.delivery else "Purged"

    @admin.display(description="Followed by the grade of")
    def followed_by(self, grade: GradeInLearn) -> SafeString | None:
        return link(grade.ended_by) if grade.ended_by else None
