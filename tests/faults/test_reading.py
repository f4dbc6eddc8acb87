"""Every fault of reading Learn before a grade there is replaced.

Where Learn cannot be read now nothing is sent unseen; where it never lets GradeBridge read, all is as without looks.
"""

import pytest

from exports.grades.causes import Cause
from exports.models import ExportAttempt, Flow
from sandbox.faults import KINDS, Reach
from tests.faults.conftest import FLOW, GRADES, Trial
from tests.faults.test_learn import line

READ = [kind.name for kind in KINDS.values() if kind.reach in (Reach.ANY, Reach.READS, Reach.PAGES)]
SENT, NOT_SENT = "12 DELIVERED", "12 FAILED"
AFTER = dict.fromkeys(READ, NOT_SENT) | {
    **dict.fromkeys(("forbidden", "not_installed"), SENT),  # as Learn answers for want of a privilege, or of the column
}


@pytest.fixture
def trial(trial: Trial) -> Trial:
    """Everyone has another grade in Learn, which the flow lets be replaced."""
    Flow.objects.filter(flow_id=FLOW).update(allow_overwrite=True)
    trial.wiseflow.export(*({"userId": user, "mark": "1"} for user in GRADES))
    return trial


@pytest.mark.parametrize("fault", READ)
def test_a_fault_of_reading_before_a_grade_is_replaced(trial: Trial, fault: str):
    trial.learn.faults.add(fault, service="grades", times=None)
    writes = trial.learn.world.writes

    answer = trial.export()

    after = AFTER[fault]
    assert trial.learn.world.writes == writes + (len(GRADES) if after == SENT else 0)
    attempt = ExportAttempt.objects.filter(flow__flow_id=FLOW).latest("pk")
    trial.learn_recovers()
    trial.ends_well(answer, section=6, place=READ.index(fault), fault=line(fault), after=after, attempt=attempt)


@pytest.mark.parametrize("service", ["course", "columns", "members"])
def test_a_fault_of_any_read_keeps_the_grades(trial: Trial, service: str):
    trial.learn.faults.add("maintenance", service=service, times=None)
    writes = trial.learn.world.writes

    trial.export()

    attempt = ExportAttempt.objects.filter(flow__flow_id=FLOW).latest("pk")
    assert trial.learn.world.writes == writes
    assert set(attempt.deliveries.filter(value__gt="").values_list("cause", flat=True)) == {Cause.NOT_READ}
