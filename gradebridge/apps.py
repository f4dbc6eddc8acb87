from django.apps import AppConfig


class GradebridgeConfig(AppConfig):
    name = "gradebridge"

    def ready(self) -> None:
        from gradebridge.watching import changes, tasks  # noqa: F401  they register themselves
