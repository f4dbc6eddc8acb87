"""What mappings of a file mean beside what they change: dates, names that look alike, and what Learn is not sent."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from common.spreadsheets.plans import Change, Key, Line, Plan, Problem, chunks, key_of
from courses.models import Course, GradeColumn, Provisioned
from courses.models.lookalikes import column_warning, course_warning, find_lookalikes
from courses.models.provisioned import NOT_SENT
from exports.grades.dates import doubts, refuse_synchronisation

OF_COLUMN = ("item_type", "points", "grade_schema")
COLUMN = ("course_id", "column_name")


def find_changes(plan: Plan, *columns: str) -> list[Change]:
    """The lines that change one of these columns, and those that are new."""
    changed = [change for change in plan.differing if not change.differences.keys().isdisjoint(columns)]
    return changed + [Change(line, {}) for line in plan.added]


def find_far_synchronisations(plan: Plan) -> Iterator[Problem]:
    now = timezone.now()
    for change in find_changes(plan, "synchronised_at"):
        if reason := refuse_synchronisation(change.line.values.get("synchronised_at"), now):
            yield Problem(change.line.row, "synchronised_at", reason)


def find_doubtful_dates(plan: Plan) -> Iterator[str]:
    """For each flow once."""
    seen: set[str] = set()
    for change in find_changes(plan, "synchronised_at", "assessment_ends_at"):
        flow_id = change.line.values["flow_id"]
        if flow_id not in seen:
            seen.add(flow_id)
            for sentence in doubts(*dates_of(change), timezone.now()):
                yield of_flow(change.line.row, flow_id, sentence)


def dates_of(change: Change) -> tuple[datetime | None, datetime | None]:
    values = {**change.before, **change.line.values}
    return values.get("synchronised_at"), values.get("assessment_ends_at")


def find_alike(lines: Sequence[Line]) -> Iterator[str]:
    """Courses, and columns of one course, that are new and differ in capitals alone from one that is there, or from
    another of the file.
    """
    rows: dict[Key, int] = {}
    for line in lines:
        rows.setdefault(key_of(line, COLUMN[:1]), line.row)
        rows.setdefault(key_of(line, COLUMN), line.row)
    courses = set(Course.objects.values_list("course_id", flat=True))
    named = {line.values["course_id"] for line in lines}
    for name, other in find_lookalikes(sorted(named - courses), courses | named).items():
        yield of_row(rows[name,], course_warning(name, other))
    known, wanted = defaultdict(set), defaultdict(set)
    for some in chunks(named):
        for course_id, name in GradeColumn.objects.filter(course__course_id__in=some).values_list(
            "course__course_id", "name"
        ):
            known[course_id].add(name)
    for line in lines:
        wanted[line.values["course_id"]].add(line.values["column_name"])
    for course_id, names in wanted.items():
        new = sorted(names - known[course_id])
        for name, other in find_lookalikes(new, known[course_id] | names).items():
            yield of_row(rows[course_id, name], column_warning(course_id, name, other))


def find_not_sent(plan: Plan) -> Iterator[str]:
    """Columns that are in Learn already, which the file changes here alone."""
    changed: dict[Key, Change] = {}
    for change in plan.differing:
        if not change.differences.keys().isdisjoint(OF_COLUMN):
            changed.setdefault(key_of(change.line, COLUMN), change)
    for some in chunks(course_id for course_id, _name in changed):
        in_learn = GradeColumn.objects.filter(course__course_id__in=some, status=Provisioned.Status.PROVISIONED)
        for place in in_learn.order_by("course__course_id", "name").values_list("course__course_id", "name"):
            if place in changed:
                yield _("Row %(row)s, column %(column)s: %(sentence)s") % {
                    "row": changed[place].line.row,
                    "column": " · ".join(place),
                    "sentence": NOT_SENT,
                }


def of_flow(row: int, flow_id: str, sentence: str) -> str:
    return _("Row %(row)s, flow %(flow)s: %(sentence)s") % {"row": row, "flow": flow_id, "sentence": sentence}


def of_row(row: int, sentence: str) -> str:
    return _("Row %(row)s. %(sentence)s") % {"row": row, "sentence": sentence}
