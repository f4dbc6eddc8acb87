"""An export of what WISEflow's API holds: by the same rules, exactly as it was shown, and never by itself."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from exports.fetching import pulling
from exports.fetching.flows import fetch
from exports.fetching.pulling import NotPullable, Reason
from exports.grades.translating import Marks
from exports.models import Delivery, ExportAttempt, FlowInWiseflow
from exports.tasks import deliver_attempt
from tests.conftest import COLUMN, COURSE
from tests.exports.fetching.conftest import hold, person
from tests.factories import TranslationFactory, UserFactory


def shown(flow):
    now = timezone.localtime()
    return pulling.digest(flow, pulling.read_pull(flow, now=now), now=now)


def pull(flow, digest=None):
    """What was recorded, and delivered as a task worker does."""
    queued = pulling.pull(flow, shown=digest or shown(flow), by=UserFactory(), now=timezone.localtime())
    deliver_attempt.call(queued.attempt.pk)
    return queued


def test_grades_reach_learn_as_an_attempt_of_its_own_kind(learn, flow, licence):
    hold(licence, person(1, grade="B"), person(2, grade="C", adminGrade="U"))
    fetch(flow)

    queued = pull(flow)

    attempt = ExportAttempt.objects.get()
    assert (attempt.trigger, attempt.requested_by is not None, attempt.number_of_success) == ("PULL", True, 2)
    assert queued.in_progress == 2
    assert learn.world.values(COURSE, COLUMN) == {"u1": "B", "u2": "U"}
    assert set(flow.participants.values_list("user_id", "state")) == {("1", "EXPORTED"), ("2", "EXPORTED")}


def test_who_has_no_grade_is_never_sent_not_even_as_nothing(learn, flow, licence):
    hold(
        licence, person(1, grade="B"), person(2, grade=""), person(3, grade=None, adminGrade=""), person(4, grade="  ")
    )
    fetch(flow)

    pull(flow)

    assert learn.world.values(COURSE, COLUMN) == {"u1": "B"}
    assert Delivery.objects.count() == 1
    assert pulling.read_pull(flow, now=timezone.now()).without_grade == 3


def test_the_rules_of_every_export_hold(learn, flow, licence):
    sources = [{"sourceId": 1, "code": "UNIwise||001||2021", "participants": [501, 503, 504]}]
    people = [
        person(1, grade="B"),
        person(2, grade="B"),  # by hand
        person(3, grade="B", activated=False),
        person(4, grade="B", externalIds={}),
    ]
    hold(licence, *people, sources=sources)
    fetch(flow)

    pull(flow)

    assert learn.world.values(COURSE, COLUMN) == {"u1": "B"}
    causes = set(Delivery.objects.exclude(cause="").values_list("participant__user_id", "cause", "detail__reason"))
    assert causes == {("2", "ADDED_BY_HAND", None), ("4", "LEARN_USER_UNKNOWN", "NOT_IN_WISEFLOW")}


def test_a_grade_that_learn_has_already_is_not_sent_again(learn, flow, licence):
    hold(licence, person(1, grade="B"))
    fetch(flow)
    pull(flow)
    calls = len(learn.calls)

    queued = pull(flow)

    assert (queued.in_progress, queued.judged.errors, len(learn.calls)) == (0, 0, calls)


def test_what_was_fetched_again_is_shown_again(learn, flow, licence):
    hold(licence, person(1, grade="B"))
    fetch(flow)
    seen = shown(flow)
    hold(licence, person(1, grade="C"))
    fetch(flow)

    with pytest.raises(NotPullable) as caught:
        pull(flow, seen)
    assert caught.value.reason == Reason.CHANGED
    assert not ExportAttempt.objects.exists()


def test_a_mapping_that_changed_is_shown_again(flow, licence):
    hold(licence, person(1, grade="B"))
    fetch(flow)
    seen = shown(flow)
    flow.column_mappings.all().delete()

    with pytest.raises(NotPullable):
        pull(flow, seen)


def test_confirmed_twice_it_is_sent_once(learn, flow, licence):
    hold(licence, person(1, grade="B"))
    fetch(flow)
    seen = shown(flow)
    pull(flow, seen)

    with pytest.raises(NotPullable):
        pull(flow, seen)
    assert learn.world.sent(COURSE, COLUMN, "u1") == ["B"]


@pytest.mark.parametrize(
    ("arrange", "reason"),
    [
        (lambda flow: FlowInWiseflow.objects.all().delete(), Reason.NOT_FETCHED),
        (
            lambda flow: FlowInWiseflow.objects.update(fetched_at=timezone.now() - timedelta(hours=2)),
            Reason.TOO_OLD,
        ),
        (lambda flow: flow.participants.all().delete(), Reason.NO_GRADES),
    ],
    ids=["never fetched", "too old", "no grades"],
)
def test_what_cannot_be_pulled_says_what_to_do_first(flow, licence, arrange, reason):
    hold(licence, person(1, grade="B"))
    fetch(flow)
    arrange(flow)

    with pytest.raises(NotPullable) as caught:
        pulling.read_pull(flow, now=timezone.now())
    assert caught.value.reason == reason


SCALE = {"input": {"min": 0, "max": 10000, "modifier": 100, "decimals": 2}}


def marks_of(flow):
    return [entry.mark for entry in pulling.read_pull(flow, now=timezone.now()).entries]


def translate(flow, **fields):
    flow.column_mappings.update(translation=TranslationFactory(**fields))


def test_a_number_that_is_stored_multiplied_is_sent_as_people_see_it(flow, licence):
    people = [person(1, grade="8999"), person(2, grade="9000"), person(3, grade="-50"), person(4, grade="B")]
    hold(licence, *people, gradingScale=SCALE)
    fetch(flow)

    assert marks_of(flow) == ["89.99", "90", "-0.5", "B"]


def test_a_translation_that_divides_gets_the_number_as_it_is_stored(flow, licence):
    translate(flow, marks=Marks.NUMERIC, divisor=Decimal(100))
    hold(licence, person(1, grade="8999"), gradingScale=SCALE)
    fetch(flow)

    assert marks_of(flow) == ["8999"]


@pytest.mark.parametrize(
    ("scale", "divisor", "reason"),
    [
        (SCALE, Decimal(10), Reason.SCALE_UNCLEAR),
        ({"input": {"modifier": 3}}, Decimal(1), Reason.SCALE_UNCLEAR),
        (None, Decimal(1), Reason.SCALE_UNKNOWN),
    ],
)
def test_a_number_of_which_no_one_knows_what_it_means_is_not_sent(flow, licence, scale, divisor, reason):
    translate(flow, marks=Marks.NUMERIC, divisor=divisor)
    hold(licence, person(1, grade="8999"), gradingScale=scale)
    if scale is None:
        licence.missing_modules = {"grading_scale"}
    fetch(flow)

    with pytest.raises(NotPullable) as caught:
        marks_of(flow)
    assert caught.value.reason == reason


def test_a_grade_of_a_list_keeps_its_digits(flow, licence):
    hold(licence, person(1, grade="02"), person(2, grade="-3"), gradingScale={"list": {"options": []}})
    fetch(flow)

    assert marks_of(flow) == ["02", "-3"]
