"""Which column a grade leads to today, and what that column accepts: for whoever has one that it does not."""

from collections.abc import Collection
from functools import cached_property

from django.utils.translation import gettext

from common.database.bulk import among
from common.numbers import plain_number
from common.sentences import shortlist
from exports.grades.causes import Cause, Detail
from exports.models import ColumnMapping, Delivery, Participant, TranslatedGrade

MAX_NAMED = 20  # values in a sentence
OF_COLUMN = ("VALUE_NO_SYMBOL", "VALUE_NO_NUMBER", "VALUE_OUT_OF_RANGE", "VALUE_NO_GRADE", "VALUE_AMBIGUOUS")
OF_TRANSLATION = {
    "MARK_NOT_IN_TRANSLATION": TranslatedGrade.Kind.MARK,
    "CODE_NOT_IN_TRANSLATION": TranslatedGrade.Kind.ALTERNATIVE_GRADE,
}


class Mappings:
    """The column mappings of some flows, read once it is asked for one: two statements, however many there are."""

    def __init__(self, flows: Collection[int]) -> None:
        self.flows = flows

    @cached_property
    def found(self) -> dict[tuple[int, str], ColumnMapping]:
        mappings = ColumnMapping.objects.filter(among("flow_id", set(self.flows))).select_related(
            "grade_column__course", "grade_column__grade_schema", "translation"
        )
        return {
            (mapping.flow_id, mapping.source_code): mapping
            for mapping in mappings.prefetch_related("translation__grades")
        }

    def of(self, flow: int, source_code: str) -> ColumnMapping | None:
        """That of the source, else the flow's default."""
        return self.found.get((flow, source_code)) or self.found.get((flow, ""))

    def valid_values(self, row: Participant | Delivery, flow: int) -> str:
        """What would be valid in place of a grade that could not be converted; empty for any other cause."""
        if row.cause != Cause.VALUE_NOT_USABLE:
            return ""
        mapping = self.of(flow, source_of(row))
        return valid_values(mapping, row.detail) if mapping else ""


def source_of(row: Participant | Delivery) -> str:
    """The source that a failure is about; empty: none in particular."""
    if isinstance(row, Delivery):
        return row.source_code
    return row.cause_source_code or (next(iter(row.sources)) if len(row.sources) == 1 else "")


def valid_values(mapping: ColumnMapping, detail: Detail) -> str:
    """`12, 10, 7`, or `a number from 0 to 100`; empty where only Learn knows, or a new translation is there."""
    reason = str(detail.get("reason", ""))
    if kind := OF_TRANSLATION.get(reason):
        grades = mapping.translation.grades.all() if mapping.translation else []
        return shortlist([grade.given for grade in grades if grade.kind == kind], most=MAX_NAMED)
    return values_of_column(mapping) if reason in OF_COLUMN else ""


def values_of_column(mapping: ColumnMapping) -> str:
    column, schema = mapping.grade_column, mapping.grade_column.grade_schema
    if schema and not schema.symbols:
        return ""  # Learn alone knows them
    points = plain_number(column.points)
    if schema is None:
        return gettext("a number from 0 to %(points)s") % {"points": points}
    symbols = [name for pair in schema.symbols.split(":") if (name := pair.partition("=")[0].strip())]
    named = shortlist(symbols, most=MAX_NAMED)
    if not schema.has_lower_bounds:
        return named
    return gettext("%(symbols)s, or a number from 0 to %(points)s") % {"symbols": named, "points": points}
