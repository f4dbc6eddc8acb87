"""The exams that need someone: what is wrong with each, and the one next act."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Exists, OuterRef
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.admin.cells import address
from common.moments import moment
from exports.admin.desk import addresses
from exports.admin.desk.rights import Rights
from exports.grades.causes import Cause
from exports.grades.sentences import what_to_do
from exports.models import ColumnMapping, ExportState, Flow, GradeInLearn, Hold, Participant, PersonInWiseflow
from exports.models.grade_in_learn import DIFFERENCES
from exports.reconciling.kinds import Kind

MAX_EXAMS = 10
GRADED = Kind.GRADED_NOT_EXPORTED.value


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """What to do next. Without an address it is for someone else, or in another system."""

    text: str
    address: str = ""
    is_retry: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Exam:
    """`problem`: a sentence, where there are no figures."""

    flow: Flow
    failed_list: str
    missing_list: str
    differing: int  # people for whom Learn shows another grade than was sent, or none
    differing_list: str
    graded: str  # how many of the missing WISEflow holds a grade of; empty: it does not, or was not asked
    graded_list: str
    problem: str
    act: Act


def exams(rights: Rights, now: datetime) -> list[Exam]:
    """The worst of those that need attention, in a few statements."""
    holds = Hold.objects.open()
    worst = (
        Flow.objects.needing_attention(now)
        .worst_first()
        .annotate(
            is_mapped=Exists(ColumnMapping.objects.filter(flow=OuterRef("pk"))),
            is_held=Exists(holds.of_flows().filter(flow=OuterRef("pk"))),
            is_paused=Exists(holds.pauses()),
        )
    )
    flows = list(worst[:MAX_EXAMS])
    causes, differing = causes_of(flows), differing_of(flows)
    graded = PersonInWiseflow.objects.number_graded([flow.pk for flow in flows if flow.missing_count])
    return [
        Exam(
            flow=flow,
            failed_list=addresses.people(flow__exact=flow.pk, failures="faults"),
            missing_list=addresses.people(flow__exact=flow.pk, missing="yes"),
            differing=differing.get(flow.pk, 0),
            differing_list=differing_list(flow),
            graded=graded_of(graded.get(flow.pk, 0)),
            graded_list=addresses.reconciliation(flow.pk, GRADED),
            problem=problem_of(flow, causes.get(flow.pk, []), now),
            act=next_act(flow, causes.get(flow.pk, []), rights, now, is_different=flow.pk in differing),
        )
        for flow in flows
    ]


def graded_of(number: int) -> str:
    if not number:
        return ""
    text = ngettext("%(count)s graded in WISEflow", "%(count)s graded in WISEflow", number)
    return text % {"count": intcomma(number)}


def causes_of(flows: Collection[Flow]) -> dict[int, list[Cause]]:
    """Why people of each flow have failed, the most frequent first. HELD are those who are released."""
    people = Participant.objects.faults() | Participant.objects.released()
    counts = people.filter(flow__in=flows).order_by().values_list("flow_id", "cause")
    found: dict[int, list[Cause]] = {}
    for flow, cause, _people in counts.annotate(people=Count("pk")).order_by("-people", "cause"):
        found.setdefault(flow, []).append(Cause(cause))
    return found


def differing_of(flows: Collection[Flow]) -> dict[int, int]:
    """How many people of each flow have a grade that is different in Learn; of the others nothing."""
    grades = GradeInLearn.objects.different().filter(participant__flow__in=flows).order_by()
    counts = grades.values_list("participant__flow").annotate(people=Count("participant", distinct=True))
    return dict(counts)


def differing_list(flow: Flow) -> str:
    return addresses.people(flow__exact=flow.pk, proof=DIFFERENCES)


def problem_of(flow: Flow, causes: Collection[Cause], now: datetime) -> str:
    if flow.state == ExportState.NOT_EXPORTED:
        return since_end(flow, now)
    if Cause.HELD in causes and not flow.faults_count:
        return _("Held grades that can be sent now")
    return ""


def next_act(flow: Any, causes: Sequence[Cause], rights: Rights, now: datetime, *, is_different: bool = False) -> Act:
    """`flow` with `is_mapped`, `is_held` and `is_paused`."""
    if causes:
        return act_on_failures(flow, causes, rights, now)
    if is_different:
        return Act(text=_("Keep Learn's grade or replace it, student by student"), address=differing_list(flow))
    if flow.missing_count:
        address = addresses.people(flow__exact=flow.pk, missing="yes")
        return Act(text=_("See who is missing"), address=address)
    return Act(text=_("Export it in WISEflow"))


def act_on_failures(flow: Any, causes: Sequence[Cause], rights: Rights, now: datetime) -> Act:
    obstacle = obstacle_of(flow, now)
    if obstacle is None and any(can_go(cause, flow, now) for cause in causes):
        if not rights.may_retry:
            return Act(text=_("Ask a manager to retry"))
        return Act(text=_("Retry"), address=reverse("admin:exports_flow_retry", args=[flow.pk]), is_retry=True)
    cause = obstacle or causes[0]
    if cause == Cause.CHANGED_IN_LEARN:
        return Act(
            text=_("Keep Learn's grade or replace it, student by student"),
            address=addresses.people(flow__exact=flow.pk, cause__exact=cause.value),
        )
    advice = what_to_do(cause, may_configure=rights.may_configure)
    is_for_administrators = advice != what_to_do(cause)  # managers read whom to ask
    return Act(text=advice, address=address(flow) if is_for_administrators else "")


def obstacle_of(flow: Any, now: datetime) -> Cause | None:
    """What keeps every grade of the flow from being sent today."""
    if flow.is_paused:
        return Cause.PAUSED
    if flow.is_held:
        return Cause.HELD
    if not flow.is_mapped:
        return Cause.NOT_MAPPED
    if flow.synchronised_at is None or flow.synchronised_at > now:
        return Cause.NOT_SYNCHRONISED
    return None


def can_go(cause: Cause, flow: Flow, now: datetime) -> bool:
    """Whether a grade that failed for this cause can be sent today, as far as its flow says so."""
    if cause in (Cause.NOT_MAPPED, Cause.NOT_SYNCHRONISED, Cause.HELD, Cause.PAUSED):
        return True  # there is no obstacle any more
    if cause in (Cause.ASSESSMENT_NOT_ENDED, Cause.ALTERNATIVE_GRADE_TOO_EARLY):
        return flow.assessment_ends_at is None or flow.assessment_ends_at <= now
    return cause.is_cured_by_retry


def since_end(flow: Flow, now: datetime) -> str:
    """Of a flow whose period is over, and of which nothing has come."""
    if flow.assessment_ends_at is None:
        return _("Nothing has come")
    ended, today = timezone.localtime(flow.assessment_ends_at), timezone.localtime(now).date()
    if ended.date() == today:
        return _("Ended today at %(time)s; nothing has come") % {"time": date_format(ended, "TIME_FORMAT")}
    if ended.date() == today - timedelta(days=1):
        return _("Ended yesterday at %(time)s; nothing has come") % {"time": date_format(ended, "TIME_FORMAT")}
    return _("Ended %(when)s; nothing has come") % {"when": moment(ended)}
