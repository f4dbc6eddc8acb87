"""Brings attempts whose process died to their true states."""

from typing import Any

from django.core.management.base import BaseCommand

from exports import delivering, tasks


class Command(BaseCommand):
    help = "Finishes the attempts whose process died. Nothing is sent: their grades stand under Failed (R4, R5)."

    def handle(self, **_: Any) -> None:
        finished = delivering.sweep()
        tasks.settle_dead_tasks()
        self.stdout.write(f"{finished} {'attempt' if finished == 1 else 'attempts'} finished.")
