"""Grades in Learn: what is where, what was left behind, and what is no longer there."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.cells import link, pill
from common.admin.filters import LinkedRowFilter
from common.admin.read_only import HistoryAdmin
from common.moments import short_moment
from courses.models import GradeColumn
from exports import dealing
from exports.admin.filters import ProofOfGrades
from exports.admin.grades.people import FindsSeveral
from exports.models import ExportAttempt, GradeInLearn
from exports.models.grade_in_learn import GradeInLearnQuerySet
from exports.templatetags.grades import person, place, whereabouts
from exports.templatetags.proofs import proof_cell

MAX_CHARACTERS = 60  # of a flow's title in a cell
MAX_PROOFS = 25  # on one page


class Whereabouts(admin.SimpleListFilter):
    """What is in Learn now, unless another filter is chosen."""

    title = _("status")
    parameter_name = "whereabouts"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("left_behind", gettext("Left behind")),
            ("ended", gettext("No longer in Learn")),
            ("all", gettext("All")),
        ]

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
        yield {**default, "display": gettext("In Learn")}
        yield from others


class Chosen(admin.SimpleListFilter):
    """The grades of one row of another list, chosen by a link on its page. Offers no list: it would be endless."""

    model: type[Model]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(self.value()), str(self.row or "?"))] if self.value() else []

    @cached_property
    def row(self) -> Any:
        try:
            return self.model._default_manager.filter(pk=self.value()).first()
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error

    def queryset(self, request: HttpRequest, queryset: QuerySet[GradeInLearn]) -> QuerySet[GradeInLearn]:
        if not self.value():
            return queryset
        assert isinstance(queryset, GradeInLearnQuerySet)
        return self.narrowed(queryset) if self.row else queryset.none()

    def narrowed(self, queryset: GradeInLearnQuerySet) -> GradeInLearnQuerySet:
        raise NotImplementedError


class WrittenBy(Chosen):
    title = _("attempt")
    parameter_name = "attempt"
    model = ExportAttempt

    def narrowed(self, queryset: GradeInLearnQuerySet) -> GradeInLearnQuerySet:
        return queryset.written_by(self.row)


class InColumn(Chosen):
    title = _("grade column")
    parameter_name = "column"
    model = GradeColumn

    def narrowed(self, queryset: GradeInLearnQuerySet) -> GradeInLearnQuerySet:
        return queryset.in_column(self.row)


@admin.register(GradeInLearn)
class GradeInLearnAdmin(FindsSeveral, HistoryAdmin):
    actions = ["deal_with"]
    list_display = [
        *("value", "user_id", "of_flow", "place"),
        *("how_certain", "proven", "in_learn_since", "where_it_is"),
    ]
    list_filter = [
        *(Whereabouts, ProofOfGrades, "certainty", "ended_as", ("participant", LinkedRowFilter)),
        *(("participant__flow", LinkedRowFilter), WrittenBy, InColumn),
    ]
    list_select_related = ["participant__flow", "ended_by__flow", "dealt_with_by", "proof"]
    search_fields = ["learn_user_id", "course_id", "column_name", "participant__user_id"]
    search_help_text = _("One or several user ids, course or column")
    fieldsets = [
        (_("Grade"), {"fields": [("value", "how_certain"), ("mark", "alternative_grade"), "since", "by_delivery"]}),
        (_("Learn's gradebook"), {"fields": ["proven"]}),
        (_("Place"), {"fields": ["course_id", "column_name", "learn_user_id"]}),
        (_("Participant"), {"fields": ["of_participant", "of_flow", "source_code"]}),
        (_("Status"), {"fields": ["where_it_is", "left_behind_at", "until", "followed_by", "dealt_with_by"]}),
    ]
    change_form_outer_after_template = "admin/exports/proofs_of_grade.html"
    readonly_fields = [
        "how_certain",
        "proven",
        "by_delivery",
        "of_participant",
        "of_flow",
        "where_it_is",
        "followed_by",
    ]

    def get_queryset(self, request: HttpRequest) -> GradeInLearnQuerySet:
        grades: GradeInLearnQuerySet = super().get_queryset(request)
        return grades.with_kept()

    def page_context(self, request: HttpRequest, row: GradeInLearn) -> dict[str, Any]:
        return super().page_context(request, row) | {"proofs": row.proofs.all()[:MAX_PROOFS]}

    def has_deal_with_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("exports.deal_with_grade")

    @admin.action(description=_("Mark as dealt with"), permissions=["deal_with"])
    def deal_with(self, request: HttpRequest, queryset: QuerySet[GradeInLearn]) -> None:
        assert request.user.is_authenticated  # the admin lets no one else in
        dealt = dealing.deal_with(list(queryset.values_list("pk", flat=True)), by=request.user)
        is_done = dealt.marked and not dealt.in_place and not dealt.ended
        messages.add_message(request, messages.SUCCESS if is_done else messages.WARNING, dealt.sentence())

    @admin.display(description=_("User id"))
    def user_id(self, grade: GradeInLearn) -> SafeString:
        return person(grade.participant)

    @admin.display(description=_("Participant"))
    def of_participant(self, grade: GradeInLearn) -> SafeString:
        return person(grade.participant)

    @admin.display(description=_("Flow"))
    def of_flow(self, grade: GradeInLearn) -> SafeString:
        return link(grade.participant.flow, Truncator(grade.participant.flow).chars(MAX_CHARACTERS))

    @admin.display(description=_("Place in Learn"))
    def place(self, grade: GradeInLearn) -> SafeString | str:
        return place(grade)

    @admin.display(description=_("Certainty"))
    def how_certain(self, grade: GradeInLearn) -> SafeString:
        return pill(GradeInLearn.Certainty(grade.certainty))

    @admin.display(description=_("Learn's gradebook"))
    def proven(self, grade: GradeInLearn) -> SafeString | str:
        return proof_cell(grade)

    @admin.display(description=_("Since"))
    def in_learn_since(self, grade: GradeInLearn) -> str:
        return short_moment(grade.since)

    @admin.display(description=_("Status"))
    def where_it_is(self, grade: GradeInLearn) -> SafeString | str:
        return whereabouts(grade)

    @admin.display(description=_("Delivery"))
    def by_delivery(self, grade: GradeInLearn) -> SafeString | str:
        return link(grade.delivery, grade.delivery_id) if grade.delivery else gettext("Purged")

    @admin.display(description=_("Replaced by the grade of"))
    def followed_by(self, grade: GradeInLearn) -> SafeString | None:
        return link(grade.ended_by) if grade.ended_by else None
