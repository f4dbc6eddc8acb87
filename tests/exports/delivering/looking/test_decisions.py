"""What people decided about a grade that somebody else set in Learn holds for the next look."""

import pytest

from exports.grades.causes import Cause
from exports.models import ExportState
from tests.exports.delivering.conftest import status
from tests.exports.delivering.looking.conftest import State, latest, shown, typed
from tests.factories import DecisionFactory


@pytest.fixture
def refused(learn, exported):
    """A teacher's 12 is in the way of u1's B."""
    typed(learn)
    exported.export({"userId": "u1", "mark": "B"})
    return latest()


def decided(refused, **traits):
    course_id, column_name, user = refused.course_id, refused.column_name, refused.learn_user_id
    place = {"course_id": course_id, "column_name": column_name, "learn_user_id": user}
    return DecisionFactory(grade=None, participant=refused.participant, **place, **traits)


def test_what_is_kept_is_not_overwritten_and_counts_as_left_out(learn, exported, refused):
    decided(refused, kept=True)

    exported.export({"userId": "u1", "mark": "C"})

    assert (shown(learn), latest().state, latest().cause) == ("12", State.REFUSED, Cause.LEARN_GRADE_KEPT)


def test_what_two_agreed_to_replace_is_replaced_once(learn, exported, refused):
    decided(refused, approved=True)
    exported.export({"userId": "u1", "mark": "C"})
    assert (shown(learn), status()) == ("C", (ExportState.EXPORTED, ""))
    typed(learn, "12")

    exported.export({"userId": "u1", "mark": "B"})

    assert (shown(learn), latest().cause) == ("12", Cause.CHANGED_IN_LEARN)


def test_what_was_typed_since_the_decision_is_not_replaced(learn, exported, refused):
    decided(refused, approved=True)
    typed(learn, "13")

    exported.export({"userId": "u1", "mark": "C"})

    assert (shown(learn), latest().cause, latest().detail["shown"]) == ("13", Cause.CHANGED_IN_LEARN, "13")


def test_the_newest_decision_counts(learn, exported, refused):
    decided(refused, approved=True)
    decided(refused, kept=True)

    exported.export({"userId": "u1", "mark": "C"})

    assert (shown(learn), latest().cause) == ("12", Cause.LEARN_GRADE_KEPT)
