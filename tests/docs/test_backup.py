"""docs/backup.md: a database that is dumped and restored by its commands is the same, agrees with Learn, and works."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from exports.delivering import workers
from exports.models import ExportAttempt
from sandbox.server import SandboxLearn
from tests.conftest import WiseFlow
from tests.databases import address_of, empty_database, working_in
from tests.docs.papers import block, run
from tests.faults import invariants


def counts() -> dict[str, int]:
    """Rows of every table."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608  our own names
            [found[table]] = cursor.fetchone()
    return found


def export(wiseflow: WiseFlow, *users: str) -> dict[str, Any]:
    answer: dict[str, Any] = wiseflow.export(*({"userId": user, "mark": "B"} for user in users))
    workers.workers.wait_until_idle(seconds=20)
    return answer


def back_up_and_restore(folder: Path, restored: str) -> None:
    """As printed, from this test's database to the empty one."""
    places = {"/var/backups": str(folder)}
    if connection.vendor == "postgresql":
        own = address_of(connection)
        run(block("backup.md", "postgresql-backup"), instead=places, DATABASE_URL=own)
        other = own.rpartition("/")[0] + f"/{restored}"
        run(block("backup.md", "postgresql-restore"), instead=places, DATABASE_URL=other)
        return
    own = connection.settings_dict["NAME"]
    run(block("backup.md", "sqlite-backup"), instead={"/srv/gradebridge/db.sqlite3": own, **places})
    run(block("backup.md", "sqlite-restore"), instead={"/srv/gradebridge/db.sqlite3": restored, **places})


@pytest.mark.migrates
@pytest.mark.timeout(300)
def test_a_restored_database_is_the_same_and_works(
    learn: SandboxLearn, flow: Any, wiseflow: WiseFlow, tmp_path: Path, settings: Any
):
    assert export(wiseflow, "u1", "u2", "stranger")["numberOfSuccess"] == 2
    before = counts()

    with empty_database(tmp_path, "gradebridge_restored") as restored:
        back_up_and_restore(tmp_path, restored)
        export(wiseflow, "u3")  # after the backup: it is not known there

        with working_in(restored):
            assert counts() == before
            address = address_of(connection)
            told = run(block("backup.md", "after-restore"), DATABASE_URL=address, LEARN_URL=learn.url)
            assert "2" in told
            connection.check_constraints()

            assert export(wiseflow, "u1", "u4")["numberOfSuccess"] == 2  # new rows have keys of their own
            assert ExportAttempt.objects.count() == 2
            invariants.nothing_is_open()
