"""Every fault of the token service. Nothing can have been sent: whatever happens there is FAILED, never in doubt."""

import pytest

from exports.models import ExportAttempt
from sandbox.faults import KINDS, Reach
from tests.faults.conftest import Trial

NO_TOKEN = [
    kind.name for kind in KINDS.values() if kind.reach in (Reach.ANY, Reach.TOKEN) and kind.name != "bearer_expired"
]


@pytest.mark.parametrize("fault", NO_TOKEN)
def test_without_a_token_nothing_is_sent(trial: Trial, fault: str):
    trial.learn.faults.add(fault, service="token", times=None)

    answer = trial.export()

    assert not trial.learn.calls.of("gradeValueAPI")
    trial.learn_recovers()
    trial.ends_well(
        answer,
        section=2,
        place=NO_TOKEN.index(fault),
        fault=f"`{fault}` of the token service: {' '.join(KINDS[fault].description.split())}",
        after="12 FAILED",
    )


@pytest.mark.parametrize("fault", ["token_down", "token_refused"])
def test_a_token_that_ends_while_no_other_can_be_had(trial: Trial, fault: str):
    trial.learn.faults.add("bearer_expired", skip=1)
    trial.learn.faults.add(fault, skip=1, times=None)

    answer = trial.export()

    trial.learn_recovers()
    trial.ends_well(
        answer,
        section=2,
        place=len(NO_TOKEN) + (fault == "token_refused"),
        fault=f"`{fault}` after `bearer_expired` in the second call",
        after="4 DELIVERED, 8 FAILED",
    )


def test_a_used_up_quota_of_the_token_service_is_met_once(trial: Trial):
    trial.learn.faults.add("quota_long", service="token", times=None)

    for _ in range(3):
        answer = trial.export()

    assert len(trial.learn.calls.of("token")) == 1
    trial.learn_recovers()
    trial.ends_well(
        answer,
        section=2,
        place=len(NO_TOKEN) + 2,
        fault="`quota_long` of the token service, over three exports: Learn is asked once",
        after="12 FAILED",
        attempt=ExportAttempt.objects.latest("pk"),
    )
