"""Filters that Django does not have ready."""

from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from common.admin.filters import ByPerson, Days, Typed
from common.moments import year_refusal
from courses.models import Course
from exports.admin.grades.guidance import may_approve, may_approve_decisions, may_approve_exemptions
from exports.grades.causes import Cause
from exports.models import ColumnMapping, Correction, Flow, GradeInLearn, Participant, ProofState
from exports.models.flow import FlowQuerySet
from exports.models.grade_in_learn import DIFFERENCES, GradeInLearnQuerySet
from exports.models.participant import ParticipantQuerySet


class OnlyThose(admin.SimpleListFilter):
    """All rows, or `?parameter=yes`: only those that `narrowed` leaves."""

    label: ClassVar[Any]  # a lazily translated text

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", str(self.label))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return self.narrowed(queryset) if self.value() == "yes" else queryset

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        raise NotImplementedError


class ChangedSinceExport(OnlyThose):
    """Flows with people whose grade has changed in WISEflow after it was exported."""

    title = _("changed since export")
    parameter_name = "changed"
    label = _("With students changed since export")

    def narrowed(self, queryset: QuerySet[Flow]) -> QuerySet[Flow]:
        return queryset.filter(pk__in=Participant.objects.filter(changed_since_export=True).order_by().values("flow"))


class Incomplete(OnlyThose):
    """Flows of which something has come, but not of everyone who is expected."""

    title = _("missing students")
    parameter_name = "missing"
    label = _("Incomplete")

    def narrowed(self, queryset: QuerySet[Flow]) -> QuerySet[Flow]:
        assert isinstance(queryset, FlowQuerySet)
        return queryset.incomplete()


class Late(OnlyThose):
    """Flows whose period ended a while ago, and of which nothing, or not everything, has come."""

    title = _("arrival")
    parameter_name = "late"
    label = _("Expected, not arrived")

    def narrowed(self, queryset: QuerySet[Flow]) -> QuerySet[Flow]:
        assert isinstance(queryset, FlowQuerySet)
        return queryset.late(timezone.now())


class Missing(OnlyThose):
    """Participants on the roster of whom WISEflow has sent no grade."""

    title = _("missing")
    parameter_name = "missing"
    label = _("Missing")

    def narrowed(self, queryset: QuerySet[Participant]) -> QuerySet[Participant]:
        assert isinstance(queryset, ParticipantQuerySet)
        return queryset.missing()


class OnRoster(admin.SimpleListFilter):
    """Participants of whom a grade is expected, or whom a later roster has taken off."""

    title = _("roster")
    parameter_name = "roster"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("expected", _("Expected")), ("left", _("Not on the roster any more"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Participant]) -> QuerySet[Participant]:
        assert isinstance(queryset, ParticipantQuerySet)
        match self.value():
            case "expected":
                return queryset.expected()
            case "left":
                return queryset.left_roster()
        return queryset


class ProofOfPeople(admin.SimpleListFilter):
    """Participants by what is known of a grade of theirs in Learn's own gradebook."""

    title = _("Learn's gradebook")
    parameter_name = "proof"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(DIFFERENCES, _("Different or not shown")), *ProofState.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        grades = proof_of(self.value(), GradeInLearn.objects.all())
        return queryset if grades is None else self.narrowed(queryset, grades)

    def narrowed(self, queryset: QuerySet[Any], grades: GradeInLearnQuerySet) -> QuerySet[Any]:
        return queryset.filter(pk__in=grades.order_by().values("participant"))


class ProofOfFlows(ProofOfPeople):
    """Flows by what is known of a grade of one of their participants."""

    def narrowed(self, queryset: QuerySet[Any], grades: GradeInLearnQuerySet) -> QuerySet[Any]:
        return queryset.filter(pk__in=grades.order_by().values("participant__flow"))


class ProofOfGrades(ProofOfPeople):
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        assert isinstance(queryset, GradeInLearnQuerySet)
        found = proof_of(self.value(), queryset)
        return queryset if found is None else found


def proof_of(value: str | None, grades: GradeInLearnQuerySet) -> GradeInLearnQuerySet | None:
    """Those of the grades that one of these filters means; None: all."""
    if value == DIFFERENCES:
        return grades.different()
    return grades.in_proof_state(ProofState(value)) if value in ProofState.values else None


