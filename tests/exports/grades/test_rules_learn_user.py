"""Who has no Learn user in WISEflow has none here either, unless someone else names one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from exports.grades.causes import Cause
from exports.grades.facts import Column, Entry, FlowFacts, PersonFacts, Refused, Send
from exports.grades.rules import judge
from exports.grades.sentences import sentence

COLUMN = Column(course_id="BIO", name="Exam")
FLOW = FlowFacts(now=datetime(2026, 6, 1, tzinfo=UTC), columns={"": COLUMN})
ENTRY = Entry(user_id="u1", mark="B")
UNKNOWN = PersonFacts(learn_user_is_unknown=True)


def test_the_user_id_is_not_taken_for_a_learn_user_that_wiseflow_does_not_have():
    verdict = judge(ENTRY, UNKNOWN, FLOW)

    assert verdict == Refused(Cause.LEARN_USER_UNKNOWN, {"user_id": "u1", "reason": "NOT_IN_WISEFLOW"})
    assert sentence(verdict.cause, verdict.detail) == "WISEflow has no Learn user (batch uid) for user id u1."


@pytest.mark.parametrize(
    ("entry", "person", "flow", "learn_user"),
    [
        (replace(ENTRY, learn_user_id="L1"), UNKNOWN, FLOW, "L1"),
        (ENTRY, replace(UNKNOWN, learn_user_id="L2"), FLOW, "L2"),
        (ENTRY, UNKNOWN, replace(FLOW, caller=1, learn_user_rules={1: "x{}".format}), "xu1"),
    ],
    ids=["the body", "a roster", "the caller's rule"],
)
def test_a_learn_user_that_is_named_elsewhere_counts(entry, person, flow, learn_user):
    assert judge(entry, person, flow) == Send("B", COLUMN, learn_user)


def test_a_callers_rule_that_does_not_fit_is_what_is_said():
    flow = replace(FLOW, caller=1, learn_user_rules={1: lambda user_id: None})

    assert judge(ENTRY, UNKNOWN, flow) == Refused(Cause.LEARN_USER_UNKNOWN, {"user_id": "u1"})
