"""Imports column mappings, with what is known of their flows, courses and columns."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.spreadsheets.files import ImportRefused
from common.spreadsheets.sheets import import_file
from exports.importing.mappings import MappingSheet

SHEET = MappingSheet()


class Command(BaseCommand):
    help = (
        "Adds or updates the mappings in FILE, all or nothing. "
        f"Its columns: {', '.join(SHEET.names)}; required are {', '.join(SHEET.required)}. "
        "A column that is not in the file stays unchanged; an empty cell means not known, or the default. "
        "Dates are ISO 8601, in the site's time zone if they have no offset. "
        "An assessment that ends on a date without a time ends with that day."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help=".csv, or .xlsx (its first visible sheet)")

    def handle(self, *, file: Path, **_: Any) -> None:
        try:
            done = import_file(SHEET, file, warn=self.stderr.write)
        except ImportRefused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(done.sentence())
