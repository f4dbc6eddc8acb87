"""Says whether GradeBridge can use Learn, and if not, what is wrong."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from courses.connection import try_connection, works


class Command(BaseCommand):
    help = (
        "Asks Learn for a token, for its version, and makes a call that changes nothing. Says what is wrong and what "
        "to do; exit code 1 while grades cannot be delivered. Where a column is in Learn, it also says whether the "
        "gradebook can be read. It takes up to three calls of the quota."
    )

    def handle(self, **_: Any) -> None:
        self.stdout.write(f"Learn at {settings.LEARN_URL}")
        findings = try_connection()
        for finding in findings:
            self.stdout.write(f"{'ok' if finding.is_ok else 'FAILED'}: {finding.tried}: {finding.sentence}")
            if finding.what_to_do and not finding.is_needed:
                self.stdout.write(finding.what_to_do)
        if not works(findings):
            raise CommandError(findings[-1].what_to_do)
        self.stdout.write("The connection works.")
