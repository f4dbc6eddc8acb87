"""Problems of a column and its translation, which all flows share that are mapped to them."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext as _

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
        sentence = _(
            "Column %(column)s was deleted in Learn or is being deleted. All grades for it will be refused."
        ) % {"column": column}
        yield Fault(kind=Kind.COLUMN_DELETED, sentence=sentence, repair=column)


def schema_faults(mapping: ColumnMapping) -> Iterator[Fault]:
    """A schema without symbols, or with symbols that cannot be read, lets every value through."""
    schema: GradeSchema | None = mapping.grade_column.grade_schema
    if schema is None:
        return
    bounds = [bound for _symbol, separator, bound in parts_of(schema) if separator]
    if not schema.symbols:
        sentence = _("The symbols of grade schema %(schema)s are not entered. Only Learn can check the values.")
    elif not all(name for name, _separator, _bound in parts_of(schema)) or not all(map(NUMBER.fullmatch, bounds)):
        sentence = _(
            "The symbols of grade schema %(schema)s are not written like P=80:F=0. Check that Learn has the same."
        )
    else:
        return
    yield Fault(kind=Kind.SCHEMA_NOT_KNOWN, sentence=sentence % {"schema": schema}, repair=schema)


def parts_of(schema: GradeSchema) -> list[tuple[str, str, str]]:
    return [pair.partition("=") for pair in schema.symbols.split(":")]


def translation_faults(mapping: ColumnMapping, column: Column, known: frozenset[str]) -> Iterator[Fault]:
    """What the column cannot show of what its translation gives."""
    translation, translator, scale = mapping.translation, column.translator, column.scale
    if translation is None or translator is None or scale is None:
        return
    names = {"translation": translation, "column": mapping.grade_column}

    def fault(kind: Kind, sentence: str, repair: models.Model = translation) -> Fault:
        return Fault(kind=kind, sentence=sentence, repair=repair)

    if translator.marks is Marks.TABLE and not translator.marks_table:
        sentence = _("Translation %(translation)s contains no marks. All marks will be refused.")
        yield fault(Kind.MARKS_NOT_TRANSLATED, sentence % names)
    if translator.marks is Marks.NUMERIC and not shows_numbers(scale):
        sentence = _(
            "Translation %(translation)s gives numbers, but column %(column)s cannot show numbers. All marks will be "
            "refused."
        )
        yield fault(Kind.MARKS_NOT_TRANSLATED, sentence % names)
    marks = translator.marks_table if translator.marks is Marks.TABLE else {}
    lines = [*marks.items(), *translator.alternatives.items()]
    if reasons := [reason for given, value in lines if (reason := refusal(given, value, scale, True))]:
        sentence = _("Column %(column)s cannot show some values of translation %(translation)s: %(reasons)s.")
        yield fault(Kind.VALUE_NOT_SHOWN, sentence % {**names, "reasons": shortlist(reasons, "; ")})
    words = sorted({value for _given, value in lines if not is_number(value)})
    if words and mapping.grade_column.grade_schema is None:
        sentence = _(
            "Column %(column)s has no grade schema, but translation %(translation)s gives words (%(words)s). Only "
            "Learn can check them."
        )
        yield fault(Kind.SCHEMA_NOT_KNOWN, sentence % {**names, "words": shortlist(words)}, mapping.grade_column)
    if not translator.alternatives:
        sentence = _("Translation %(translation)s contains no alternative grades. All of them will be refused.")
        yield fault(Kind.ALTERNATIVE_GRADES_UNKNOWN, sentence % names)
    elif missing := sorted(known - translator.alternatives.keys()):
        sentence = _(
            "Translation %(translation)s does not contain these alternative grades of other translations: %(missing)s."
        )
        yield fault(Kind.ALTERNATIVE_GRADES_UNKNOWN, sentence % {**names, "missing": shortlist(missing)})


def untranslated_faults(mapping: ColumnMapping, column: Column, known: frozenset[str]) -> Iterator[Fault]:
    """Without a translation every code is sent, unless the column cannot show it."""
    if mapping.translation is not None or column.scale is None:
        return
    sentences = [
        _("Column %(column)s has no translation: alternative grades are sent unchanged.")
        % {"column": mapping.grade_column}
    ]
    if refused := sorted(code for code in known if refusal(code, code, column.scale)):
        sentences.append(_("This column cannot show: %(codes)s.") % {"codes": shortlist(refused)})
    words = sorted(code for code in known if not is_number(code))
    if words and mapping.grade_column.grade_schema is None:
        sentence = _("It has no grade schema, so only Learn can check words such as %(words)s.")
        sentences.append(sentence % {"words": shortlist(words)})
    yield Fault(kind=Kind.ALTERNATIVE_GRADES_UNKNOWN, sentence=" ".join(sentences), repair=None)


def shows_numbers(scale: Scale) -> bool:
    return scale.takes_numbers or not scale.symbols or any(map(NUMBER.fullmatch, scale.symbols))


def refusal(given: str, value: str, scale: Scale, is_named: bool = False) -> str:
    """Why the scale refuses the value; "" where it does not. `is_named`: a line of a translation gives it."""
    try:
        scale.check(value, is_named=is_named)
    except NotTranslatable as error:
        return _("for %(given)s, %(reason)s") % {"given": given, "reason": error}
    return ""
