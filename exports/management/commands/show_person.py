"""Shows all that is kept about one student."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder

from exports.privacy.people import NotOnePerson, find
from exports.privacy.show import show


class Command(BaseCommand):
    help = "Writes all that is kept about one student as JSON, table by table. Nothing is changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", metavar="ID", nargs="+", help="WISEflow user id or Learn user of the one student")

    def handle(self, *, ids: list[str], **_: Any) -> None:
        try:
            person = find(ids)
        except NotOnePerson as reason:
            raise CommandError(str(reason)) from reason
        kept = show(person)
        if not kept["tables"]:
            self.stderr.write("Nothing is kept about this student. Capital and small letters of an id differ.")
        self.stdout.write(json.dumps(kept, cls=Encoder, indent=2, ensure_ascii=False))


class Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        return bytes(o).hex() if isinstance(o, (bytes, memoryview)) else super().default(o)
