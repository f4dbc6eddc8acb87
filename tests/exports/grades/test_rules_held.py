"""What is held back, and where that comes among the rules."""

from dataclasses import replace

import pytest

from exports.grades.causes import Cause
from exports.grades.facts import AlreadyExported, Refused, Send
from exports.grades.rules import judge
from tests.exports.grades.test_rules import COLUMN, EXPORTED, FAILED, FLOW, NEW, NOTHING, NOW, ON_ITS_WAY, mark

BY_ANNA = Refused(Cause.HELD, {"held_by": "anna", "held_at": NOW.isoformat(), "why": "The board meets on Friday"})
HELD = replace(FLOW, held=BY_ANNA)
PERSON_HELD = replace(FLOW, held_people={1: BY_ANNA})
PAUSED = replace(FLOW, paused=replace(BY_ANNA, cause=Cause.PAUSED))


@pytest.mark.parametrize(
    ("entry", "person", "flow", "cause"),
    [
        pytest.param(mark("B"), NEW, HELD, Cause.HELD, id="a held flow"),
        pytest.param(mark("B"), FAILED, PERSON_HELD, Cause.HELD, id="a held person"),
        pytest.param(mark("B"), NEW, PAUSED, Cause.PAUSED, id="while all sending is paused"),
        pytest.param(mark("B"), NEW, replace(HELD, paused=PAUSED.paused), Cause.HELD, id="held before paused"),
        pytest.param(mark("A"), EXPORTED, HELD, Cause.HELD, id="held before R3"),
        pytest.param(NOTHING, NEW, replace(HELD, columns={}), Cause.HELD, id="held before all else"),
        pytest.param(mark("B"), ON_ITS_WAY, HELD, Cause.IN_PROGRESS, id="in progress before held"),
    ],
)
def test_what_is_held_or_paused_is_refused_before_anything_else(entry, person, flow, cause):
    verdict = judge(entry, person, flow)

    assert isinstance(verdict, Refused)
    assert verdict.cause == cause


def test_of_a_flow_with_a_held_person_the_others_are_sent():
    assert judge(mark("B"), NEW, PERSON_HELD) == Send("B", COLUMN, "u1")


@pytest.mark.parametrize("flow", [HELD, PERSON_HELD, PAUSED])
def test_the_grade_that_is_in_learn_is_a_success_all_the_same(flow):
    assert judge(mark("B"), EXPORTED, flow) == AlreadyExported("B")
