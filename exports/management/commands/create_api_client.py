"""Makes a caller of the API."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from exports.models import ApiClient


class Command(BaseCommand):
    help = "Makes an API client and prints its key, alone, on standard output. The key is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="what the client is called, here and in HTTP Basic")
        parser.add_argument(
            "--allow",
            metavar="CIDR",
            action="extend",
            nargs="+",
            default=[],
            help="a network that it may call from, such as 192.0.2.0/24 (default: from anywhere)",
        )

    def handle(self, *, name: str, allow: list[str], **_: Any) -> None:
        name = name.strip()
        if not name or ":" in name:
            raise CommandError("NAME must be given and cannot hold a colon: HTTP Basic (NAME:KEY) would end it there.")
        if not name.isprintable():
            raise CommandError("NAME cannot hold line breaks, tabs or other control characters.")
        if ApiClient.objects.filter(name=name).exists():
            raise CommandError(f"There is an API client called {name} already.")
        client = ApiClient(name=name, allowed_networks=allow)
        key = client.set_new_key()
        try:
            client.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        client.save()
        self.stdout.write(key)
