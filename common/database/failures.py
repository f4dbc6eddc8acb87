"""What a failure of the database means for whoever made the request: which kind it is, and what to say."""

import logging
from enum import Enum
from typing import Any

from django.db import DataError, InterfaceError, OperationalError, connection
from django.utils.translation import gettext_lazy as _

CONFLICTS = {"40001", "40P01", "55P03"}  # SQLSTATE: serialization failure, deadlock, lock time-out
SQLITE_CONFLICTS = {5, 6}  # busy, locked
SQLITE_ERROR = 1  # the statement itself; its message alone says more
SQLITE_TOO_BIG = 18
# Regular expression, number, date, escape or character that the database does not understand.
UNUSABLE_VALUES = {"2201B", "22003", "22007", "22008", "22019", "22021", "22025", "22P02", "22P05"}
TOO_LARGE = "54"  # the class of statements that are too complex or too large
STOPPED = "57014"  # it ran into the site's time-out for statements

SENTENCES: dict[str, Any] = {
    "AWAY": _("GradeBridge's database is not available. Try again in a minute."),
    "CONFLICT": _("Someone else changed the same rows at the same time. Nothing was saved; try again."),
    "TOO_SLOW": _("The database took too long and stopped. Nothing was saved; try again in a minute."),
    "NOT_EXECUTABLE": _("The database cannot execute this search or filter. Make it shorter or simpler."),
}


class Failure(Enum):
    """`status` answers the request. Where it may be sent again, `wait` says after how many seconds."""

    AWAY = ("AWAY", 503, 60)
    CONFLICT = ("CONFLICT", 503, 5)
    TOO_SLOW = ("TOO_SLOW", 503, 60)
    NOT_EXECUTABLE = ("NOT_EXECUTABLE", 400, None)

    def __init__(self, code: str, status: int, wait: int | None) -> None:
        self.code = code
        self.status = status
        self.wait = wait

    @property
    def sentence(self) -> str:
        return str(SENTENCES[self.code])

    @property
    def level(self) -> int:
        """Of the line in the log: an operator has to do something about an absence alone."""
        return logging.ERROR if self is Failure.AWAY else logging.WARNING


def failure_of(error: BaseException) -> Failure | None:
    """None: it is no failure of the database, but an error in GradeBridge."""
    if not isinstance(error, (OperationalError, InterfaceError, DataError)):
        return None
    cause = error.__cause__  # the driver's own error
    if state := getattr(cause, "sqlstate", None):
        return failure_of_state(state, error)
    if (code := getattr(cause, "sqlite_errorcode", None)) is not None:
        return failure_of_code(code & 0xFF, str(cause))  # the upper bits are details
    return None if isinstance(error, DataError) else Failure.AWAY


def failure_of_state(state: str, error: BaseException) -> Failure | None:
    if state in CONFLICTS:
        return Failure.CONFLICT
    if state == STOPPED:
        return Failure.TOO_SLOW
    if state in UNUSABLE_VALUES or state.startswith(TOO_LARGE):
        return Failure.NOT_EXECUTABLE
    return None if isinstance(error, DataError) else Failure.AWAY


def failure_of_code(code: int, message: str) -> Failure:
    if code in SQLITE_CONFLICTS:
        return Failure.CONFLICT
    is_migrated = not message.startswith("no such ")
    if code == SQLITE_TOO_BIG or (code == SQLITE_ERROR and is_migrated):
        return Failure.NOT_EXECUTABLE
    return Failure.AWAY


def absence(error: OperationalError) -> str:
    """One line for whoever started a command: where the database is looked for, without the password, and what the
    driver says. Empty: there was a connection, so it is something else.
    """
    if connection.connection is not None:
        return ""
    given = connection.settings_dict
    place = f"the file {given['NAME']}"
    if connection.vendor == "postgresql":
        place = f"the database {given['NAME']} at {given['HOST'] or 'this machine'}, port {given['PORT'] or 5432}"
    reason = " ".join(str(error).split())
    return f"The database cannot be reached: {place} ({reason}). Check DATABASE_URL, and that the server runs."
