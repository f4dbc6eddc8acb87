"""Every fault of a call whose outcome is then unknown, where no one may look after it."""

import pytest

from tests.faults.conftest import Trial
from tests.faults.test_learn import ALL, PARAMETERS, line

ONE_UNCONFIRMED, REST_UNCONFIRMED = "8 DELIVERED, 4 UNCONFIRMED", "4 DELIVERED, 8 UNCONFIRMED"
AFTER = {  # fault: the states after it hit the second call; after it hit that and all later ones
    **dict.fromkeys(("server_error", "bad_gateway", "html_200", "silent_before"), (ONE_UNCONFIRMED, REST_UNCONFIRMED)),
    "reset_before": (ALL, REST_UNCONFIRMED),  # a kept connection that breaks without a word is tried anew once
    "partial": (ALL, "8 DELIVERED, 4 UNCONFIRMED"),  # it may take by one call what it rejects in the next
    "random_rejects": (ALL, "9 DELIVERED, 3 REJECTED"),
    **dict.fromkeys(("shorter", "longer", "foreign_names", "no_status"), (ALL, REST_UNCONFIRMED)),
    "other_spelling": (ONE_UNCONFIRMED, REST_UNCONFIRMED),  # it may be another column's name: no call would say more
    **dict.fromkeys(("truncated_json", "cut_off", "silent_after"), (ONE_UNCONFIRMED, REST_UNCONFIRMED)),
    "reset_after": (ALL, REST_UNCONFIRMED),
    **dict.fromkeys(("slow_drip", "endless_body", "gzip_bomb"), (ONE_UNCONFIRMED, REST_UNCONFIRMED)),
}


@pytest.fixture
def trial(trial: Trial) -> Trial:
    trial.learn.privileges.take_away("course.gradebook-grades.VIEW")
    return trial


@pytest.mark.parametrize("fault", AFTER)
def test_a_fault_of_one_call(trial: Trial, fault: str):
    trial.learn.faults.add(fault, service="gradeValueAPI", skip=1, times=1, **PARAMETERS.get(fault, {}))

    answer = trial.export()

    trial.learn_recovers()
    trial.ends_well(answer, section=7, place=list(AFTER).index(fault), fault=line(fault), after=AFTER[fault][0])


@pytest.mark.parametrize("fault", AFTER)
def test_a_fault_that_lasts(trial: Trial, fault: str):
    trial.learn.faults.add(fault, service="gradeValueAPI", skip=1, times=None, **PARAMETERS.get(fault, {}))

    answer = trial.export()

    trial.learn_recovers()
    trial.ends_well(answer, section=8, place=list(AFTER).index(fault), fault=line(fault), after=AFTER[fault][1])
