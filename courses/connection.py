"""This process's connection to Learn, and the test of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from django.conf import settings
from django.utils.translation import gettext as _

from courses import quota
from courses.gradebook import (
    ColumnAnonymous,
    ColumnTwice,
    ColumnUnknown,
    CourseUnknown,
    Gradebook,
    NotEnrolled,
    NotReadable,
    Unreadable,
)
from courses.grades_journey import (
    Call,
    CertificateRefused,
    CredentialsRefused,
    GradesJourney,
    HostUnknown,
    ItemRejected,
    LearnError,
    NotInstalled,
    Observe,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    Unavailable,
    Unconfirmed,
)
from courses.learn_http.site import Site
from courses.models import GradeColumn
from courses.sentences import ADVICE, reason_of, sentence

MAX_SECONDS = 30.0  # for the whole test: someone waits for the page


# What the role of GradeBridge's user in Learn needs for reading the gradebook; of the last two one is enough
READING_PRIVILEGES = (
    "course.gradebook.MODIFY",
    "course.gradebook-grades.VIEW",
    "course.gradebook-grades.EXECUTE",
    "system.course.VIEW",
    "course.configure-properties.EXECUTE",
    "system.user.VIEW",
    "system.courseuserlist.VIEW",
    "system.user.course.enrollment.VIEW",
)


@cache
def grades_journey() -> GradesJourney:
    """One for all threads of the process, so that they share its token."""
    return GradesJourney(site())


def gradebook() -> Gradebook:
    """One for all threads of the process, with the same token and the same connections."""
    return gradebook_of(site())


@lru_cache(maxsize=1)
def gradebook_of(site: Site) -> Gradebook:
    return Gradebook(site)


def site() -> Site:
    """One for all threads of the process, as the settings describe it."""
    return site_at(settings.LEARN_URL, settings.LEARN_KEY, settings.LEARN_SECRET, settings.LEARN_TIMEOUT)


@lru_cache(maxsize=1)
def site_at(url: str, key: str, secret: str, timeout: float) -> Site:
    return Site(url=url, key=key, secret=secret, timeout=timeout)


def connect() -> Site:
    """A connection that shares nothing with the others: it requests a token of its own."""
    return site_at.__wrapped__(settings.LEARN_URL, settings.LEARN_KEY, settings.LEARN_SECRET, settings.LEARN_TIMEOUT)


def connect_anew() -> None:
    """The next call connects anew."""
    for made in (grades_journey, gradebook_of, site_at):
        made.cache_clear()


# What an administrator does next, as keys of `sentences.ADVICE`
ADVICE_FOR: dict[type[LearnError], str] = {
    HostUnknown: "HOST_UNKNOWN",
    CertificateRefused: "NOT_SECURE",
    Unavailable: "NOT_REACHED",
    CredentialsRefused: "CREDENTIALS",
    NotInstalled: "NOT_INSTALLED",
    PermissionMissing: "PERMISSION",
    QuotaUsedUp: "QUOTA",
    RequestRefused: "REQUEST",
    Unconfirmed: "UNCONFIRMED",
    ItemRejected: "REJECTED",
    NotReadable: "PRIVILEGES",
    CourseUnknown: "COURSE",
    NotEnrolled: "ENROL",
    ColumnUnknown: "COLUMN",
    ColumnTwice: "RENAME",
    ColumnAnonymous: "ANONYMOUS",
    Unreadable: "UNCONFIRMED",
}


def advice(error: LearnError) -> str:
    return next((key for kind in type(error).__mro__ if (key := ADVICE_FOR.get(kind))), ADVICE_FOR[Unconfirmed])


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was tried. `what_to_do` is empty where it worked."""

    tried: str
    sentence: str
    what_to_do: str = ""
    is_needed: bool = True  # False: grades are delivered without it

    @property
    def is_ok(self) -> bool:
        return not self.what_to_do


def try_connection() -> list[Finding]:
    """Ask Learn for a token, for its version, and make a call that changes nothing; stops at the first that fails.

    Where a column is in Learn, the columns of its course are read too. Costs three calls of the quota at most, which
    the call log shows. They are made even while the quota is said to be used up: once Learn has served the last, all
    calls are made again (see `quota.lifts_at`).
    """
    connection = connect()
    learn = GradesJourney(connection)
    until = time.monotonic() + min(2 * settings.LEARN_TIMEOUT, MAX_SECONDS)
    calls: list[Call] = []

    def token() -> str:
        learn.check_token(until=until, observe=calls.append)
        return _("Learn accepts the key and the secret.")

    def version() -> str:
        return _("It is Learn %(version)s.") % {"version": learn.version(until=until, observe=calls.append)}

    def service() -> str:
        learn.check_service(until=until, observe=calls.append)
        return _("The application is installed and accepts grade values. Nothing was changed in Learn.")

    steps: list[tuple[str, Callable[[], str]]] = [
        (_("Access token"), token),
        (_("Version of Learn"), version),
        (_("Grades Journey"), service),
    ]
    findings: list[Finding] = []
    try:
        for tried, step in steps:
            findings.append(Finding(tried=tried, sentence=step()))
        findings += try_reading(Gradebook(connection), until=until, observe=calls.append)
    except LearnError as error:
        findings.append(failed(tried, error))
    finally:
        quota.log_calls(calls)
    return findings


def try_reading(learn: Gradebook, *, until: float, observe: Observe) -> list[Finding]:
    """Whether the newest column's course can be read. Empty: no column is known to be in Learn."""
    newest = GradeColumn.objects.filter(status=GradeColumn.Status.PROVISIONED).order_by("-pk")
    course_id = newest.values_list("course__course_id", flat=True).first()
    if course_id is None:
        return []
    tried = _("Reading the gradebook")
    try:
        learn.check(course_id, until=until, observe=observe)
    except LearnError as error:
        return [replace(failed(tried, error), is_needed=False)]
    found = _("The columns of course %(course)s can be read.") % {"course": course_id}
    return [Finding(tried=tried, sentence=found, is_needed=False)]


def failed(tried: str, error: LearnError) -> Finding:
    return Finding(tried=tried, sentence=sentence(reason_of(error)), what_to_do=str(ADVICE[advice(error)]))


def works(findings: list[Finding]) -> bool:
    """Whether grades can be delivered."""
    return bool(findings) and all(finding.is_ok for finding in findings if finding.is_needed)
