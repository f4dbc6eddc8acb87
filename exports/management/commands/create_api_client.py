"""Adds an API client."""

from argparse import ArgumentParser
from datetime import time
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from common.spreadsheets.cells import moment
from exports.models import ApiClient, Event
from exports.notifying.access import record


class Command(BaseCommand):
    help = "Adds an API client and prints nothing but its key on standard output. The key is shown only once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="the client's name, here and in HTTP Basic")
        parser.add_argument(
            "--allow",
            metavar="CIDR",
            action="extend",
            nargs="+",
            default=[],
            help="a network that it may call from, such as 192.0.2.0/24 (default: from anywhere)",
        )

        parser.add_argument(
            "--flows",
            metavar="PATTERN",
            action="extend",
            nargs="+",
            default=[],
            help="flows that it may export and read, such as 4711 or 'EX-*' (default: every flow)",
        )
        parser.add_argument(
            "--expires",
            metavar="DATE",
            default="",
            help="when it stops working, such as 2027-06-30 (the end of that day) or 2027-06-30T12:00",
        )

    def handle(self, *, name: str, allow: list[str], flows: list[str], expires: str, **_: Any) -> None:
        client = ApiClient(name=name.strip(), allowed_networks=allow, flow_patterns=flows)
        try:
            client.expires_at = moment(time_of_day=time.max)(expires)
        except ValueError as reason:
            raise CommandError(f"--expires: {reason}") from None
        if client.expires_at is not None and client.expires_at <= timezone.now():
            raise CommandError("--expires is in the past: the client could never call.")
        if not client.name:
            raise CommandError("NAME must not be empty.")
        key = client.set_new_key()
        try:
            client.full_clean(validate_unique=False)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        if ApiClient.objects.filter(name=client.name).exists():
            raise CommandError(f"An API client with the name {client.name} exists already.")
        client.save()
        record(Event.Kind.ACCESS_CHANGED, "CLIENT_MADE", name=client.name, client=client.pk)
        self.stdout.write(key)
