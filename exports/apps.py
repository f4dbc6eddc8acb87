from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class ExportsConfig(AppConfig):
    name = "exports"
    verbose_name = _("Exports")

    def ready(self) -> None:
        from courses.provisioning import column_deleted, columns_locking
        from exports.mapping.deleting import lock_flows_before_columns, take_grades_out
        from exports.roles import grant_new_permissions, note_permissions

        columns_locking.connect(lock_flows_before_columns)
        column_deleted.connect(take_grades_out)
        pre_migrate.connect(note_permissions, sender=self)
        post_migrate.connect(grant_new_permissions, sender=self)
