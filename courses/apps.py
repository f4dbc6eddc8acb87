from django.apps import AppConfig
from django.db.models.signals import pre_save
from django.utils.translation import gettext_lazy as _


class CoursesConfig(AppConfig):
    name = "courses"
    verbose_name = _("Courses in Learn")

    def ready(self) -> None:
        from common.history.changes import keep_baseline, tracked_models

        for model in tracked_models():
            pre_save.connect(keep_baseline, sender=model)
