"""Imports a flow's roster."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.spreadsheets.files import ImportRefused
from exports.importing import rosters
from exports.models import Flow

SHEET = rosters.RosterSheet(Flow())


class Command(BaseCommand):
    help = (
        "Puts the participants in FILE on the flow's roster, all or nothing. No one else's grades are sent after that. "
        f"Its columns: {', '.join(SHEET.names)}; required are {', '.join(SHEET.required)}. "
        "added_by is SIS or MANUAL. Participants who are not in FILE stay unchanged, unless --replace is given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("flow_id", metavar="FLOW_ID", help="the flow's id in WISEflow")
        parser.add_argument("file", metavar="FILE", type=Path, help=".csv, or .xlsx (its first visible sheet)")

        parser.add_argument(
            "--replace",
            action="store_true",
            help="take off the roster who is not in FILE; those of whom nothing has come are deleted, others are kept",
        )

    def handle(self, *, flow_id: str, file: Path, replace: bool, **_: Any) -> None:
        is_new = not Flow.objects.filter(flow_id=flow_id.strip()).exists()
        try:
            done = rosters.import_from(flow_id, file, replaces=replace, warn=self.stderr.write)
        except ImportRefused as refused:
            raise CommandError(str(refused)) from refused
        if is_new:
            self.stderr.write(f"Flow {flow_id.strip()} is new and has no mapping yet.")
        self.stdout.write(done.sentence())
