"""What a task worker logs names the task; what it delivers names the request that began it as well."""

from typing import Any

from django.dispatch import receiver
from django_tasks.signals import task_finished, task_started
from structlog.contextvars import bind_contextvars, clear_contextvars


@receiver(task_started)
def name_task(task_result: Any, **_: Any) -> None:
    clear_contextvars()
    bind_contextvars(task=task_result.task.name, task_id=str(task_result.id))


@receiver(task_finished)
def forget_task(**_: Any) -> None:
    clear_contextvars()
