"""Why something did not succeed is kept as a code with parameters. What was said before is kept as it was, as a text."""

from typing import Any

from django.db import migrations, models

RENAMED = [
    ("provisioningstep", "message", "reason"),
    ("gradeschema", "provisioning_message", "provisioning_reason"),
    ("gradecolumn", "provisioning_message", "provisioning_reason"),
    ("gradecolumn", "external_message", "external_reason"),
    ("enrolmentmetadata", "provisioning_message", "provisioning_reason"),
]


def wrap(apps: Any, schema_editor: Any) -> None:
    """`No` becomes `{"code": "TEXT", "text": "No"}`, while the column still holds text."""
    make = "jsonb_build_object" if schema_editor.connection.vendor == "postgresql" else "json_object"
    change(
        apps,
        schema_editor,
        f"CASE WHEN {{0}} = '' THEN '{{{{}}}}' ELSE CAST({make}('code', 'TEXT', 'text', {{0}}) AS text) END",
    )


def unwrap(apps: Any, schema_editor: Any) -> None:
    """What was kept as a text is one again; of the rest the code with its parameters is all that an old version gets."""
    find = "{{0}}::jsonb ->> '{0}'" if schema_editor.connection.vendor == "postgresql" else "json_extract({{0}}, '$.{0}')"
    code, text = find.format("code"), find.format("text")
    change(apps, schema_editor, f"CASE WHEN {{0}} = '{{{{}}}}' THEN '' WHEN {code} = 'TEXT' THEN {text} ELSE {{0}} END")


def change(apps: Any, schema_editor: Any, value: str) -> None:
    for model, _old, name in RENAMED:
        table = apps.get_model("courses", model)._meta.db_table
        schema_editor.execute(f"UPDATE {table} SET {name} = {value.format(name)}")
    if schema_editor.connection.vendor == "postgresql":
        # It alters no table that has a check of a foreign key pending, as a row has that was changed twice.
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):
    dependencies = [("courses", "0003_provisioning")]

    operations = [
        migrations.RemoveConstraint("provisioningstep", "provisioning_step_error_has_message"),
        *(migrations.RenameField(model, old, new) for model, old, new in RENAMED),
        migrations.RunPython(wrap, unwrap, elidable=True),
        *(
            migrations.AlterField(model, name, models.JSONField(blank=True, default=dict, editable=model == "provisioningstep"))
            for model, _old, name in RENAMED
        ),
        migrations.AddConstraint(
            "provisioningstep",
            models.CheckConstraint(
                name="provisioning_step_error_has_reason",
                condition=models.Q(state__in=["QUEUED", "SENDING", "DONE"]) | ~models.Q(reason={}),
            ),
        ),
    ]
