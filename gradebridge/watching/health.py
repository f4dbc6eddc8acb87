"""Is the process alive, and can it work: for load balancers and for whoever looks after the site."""

from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from gradebridge.watching import facts
from gradebridge.watching.access import may_watch


def live(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all."""
    return JsonResponse({"status": "alive", "version": settings.VERSION})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when this process can answer requests: its database answers and is migrated. Else 503 with the reason.

    A load balancer that read 503 for a missing worker, clock or Learn would take all web processes away at once, which
    can still receive exports: these are said in the body.
    """
    try:
        pending = pending_migrations()
        if pending:
            return not_ready("migrations are missing: run migrate", migrations="missing")
        parts = {"database": "ok", "migrations": "ok"}
        return JsonResponse({"status": "ready", **parts, **(more_parts() if may_watch(request) else {})})
    except (DatabaseError, InterfaceError):
        return not_ready("the database does not answer", database="away")


def not_ready(reason: str, **parts: str) -> JsonResponse:
    return JsonResponse({"status": "not ready", "reason": reason, **parts}, status=503)


def pending_migrations() -> int:
    """How many are to be run. Raises DatabaseError."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def more_parts() -> dict[str, Any]:
    """Worker, clock and Learn, as the database knows them."""
    now = timezone.now()
    processes, learn = facts.processes(now), facts.learn(now)
    works = {True: "ok", False: "failing", None: "not called yet"}[learn.works]
    return {
        "worker": processes.worker.value,
        "clock": processes.clock.value,
        "learn": {
            "status": works,
            "lastSuccess": learn.succeeded,
            "lastFailure": learn.failed,
            "error": learn.error,
            "callsLeft": learn.calls_left,
            "blockedUntil": learn.blocked_until,
        },
    }
