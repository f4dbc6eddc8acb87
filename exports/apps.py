from django.apps import AppConfig
from django.db.models.signals import m2m_changed, post_migrate, post_save, pre_migrate, pre_save
from django.utils.translation import gettext_lazy as _


class ExportsConfig(AppConfig):
    name = "exports"
    verbose_name = _("Exports")

    def ready(self) -> None:
        from django.contrib.auth.models import Group, User
        from simple_history.signals import post_create_historical_record

        from courses.provisioning import column_deleted, columns_locking
        from exports.mapping.deleting import lock_flows_before_columns, take_grades_out
        from exports.notifying.access import note_account, record_account, record_client, record_roles
        from exports.roles import grant_new_permissions, note_permissions

        m2m_changed.connect(record_roles, sender=User.groups.through)
        m2m_changed.connect(record_roles, sender=User.user_permissions.through)
        m2m_changed.connect(record_roles, sender=Group.permissions.through)
        pre_save.connect(note_account, sender=User)
        post_save.connect(record_account, sender=User)
        post_create_historical_record.connect(record_client)
        columns_locking.connect(lock_flows_before_columns)
        column_deleted.connect(take_grades_out)
        pre_migrate.connect(note_permissions, sender=self)
        post_migrate.connect(grant_new_permissions, sender=self)
