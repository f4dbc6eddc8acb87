"""What a retry would do today: judged by the same rules, nothing recorded, nothing sent."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import ngettext

from common.database.bulk import among
from exports.delivering.judging import Judged
from exports.delivering.judging_again import judge_again
from exports.grades.causes import Cause
from exports.grades.facts import Column, Refused, Send
from exports.models import ColumnMapping, Flow, Hold
from exports.models.participant import ParticipantQuerySet

MAX_FLOWS = 20  # shown in detail
MAX_JUDGED = 20_000  # failed grades; of more it is only said how many can go at most


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowForecast:
    """How many failed grades of one flow go where, and how many would be refused again, most first."""

    flow: Flow
    failed: int
    columns: Sequence[tuple[Column, int]]
    refusals: Sequence[tuple[Cause, int]]

    @property
    def sendable(self) -> int:
        return sum(grades for _, grades in self.columns)


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """Of the flows in `judged`, those with most failed grades first, it is known what would happen. Of others there are
    `other_failed` grades, of which at most `other_sendable` can go.
    """

    failed: int  # people
    judged: Sequence[FlowForecast]
    other_flows: int
    other_failed: int
    other_sendable: int

    @property
    def flows(self) -> Sequence[FlowForecast]:
        """Those that are shown in detail."""
        return self.judged[:MAX_FLOWS]

    @property
    def more_flows(self) -> int:
        return len(self.judged[MAX_FLOWS:]) + self.other_flows

    @property
    def more_failed(self) -> int:
        return sum(flow.failed for flow in self.judged[MAX_FLOWS:]) + self.other_failed

    @property
    def is_futile(self) -> bool:
        """Whether it is certain that nothing would be sent."""
        return not self.sendable

    @property
    def is_exact(self) -> bool:
        return not self.other_sendable

    @property
    def sendable(self) -> int:
        """No more than so many, and just so many where it is exact."""
        return sum(flow.sendable for flow in self.judged) + self.other_sendable

    @property
    def refused(self) -> int:
        """At least so many, and just so many where it is exact."""
        return sum(flow.failed - flow.sendable for flow in self.judged) + self.other_failed - self.other_sendable

    @property
    def button(self) -> str:
        """What is really sent. No more is promised of flows that are not judged than can be."""
        if self.is_exact and not self.refused:
            text = ngettext("Send %(count)s grade", "Send %(count)s grades", self.sendable)
        elif self.is_exact:
            text = ngettext(
                "Send %(count)s grade (%(refused)s would still be refused)",
                "Send %(count)s grades (%(refused)s would still be refused)",
                self.sendable,
            )
        elif not self.refused:
            text = ngettext("Send up to %(count)s grade", "Send up to %(count)s grades", self.sendable)
        else:
            text = ngettext(
                "Send up to %(count)s grade (%(refused)s or more would still be refused)",
                "Send up to %(count)s grades (%(refused)s or more would still be refused)",
                self.sendable,
            )
        return text % {"count": intcomma(self.sendable), "refused": intcomma(self.refused)}


def forecast(failed: ParticipantQuerySet) -> Forecast:
    """Of a retry of these failed participants. The number of statements does not grow with them or their flows.

    So many flows are judged as have no more than MAX_JUDGED failed grades together, and at least one.
    """
    by_flow = failed.order_by().values_list("flow").annotate(number=Count("pk")).order_by("-number", "flow")
    counts: dict[int, int] = dict(by_flow)
    sums = accumulate(counts.values())
    chosen = [pk for pk, total in zip(counts, sums, strict=True) if total <= MAX_JUDGED] or list(counts)[:1]
    others = list(counts)[len(chosen) :]
    return Forecast(
        failed=sum(counts.values()),
        judged=forecast_flows(failed.filter(among("flow_id", chosen))) if chosen else [],
        other_flows=len(others),
        other_failed=sum(counts[pk] for pk in others),
        other_sendable=count_sendable(failed.filter(among("flow_id", others)), others) if others else 0,
    )


def count_sendable(failed: ParticipantQuerySet, flows: Collection[int]) -> int:
    """How many of the failed in these flows can go at most: neither they nor their flow are held, and nothing of the
    flow refuses all.
    """
    if Hold.objects.open().pauses().exists():
        return 0
    return failed.filter(among("flow_id", open_flows(flows))).not_held().count()


def open_flows(pks: Collection[int]) -> list[int]:
    """Those of the flows whose grades are not all refused whatever they are: mapped, synchronised, and over."""
    now = timezone.now()
    flows = Flow.objects.filter(among("pk", pks), synchronised_at__lte=now)
    is_over = Q(assessment_ends_at__isnull=True) | Q(assessment_ends_at__lte=now) | Q(instant_export=True)
    mapped = Exists(ColumnMapping.objects.filter(flow=OuterRef("pk")))
    return list(flows.filter(is_over, mapped).order_by().values_list("pk", flat=True))


def forecast_flows(failed: ParticipantQuerySet) -> list[FlowForecast]:
    """By what a retry does: the people of a flow are judged together, because two may have one Learn user."""
    people = list(failed.order_by("pk").select_related("flow").prefetch_related(None))
    flows = {person.flow_id: person.flow for person in people}
    judged = judge_again(people, now=timezone.localtime())
    found = [forecast_flow(flows[pk], each) for pk, each in judged.items()]
    return sorted(found, key=lambda flow: (-flow.failed, flow.flow.pk))


def forecast_flow(flow: Flow, judged: Judged) -> FlowForecast:
    columns: Counter[Column] = Counter()
    refusals: Counter[Cause] = Counter()
    for verdict in judged.verdicts.values():
        match verdict:  # AlreadyExported: a correction that today's translation makes needless
            case Send(column=column):
                columns[column] += 1
            case Refused(cause):
                refusals[cause] += 1
    return FlowForecast(
        flow=flow,
        failed=columns.total() + refusals.total(),
        columns=columns.most_common(),
        refusals=refusals.most_common(),
    )
