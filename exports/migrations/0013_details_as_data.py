"""What is particular to a grade's cause is kept as parameters. What was said before is kept as it was, as a text."""

import json
from collections.abc import Callable
from typing import Any

from django.db import migrations, models

from exports.grades.causes import cause_choices


def wrap(apps: Any, schema_editor: Any) -> None:
    """`No such user` becomes `{"text": "No such user"}`, while the column still holds text."""
    make = "jsonb_build_object" if schema_editor.connection.vendor == "postgresql" else "json_object"
    change(apps, schema_editor, f"CASE WHEN detail = '' THEN '{{}}' ELSE CAST({make}('text', detail) AS text) END")
    change_unreadable(apps, lambda detail: {"text": detail} if detail else {})


def unwrap(apps: Any, schema_editor: Any) -> None:
    """What was kept as a text is one again; of the rest the parameters are all that an old version gets."""
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    text = "detail::jsonb ->> 'text'" if is_postgresql else "json_extract(detail, '$.text')"
    change(apps, schema_editor, f"CASE WHEN detail = '{{}}' THEN '' ELSE COALESCE({text}, detail) END")
    change_unreadable(apps, lambda detail: detail.get("text", json.dumps(detail)) if detail else "")


def change(apps: Any, schema_editor: Any, value: str) -> None:
    for model in ("Delivery", "Participant"):
        table = apps.get_model("exports", model)._meta.db_table
        schema_editor.execute(f"UPDATE {table} SET detail = {value}")
    if schema_editor.connection.vendor == "postgresql":  # which alters no table while a check of a foreign key is pending
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def change_unreadable(apps: Any, changed: Callable[[Any], Any]) -> None:
    attempts = apps.get_model("exports", "ExportAttempt").objects.exclude(unreadable_entries=[])
    for attempt in attempts.only("unreadable_entries").iterator():
        attempt.unreadable_entries = [
            {**entry, "detail": changed(entry["detail"])} for entry in attempt.unreadable_entries
        ]
        attempt.save(update_fields=["unreadable_entries"])


class Migration(migrations.Migration):
    dependencies = [("exports", "0012_deliveries_without_checks")]

    operations = [
        migrations.RunPython(wrap, unwrap, elidable=True),
        *(
            operation
            for model in ("delivery", "participant")
            for operation in (
                migrations.AlterField(model, "detail", models.JSONField(blank=True, default=dict)),
                migrations.AlterField(
                    model, "cause", models.CharField(blank=True, choices=cause_choices, max_length=40)
                ),
            )
        ),
    ]
