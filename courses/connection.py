"""This process's connection to Learn, and the test of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from django.conf import settings

from common.moments import moment_this_year
from courses import quota
from courses.grades_journey import (
    Call,
    CertificateRefused,
    CredentialsRefused,
    GradesJourney,
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

MOST_SECONDS = 30.0  # for the whole test: somebody waits for the page


@cache
def grades_journey() -> GradesJourney:
    """One for all threads of the process, so that they share its token."""
    return connect()


def connect() -> GradesJourney:
    return GradesJourney(
        url=settings.LEARN_URL,
        key=settings.LEARN_KEY,
        secret=settings.LEARN_SECRET,
        timeout=settings.LEARN_TIMEOUT,
    )


WHAT_TO_DO: dict[type[LearnError], str] = {
    HostUnknown: "Check LEARN_URL, and that this server can look up names.",
    CertificateRefused: "Check that LEARN_URL names the site as its certificate does, and that this server trusts it.",
    Unavailable: "Check LEARN_URL, and whether a firewall or a maintenance window stands between; then try again.",
    CredentialsRefused: "Check LEARN_KEY and LEARN_SECRET against the application on Anthology's developer portal.",
    NotInstalled: "Check LEARN_URL, and that the application is installed in Learn under Administrator, REST API.",
    PermissionMissing: "Grant the application's user in Learn the entitlements of Grades Journey, then try again.",
    QuotaUsedUp: "Wait until then, or ask Anthology for a larger quota.",
    RequestRefused: "Check LEARN_URL; it must be the address that Learn itself uses, without a path.",
    Unconfirmed: "Try again; if it comes back, look at Learn's own status page.",
    ItemRejected: "Repair it in Learn or here, then try again.",
}


def what_to_do(error: LearnError) -> str:
    return next((advice for kind in type(error).__mro__ if (advice := WHAT_TO_DO.get(kind))), WHAT_TO_DO[Unconfirmed])


def sentence(error: LearnError) -> str:
    """What happened, with the time in the site's zone."""
    if isinstance(error, QuotaUsedUp):
        return f"Learn's quota of calls is used up until {moment_this_year(error.lifts_at)}."
    return f"{str(error).rstrip('. ')}."


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was tried. `what_to_do` is empty where it worked."""

    tried: str
    sentence: str
    what_to_do: str = ""

    @property
    def is_ok(self) -> bool:
        return not self.what_to_do


def try_connection() -> list[Finding]:
    """Ask Learn for a token, for its version, and make a call that changes nothing; stops at the first that fails.

    Costs two calls of the quota, which the call log shows. They are made even while the quota is said to be used up:
    once Learn has served the last, all calls are made again (see `quota.lifts_at`).
    """
    # A connection of its own: the token is asked for anew, and nothing is shared with grades on their way.
    learn = connect()
    until = time.monotonic() + min(2 * settings.LEARN_TIMEOUT, MOST_SECONDS)
    calls: list[Call] = []

    def token() -> str:
        learn.check_token(until=until, observe=calls.append)
        return "Learn accepts the key and the secret."

    def version() -> str:
        return f"It is Learn {learn.version(until=until, observe=calls.append)}."

    def service() -> str:
        learn.check_service(until=until, observe=calls.append)
        return "The application is installed and takes grade values. Nothing was changed in Learn."

    steps: list[tuple[str, Callable[[], str]]] = [
        ("Access token", token),
        ("Version of Learn", version),
        ("Grades Journey", service),
    ]
    findings: list[Finding] = []
    try:
        for tried, step in steps:
            findings.append(Finding(tried=tried, sentence=step()))
    except LearnError as error:
        findings.append(Finding(tried=tried, sentence=sentence(error), what_to_do=what_to_do(error)))
    finally:
        quota.log_calls(calls)
    return findings
