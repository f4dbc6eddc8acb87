"""Enrolment metadata: keys and values that Learn is to keep of one user's enrolment in one course."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.spreadsheets import cells
from common.spreadsheets.files import quoted
from common.spreadsheets.plans import ConsistencyRule, Line, Plan, Problem, chunks, key_of
from common.spreadsheets.sheets import Column, Sheet
from common.spreadsheets.storing import store
from courses.models import Course, EnrolmentMetadata, ProvisioningStep
from courses.sentences import sentence

NOT_IN_LEARN: dict[str, Any] = {
    "status": EnrolmentMetadata.Status.NOT_PROVISIONED,
    "provisioned_at": None,
    "provisioning_reason": {},
}


class MetadataSheet(Sheet):
    what = _("enrolment metadata")
    models = (EnrolmentMetadata,)
    columns = (
        Column(
            "course_id",
            cells.identifier(Course, "course_id"),
            _("The batch uid of a course that GradeBridge knows."),
            required=True,
            path="course__course_id",
        ),
        Column(
            "user_id",
            cells.identifier(EnrolmentMetadata, "user_id"),
            _("The user's batch uid in Learn."),
            required=True,
        ),
        Column(
            "optional_data",
            cells.text(EnrolmentMetadata, "optional_data"),
            _("key=value, separated by colons, such as EnrollType=Audit:Room=B12."),
            required=True,
        ),
    )
    rules = (ConsistencyRule(about=("course_id", "user_id"), columns=("optional_data",)),)

    def find_problems(self, lines: Sequence[Line]) -> Iterator[Problem]:
        """What the model's own checks say."""
        for line in lines:
            row = EnrolmentMetadata(user_id=line.values["user_id"], optional_data=line.values["optional_data"])
            for column, reason in row.problems().items():
                yield Problem(line.row, column, sentence(reason))

    def find_refusals(self, lines: Sequence[Line], plan: Plan) -> Iterator[Problem]:
        """Courses that are not there, and what is being sent to Learn."""
        courses = find_courses(lines)
        for line in lines:
            if (course_id := line.values["course_id"]) not in courses:
                text = gettext("%(course)s is not known. Add the course first.")
                yield Problem(line.row, "course_id", text % {"course": quoted(course_id)})
        yield from self.find_in_progress([change.line for change in plan.changed])

    def find_in_progress(self, lines: Sequence[Line]) -> Iterator[Problem]:
        """Once Learn answers, it would be unclear whether it has what was sent or what the file says."""
        changed = {key_of(line, self.key): line for line in lines}
        for some in chunks(course_id for course_id, _user_id in changed):
            steps = ProvisioningStep.objects.filter(
                metadata__course__course_id__in=some, state__in=ProvisioningStep.OPEN
            )
            for *key, run in steps.order_by().values_list(*(f"metadata__{path}" for path in self.paths[:2]), "run"):
                if line := changed.get(tuple(key)):
                    text = gettext("This is being sent to Learn in run %(run)s. Change it once the run has finished.")
                    yield Problem(line.row, "optional_data", text % {"run": run})

    def apply(self, plan: Plan, *, by: User | None = None) -> None:
        """Write what the plan adds and changes, with history. Learn has other values: they are to be set again."""
        courses = find_courses(plan.to_write)
        rows = {
            (courses[line.values["course_id"]], line.values["user_id"]): {
                "optional_data": line.values["optional_data"],
                **NOT_IN_LEARN,
            }
            for line in plan.to_write
        }
        store(EnrolmentMetadata, rows, key=self.key, by=by)


def find_courses(lines: Iterable[Line]) -> dict[str, int]:
    """Their primary keys by their course ids."""
    return {
        course_id: pk
        for some in chunks(line.values["course_id"] for line in lines)
        for course_id, pk in Course.objects.filter(course_id__in=some).order_by().values_list("course_id", "pk")
    }
