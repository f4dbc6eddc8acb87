"""Grade schemas: their titles, their symbols as far as they are known, and data for Learn."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from common.spreadsheets import cells, files
from common.spreadsheets.files import ImportRefused
from common.spreadsheets.plans import Fact, Line, Plan, Problem, chunks, compare, read_lines
from common.spreadsheets.sheets import Sheet
from common.spreadsheets.storing import store
from courses.models import GradeSchema

READERS: dict[str, cells.Reader] = {
    "title": cells.text(GradeSchema, "title", required=True),
    "symbols": cells.text(GradeSchema, "symbols"),
    "optional_data": cells.text(GradeSchema, "optional_data"),
}
REQUIRED = ("title",)
MEANINGS = {
    "title": "The schema's name as it stands in Learn.",
    "symbols": "SYMBOL=lower bound, joined by colons, such as P=80:F=0. Empty: the symbols are known to Learn only.",
    "optional_data": "key=value, joined by colons, such as sisSchemaID=PF. Empty: none.",
}

KEY = ("title",)
FACTS = (Fact(about=KEY, columns=("symbols", "optional_data")),)


def sheet() -> Sheet:
    return Sheet(
        what="grade schemas",
        columns=MEANINGS,
        required=REQUIRED,
        key=KEY,
        models=(GradeSchema,),
        read=read,
        lock=lock,
        plan=plan,
        apply=lambda plan, by: apply(plan, by=by),
        rows=lambda: iter(GradeSchema.objects.order_by("title").values_list(*READERS)),
    )


def read(name: str, content: bytes) -> list[Line]:
    """What the file says. Raises ImportRefused with every problem in it."""
    rows = files.read_rows(name, content, known=READERS, required=REQUIRED)
    lines = read_lines(rows, READERS, FACTS)
    if problems := [problem for line in lines for problem in find_problems(line)]:
        raise ImportRefused(*problems)
    return lines


def find_problems(line: Line) -> Iterator[Problem]:
    """What the model's own checks say."""
    try:
        GradeSchema(**line.values).full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        for column, messages in error.message_dict.items():
            yield Problem(line.row, column if column in READERS else "symbols", " ".join(messages))


def lock(lines: Sequence[Line]) -> None:
    for titles in chunks(line.values["title"] for line in lines):
        list(GradeSchema.objects.filter(title__in=titles).order_by("pk").select_for_update().values_list("pk"))


def plan(lines: Sequence[Line]) -> Plan:
    """What the lines would change. Writes nothing."""
    standing: dict[tuple[Any, ...], dict[str, Any]] = {}
    for titles in chunks(line.values["title"] for line in lines):
        for row in GradeSchema.objects.filter(title__in=titles).order_by().values(*READERS):
            standing[(row["title"],)] = dict(row)
    return compare(lines, standing, KEY)


@transaction.atomic
def apply(plan: Plan, *, by: User | None = None) -> None:
    """Write what the plan adds and changes, with history."""
    wanted = {
        (line.values["title"],): {name: value for name, value in line.values.items() if name != "title"}
        for line in plan.to_write
    }
    store(GradeSchema, wanted, key=["title"], by=by)
