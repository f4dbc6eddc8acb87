"""A task worker that is to end while it reads Learn: what it has not looked at is not taken for looked at."""

import os
import signal
import time

import pytest

from common import stopping
from exports.mapping.health import checking
from exports.models import GradeInLearn, LearnCheck
from exports.proving import runs
from exports.proving.background import FLOW, prove_grades
from exports.tasks import check_with_learn
from tests.factories import FlowFactory, ParticipantFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _ignores_and_goes_on():
    earlier = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGTERM, earlier)
    stopping.stop.at = None


def be_ended(*_given, **_options):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.01)


def test_a_proof_says_that_it_was_interrupted(monkeypatch):
    flow = FlowFactory(mapped=True)
    for column in ("First", "Second"):
        ParticipantFactory(flow=flow, exported=True)
        GradeInLearn.objects.filter(pk=GradeInLearn.objects.latest("pk").pk).update(column_name=column)
    read = []

    def prove_column(_reader, column, _users, **_options):
        read.append(column)
        be_ended()
        return runs.Counter(), runs.Counter()

    monkeypatch.setattr(runs, "prove_column", prove_column)

    assert prove_grades.func(FLOW, flow.pk)["stopped"] == {"code": "INTERRUPTED"}
    assert len(read) == 1


def test_a_check_with_learn_says_of_the_rest_that_it_was_interrupted(monkeypatch):
    flows = [FlowFactory(mapped=True) for _ in range(2)]
    monkeypatch.setattr(checking, "findings_of", lambda *_: be_ended() or [])

    check_with_learn.func([flow.pk for flow in flows])

    assert [check.problem for check in LearnCheck.objects.order_by("flow")].count({"code": "INTERRUPTED"}) == 1
