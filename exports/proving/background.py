"""Grades of a flow or a column that a task reads back, because someone has asked for it."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from common import stopping
from courses.models import GradeColumn
from courses.reading_back import RUN_SECONDS
from courses.tasks import GRACE, WorkerDied
from exports.models import GradeInLearn
from exports.models.grade_in_learn import GradeInLearnQuerySet
from exports.proving.runs import prove

FLOW, COLUMN = "flow", "column"


@task()
def prove_grades(of: str, pk: int) -> dict[str, Any]:
    """Read back the grades of a flow or a column. Returns how many grades have which verdict, and why it ended early:
    `{"verdicts": {...}, "stopped": {...}}`.
    """
    with stopping.listening():
        proved = prove(grades_of(of, pk))
    return {"verdicts": dict(proved.verdicts), "stopped": dict(proved.stopped)}


def grades_of(of: str, pk: int) -> GradeInLearnQuerySet:
    if of == FLOW:
        return GradeInLearn.objects.in_learn().filter(participant__flow=pk)
    column = GradeColumn.objects.select_related("course").filter(pk=pk).first()
    return GradeInLearn.objects.in_column(column) if column else GradeInLearn.objects.none()


def prove_in_background(of: str, pk: int) -> str:
    """The id of the task that does it: of one that is under way already, if there is one."""
    waiting = DBTaskResult.objects.filter(task_path=prove_grades.module_path, status__in=["READY", "RUNNING"])
    for result in waiting:
        if result.args_kwargs["args"] == [of, pk]:
            return str(result.id)
    return str(prove_grades.enqueue(of, pk).id)


def finish_overdue() -> int:
    """Mark tasks as failed that seem to run for longer than a run lasts: their worker was killed. Returns how many."""
    before = timezone.now() - timedelta(seconds=RUN_SECONDS) - GRACE
    overdue = DBTaskResult.objects.running().filter(task_path=prove_grades.module_path, started_at__lt=before)
    for result in (found := list(overdue)):
        result.set_failed(WorkerDied("The worker that read grades back died."))
    return len(found)
