from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ExportsConfig(AppConfig):
    name = "exports"
    verbose_name = "Exports"

    def ready(self) -> None:
        from courses.provisioning import column_deleted
        from exports.deleting import take_grades_out
        from exports.roles import create_groups

        column_deleted.connect(take_grades_out)
        post_migrate.connect(create_groups, sender=self)
