"""Other points or another grade schema for a column that holds delivered grades: allowed, and told what it means."""

from collections import defaultdict
from collections.abc import Collection

from django.db.models import Count

from common.sentences import shortlist
from courses.models import GradeColumn
from exports.delivering.judging import column_facts
from exports.grades.translating import NotTranslatable, quoted
from exports.mapping.locking import Place, place_of
from exports.models import ColumnMapping, GradeInLearn

FIELDS = ("points", "grade_schema")


def consequences(columns: Collection[GradeColumn]) -> dict[Place, str]:
    """What it means for the grades that stand in these columns, as they are to be; nothing for a column without any.

    One statement for many columns.
    """
    standing = find_values(columns)
    found: dict[Place, str] = {}
    for column in columns:
        if values := standing.get(place_of(column)):
            count, unfit = sum(values.values()), sorted(value for value in values if not fits(value, column))
            grades = "1 delivered grade stands" if count == 1 else f"{count} delivered grades stand"
            found[place_of(column)] = (
                f"{grades} in course {column.course.course_id}, column {column.name}, sent by the points and grade "
                f"schema of before, and nothing is sent again; a retry or correction goes by the new ones. "
                f"{refusals_of(unfit)}See that the column in Learn has the same."
            )
    return found


def find_values(columns: Collection[GradeColumn]) -> dict[Place, dict[str, int]]:
    """The values that stand in these columns, each with its number."""
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


def refusals_of(unfit: list[str]) -> str:
    if not unfit:
        return ""
    return f"By these {shortlist([quoted(value) for value in unfit])} would be refused. "
