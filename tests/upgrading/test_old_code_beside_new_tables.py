"""Migrations since the last release leave tables in which that release's code, which still runs, can work (ADR 16)."""

from typing import Any

import pytest
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED, CharField, ManyToManyField

OURS = ("common", "courses", "exports")
LAST_RELEASE = {"courses": 7, "exports": 27}  # the last migration of each that it has

# Migrations that the rules below refuse, though the last release can work beside them, and why.
EXPLAINED: dict[tuple[str, str], str] = {
    ("exports", "0030_callers"): "the constraint is of columns that the last release does not write",
}

LOADER = MigrationLoader(None)
NEW = [
    key
    for key in sorted(LOADER.disk_migrations)
    if key[0] in OURS and int(key[1].split("_")[0]) > LAST_RELEASE.get(key[0], 0)
]

Operation = operations.base.Operation
TAKES_AWAY = (operations.RemoveField, operations.DeleteModel, operations.RenameField, operations.RenameModel)
BINDS = (operations.AddConstraint, operations.AlterUniqueTogether, operations.AlterModelTable, operations.RunSQL)


def problem(operation: Operation, state: ProjectState, app: str) -> str:
    """Why the last release could fail beside it; empty: it cannot. `state` is the one before the operation."""
    if isinstance(operation, TAKES_AWAY):
        return "it takes away, or renames, what the last release reads: do so in the release after it"
    if isinstance(operation, operations.AddField) and needs_value(operation.field):
        return f"{operation.name}: an INSERT of the last release leaves it out: give it a db_default, or let it be null"
    if isinstance(operation, operations.AlterField):
        before = state.models[app, operation.model_name_lower].get_field(operation.name)
        return narrowed(before, operation.field)
    if isinstance(operation, BINDS):
        return "it may refuse what the last release writes"
    return ""


def needs_value(field: Any) -> bool:
    return not (field.null or field.has_db_default() or isinstance(field, ManyToManyField))


def narrowed(before: Any, after: Any) -> str:
    if before.null and not after.null and not after.has_db_default():
        return f"{after.name}: the last release may leave it empty"
    if isinstance(before, CharField) and isinstance(after, CharField):
        lengths = before.max_length or 0, after.max_length or 0
        if lengths[1] < lengths[0]:
            return f"{after.name}: the last release may write longer ones"
    if before.has_db_default() and not after.has_db_default() and not after.null:
        return f"{after.name}: the last release may rely on its db_default"
    return ""


def problems_of(key: tuple[str, str]) -> list[str]:
    migration = LOADER.disk_migrations[key]
    state = LOADER.project_state(key, at_end=False)
    fresh: set[str] = set()  # models that the last release does not know
    found = []
    for operation in migration.operations:
        model = getattr(operation, "model_name_lower", getattr(operation, "name_lower", ""))
        if isinstance(operation, operations.CreateModel):
            fresh.add(operation.name_lower)
        elif model not in fresh and (reason := problem(operation, state, key[0])):
            found.append(reason)
        operation.state_forwards(key[0], state)
    return found


def test_the_last_release_works_beside_new_migrations():
    found = {key: problems for key in NEW if (problems := problems_of(key))}
    assert {key: problems for key, problems in found.items() if key not in EXPLAINED} == {}
    assert set(EXPLAINED) <= set(found)


@pytest.mark.parametrize(
    ("operation", "word"),
    [
        (operations.AddField("Flow", "x", CharField(max_length=9, default="")), "db_default"),
        (operations.RemoveField("Flow", "title"), "takes away"),
        (operations.AlterField("Flow", "title", CharField(max_length=3)), "longer"),
        (operations.RunSQL("SELECT 1"), "refuse"),
        (operations.AddField("Flow", "x", CharField(max_length=9, default="", db_default="")), ""),
        (operations.AddField("Flow", "x", CharField(max_length=9, default=NOT_PROVIDED, null=True)), ""),
        (operations.AlterModelOptions("Flow", {}), ""),
    ],
)
def test_the_rules_find_what_would_break(operation: Operation, word: str):
    found = problem(operation, LOADER.project_state(), "exports")
    assert (word in found) if word else (found == "")
