"""Translations with their tables: a row for each grade, which repeats what holds for the whole translation."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.spreadsheets import cells
from common.spreadsheets.plans import ConsistencyRule, Key, Line, Plan, Problem, Values, chunks, compare
from common.spreadsheets.sheets import Column, Sheet, refuse
from common.spreadsheets.storing import store
from exports.grades.translating import Marks, Rounding
from exports.mapping import locking
from exports.mapping.locking import Use
from exports.mapping.showing import find_unshown
from exports.models import TranslatedGrade, Translation

OF_ALL = ("marks", "divisor", "decimals", "rounding")
OF_TRANSLATION = ConsistencyRule(about=("translation",), columns=OF_ALL)


class TranslationSheet(Sheet):
    """A column that the file does not have is left as it is, in a new row at its default."""

    what = _("translations")
    models = (Translation, TranslatedGrade)
    columns = (
        Column(
            "translation",
            cells.text(Translation, "name"),
            _("The name of the translation."),
            required=True,
            path="name",
        ),
        Column(
            "marks",
            cells.choice(Marks, empty=Marks.AS_WRITTEN),
            _("AS_WRITTEN, TABLE (marks that are not in the table are refused) or NUMERIC. Empty: AS_WRITTEN."),
        ),
        Column(
            "divisor",
            cells.exact(Translation, "divisor"),
            _("For NUMERIC: with 100 the mark 8999 becomes 89.99. Empty: 1."),
        ),
        Column(
            "decimals",
            cells.whole(most=10),
            _("For NUMERIC: digits after the decimal point, 0 to 10. Empty: as many as the number has."),
        ),
        Column(
            "rounding",
            cells.choice(Rounding, empty=Rounding.NONE),
            _("NONE, HALF_UP, HALF_EVEN, UP or DOWN. All but NONE need decimals. Empty: NONE."),
        ),
        Column(
            "kind",
            cells.choice(TranslatedGrade.Kind, empty=""),
            _("MARK or ALTERNATIVE_GRADE. Leave empty only if given and value are empty too."),
        ),
        Column(
            "given",
            cells.text(TranslatedGrade, "given"),
            _("The grade exactly as WISEflow sends it. Empty: the row is about the translation itself."),
        ),
        Column("value", cells.text(TranslatedGrade, "value"), _("The value that Learn shows.")),
    )
    rules = (ConsistencyRule(about=("translation", "kind", "given"), columns=("value",)), OF_TRANSLATION)

    def find_problems(self, lines: Sequence[Line]) -> Iterator[Problem]:
        """Kind, given and value go together: all three, or none of them."""
        names = ("kind", "given", "value")
        for line in lines:
            if any(line.values.get(name) for name in names):
                for name in names:
                    if not line.values.get(name):
                        sentence = gettext("This is empty. A row for a grade needs kind, given and value.")
                        yield Problem(line.row, name, sentence)

    def lock(self, lines: Sequence[Line]) -> None:
        for translations in self.rows_of(lines):
            locking.lock_flows_using(list(translations.values_list("pk", flat=True)))
        super().lock(lines)

    def plan(self, lines: Sequence[Line]) -> Plan:
        """What the lines would change. Writes nothing. Raises ImportRefused for a rounding to no decimals, and for what
        delivered grades were translated by.
        """
        existing = self.existing(lines)
        refuse(find_roundings_to_nothing(lines, existing))
        itself = {(name,): {column: values[column] for column in OF_ALL} for (name, *_rest), values in existing.items()}
        found = compare(lines, existing, self.key, [(OF_TRANSLATION, itself)])
        refuse(find_locked(found))
        return found

    def existing(self, lines: Sequence[Line]) -> dict[Key, Values]:
        return {
            (values["translation"], values["kind"], values["given"]): values
            for translations in self.rows_of(lines)
            for translation in translations.prefetch_related("grades")
            for values in values_of(translation, with_itself=True)
        }

    def apply(self, plan: Plan, *, by: User | None = None) -> None:
        """Write what the plan adds and changes, with history."""
        lines = plan.to_write
        if not lines:
            return
        translations = store(
            Translation, {(line.values["translation"],): of_all(line) for line in lines}, key=["name"], by=by
        )
        grades = {
            (translations[line.values["translation"],], line.values["kind"], line.values["given"]): {
                "value": line.values["value"]
            }
            for line in lines
            if line.values.get("given")
        }
        store(TranslatedGrade, grades, key=["translation_id", "kind", "given"], by=by)
        locking.lock_again([use.flow for _name, use in find_uses(plan)], by=by)

    def rows(self) -> Iterator[Sequence[Any]]:
        """One without grades has a row of its own."""
        for translation in Translation.objects.order_by("name").prefetch_related("grades"):
            for values in values_of(translation, with_itself=not translation.grades.all()):
                yield tuple(values.values())

    def notes(self, plan: Plan) -> list[str]:
        """What becomes of grades that were delivered by translations that change, and which values nothing can show."""
        values: dict[str, list[str]] = defaultdict(list)
        for line in plan.to_write:
            if value := line.values.get("value"):
                values[line.values["translation"]].append(value)
        return [
            *(of_translation(name, use.consequence()) for name, use in find_uses(plan)),
            *(of_translation(name, sentence) for name, sentence in find_unshown(values).items()),
        ]


def of_translation(name: str, sentence: str) -> str:
    return gettext("Translation %(translation)s. %(sentence)s") % {"translation": name, "sentence": sentence}


def find_locked(plan: Plan) -> Iterator[Problem]:
    uses: dict[str, list[Use]] = defaultdict(list)
    for name, use in find_uses(plan):
        uses[name].append(use)
    seen: set[tuple[str, str]] = set()  # what holds for a whole translation is repeated in each of its lines
    for change in plan.differing:
        name = change.line.values["translation"]
        reason = locking.refuse_translating(uses[name])
        for column in change.differences if reason else ():
            if column in OF_ALL and (name, column) in seen:
                continue
            seen.add((name, column))
            yield Problem(change.line.row, column, reason)


def find_uses(plan: Plan) -> list[tuple[str, Use]]:
    """Where grades were delivered by the translations that change, other than by new lines; with their names."""
    pks = {
        pk: name
        for names in chunks(change.line.values["translation"] for change in plan.differing)
        for pk, name in Translation.objects.filter(name__in=names).order_by().values_list("pk", "name")
    }
    return [(pks[use.translation], use) for use in locking.find_uses(list(pks))] if pks else []


def find_roundings_to_nothing(lines: Sequence[Line], existing: Mapping[Key, Values]) -> Iterator[Problem]:
    for line in lines:
        itself = {**existing.get((line.values["translation"], "", ""), {}), **line.values}
        if itself.get("rounding", Rounding.NONE) != Rounding.NONE and itself.get("decimals") is None:
            column = "decimals" if "decimals" in line.values else "rounding"
            yield Problem(line.row, column, gettext("Enter the number of decimals to round to."))


def values_of(translation: Translation, *, with_itself: bool) -> Iterator[dict[str, Any]]:
    """A translation as rows of a file: a row for each grade, and one `with_itself` alone."""
    of_all = {"translation": translation.name, **{name: getattr(translation, name) for name in OF_ALL}}
    if with_itself:
        yield of_all | {"kind": "", "given": "", "value": ""}
    for grade in translation.grades.all():
        yield of_all | {"kind": grade.kind, "given": grade.given, "value": grade.value}


def of_all(line: Line) -> dict[str, Any]:
    return {name: line.values[name] for name in OF_ALL if name in line.values}
