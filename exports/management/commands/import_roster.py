"""Imports a flow's roster (R8)."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.spreadsheets.files import ImportRefused
from exports.importing import rosters
from exports.models import Flow


class Command(BaseCommand):
    help = (
        "Puts the people in FILE on the flow's roster, all or nothing; from then on nobody else of it is exported. "
        f"Its columns: {', '.join(rosters.READERS)}; of these {', '.join(rosters.REQUIRED)} must be there. "
        "added_by is SIS or MANUAL. People who are not in FILE stay as they are."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("flow_id", metavar="FLOW_ID", help="the flow's id in WISEflow")
        parser.add_argument("file", metavar="FILE", type=Path, help=".csv, or .xlsx (its first sheet)")

    def handle(self, *, flow_id: str, file: Path, **_: Any) -> None:
        is_new = not Flow.objects.filter(flow_id=flow_id.strip()).exists()
        try:
            done = rosters.import_from(flow_id, file, warn=self.stderr.write)
        except ImportRefused as refused:
            raise CommandError(str(refused)) from refused
        if is_new:
            self.stderr.write(f"Flow {flow_id.strip()} was not known before; it has no mapping yet.")
        self.stdout.write(done.sentence())
