"""Enrolment metadata: keys and values that Learn is to keep of one user's enrolment in one course."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from common.spreadsheets import cells, files
from common.spreadsheets.files import ImportRefused, quoted
from common.spreadsheets.plans import (
    Change,
    Fact,
    Key,
    Line,
    Plan,
    Problem,
    Values,
    chunks,
    compare,
    key_of,
    read_lines,
)
from common.spreadsheets.sheets import Sheet, import_file
from common.spreadsheets.storing import store
from courses.models import Course, EnrolmentMetadata, ProvisioningStep

READERS: dict[str, cells.Reader] = {
    "course_id": cells.text(Course, "course_id", required=True),
    "user_id": cells.text(EnrolmentMetadata, "user_id", required=True),
    "optional_data": cells.text(EnrolmentMetadata, "optional_data", required=True),
}
REQUIRED = ("course_id", "user_id", "optional_data")
MEANINGS = {
    "course_id": "The batch uid in Learn of a course that is there.",
    "user_id": "The user's batch uid in Learn.",
    "optional_data": "key=value, joined by colons, such as EnrollType=Audit:Room=B12.",
}

KEY = ("course_id", "user_id")
FACTS = (Fact(about=KEY, columns=("optional_data",)),)
STANDING = ("course__course_id", "user_id", "optional_data", "pk")  # the file's columns, and the row


def import_from(path: Path, *, by: User | None = None) -> Plan:
    """Import a file, all or nothing; returns what was done. Raises ImportRefused."""
    return import_file(sheet(), path, by=by)


def sheet() -> Sheet:
    return Sheet(
        what="enrolment metadata",
        columns=MEANINGS,
        required=REQUIRED,
        key=KEY,
        models=(EnrolmentMetadata,),
        read=read,
        lock=lock,
        plan=plan,
        apply=lambda plan, by: apply(plan, by=by),
        rows=lambda: iter(EnrolmentMetadata.objects.values_list(*STANDING[:3])),
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
    row = EnrolmentMetadata(user_id=line.values["user_id"], optional_data=line.values["optional_data"])
    for column, sentence in row.problems().items():
        yield Problem(line.row, column, sentence)


def lock(lines: Sequence[Line]) -> None:
    """The rows that are there, so that nothing sets them in Learn meanwhile."""
    for some in chunks(line.values["course_id"] for line in lines):
        theirs = EnrolmentMetadata.objects.filter(course__course_id__in=some).order_by("pk")
        list(theirs.select_for_update(of=("self",)).values_list("pk"))


def plan(lines: Sequence[Line]) -> Plan:
    """What the lines would change. Writes nothing. Raises ImportRefused for courses that nobody has made, and for what
    is on its way to Learn.
    """
    standing: dict[Key, Values] = {}
    pks: dict[Key, int] = {}
    wanted = {key_of(line, KEY) for line in lines}
    for some in chunks(line.values["course_id"] for line in lines):
        known = EnrolmentMetadata.objects.filter(course__course_id__in=some).order_by()
        for *row, pk in known.values_list(*STANDING):
            values = dict(zip(READERS, row, strict=True))
            key = values["course_id"], values["user_id"]
            if key in wanted:
                standing[key], pks[key] = values, pk
    found = compare(lines, standing, KEY)
    if problems := [*find_unknown_courses(lines), *find_under_way(found.changed, pks)]:
        raise ImportRefused(*sorted(problems))
    return found


def find_unknown_courses(lines: Sequence[Line]) -> Iterator[Problem]:
    known = find_courses(lines)
    for line in lines:
        if (course_id := line.values["course_id"]) not in known:
            yield Problem(line.row, "course_id", f"{quoted(course_id)} is not known; add the course first")


def find_courses(lines: Iterable[Line]) -> dict[str, int]:
    return {
        course_id: pk
        for some in chunks(line.values["course_id"] for line in lines)
        for course_id, pk in Course.objects.filter(course_id__in=some).order_by().values_list("course_id", "pk")
    }


def find_under_way(changed: Sequence[Change], pks: Mapping[Key, int]) -> Iterator[Problem]:
    """What Learn is being told now could not be told apart from what the file says."""
    lines = {pks[key_of(change.line, KEY)]: change.line for change in changed}
    for some in chunks(lines):
        steps = ProvisioningStep.objects.filter(metadata__in=some, state__in=ProvisioningStep.OPEN).order_by()
        for pk, run in steps.values_list("metadata", "run"):
            sentence = f"is on its way to Learn in run {run}; change it once that has finished"
            yield Problem(lines[pk].row, "optional_data", sentence)


NOT_IN_LEARN = {
    "standing": EnrolmentMetadata.Standing.NOT_PROVISIONED,
    "provisioned_at": None,
    "provisioning_message": "",
}


@transaction.atomic
def apply(plan: Plan, *, by: User | None = None) -> None:
    """Write what the plan adds and changes, with history. Learn holds other values: they are to be set anew."""
    courses = find_courses(plan.to_write)
    wanted = {
        (courses[line.values["course_id"]], line.values["user_id"]): {
            "optional_data": line.values["optional_data"],
            **NOT_IN_LEARN,
        }
        for line in plan.to_write
    }
    store(EnrolmentMetadata, wanted, key=["course_id", "user_id"], by=by)
