"""Other points or another grade schema for a column with delivered grades: allowed, with a note on what it means."""

from collections import defaultdict
from collections.abc import Collection

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.sentences import shortlist
from courses.models import GradeColumn
from exports.delivering.judging import column_facts
from exports.grades.translating import NotTranslatable
from exports.mapping.locking import Place, place_of
from exports.models import ColumnMapping, GradeInLearn

FIELDS = ("points", "grade_schema")


def consequences(columns: Collection[GradeColumn], *, is_in_learn: bool = False) -> dict[Place, str]:
    """What it means for the grades that are in these columns, as they are to be; nothing for a column without any.
    `is_in_learn`: Learn has these points and schemas already.

    One statement for many columns.
    """
    in_learn = find_values(columns)
    found: dict[Place, str] = {}
    for column in columns:
        if values := in_learn.get(place_of(column)):
            count, unfit = sum(values.values()), sorted(value for value in values if not fits(value, column))
            found[place_of(column)] = consequence(column, count, unfit, is_in_learn=is_in_learn)
    return found


def consequence(column: GradeColumn, count: int, unfit: list[str], *, is_in_learn: bool) -> str:
    """What it means for `count` grades, of which `unfit` are the values that could not be sent again."""
    sentences = [
        ngettext(
            "%(count)s grade in course %(course)s, column %(column)s was sent with the previous points and grade "
            "schema and stays as it is.",
            "%(count)s grades in course %(course)s, column %(column)s were sent with the previous points and grade "
            "schema and stay as they are.",
            count,
        )
        % {"count": intcomma(count), "course": column.course.course_id, "column": column.name},
        _("Retries and corrections use the new ones."),
    ]
    if unfit:
        values = shortlist([f"'{value}'" for value in unfit])
        sentences.append(_("With these, %(values)s would be refused.") % {"values": values})
    if not is_in_learn:
        sentences.append(_("Make the same change in Learn."))
    return " ".join(sentences)


def find_values(columns: Collection[GradeColumn]) -> dict[Place, dict[str, int]]:
    """The values that are in these columns, each with its number."""
    if not columns:
        return {}
    grades = GradeInLearn.objects.in_columns(columns).order_by()
    found: dict[Place, dict[str, int]] = defaultdict(dict)
    for course_id, name, value, number in grades.values_list("course_id", "column_name", "value").annotate(Count("pk")):
        found[course_id, name][value] = number
    return found


def fits(value: str, column: GradeColumn) -> bool:
    """Whether the value could be sent to the column today."""
    scale = column_facts(ColumnMapping(grade_column=column)).scale
    assert scale is not None  # a grade column has points
    try:
        scale.check(value)
    except NotTranslatable:
        return False
    return True
