"""What has failed over all flows, by cause."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min

from exports.admin.desk import addresses
from exports.admin.desk.rights import Rights
from exports.grades.causes import Cause
from exports.grades.sentences import what_to_do
from exports.models import Participant


@dataclass(frozen=True, kw_only=True, slots=True)
class Failures:
    """All that failed for one cause. `first` and `last`: when someone who is failed now has failed, if it is known."""

    cause: Cause
    grades: int
    flows: int
    first: datetime | None
    last: datetime | None
    what_to_do: str
    may_retry: bool

    @property
    def people_list(self) -> str:
        return addresses.failed_because(self.cause)

    @property
    def flow_list(self) -> str:
        return addresses.flows(cause=self.cause.value)

    @property
    def download(self) -> str:
        return addresses.download_address(self.cause)

    @property
    def retry(self) -> str:
        return addresses.retry_address(self.cause)


def by_cause(rights: Rights) -> Iterator[Failures]:
    """Most grades first, in one statement. Those that a rule skips on purpose are among them."""
    failed = Participant.objects.failed().order_by().values_list("cause")
    counted = failed.annotate(
        number=Count("*"), flows=Count("flow", distinct=True), first=Min("failed_at"), last=Max("failed_at")
    )
    for value, grades, flows, first, last in counted.order_by("-number", "cause"):
        cause = Cause(value)
        yield Failures(
            cause=cause,
            grades=grades,
            flows=flows,
            first=first,
            last=last,
            what_to_do=what_to_do(cause, may_configure=rights.may_configure),
            may_retry=rights.may_retry and not cause.needs_new_export and not cause.is_skip,
        )
