"""Says whether GradeBridge can use Learn, and if not, what is wrong."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from courses.connection import try_connection


class Command(BaseCommand):
    help = (
        "Asks Learn for a token, for its version, and makes a call that changes nothing. Says what is wrong and what "
        "to do; exit code 1 while something is. It takes two calls of the quota."
    )

    def handle(self, **_: Any) -> None:
        self.stdout.write(f"Learn at {settings.LEARN_URL}")
        findings = try_connection()
        for finding in findings:
            self.stdout.write(f"{'ok' if finding.is_ok else 'FAILED'}: {finding.tried}: {finding.sentence}")
        if not findings[-1].is_ok:
            raise CommandError(findings[-1].what_to_do)
        self.stdout.write("The connection works.")
