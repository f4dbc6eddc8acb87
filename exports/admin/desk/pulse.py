"""Whether anything that the dashboard shows has changed: one short statement, however large the site is."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2s

from django.core.cache import cache
from django.db import connection

KEY, MAX_AGE = "dashboard-pulse", 1  # second

# Each is read from the end of an index, or counts the few rows of a partial one.
SQL = """
    SELECT (SELECT count(*) FROM exports_exportattempt WHERE finished_at IS NULL),
           (SELECT count(cancelled_at) FROM exports_exportattempt WHERE finished_at IS NULL),
           (SELECT max(id) FROM exports_exportattempt),
           (SELECT max(finished_at) FROM exports_exportattempt),
           (SELECT count(*) FROM exports_delivery WHERE state = 'QUEUED'),
           (SELECT count(*) FROM exports_delivery WHERE state = 'SENDING'),
           (SELECT count(*) FROM exports_correction WHERE state = 'ASKED'),
           (SELECT max(id) FROM exports_correction),
           (SELECT max(id) FROM courses_servicecall),
           (SELECT max(id) FROM exports_hold),
           (SELECT count(*) FROM exports_hold WHERE released_at IS NULL),
           (SELECT max(history_id) FROM exports_historicalflow),
           (SELECT max(history_id) FROM exports_historicalcolumnmapping),
           (SELECT max(tried_at) FROM exports_learncheck),
           (SELECT max(id) FROM exports_proof),
           (SELECT max(id) FROM exports_decision),
           (SELECT count(*) FROM exports_decision WHERE state = 'ASKED'),
           (SELECT max(id) FROM exports_gradeinlearn)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulse:
    """`token` is another one once anything has changed, and from one minute to the next: flows become late by the
    clock. `running`: attempts in progress. `has_grade`: one has ever arrived in Learn.
    """

    token: str
    running: int
    has_grade: bool


def read(now: datetime) -> Pulse:
    with connection.cursor() as cursor:
        cursor.execute(SQL)
        found = cursor.fetchone()
    seen = repr((*found, f"{now:%Y-%m-%d %H:%M}"))
    token = blake2s(seen.encode(), digest_size=8).hexdigest()
    return Pulse(token=token, running=found[0], has_grade=found[-1] is not None)


def recent(now: datetime) -> Pulse:
    """At most a second old, so that any number of people who watch cost one statement a second."""
    found: Pulse | None = cache.get(KEY)
    if found is None:
        found = read(now)
        cache.set(KEY, found, MAX_AGE)
    return found
