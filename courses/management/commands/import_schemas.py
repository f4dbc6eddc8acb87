"""Imports grade schemas, with their symbols."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.spreadsheets.files import ImportRefused
from common.spreadsheets.sheets import import_file
from courses.importing.schemas import SchemaSheet

SHEET = SchemaSheet()


class Command(BaseCommand):
    help = (
        "Adds or updates the grade schemas in FILE, all or nothing. "
        f"Its columns: {', '.join(SHEET.names)}; of these {', '.join(SHEET.required)} must be there. "
        "A column that is not there is left as it is. `provision` creates the schemas in Learn."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help=".csv, or .xlsx (its first visible sheet)")

    def handle(self, *, file: Path, **_: Any) -> None:
        try:
            done = import_file(SHEET, file)
        except ImportRefused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(done.sentence())
