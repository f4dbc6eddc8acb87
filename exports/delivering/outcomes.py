"""What an error of the client of Learn means for a delivery: its state, the cause, and what is particular to it."""

from common.moments import moment_this_year
from courses.grades_journey import (
    CertificateRefused,
    CredentialsRefused,
    HostUnknown,
    ItemRejected,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    Unavailable,
    Unconfirmed,
)
from exports.grades.causes import Cause
from exports.models import Delivery


class Crashed(LearnError):
    """Our own code failed during the call."""


OUTCOMES: dict[type[LearnError], tuple[Delivery.State, Cause]] = {
    ItemRejected: (Delivery.State.REJECTED, Cause.REJECTED_BY_LEARN),
    Unavailable: (Delivery.State.FAILED, Cause.LEARN_UNAVAILABLE),
    HostUnknown: (Delivery.State.FAILED, Cause.LEARN_UNAVAILABLE),
    CertificateRefused: (Delivery.State.FAILED, Cause.LEARN_UNAVAILABLE),
    CredentialsRefused: (Delivery.State.FAILED, Cause.CREDENTIALS_REFUSED),
    PermissionMissing: (Delivery.State.FAILED, Cause.PERMISSION_MISSING),
    NotInstalled: (Delivery.State.FAILED, Cause.NOT_INSTALLED),
    QuotaUsedUp: (Delivery.State.FAILED, Cause.QUOTA_USED_UP),
    RequestRefused: (Delivery.State.FAILED, Cause.REQUEST_REFUSED),
    Unconfirmed: (Delivery.State.UNCONFIRMED, Cause.UNCONFIRMED),
    Crashed: (Delivery.State.UNCONFIRMED, Cause.INTERNAL_ERROR),
    # A class that is added later and not listed here: the grade may have arrived.
    LearnError: (Delivery.State.UNCONFIRMED, Cause.UNCONFIRMED),
}


def outcome_of(error: LearnError) -> tuple[Delivery.State, str, str]:
    """State, cause and detail of a delivery that ended in `error`."""
    state, cause = next(OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES)
    detail = str(error)
    if isinstance(error, QuotaUsedUp):
        detail = f"Learn's quota of calls is used up until {moment_this_year(error.lifts_at)}"
    return state, cause.value, detail
