"""A date of synchronisation that is still to come: refused until then, and said so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from exports.grades.causes import Cause
from exports.grades.facts import Column, Entry, FlowFacts, PersonFacts, Refused
from exports.grades.rules import judge
from exports.grades.sentences import sentence

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FLOW = FlowFacts(now=NOW, columns={"": Column(course_id="BIO101", name="Final")}, is_synchronised=False)


def test_without_a_date_it_is_not_marked():
    assert judge(Entry(user_id="u1", mark="B"), PersonFacts(), FLOW) == Refused(Cause.NOT_SYNCHRONISED)


def test_with_a_date_to_come_the_date_is_said():
    flow = replace(FLOW, synchronised_at=NOW + timedelta(days=7))
    refused = judge(Entry(user_id="u1", mark="B"), PersonFacts(), flow)

    assert isinstance(refused, Refused)
    assert refused.cause is Cause.NOT_SYNCHRONISED
    assert sentence(refused.cause, refused.detail).endswith("only from 8 June 2026, 02:00.")
