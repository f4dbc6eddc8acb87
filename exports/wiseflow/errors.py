"""Why WISEflow could not be read, a class for each thing the caller does next.

An error carries a code and parameters (JSON values), never a sentence. No secret, key or token is ever part of it.
"""

from enum import StrEnum


class Fault(StrEnum):
    """What happened. The parameters of each are named in its comment; `call` is the name of the call."""

    NOT_REACHED = "NOT_REACHED"
    HOST_UNKNOWN = "HOST_UNKNOWN"
    NOT_SECURE = "NOT_SECURE"
    NO_ANSWER_IN_TIME = "NO_ANSWER_IN_TIME"
    CONNECTION_BROKEN = "CONNECTION_BROKEN"
    NOT_AVAILABLE = "NOT_AVAILABLE"  # call, status
    CREDENTIALS_REFUSED = "CREDENTIALS_REFUSED"
    NOT_ON_LICENCE = "NOT_ON_LICENCE"  # call
    NOT_A_NUMBER = "NOT_A_NUMBER"  # flow_id
    MODULE_MISSING = "MODULE_MISSING"  # call
    TOO_MANY_CALLS = "TOO_MANY_CALLS"  # seconds: how long WISEflow asks to wait
    UNEXPECTED_STATUS = "UNEXPECTED_STATUS"  # call, status
    TOO_LARGE = "TOO_LARGE"  # call
    NOT_JSON = "NOT_JSON"  # call
    UNEXPECTED_SHAPE = "UNEXPECTED_SHAPE"  # call, field
    CHANGED_WHILE_READ = "CHANGED_WHILE_READ"  # call
    ENDLESS = "ENDLESS"  # call
    TWICE = "TWICE"  # call, field: it is there twice, and differently


class WiseflowError(Exception):
    """Base: WISEflow could not be read. `code` and `params` say why."""

    def __init__(self, code: Fault, **params: str | int) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params


class NotReached(WiseflowError):
    """No answer came that says anything: try again later."""


class CredentialsRefused(WiseflowError):
    """WISEflow does not accept the credentials, perhaps from this address alone: correct them, or ask UNIwise."""

    def __init__(self) -> None:
        super().__init__(Fault.CREDENTIALS_REFUSED)


class NotOnLicence(WiseflowError):
    """The licence has no such flow: correct the flow's id, or the licence whose credentials are used."""


class ModuleMissing(WiseflowError):
    """The licence lacks the module of this call: ask UNIwise for it."""


class TooManyCalls(WiseflowError):
    """WISEflow takes no more calls for so many `seconds`: try again after that."""

    def __init__(self, seconds: int) -> None:
        super().__init__(Fault.TOO_MANY_CALLS, seconds=seconds)
        self.seconds = seconds


class Unreadable(WiseflowError):
    """WISEflow answered, and what it means cannot be said: nothing may be concluded from it."""
