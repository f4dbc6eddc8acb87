"""Deletes old data."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from exports.privacy.purge import count, purge
from exports.privacy.retention import GRADES, LOG, Before, all_older_than, by_settings

MAX_DAYS = 36_500


class Command(BaseCommand):
    help = (
        "Deletes what is older than DAYS and of no more use: exams that are over with their grades, history, names. "
        "Without --older-than the periods are RETENTION_DAYS and RETENTION_LOG_DAYS. What is open, what a manager "
        "still needs, and what no grade must be sent twice for stays."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than", metavar="DAYS", type=int, help="at least 1; instead of the settings")
        parser.add_argument(
            "--apply", action="store_true", help="delete, instead of only showing what would be deleted"
        )

    def handle(self, *, older_than: int | None, apply: bool, **_: Any) -> None:
        before = moments(older_than)
        if before.grades is None and before.log is None:
            if not apply:
                raise CommandError(f"Say --older-than DAYS, or set {GRADES} or {LOG}.")
            self.stdout.write(f"Nothing is deleted: neither {GRADES} nor {LOG} is set.")  # a timer may run it anyhow
            return
        found = sentence(purge(before) if apply else count(before))
        if apply:
            self.stdout.write(f"Deleted {found}.")
        else:
            self.stdout.write(f"Would delete {found}. Nothing is deleted without --apply.")


def moments(older_than: int | None) -> Before:
    now = timezone.localtime()
    if older_than is None:
        return by_settings(now)
    if not 1 <= older_than <= MAX_DAYS:
        raise CommandError(f"--older-than must be 1 to {MAX_DAYS} days.")
    return all_older_than(older_than, now)


def sentence(counts: dict[str, int]) -> str:
    return ", ".join(f"{kind}: {number}" for kind, number in counts.items())
