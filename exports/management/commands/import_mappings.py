"""Imports column mappings, with what is known of their flows, courses and columns."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.spreadsheets.files import ImportRefused
from exports.importing import mappings


class Command(BaseCommand):
    help = (
        "Adds or updates the mappings in FILE, all or nothing. "
        f"Its columns: {', '.join(mappings.READERS)}; of these {', '.join(mappings.REQUIRED)} must be there. "
        "A column that is not there is left as it is; an empty cell means not known, or the default. "
        "Dates are ISO 8601, without an offset in the site's time zone; an assessment without a time ends with its day."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help=".csv, or .xlsx (its first sheet)")

    def handle(self, *, file: Path, **_: Any) -> None:
        try:
            done = mappings.import_from(file)
        except ImportRefused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(done.sentence())
