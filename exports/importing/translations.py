"""Translations with their tables: a row for each grade, which repeats what holds for the whole translation."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from common.spreadsheets import cells, files
from common.spreadsheets.files import ImportRefused
from common.spreadsheets.plans import Fact, Key, Line, Plan, Problem, Values, chunks, compare, read_lines
from common.spreadsheets.sheets import Sheet
from common.spreadsheets.storing import store
from exports.grades.translating import Marks, Rounding
from exports.mapping import locking
from exports.mapping.locking import Use
from exports.models import TranslatedGrade, Translation

# The file's columns. A column that the file does not have is left as it is, in a new row at its default; an empty cell
# means the default.
READERS: dict[str, cells.Reader] = {
    "translation": cells.text(Translation, "name", required=True),
    "marks": cells.choice(Marks, empty=Marks.AS_WRITTEN),
    "divisor": cells.exact(Translation, "divisor"),
    "decimals": cells.whole(most=10),
    "rounding": cells.choice(Rounding, empty=Rounding.NONE),
    "kind": cells.choice(TranslatedGrade.Kind, empty=""),
    "given": cells.text(TranslatedGrade, "given"),
    "value": cells.text(TranslatedGrade, "value"),
}
REQUIRED = ("translation",)
MEANINGS = {
    "translation": "The translation's name.",
    "marks": "AS_WRITTEN, TABLE (marks that are not in the table are refused) or NUMERIC. Empty: AS_WRITTEN.",
    "divisor": "For NUMERIC: with 100 the mark 8999 becomes 89.99. Empty: 1.",
    "decimals": "For NUMERIC: digits after the point, 0 to 10. Empty: as many as the number has.",
    "rounding": "NONE, HALF_UP, HALF_EVEN, UP or DOWN. Empty: NONE. Any other than NONE needs decimals.",
    "kind": "MARK or ALTERNATIVE_GRADE. Empty only where given and value are empty too.",
    "given": "The grade exactly as WISEflow sends it. Empty: the row is about the translation alone.",
    "value": "What Learn is to show.",
}

KEY = ("translation", "kind", "given")
OF_ALL = ("marks", "divisor", "decimals", "rounding")
FACTS = (
    Fact(about=KEY, columns=("value",)),
    Fact(about=("translation",), columns=OF_ALL),
)


def sheet() -> Sheet:
    return Sheet(
        what="translations",
        columns=MEANINGS,
        required=REQUIRED,
        key=KEY,
        models=(Translation, TranslatedGrade),
        read=read,
        lock=lambda lines: lock({line.values["translation"] for line in lines}),
        plan=plan,
        apply=lambda plan, by: apply(plan, by=by),
        rows=standing_rows,
        notes=notes,
    )


def read(name: str, content: bytes) -> list[Line]:
    """What the file says. Raises ImportRefused with every problem in it."""
    rows = files.read_rows(name, content, known=READERS, required=REQUIRED)
    lines = read_lines(rows, READERS, FACTS)
    if problems := [problem for line in lines for problem in find_half_grades(line)]:
        raise ImportRefused(*problems)
    return lines


def find_half_grades(line: Line) -> Iterator[Problem]:
    """Kind, given and value go together: all three, or none of them."""
    names = ("kind", "given", "value")
    if any(line.values.get(name) for name in names):
        for name in names:
            if not line.values.get(name):
                yield Problem(line.row, name, "is empty; a grade has a kind, what is given, and a value")


def lock(names: Collection[str]) -> None:
    for some in chunks(names):
        locking.lock_flows_using(list(Translation.objects.filter(name__in=some).values_list("pk", flat=True)))
    for some in chunks(names):
        list(Translation.objects.filter(name__in=some).order_by("pk").select_for_update().values_list("pk"))


def plan(lines: Sequence[Line]) -> Plan:
    """What the lines would change. Writes nothing. Raises ImportRefused for a rounding to no decimals, and for what
    delivered grades were translated by.
    """
    standing: dict[Key, Values] = {}
    for names in chunks(line.values["translation"] for line in lines):
        for translation in Translation.objects.filter(name__in=names).order_by().prefetch_related("grades"):
            for values in values_of(translation, with_itself=True):
                standing[values["translation"], values["kind"], values["given"]] = values
    if problems := list(find_roundings_to_nothing(lines, standing)):
        raise ImportRefused(*problems)
    itself = {(name,): {column: values[column] for column in OF_ALL} for (name, *_), values in standing.items()}
    found = compare(lines, standing, KEY, [(FACTS[1], itself)])
    if problems := list(find_locked(found)):
        raise ImportRefused(*sorted(problems))
    return found


def find_locked(plan: Plan) -> Iterator[Problem]:
    uses: dict[str, list[Use]] = defaultdict(list)
    for name, use in find_uses(plan):
        uses[name].append(use)
    told: set[tuple[str, str]] = set()  # what holds for a whole translation stands in each of its lines
    for change in plan.differing:
        name = change.line.values["translation"]
        reason = locking.refuse_translating(uses[name])
        for column in change.differences if reason else ():
            if column in OF_ALL and (name, column) in told:
                continue
            told.add((name, column))
            yield Problem(change.line.row, column, reason)


def find_uses(plan: Plan) -> list[tuple[str, Use]]:
    """Where grades were delivered by the translations that change, other than by new lines; with their names."""
    pks = {
        pk: name
        for names in chunks(change.line.values["translation"] for change in plan.differing)
        for pk, name in Translation.objects.filter(name__in=names).order_by().values_list("pk", "name")
    }
    return [(pks[use.translation], use) for use in locking.find_uses(list(pks))] if pks else []


def notes(plan: Plan) -> list[str]:
    """What becomes of grades that were delivered by translations that change."""
    return [f"Translation {name}. {use.consequence()}" for name, use in find_uses(plan)]


def find_roundings_to_nothing(lines: Sequence[Line], standing: Mapping[Key, Values]) -> Iterator[Problem]:
    for line in lines:
        itself = {**standing.get((line.values["translation"], "", ""), {}), **line.values}
        if itself.get("rounding", Rounding.NONE) != Rounding.NONE and itself.get("decimals") is None:
            column = "decimals" if "decimals" in line.values else "rounding"
            yield Problem(line.row, column, "say to how many decimals it is to be rounded")


def values_of(translation: Translation, *, with_itself: bool) -> Iterator[dict[str, Any]]:
    """A translation as rows of a file: a row for each grade, and one `with_itself` alone."""
    of_all = {"translation": translation.name, **{name: getattr(translation, name) for name in OF_ALL}}
    if with_itself:
        yield of_all | {"kind": "", "given": "", "value": ""}
    for grade in translation.grades.all():
        yield of_all | {"kind": grade.kind, "given": grade.given, "value": grade.value}


def standing_rows() -> Iterator[Sequence[Any]]:
    """All translations as rows of a file; one without grades has a row of its own."""
    for translation in Translation.objects.order_by("name").prefetch_related("grades"):
        for values in values_of(translation, with_itself=not translation.grades.all()):
            yield tuple(values.values())


@transaction.atomic
def apply(plan: Plan, *, by: User | None = None) -> None:
    """Write what the plan adds and changes, with history."""
    lines = plan.to_write
    if not lines:
        return
    translations = store(
        Translation, {(line.values["translation"],): of_all(line) for line in lines}, key=["name"], by=by
    )
    store(
        TranslatedGrade,
        {
            (translations[line.values["translation"],], line.values["kind"], line.values["given"]): {
                "value": line.values["value"]
            }
            for line in lines
            if line.values.get("given")
        },
        key=["translation_id", "kind", "given"],
        by=by,
    )
    locking.lock_again([use.flow for _name, use in find_uses(plan)], by=by)


def of_all(line: Line) -> dict[str, Any]:
    return {name: line.values[name] for name in OF_ALL if name in line.values}
