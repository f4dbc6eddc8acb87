"""What tests share: a database that threads can use, a running sandbox Learn, and WISEflow as a caller."""

import json
import os
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management.commands import flush
from django.db import connection, connections
from django.test import Client

from courses.connection import connect_anew
from exports.api import flood, limits
from exports.delivering import workers
from exports.roles import grant_new_permissions
from sandbox.server import SandboxLearn
from sandbox.world import World
from tests.factories import ApiClientFactory, ColumnMappingFactory, CourseFactory, FlowFactory, GradeColumnFactory


def pytest_configure() -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a slow hash tests nothing of ours


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that only make sense on PostgreSQL where there is none."""
    if connection.vendor == "postgresql":
        return
    left_out = [item for item in items if item.get_closest_marker("postgresql")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test that is skipped for a missing part is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    """What one test has seen is not there in the next, whose rows have the same keys."""
    cache.clear()
    for counter in (limits.client_calls, limits.wrong_keys):  # also of rows that a test has left in the shared cache
        counter.forget(f"test-{uuid4()}")
    flood.known_keys.forget()


@pytest.fixture(autouse=True, scope="session")
def _quick_flush() -> Iterator[None]:
    """A test with transactions of its own leaves rows behind. To truncate seventy tables takes PostgreSQL half a
    second, to delete the few rows a hundredth; to make all permissions again takes ten times as long as to keep them.
    """

    def only_make_the_groups(_verbosity: int, _interactive: bool, db: str, **_: object) -> None:
        grant_new_permissions(db)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(connection.ops), "sql_flush", delete_rows)
        patch.setattr(flush, "emit_post_migrate_signal", only_make_the_groups)
        yield


def delete_rows(operations: Any, style: object, tables: Iterable[str], **_: object) -> list[str]:
    """In any order: the keys between tables are checked at the end of the transaction."""
    kept = ("django_content_type", "auth_permission")  # as migrate has made them
    return [f"DELETE FROM {operations.quote_name(table)}" for table in tables if table not in kept]  # noqa: S608


COURSE = "BIO101-2026"
COLUMN = "Written exam"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file: one in memory gives threads that write at once `table is locked` without a wait."""
    if connection.vendor == "sqlite":
        connections["default"].settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("db") / "test.sqlite3")


@pytest.fixture
def learn(transactional_db: None, settings: Any) -> Iterator[SandboxLearn]:
    """A sandbox Learn that this process delivers to; people u1 to u20 are enrolled. Nothing is in flight at the end."""
    users = [f"u{number}" for number in range(1, 21)]
    world = World({"courses": {COURSE: {"users": users, "columns": {COLUMN: {"points": None}}}}})
    with SandboxLearn(world) as running:
        settings.LEARN_URL = running.url
        connect_anew()
        workers.workers = workers.DeliveryWorkers()
        yield running
        workers.workers.wait_until_idle(seconds=10)
    connect_anew()


def let_no_one_look(learn: SandboxLearn) -> None:
    """What a call leaves unknown stays so: Learn shows GradeBridge no grades, as on a site without the privilege."""
    learn.privileges.take_away("course.gradebook-grades.VIEW")


@pytest.fixture
def flow(db: None) -> Any:
    """A flow mapped to the sandbox's column."""
    column = GradeColumnFactory(course=CourseFactory(course_id=COURSE), name=COLUMN, in_learn=True)
    flow = FlowFactory(flow_id="77", title="Written exam in biology")
    ColumnMappingFactory(flow=flow, grade_column=column)
    return flow


class WiseFlow:
    """WISEflow as a caller of the endpoint."""

    def __init__(self, client: Client, key: str) -> None:
        self.client = client
        self.headers = {"X-Api-Key": key}

    def post(self, body: Any, path: str = "/api/wiseflow/flows/77/export", **options: Any) -> Any:
        """POST `body`, JSON or the raw text of it."""
        content = body if isinstance(body, (str, bytes)) else json.dumps(body)
        options.setdefault("content_type", "application/json")
        return self.client.post(path, content, headers=self.headers, **options)

    def export(self, *participants: Any, **options: Any) -> Any:
        response = self.post({"participants": list(participants)}, **options)
        assert response.status_code == 200, response.content
        return response.json()

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self.headers)


@pytest.fixture
def wiseflow(db: None, client: Client) -> WiseFlow:
    return WiseFlow(client, f"key-{ApiClientFactory().name}")
