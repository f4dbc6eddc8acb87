"""Every fault of the sandbox Learn that a delivery can meet, in one call of three and in all from the second on."""

import pytest

from sandbox.faults import KINDS, Reach
from tests.faults.conftest import Trial

ALL = "12 DELIVERED"
ONE_FAILED, REST_FAILED = "8 DELIVERED, 4 FAILED", "4 DELIVERED, 8 FAILED"
ONE_UNCONFIRMED, REST_UNCONFIRMED = "8 DELIVERED, 4 UNCONFIRMED", "4 DELIVERED, 8 UNCONFIRMED"

AFTER = {  # fault: the states after it hit the second call; after it hit that and all later ones
    "bearer_expired": (ALL, REST_FAILED),
    "forbidden": (ONE_FAILED, REST_FAILED),
    "not_installed": (ONE_FAILED, REST_FAILED),
    "quota_short": (ALL, REST_FAILED),
    "quota_long": (REST_FAILED, REST_FAILED),  # nobody asks again before it lifts
    "quota_reset_header": (REST_FAILED, REST_FAILED),
    "server_error": (ONE_FAILED, REST_UNCONFIRMED),  # a lasting one keeps us from looking too
    "bad_gateway": (ONE_UNCONFIRMED, REST_UNCONFIRMED),
    "maintenance": (ONE_FAILED, REST_FAILED),
    "html_200": (ONE_FAILED, REST_UNCONFIRMED),
    "redirect": (ONE_FAILED, REST_FAILED),
    "silent_before": (ONE_UNCONFIRMED, REST_UNCONFIRMED),
    "reset_before": (ALL, REST_UNCONFIRMED),  # a kept connection that breaks without a word is tried anew once
    "partial": (ALL, "10 DELIVERED, 2 FAILED"),  # it may take by one call what it rejects in the next
    "random_rejects": (ALL, "9 DELIVERED, 3 REJECTED"),
    "shorter": (ALL, ALL),
    "longer": (ALL, ALL),
    "shuffled": (ALL, ALL),
    "foreign_names": (ALL, ALL),
    "other_spelling": (ALL, ALL),
    "no_status": (ALL, ALL),
    "flaky_message": (ALL, ALL),
    "truncated_json": (ALL, REST_UNCONFIRMED),
    "cut_off": (ALL, REST_UNCONFIRMED),
    "silent_after": (ALL, REST_UNCONFIRMED),
    "reset_after": (ALL, REST_UNCONFIRMED),
    "slow_drip": (ALL, REST_UNCONFIRMED),
    "endless_body": (ALL, REST_UNCONFIRMED),
    "gzip_bomb": (ALL, REST_UNCONFIRMED),
}
HIT_ONCE = {fault: once for fault, (once, _) in AFTER.items()}
PARAMETERS = {"random_rejects": {"share": 0.3}}


def test_every_fault_of_the_sandbox_is_tried():
    assert [kind.name for kind in KINDS.values() if kind.reach in (Reach.ANY, Reach.RESULTS)] == list(AFTER)


@pytest.mark.parametrize("fault", HIT_ONCE)
def test_a_fault_of_one_call(trial: Trial, fault: str):
    trial.learn.faults.add(fault, skip=1, times=1, **PARAMETERS.get(fault, {}))

    answer = trial.export()

    assert not trial.learn.faults.as_json()  # it has hit
    trial.learn_recovers()
    trial.ends_well(answer, section=0, place=list(AFTER).index(fault), fault=line(fault), after=HIT_ONCE[fault])


@pytest.mark.parametrize("fault", AFTER)
def test_a_fault_that_lasts(trial: Trial, fault: str):
    trial.learn.faults.add(fault, skip=1, times=None, **PARAMETERS.get(fault, {}))

    answer = trial.export()

    trial.learn_recovers()
    trial.ends_well(answer, section=1, place=list(AFTER).index(fault), fault=line(fault), after=AFTER[fault][1])


def line(fault: str) -> str:
    given = "".join(f" Here {name} {value}." for name, value in PARAMETERS.get(fault, {}).items())
    return f"`{fault}`: {' '.join(KINDS[fault].description.split())}{given}"
