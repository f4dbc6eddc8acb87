"""Whether what a translation gives can be shown anywhere: a value that no grade schema has is mistyped."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from django.utils.translation import gettext as _

from common.sentences import shortlist
from courses.models import GradeSchema
from exports.delivering.judging import column_facts
from exports.grades.sentences import clipped
from exports.grades.translating import NotTranslatable, Scale, is_number
from exports.models import ColumnMapping

MAX_SYMBOLS = 12  # of a schema, in one sentence


def find_unshown(values: Mapping[str, Collection[str]]) -> dict[str, str]:
    """By the translation's name: which of these values of it no column can show, and what could be shown instead.

    A translation that no flow uses is compared with every grade schema whose symbols are known. A few statements,
    whatever the number of translations.
    """
    scales: dict[str, dict[int, Scale]] = defaultdict(dict)
    schemas: dict[str, dict[str, GradeSchema]] = defaultdict(dict)
    mappings = ColumnMapping.objects.filter(translation__name__in=values).order_by("grade_column__grade_schema__title")
    for mapping in mappings.select_related("grade_column__course", "grade_column__grade_schema", "translation"):
        assert mapping.translation
        name, column = mapping.translation.name, mapping.grade_column
        if column.pk not in scales[name]:
            mapping.translation = None  # its table is not looked at
            scale = column_facts(mapping).scale
            assert scale  # a grade column has points
            scales[name][column.pk] = scale
            if column.grade_schema:
                schemas[name][column.grade_schema.title] = column.grade_schema
    known = {schema.title: schema for schema in GradeSchema.objects.exclude(symbols="").order_by("title")}
    symbols = frozenset(symbol for schema in known.values() for symbol in schema.symbol_names)
    found: dict[str, str] = {}
    for name, given in values.items():
        if name in scales:
            unshown = [value for value in given if not any(shows(scale, value) for scale in scales[name].values())]
            offered, text = schemas[name], _("No grade column that uses this translation can show %(values)s.")
        else:
            unshown = [value for value in given if symbols and value not in symbols and not is_number(value)]
            offered, text = known, _("No grade schema has %(values)s.")
        if unshown:
            shown = shortlist([f"'{clipped(value)}'" for value in dict.fromkeys(unshown)])
            found[name] = " ".join(filter(None, (text % {"values": shown}, symbols_shown(offered))))
    return found


def shows(scale: Scale, value: str) -> bool:
    try:
        scale.check(value, is_named=True)
    except NotTranslatable:
        return False
    return True


def symbols_shown(schemas: Mapping[str, GradeSchema]) -> str:
    """`Letters has A, B; Pass-Fail has P, F.`"""
    offered = [
        _("%(schema)s has %(symbols)s") % {"schema": title, "symbols": symbols_of(schema)}
        for title, schema in schemas.items()
        if schema.symbols
    ]
    return f"{shortlist(offered, '; ')}." if offered else ""


def symbols_of(schema: GradeSchema) -> str:
    names = [pair.partition("=")[0].strip() for pair in schema.symbols.split(":")]
    return shortlist(names, most=MAX_SYMBOLS)
