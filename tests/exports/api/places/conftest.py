"""Two flows that lead to one column, and what is seen of their people."""

import pytest

from courses.models import GradeColumn
from exports.importing import rosters
from exports.models import Flow, Participant
from exports.retrying import retry
from exports.tasks import deliver_attempt
from tests.conftest import COLUMN, COURSE
from tests.exports.importing.files import csv_file
from tests.factories import ColumnMappingFactory, FlowFactory

PARTICIPANTS = "/admin/exports/participant/"


@pytest.fixture
def roster(tmp_path):
    """Imports people and their Learn users as the roster of a flow; returns what somebody is warned of."""

    def roster(*rows, flow_id="77"):
        path = tmp_path / "roster.csv"
        path.write_bytes(csv_file(["user_id", "learn_user_id", "added_by"], *[(*row, "SIS") for row in rows]))
        warnings = []
        rosters.import_from(flow_id, path, warn=warnings.append)
        return " ".join(warnings)

    return roster


@pytest.fixture
def resit(flow):
    """Another flow that leads to the same column."""
    other = FlowFactory(flow_id="78")
    ColumnMappingFactory(flow=other, grade_column=GradeColumn.objects.get(name=COLUMN))
    return other


RESIT = "/api/wiseflow/flows/78/export"


def grade(user_id, mark="75", learn_user=None, **more):
    return {"userId": user_id, "mark": mark, **({"learnUserId": learn_user} if learn_user else {}), **more}


def in_learn(learn):
    return learn.world.values(COURSE, COLUMN)


def person(user_id, flow_id="77"):
    return Participant.objects.get(flow__flow_id=flow_id, user_id=user_id)


def status(user_id, flow_id="77"):
    found = person(user_id, flow_id)
    return found.state, found.cause, found.value_in_learn


def retry_all(**condition):
    """Retry the failed, deliver, and return how many were on their way."""
    outcome = retry(Participant.objects.filter(**condition), by=None, in_background=False)
    for attempt in outcome.attempts:
        if attempt.finished_at is None:
            deliver_attempt.func(attempt.pk)
    return outcome.queued


def told(wiseflow, user_id, flow_id="77"):
    results = wiseflow.get(f"/api/wiseflow/flows/{flow_id}/participants").json()["results"]
    return next(result for result in results if result["userId"] == user_id)


def places(told):
    return [(place["learnUserId"], place["value"], place["certainty"]) for place in told["places"]]


def causes(answer):
    return [error["errorInfo"] for error in answer["errors"]]


def agrees(answer):
    """The answer's numbers are those of its entries, and of the attempt."""
    assert answer["numberOfErrors"] == len(answer["errors"])
    attempt = Flow.objects.latest("attempts__pk").attempts.latest("pk")
    assert (attempt.number_of_success, attempt.number_of_errors) == (
        answer["numberOfSuccess"],
        answer["numberOfErrors"],
    )
    return answer["numberOfSuccess"], answer["numberOfErrors"]
