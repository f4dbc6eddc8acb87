"""What the database cannot do is answered with what happened: an absence, a conflict with others, or a bad search."""

import sqlite3
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.db import DataError, InterfaceError, OperationalError, connection
from django.urls import reverse
from psycopg import errors

from common.database.failures import Failure, failure_of
from common.database.retrying import despite_conflicts
from exports.models import ExportAttempt, Flow
from tests.signed_in import signed_in


def raised(kind: type[Exception], cause: Exception | None) -> Exception:
    error = kind("what the driver says")
    error.__cause__ = cause
    return error


def sqlite_error(code: int, message: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return error


CONFLICTS = [
    raised(OperationalError, errors.DeadlockDetected()),
    raised(OperationalError, errors.SerializationFailure()),
    raised(OperationalError, errors.LockNotAvailable()),
    raised(OperationalError, sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT, "database is locked")),
    raised(OperationalError, sqlite_error(sqlite3.SQLITE_LOCKED, "database table is locked")),
]
NOT_EXECUTABLE = [
    raised(DataError, errors.InvalidRegularExpression()),
    raised(DataError, errors.NumericValueOutOfRange()),
    raised(OperationalError, errors.StatementTooComplex()),
    raised(OperationalError, sqlite_error(sqlite3.SQLITE_ERROR, "Expression tree is too large (maximum depth 1000)")),
    raised(OperationalError, sqlite_error(sqlite3.SQLITE_ERROR, "user-defined function raised exception")),
]
AWAY = [
    raised(OperationalError, None),
    raised(InterfaceError, None),
    raised(OperationalError, psycopg.OperationalError("connection refused")),
    raised(OperationalError, errors.TooManyConnections()),
    raised(OperationalError, errors.AdminShutdown()),
    raised(OperationalError, sqlite_error(sqlite3.SQLITE_CANTOPEN, "unable to open database file")),
    raised(OperationalError, sqlite_error(sqlite3.SQLITE_ERROR, "no such table: exports_flow")),
]
TABLE = [
    *((error, Failure.CONFLICT) for error in CONFLICTS),
    *((error, Failure.NOT_EXECUTABLE) for error in NOT_EXECUTABLE),
    *((error, Failure.AWAY) for error in AWAY),
    (raised(OperationalError, errors.QueryCanceled()), Failure.TOO_SLOW),
    (raised(DataError, errors.StringDataRightTruncation()), None),
    (ValueError("an error of ours"), None),
]


@pytest.mark.parametrize(("error", "failure"), TABLE, ids=[repr(error.__cause__ or error) for error, _ in TABLE])
def test_a_failure_is_of_one_kind(error: Exception, failure: Failure | None) -> None:
    assert failure_of(error) is failure


ANSWERS = [
    (CONFLICTS[0], 503, "Someone else changed the same rows at the same time. Nothing was saved; try again."),
    (NOT_EXECUTABLE[0], 400, "cannot execute this search"),
    (AWAY[0], 503, "database is not available"),
]


@pytest.mark.parametrize(("error", "status", "says"), ANSWERS)
def test_a_page_says_which(db: None, error: Exception, status: int, says: str) -> None:
    browser = signed_in(manager=True)

    with mock.patch("exports.admin.mapping.health.health.check", side_effect=error):
        response = browser.get(reverse("mapping-health"))

    assert (response.status_code, response.headers.get("Content-Type")) == (status, "text/plain")
    assert says in response.content.decode()
    assert ("Retry-After" in response) is (status == 503)


@pytest.mark.parametrize(("error", "status", "says"), ANSWERS)
def test_the_api_says_which(flow: Flow, wiseflow: Any, error: Exception, status: int, says: str) -> None:
    with mock.patch("exports.api.views.find_flow", side_effect=error):
        response = wiseflow.get("/api/wiseflow/flows/77/export")

    assert response.status_code == status
    assert says in response.json()["detail"]
    assert ("Retry-After" in response) is (status == 503)


@pytest.mark.parametrize("pattern", ["[", "(", "a{2,1}"])
def test_a_filter_that_no_page_offers_never_reaches_the_database(flow: Flow, pattern: str) -> None:
    response = signed_in(manager=True).get("/admin/exports/flow/", {"flow_id__regex": pattern})

    assert response.status_code == 400


def test_a_search_of_very_many_words_is_no_absence_of_the_database(flow: Flow) -> None:
    """SQLite refuses it, PostgreSQL may find something."""
    response = signed_in(manager=True).get("/admin/exports/flow/", {"q": "a " * 1500})

    assert response.status_code in (200, 400)
    assert "database is not available" not in response.content.decode()


class TestConflict:
    """Nothing of it was saved and nothing was sent, so it is done again."""

    @pytest.mark.django_db(transaction=True)
    def test_an_export_is_recorded_at_the_next_try(self, learn: Any, flow: Flow, wiseflow: Any) -> None:
        lock, failures = Flow.objects.lock, CONFLICTS[:3]

        def conflict_at_first(flow_id: str) -> Flow:
            if failures:
                raise failures.pop()
            return lock(flow_id)

        with mock.patch.object(Flow.objects.__class__, "lock", side_effect=conflict_at_first):
            answer = wiseflow.export({"userId": "u1", "mark": "A"})

        assert answer["numberOfSuccess"] == 1
        assert ExportAttempt.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_an_export_that_always_meets_others_says_so_and_leaves_nothing(self, flow: Flow, wiseflow: Any) -> None:
        with mock.patch.object(Flow.objects.__class__, "lock", side_effect=CONFLICTS[0]) as lock:
            response = wiseflow.post({"participants": [{"userId": "u1", "mark": "A"}]})

        assert (response.status_code, response["Retry-After"], lock.call_count) == (503, "5", 4)
        assert "Nothing was saved; try again." in response.json()["detail"]
        assert not ExportAttempt.objects.exists()

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("error", AWAY[:1] + NOT_EXECUTABLE[:1])
    def test_what_is_no_conflict_is_not_tried_again(self, error: Exception) -> None:
        step = mock.Mock(side_effect=error)

        with pytest.raises(type(error)):
            despite_conflicts(step)

        assert step.call_count == 1

    def test_inside_a_transaction_it_is_not_tried_again(self, db: None) -> None:
        step = mock.Mock(side_effect=CONFLICTS[0])
        assert connection.in_atomic_block

        with pytest.raises(OperationalError):
            despite_conflicts(step)

        assert step.call_count == 1
