"""Creates schemas, columns and metadata in Learn, and sets external grades, from what is configured here."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses import provisioning
from courses.models import (
    EnrolmentMetadata,
    GradeColumn,
    GradeSchema,
    Provisioned,
    ProvisioningRun,
    ProvisioningStep,
    not_known_to_be_gone,
)
from courses.sentences import sentence

IN_LEARN = Provisioned.Status.PROVISIONED


class Command(BaseCommand):
    help = (
        "Creates in Learn what is not there yet: grade schemas, grade columns, enrolment metadata, and sets external "
        "grades; all four, or those that are named. What is in Learn, or may be, is left out: a second column of the "
        "same name helps no one. --column creates one all the same. Waits for Learn; exit code 1 unless all was done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--schemas", action="store_true", help="grade schemas")
        parser.add_argument("--columns", action="store_true", help="grade columns and gradable items")
        parser.add_argument("--external", action="store_true", help="which column is a course's external grade")
        parser.add_argument("--metadata", action="store_true", help="enrolment metadata")
        parser.add_argument(
            "--column",
            nargs=2,
            metavar=("COURSE_ID", "NAME"),
            help="this column alone, again even if it is in Learn, which may then have two",
        )

    def handle(self, *, column: list[str] | None, **options: Any) -> None:
        provisioning.sweep()  # what a dead process left behind can be provisioned again
        run, plan = provisioning.request(request_of(column, **options), by=None)
        for row, reason in plan.left_out:
            self.stdout.write(f"left out: {row._meta.verbose_name} {row}: {sentence(reason)}")
        if run is None:
            self.stdout.write("Nothing to provision.")
        else:
            try:
                provisioning.carry_out(run)
            finally:
                self.report(run)
        if plan.left_out or (run and run.steps.exclude(state=ProvisioningStep.State.DONE).exists()):
            raise CommandError("Not everything was done; the reasons are above, and in the admin.")

    def report(self, run: ProvisioningRun) -> None:
        steps = list(run.steps.order_by("stage", "pk"))
        for step in steps:
            if step.state != ProvisioningStep.State.DONE:
                self.stdout.write(f"{step.state.lower()}: {step}: {step.message}")
        counts = Counter(step.state.lower() for step in steps)
        self.stdout.write(
            f"{len(steps)} {'step' if len(steps) == 1 else 'steps'}: "
            + ", ".join(f"{number} {state}" for state, number in counts.items())
        )


def request_of(column: list[str] | None, **kinds: Any) -> provisioning.ProvisioningRequest:
    """Raises CommandError for options that do not go together and a column that is not known."""
    named = [kind for kind in ("schemas", "columns", "external", "metadata") if kinds[kind]]
    if column is not None:
        if named:
            raise CommandError("--column goes alone.")
        course_id, name = column
        found = GradeColumn.objects.filter(course__course_id=course_id, name=name)
        if not found.exists():
            raise CommandError(f"Course {course_id} has no column {name} in GradeBridge.")
        return provisioning.ProvisioningRequest.again_by_name(found)
    rows: dict[str, Any] = {
        "schemas": GradeSchema.objects.exclude(symbols="").exclude(status=IN_LEARN),
        "columns": not_known_to_be_gone(GradeColumn.objects.exclude(status=IN_LEARN)),
        "external": not_known_to_be_gone(GradeColumn.objects.filter(is_external_grade=True, external_set_at=None)),
        "metadata": EnrolmentMetadata.objects.exclude(status=IN_LEARN),
    }
    return provisioning.ProvisioningRequest(**{kind: rows[kind] for kind in named or rows})
