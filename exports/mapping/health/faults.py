"""Problems of a column and its translation, which all flows share that are mapped to them."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import models

from common.sentences import shortlist
from courses.models import GradeSchema
from exports.grades.facts import Column
from exports.grades.translating import NUMBER, Marks, NotTranslatable, Scale, is_number
from exports.mapping.health.problems import Kind
from exports.models import ColumnMapping


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A problem for every flow that is mapped to the column. `repair` None: on the flow's own page."""

    kind: Kind
    sentence: str
    repair: models.Model | None


def find_faults(mapping: ColumnMapping, column: Column, known: frozenset[str]) -> list[Fault]:
    """`known`: the alternative grades of all translations."""
    return [
        *column_faults(mapping),
        *schema_faults(mapping),
        *translation_faults(mapping, column, known),
        *untranslated_faults(mapping, column, known),
    ]


def column_faults(mapping: ColumnMapping) -> Iterator[Fault]:
    column = mapping.grade_column
    if not column.takes_grades:
        sentence = f"Column {column} was deleted in Learn, or is about to be: all grades for it are refused."
        yield Fault(kind=Kind.COLUMN_DELETED, sentence=sentence, repair=column)


def schema_faults(mapping: ColumnMapping) -> Iterator[Fault]:
    """A schema that does not tell its symbols, or not in a way that can be read, lets every value through."""
    schema: GradeSchema | None = mapping.grade_column.grade_schema
    if schema is None:
        return
    bounds = [bound for _name, separator, bound in parts_of(schema) if separator]
    if not schema.symbols:
        sentence = f"The symbols of grade schema {schema} are not entered: only Learn can check the values."
    elif not all(name for name, _separator, _bound in parts_of(schema)) or not all(map(NUMBER.fullmatch, bounds)):
        sentence = f"The symbols of grade schema {schema} are not written as P=80:F=0, so they may not be Learn's."
    else:
        return
    yield Fault(kind=Kind.SCHEMA_NOT_KNOWN, sentence=sentence, repair=schema)


def parts_of(schema: GradeSchema) -> list[tuple[str, str, str]]:
    return [pair.partition("=") for pair in schema.symbols.split(":")]


def translation_faults(mapping: ColumnMapping, column: Column, known: frozenset[str]) -> Iterator[Fault]:
    """What the column cannot show of what its translation gives."""
    translation, translator, scale = mapping.translation, column.translator, column.scale
    if translation is None or translator is None or scale is None:
        return

    def fault(kind: Kind, sentence: str, repair: models.Model = translation) -> Fault:
        return Fault(kind=kind, sentence=sentence, repair=repair)

    if translator.marks is Marks.TABLE and not translator.marks_table:
        yield fault(Kind.MARKS_NOT_TRANSLATED, f"Translation {translation} has no marks: every mark is refused.")
    if translator.marks is Marks.NUMERIC and not shows_numbers(scale):
        sentence = f"Translation {translation} gives numbers, column {mapping.grade_column} shows none: refused."
        yield fault(Kind.MARKS_NOT_TRANSLATED, sentence)
    marks = translator.marks_table if translator.marks is Marks.TABLE else {}
    lines = [*marks.items(), *translator.alternatives.items()]
    if reasons := [reason for given, value in lines if (reason := refusal(given, value, scale, True))]:
        told = shortlist(reasons, "; ")
        sentence = f"Column {mapping.grade_column} cannot show what translation {translation} gives: {told}."
        yield fault(Kind.VALUE_NOT_SHOWN, sentence)
    words = sorted({value for _given, value in lines if not is_number(value)})
    if words and mapping.grade_column.grade_schema is None:
        sentence = (
            f"Column {mapping.grade_column} has no grade schema, translation {translation} gives words "
            f"({shortlist(words)}): only Learn can check them."
        )
        yield fault(Kind.SCHEMA_NOT_KNOWN, sentence, mapping.grade_column)
    if not translator.alternatives:
        sentence = f"Translation {translation} has no alternative grades: each of them is refused."
        yield fault(Kind.ALTERNATIVE_GRADES_UNKNOWN, sentence)
    elif missing := sorted(known - translator.alternatives.keys()):
        sentence = f"Translation {translation} lacks alternative grades that others have: {shortlist(missing)}."
        yield fault(Kind.ALTERNATIVE_GRADES_UNKNOWN, sentence)


def untranslated_faults(mapping: ColumnMapping, column: Column, known: frozenset[str]) -> Iterator[Fault]:
    """Without a translation every code is sent, unless the column cannot show it."""
    if mapping.translation is not None or column.scale is None:
        return
    sentence = f"Column {mapping.grade_column} is mapped without a translation: alternative grades go as they are given"
    refused = sorted(code for code in known if refusal(code, code, column.scale))
    if refused:
        sentence += f"; it cannot show these that translations have: {shortlist(refused)}"
    words = sorted(code for code in known if not is_number(code))
    if words and mapping.grade_column.grade_schema is None:
        sentence += f"; it has no grade schema, so only Learn can check words such as {shortlist(words)}"
    yield Fault(kind=Kind.ALTERNATIVE_GRADES_UNKNOWN, sentence=f"{sentence}.", repair=None)


def shows_numbers(scale: Scale) -> bool:
    return scale.takes_numbers or not scale.symbols or any(map(NUMBER.fullmatch, scale.symbols))


def refusal(given: str, value: str, scale: Scale, is_named: bool = False) -> str:
    """Why the scale refuses the value; "" where it does not. `is_named`: a line of a translation gives it."""
    try:
        scale.check(value, is_named=is_named)
    except NotTranslatable as reason:
        return f"for {given}, {reason}"
    return ""
