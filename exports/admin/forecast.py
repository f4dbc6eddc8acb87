"""What a retry would do today: judged by the same rules, nothing recorded, nothing sent."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count
from django.utils import timezone

from exports.delivering.judging import judge_all
from exports.delivering.resending import entries_again
from exports.grades.causes import Cause
from exports.grades.facts import Column, Refused, Send
from exports.models import Flow
from exports.models.participant import ParticipantQuerySet

MOST_FLOWS = 20  # shown in detail


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
    """`failed` grades in all; the flows with the most of them in detail, `more_flows` others with `more_failed`."""

    failed: int
    flows: Sequence[FlowForecast]
    more_flows: int
    more_failed: int

    @property
    def is_futile(self) -> bool:
        """Whether it is certain that nothing would be sent."""
        return not self.more_flows and not any(flow.sendable for flow in self.flows)


def forecast(failed: ParticipantQuerySet) -> Forecast:
    """Of a retry of these failed participants. The number of statements is bounded by MOST_FLOWS."""
    by_flow = failed.order_by().values_list("flow").annotate(number=Count("pk")).order_by("-number", "flow")
    counts: dict[int, int] = dict(by_flow)
    shown = list(counts)[:MOST_FLOWS]
    flows = Flow.objects.in_bulk(shown)
    return Forecast(
        failed=sum(counts.values()),
        flows=[forecast_flow(flows[pk], failed.filter(flow=pk)) for pk in shown],
        more_flows=len(counts) - len(shown),
        more_failed=sum(counts.values()) - sum(counts[pk] for pk in shown),
    )


def forecast_flow(flow: Flow, failed: ParticipantQuerySet) -> FlowForecast:
    """By what a retry does: the people are judged together, for two of them may lead to one Learn user."""
    people = list(failed.order_by().select_related(None))
    for person in people:
        person.flow = flow  # it is asked for without a statement for each
    again = entries_again(people)
    judged = judge_all(flow, again, now=timezone.localtime(), client=None)
    columns: Counter[Column] = Counter()
    refusals: Counter[Cause] = Counter()
    for verdict in judged.verdicts.values():
        match verdict:  # AlreadyExported: a correction that the translation of today makes needless
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
