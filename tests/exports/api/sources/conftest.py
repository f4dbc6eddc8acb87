"""A flow with a column for each source."""

import pytest

from exports.importing import rosters
from exports.models import Flow, Participant
from exports.retrying import retry
from exports.tasks import deliver_attempt
from tests.conftest import COURSE
from tests.exports.importing.files import csv_file
from tests.factories import ColumnMappingFactory, CourseFactory, FlowFactory, GradeColumnFactory

S, T, REST = "UNIwise||001||2026", "UNIwise||002||2026", "UNIwise||003||2026"
OTHER = "CHE201-2026"
COLUMNS = {S: (COURSE, "Biology"), T: (OTHER, "Chemistry"), "": (COURSE, "Rest")}


@pytest.fixture
def world(learn):
    """The sandbox with a column for each source; in its second course u7 is not enrolled."""
    enrolled = [f"u{number}" for number in range(1, 21) if number != 7]
    rest = {"points": None}
    learn.world.merge({"courses": {COURSE: {"columns": {"Biology": rest, "Rest": rest}}}})
    learn.world.merge({"courses": {OTHER: {"users": enrolled, "columns": {"Chemistry": rest}}}})
    return learn


def mapped(*sources):
    flow = FlowFactory(flow_id="77")
    courses = {course_id: CourseFactory(course_id=course_id) for course_id in (COURSE, OTHER)}
    for source in sources:
        add_mapping(flow, source, courses)
    return flow


def add_mapping(flow, source, courses):
    course_id, name = COLUMNS[source]
    column = GradeColumnFactory(course=courses[course_id], name=name, in_learn=True)
    ColumnMappingFactory(flow=flow, grade_column=column, source_code=source)


@pytest.fixture
def flow(world):
    """S and T have a column each; there is no default."""
    return mapped(S, T)


@pytest.fixture
def with_default(world):
    return mapped(S, T, "")


@pytest.fixture
def roster(tmp_path):
    """Imports lines of user id, Learn user, source and how they were added; returns what somebody is warned of."""

    def roster(*rows):
        path = tmp_path / "roster.csv"
        path.write_bytes(csv_file(["user_id", "learn_user_id", "source_code", "added_by"], *rows))
        warnings = []
        rosters.import_from("77", path, warn=warnings.append)
        return " ".join(warnings)

    return roster


def entry(mark="75", source=None, user_id="u1", **more):
    return {"userId": user_id, "mark": mark, **({"sourceCode": source} if source else {}), **more}


def in_learn(learn, user="u1"):
    """User's value by source, where there is one."""
    found = {}
    for source, (course, column) in COLUMNS.items():
        if value := learn.world.values(course, column).get(user):
            found[source] = value
    return found


def numbers(answer):
    """Successes and errors; they are those of the attempt."""
    assert answer["numberOfErrors"] == len(answer["errors"])
    attempt = Flow.objects.get(flow_id="77").attempts.latest("pk")
    assert (attempt.number_of_success, attempt.number_of_errors) == (
        answer["numberOfSuccess"],
        answer["numberOfErrors"],
    )
    return answer["numberOfSuccess"], answer["numberOfErrors"]


def reasons(answer):
    return [error["errorInfo"] for error in answer["errors"]]


def status(user_id="u1"):
    person = Participant.objects.get(user_id=user_id)
    return person.state, person.cause, person.value_in_learn


def retry_all(**condition):
    outcome = retry(Participant.objects.filter(**condition), by=None, in_background=False)
    for attempt in outcome.attempts:
        if attempt.finished_at is None:
            deliver_attempt.func(attempt.pk)
    return outcome.queued


def told(wiseflow, user_id="u1"):
    results = wiseflow.get("/api/wiseflow/flows/77/participants").json()["results"]
    return next(result for result in results if result["userId"] == user_id)