class Undelivered(OnlyThose):
    """Approved corrections that a rule has refused, or that have not arrived."""

    title = _("not in Learn yet")
    parameter_name = "undelivered"
    label = _("Approved, not in Learn yet")

    def narrowed(self, queryset: QuerySet[Correction]) -> QuerySet[Correction]:
        return queryset.filter(pk__in=Correction.objects.undelivered().order_by().values("pk"))


class NeedsAttention(OnlyThose):
    """The flows that the dashboard counts as needing someone."""

    title = _("attention")
    parameter_name = "attention"
    label = _("Needs attention")

    def narrowed(self, queryset: QuerySet[Flow]) -> QuerySet[Flow]:
        assert isinstance(queryset, FlowQuerySet)
        return queryset.needing_attention(timezone.now())


class FailedBecause(admin.SimpleListFilter):
    """Flows with people who are failed for one cause."""

    title = _("cause of failures")
    parameter_name = "cause"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, Any]]:
        return Cause.choices

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if not self.value():
            return queryset
        people = Participant.objects.failed().filter(cause=self.value()).order_by()
        return queryset.filter(pk__in=people.values("flow"))


class Failures(admin.SimpleListFilter):
    """Of the failed those for whom something is wrong, and those whom a rule skips on purpose."""

    title = _("failures")
    parameter_name = "failures"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("faults", _("Failed, not skipped by a rule")), ("skipped", _("Skipped by a rule"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "faults":
                return queryset.faults()
            case "skipped":
                return queryset.skipped()
        return queryset


class OfCourse(Typed):
    """The rows of flows that send grades to one course: `?course=BIO-101`. Where no course has exactly this id, all
    whose id or title has it in it.
    """

    title = _("course")
    parameter_name = "course"
    label = _("Course id or title:")
    flow: ClassVar[str] = "pk"  # from a row to its flow

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not (typed := (self.value() or "").strip()):
            return queryset
        courses = Course.objects.filter(course_id=typed)
        if not courses.exists():
            courses = Course.objects.filter(Q(course_id__icontains=typed) | Q(title__icontains=typed))
        mappings = ColumnMapping.objects.filter(grade_column__course__in=courses.order_by()).order_by()
        return queryset.filter(**{f"{self.flow}__in": mappings.values("flow")})


class OfCourseOfFlow(OfCourse):
    flow = "flow"


class Ended(Days):
    """Flows by the days on which their assessment ends."""

    title = _("end of the assessment")
    parameter_name = "ended"
    field = "assessment_ends_at"


class Started(Days):
    """Attempts by the days on which they started."""

    title = _("start")
    parameter_name = "started"
    field = "started_at"


class Requested(Days):
    """Retries and corrections by the days on which they were requested."""

    title = _("day of the request")
    parameter_name = "requested"
    field = "requested_at"


class StartedBy(ByPerson):
    """Attempts by who started them; a correction or decision by who requested or approved it."""

    paths = ("requested_by", "correction__requested_by", "decision__requested_by")


class AskedOrDecidedBy(ByPerson):
    """Corrections by who requested, approved or declined them."""

    paths = ("requested_by", "decided_by")


class Waiting(admin.SimpleListFilter):
    """Corrections that wait for a decision: by whoever looks at the list, or requested by them."""

    title = _("waiting")
    parameter_name = "waiting"
    may_approve = staticmethod(may_approve)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("for_me", _("Waiting for me")), ("of_me", _("Requested by me, not decided yet"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        assert request.user.is_authenticated  # the admin lets no one else in
        match self.value():
            case "for_me":
                return queryset.waiting_for(request.user) if self.may_approve(request) else queryset.none()
            case "of_me":
                return queryset.waiting_of(request.user)
        return queryset


class WaitingDecision(Waiting):
    """The same for replacing grades in Learn."""

    may_approve = staticmethod(may_approve_decisions)


class WaitingExemption(Waiting):
    """The same for exemptions."""

    may_approve = staticmethod(may_approve_exemptions)


class FinishedOn(admin.SimpleListFilter):
    """The attempts that finished on one day, which a link names. Offers no list of days."""

    title = _("finished on")
    parameter_name = "finished_on"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        try:
            return [(value, date_format(date.fromisoformat(value)))] if (value := self.value()) else []
        except ValueError:
            raise IncorrectLookupParameters from None

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if not (value := self.value()):
            return queryset
        if year_refusal(day := date.fromisoformat(value)):  # near the first and the last one there is no other zone
            raise IncorrectLookupParameters
        return queryset.finished_within(day, day)
