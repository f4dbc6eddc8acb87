# ruff: noqa: S105  (codes, no passwords)
"""What can become of a call, a class for each thing the caller does next. The codes are those of all clients of Learn.

An error carries a code and parameters (JSON values), never a sentence: `courses.sentences` makes that, in any language.
No key, secret or token is ever part of it.
"""

from datetime import datetime
from enum import StrEnum


class Fault(StrEnum):
    """What happened. The parameters of each are named in its comment."""

    # Nothing arrived
    NOT_REACHED = "NOT_REACHED"
    NOT_REACHED_IN_TIME = "NOT_REACHED_IN_TIME"
    NO_TIME_LEFT = "NO_TIME_LEFT"
    NOT_AVAILABLE = "NOT_AVAILABLE"
    HOST_UNKNOWN = "HOST_UNKNOWN"
    NOT_SECURE = "NOT_SECURE"
    NO_TIME_FOR_TOKEN = "NO_TIME_FOR_TOKEN"
    TOKEN_SERVICE_TOO_SLOW = "TOKEN_SERVICE_TOO_SLOW"
    TOKEN_SERVICE_NOT_AVAILABLE = "TOKEN_SERVICE_NOT_AVAILABLE"
    TOKEN_ANSWER_UNREADABLE = "TOKEN_ANSWER_UNREADABLE"
    TOKEN_MISSING = "TOKEN_MISSING"

    # It may have arrived
    CONNECTION_BROKEN = "CONNECTION_BROKEN"
    NO_ANSWER_IN_TIME = "NO_ANSWER_IN_TIME"  # seconds
    ANSWER_TOO_LARGE = "ANSWER_TOO_LARGE"
    NO_RESULTS = "NO_RESULTS"  # status
    NO_VERSION = "NO_VERSION"  # status
    RESULTS_NOT_MATCHED = "RESULTS_NOT_MATCHED"
    NAME_WRITTEN_OTHERWISE = "NAME_WRITTEN_OTHERWISE"  # sent, answered
    REJECTED_WHEN_SENT_AGAIN = "REJECTED_WHEN_SENT_AGAIN"  # message

    # Learn said no
    REJECTED = "REJECTED"  # message
    REJECTED_WITH_STATUS = "REJECTED_WITH_STATUS"  # status, message
    REDIRECTED = "REDIRECTED"  # address
    REFUSED = "REFUSED"  # status, message
    TOKEN_REFUSED = "TOKEN_REFUSED"
    KEY_REFUSED = "KEY_REFUSED"
    NOT_ENTITLED = "NOT_ENTITLED"
    SERVICE_UNKNOWN = "SERVICE_UNKNOWN"
    QUOTA_USED_UP = "QUOTA_USED_UP"  # lifts_at

    # What is read back
    NO_SUCH_COURSE = "NO_SUCH_COURSE"  # course
    NOT_ENROLLED = "NOT_ENROLLED"
    NO_SUCH_COLUMN = "NO_SUCH_COLUMN"  # name
    COLUMN_GONE = "COLUMN_GONE"
    COLUMN_TWICE = "COLUMN_TWICE"  # name
    COLUMN_ANONYMOUS = "COLUMN_ANONYMOUS"
    NOT_READABLE = "NOT_READABLE"
    USER_HIDDEN = "USER_HIDDEN"
    MEMBER_DISABLED = "MEMBER_DISABLED"
    NO_CALLS_LEFT = "NO_CALLS_LEFT"
    DELIVERIES_WAIT = "DELIVERIES_WAIT"
    INTERRUPTED = "INTERRUPTED"
    NOT_AS_DOCUMENTED = "NOT_AS_DOCUMENTED"  # status
    ODD_SHAPE = "ODD_SHAPE"  # part
    ENDLESS_LIST = "ENDLESS_LIST"
    LIST_TOO_LARGE = "LIST_TOO_LARGE"
    LIST_CHANGED = "LIST_CHANGED"
    PAGE_ELSEWHERE = "PAGE_ELSEWHERE"

    # An item that cannot be sent
    EMPTY = "EMPTY"  # field
    TOO_LONG = "TOO_LONG"  # field, length, max
    NOT_SENDABLE = "NOT_SENDABLE"  # field
    NO_COLOUR = "NO_COLOUR"
    ATTEMPTS_TOO_FEW = "ATTEMPTS_TOO_FEW"
    NO_POINTS = "NO_POINTS"
    ENDS_BEFORE_START = "ENDS_BEFORE_START"
    TAKES_NO_MAPPING = "TAKES_NO_MAPPING"  # item_type
    NOT_FOR_GROUPS = "NOT_FOR_GROUPS"  # item_type


class Explained(Exception):
    """An error that says what happened by a code and JSON parameters."""

    def __init__(self, code: str, **params: str | int | float) -> None:
        super().__init__(code, params)
        self.code = str(code)
        self.params = params


class LearnError(Explained):
    """Base: Learn did not do what it was asked, or did not confirm it."""


class Unavailable(LearnError):
    """Nothing arrived at Learn. Safe to send again."""


class HostUnknown(Unavailable):
    """The host name in Learn's address is not known: correct the address, or have the name service repaired."""

    def __init__(self) -> None:
        super().__init__(Fault.HOST_UNKNOWN)


class CertificateRefused(Unavailable):
    """No TLS connection could be made that can be trusted: have the certificate, or our trust in it, repaired."""

    def __init__(self) -> None:
        super().__init__(Fault.NOT_SECURE)


class Unconfirmed(LearnError):
    """Learn may have done what it was asked; its answer did not reach us or cannot be believed.

    Of an item, the parameter `effect` names what it may have done (see `Item.effect`).
    """


class CredentialsRefused(LearnError):
    """Learn does not accept the application's key and secret, or the token it gave out for them."""


class PermissionMissing(LearnError):
    """Learn knows the application and does not let it do this."""

    def __init__(self) -> None:
        super().__init__(Fault.NOT_ENTITLED)


class NotInstalled(LearnError):
    """The site does not know the service: the application is not installed there."""

    def __init__(self) -> None:
        super().__init__(Fault.SERVICE_UNKNOWN)


class QuotaUsedUp(LearnError):
    """Learn accepts no more calls before `lifts_at` (aware, UTC)."""

    def __init__(self, lifts_at: datetime) -> None:
        super().__init__(Fault.QUOTA_USED_UP, lifts_at=lifts_at.isoformat())
        self.lifts_at = lifts_at


class RequestRefused(LearnError):
    """Learn did not take the call as a whole. Sending it again unchanged will not help."""
