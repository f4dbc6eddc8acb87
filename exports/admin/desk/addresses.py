"""The lists that the figures of the dashboard lead to."""

from collections.abc import Mapping

from django.urls import reverse
from django.utils.http import urlencode

from exports.grades.causes import Cause


def flows(**filters: str | int) -> str:
    return listed("flow", filters)


def people(**filters: str | int) -> str:
    return listed("participant", filters)


def attempts(**filters: str | int) -> str:
    return listed("exportattempt", filters)


def corrections(**filters: str | int) -> str:
    return listed("correction", filters)


def grades(**filters: str | int) -> str:
    """In Learn."""
    return listed("gradeinlearn", filters)


def decisions(**filters: str | int) -> str:
    return listed("decision", filters)


def exemptions(**filters: str | int) -> str:
    return listed("exemption", filters)


def listed(model: str, filters: Mapping[str, str | int]) -> str:
    address = reverse(f"admin:exports_{model}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address


def failed_because(cause: Cause) -> str:
    return people(state__exact="FAILED", cause__exact=cause.value)


def download_address(cause: Cause) -> str:
    return f"{reverse('admin:exports_participant_failed_csv')}?{urlencode({'cause': cause.value})}"


def retry_address(cause: Cause) -> str:
    """The page that asks before all that failed for this cause are retried."""
    return f"{reverse('admin:exports_participant_retry_these')}?{urlencode({'cause': cause.value})}"


def reconciliation(flow: int, kind: str = "") -> str:
    """The page that compares a flow in WISEflow, here and in Learn; of one `kind`, what it says of that."""
    address = reverse("admin:exports_flow_reconciliation", args=[flow])
    return f"{address}?{urlencode({'kind': kind})}" if kind else address
