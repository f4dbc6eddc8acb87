"""Forgets one student."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exports.privacy.forget import NotForgotten, forget
from exports.privacy.people import NotOnePerson, find
from exports.privacy.texts import MIN_LENGTH


class Command(BaseCommand):
    help = (
        "Replaces the ids of one student by a random pseudonym in every table, and deletes their names, their grades "
        "and what was written about them. What is in WISEflow and in Learn stays there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", metavar="ID", nargs="+", help="WISEflow user id or Learn user of the one student")
        parser.add_argument("--apply", action="store_true", help="forget, instead of only counting rows")

    def handle(self, *, ids: list[str], apply: bool, **_: Any) -> None:
        try:
            person = find(ids)
            forgotten = forget(person, apply=apply)
        except (NotOnePerson, NotForgotten) as reason:
            raise CommandError(str(reason)) from reason
        if not forgotten.rows:
            self.stdout.write("Nothing is kept about this student.")
            return
        for table, number in forgotten.rows.items():
            self.stdout.write(f"{table}: {number}")
        if any(len(each) < MIN_LENGTH for each in person.ids):
            self.stdout.write(
                f"Free texts about others were not searched for ids of fewer than {MIN_LENGTH} characters."
            )
        if apply:
            self.stdout.write(f"Forgotten: the student is {forgotten.pseudonym} from now on.")
        else:
            self.stdout.write("Nothing is changed without --apply.")
