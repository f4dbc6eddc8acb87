"""Says whether a file of evidence is as GradeBridge made it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exports.evidence.verifying import NotVerified, verify


class Command(BaseCommand):
    help = (
        "Says of which exam FILE is evidence, who made it and when, and how much has changed since. Exit code 1 if it "
        "is not as GradeBridge made it, no evidence, or not readable: the sentence says which, and names the rows of a "
        ".csv or .xlsx file that differ."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="the .pdf, .csv or .xlsx file")

    def handle(self, *, file: Path, **_: Any) -> None:
        try:
            verified = verify(file)
        except NotVerified as reason:
            raise CommandError(str(reason)) from reason
        self.stdout.write(" ".join(["The file is as it was made.", *verified.sentences()]))
