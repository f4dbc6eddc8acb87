"""What is in Learn is in the ledger now."""

from importlib import import_module

from django.db import migrations

refuse_to_go_back = import_module("exports.migrations.0010_fill_the_ledger").refuse_to_go_back


class Migration(migrations.Migration):

    dependencies = [("exports", "0010_fill_the_ledger")]

    operations = [
        migrations.RemoveConstraint(
            model_name='participant',
            name='participant_exported_has_value',
        ),
        migrations.RemoveIndex(
            model_name='participant',
            name='participant_exported_to',
        ),
        migrations.RemoveField(
            model_name='participant',
            name='exported_alternative_grade',
        ),
        migrations.RemoveField(
            model_name='participant',
            name='exported_at',
        ),
        migrations.RemoveField(
            model_name='participant',
            name='exported_column_name',
        ),
        migrations.RemoveField(
            model_name='participant',
            name='exported_course_id',
        ),
        migrations.RemoveField(
            model_name='participant',
            name='exported_learn_user_id',
        ),
        migrations.RemoveField(
            model_name='participant',
            name='exported_mark',
        ),
        migrations.RemoveField(
            model_name='participant',
            name='exported_value',
        ),
        migrations.RemoveField(
            model_name='participant',
            name='source_code',
        ),
        # Last, so that going back ends here, before anything is changed.
        migrations.RunPython(migrations.RunPython.noop, refuse_to_go_back),
    ]
