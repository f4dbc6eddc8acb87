"""What an error of the client of Learn means for a delivery: its state, the cause, and what is particular to it."""

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
from courses.sentences import reason_of
from exports.grades.causes import Cause, Detail
from exports.models import Delivery


class Crashed(LearnError):
    """Our own code failed during the call."""

    def __init__(self) -> None:
        super().__init__("CRASHED")


class NotInLearn(LearnError):
    """Learn had answered the call, so that it is over, and its gradebook does not show the grade."""

    def __init__(self) -> None:
        super().__init__("NOT_IN_LEARN")


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
    NotInLearn: (Delivery.State.FAILED, Cause.NOT_IN_LEARN),
    # A class that is added later and not listed here: the grade may have arrived.
    LearnError: (Delivery.State.UNCONFIRMED, Cause.UNCONFIRMED),
}


def outcome_of(error: LearnError) -> tuple[Delivery.State, str, Detail]:
    """State, cause and detail of a delivery that ended in `error`."""
    state, cause = next(OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES)
    return state, cause.value, reason_of(error)
