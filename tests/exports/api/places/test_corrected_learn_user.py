"""A corrected Learn user, over the whole way: where the grades are, and where they go from then on."""

import pytest

from exports.tasks import deliver_attempt
from tests.conftest import COLUMN, COURSE
from tests.exports.api.places.conftest import (
    PARTICIPANTS,
    agrees,
    grade,
    in_learn,
    person,
    places,
    retry_all,
    status,
    told,
)
from tests.factories import ApiClientFactory, RequestProfileFactory
from tests.signed_in import signed_in, text_of

# A corrected Learn user


def test_the_same_mark_for_another_learn_user_is_sent_there(learn, flow, wiseflow):
    wiseflow.export(grade("p1", learn_user="u1"))

    answer = wiseflow.export(grade("p1", learn_user="u2"))

    assert agrees(answer) == (1, 0)
    assert in_learn(learn) == {"u1": "75", "u2": "75"}
    assert places(told(wiseflow, "p1")) == [("u2", "75", "CONFIRMED"), ("u1", "75", "CONFIRMED")]
    assert told(wiseflow, "p1")["value"] == "75"


def test_the_old_place_stays_in_sight_on_the_pages(learn, flow, wiseflow):
    wiseflow.export(grade("p1", learn_user="u1"))
    wiseflow.export(grade("p1", learn_user="u2"))
    manager = signed_in(manager=True)

    page = text_of(manager.get(PARTICIPANTS))

    assert "for u1 in Written exam, check it in Learn" in page
    assert "p1" in text_of(manager.get(f"{PARTICIPANTS}?q=u1"))


def test_a_roster_that_corrects_a_learn_user_says_so_and_a_retry_sends_the_grade(learn, flow, wiseflow, roster):
    roster(("p1", "u1"))
    wiseflow.export(grade("p1"))

    warning = roster(("p1", "u2"))

    assert f"p1 (75 is in Learn for Learn user u1 in column {COLUMN} of course {COURSE})" in warning
    assert status("p1")[:2] == ("FAILED", "MISPLACED")
    flow.refresh_from_db()
    assert (flow.state, flow.failed_count, flow.exported_count) == ("FAILED", 1, 0)
    assert f"The grade is in Learn for Learn user u1 in column {COLUMN}" in person("p1").error_info
    assert retry_all() == 1
    assert in_learn(learn) == {"u1": "75", "u2": "75"}
    assert status("p1") == ("EXPORTED", "", "75")
    assert retry_all() == 0


def test_a_roster_that_leads_back_makes_exported_again_without_a_call(learn, flow, wiseflow, roster):
    roster(("p1", "u1"))
    wiseflow.export(grade("p1"))
    roster(("p1", "u2"))

    assert "would be in the right place again: p1." in roster(("p1", "u1"))

    assert status("p1") == ("EXPORTED", "", "75")
    assert places(told(wiseflow, "p1")) == [("u1", "75", "CONFIRMED")]
    assert not any(grade.is_left_behind for grade in person("p1").in_learn)
    assert retry_all() == 0
    assert len(learn.calls.of("gradeValueAPI")) == 1


def test_corrected_back_and_forth_nothing_is_sent_twice_to_one_place(learn, flow, wiseflow, roster):
    roster(("p1", "u1"))
    wiseflow.export(grade("p1"))
    for learn_user in ("u2", "u1", "u2", "u1"):
        roster(("p1", learn_user))
        retry_all()
        assert status("p1") == ("EXPORTED", "", "75")
        (here,) = [each for each in person("p1").in_learn if not each.is_left_behind]
        assert here.learn_user_id == learn_user
        assert agrees(wiseflow.export(grade("p1"))) == (1, 0)
    assert len(learn.calls.of("gradeValueAPI")) == 2
    assert in_learn(learn) == {"u1": "75", "u2": "75"}


def test_back_and_forth_through_the_body_as_well(learn, flow, wiseflow):
    for learn_user in ("u1", "u2", "u1", "u2"):
        assert agrees(wiseflow.export(grade("p1", learn_user=learn_user))) == (1, 0)
    assert len(learn.calls.of("gradeValueAPI")) == 2
    assert places(told(wiseflow, "p1")) == [("u2", "75", "CONFIRMED"), ("u1", "75", "CONFIRMED")]


def test_a_rule_of_the_request_profile_that_is_corrected_leads_to_a_new_place(learn, flow, wiseflow, client):
    profile = RequestProfileFactory(learn_user_rule="PREFIX", learn_user_text="u")
    caller = ApiClientFactory(profile=profile)
    wiseflow.headers = {"X-Api-Key": f"key-{caller.name}"}
    wiseflow.export(grade("1"))
    profile.learn_user_text = "u1"
    profile.save()

    assert agrees(wiseflow.export(grade("1"))) == (1, 0)

    assert in_learn(learn) == {"u1": "75", "u11": "75"}


def test_swapped_learn_users_of_two_people_are_put_right_by_one_roster(learn, flow, wiseflow, roster):
    roster(("p1", "u2"), ("p2", "u1"))
    wiseflow.export(grade("p1", "A"), grade("p2", "B"))

    roster(("p1", "u1"), ("p2", "u2"))
    assert retry_all() == 2

    assert in_learn(learn) == {"u1": "A", "u2": "B"}
    assert status("p1") == ("EXPORTED", "", "A")
    assert status("p2") == ("EXPORTED", "", "B")
    assert places(told(wiseflow, "p1")) == [("u1", "A", "CONFIRMED")]


@pytest.mark.parametrize("order", [("p1", "p2"), ("p2", "p1")])
def test_swapped_people_who_are_retried_one_by_one(learn, flow, wiseflow, roster, order):
    roster(("p1", "u2"), ("p2", "u1"))
    wiseflow.export(grade("p1", "A"), grade("p2", "B"))
    roster(("p1", "u1"), ("p2", "u2"))

    for user_id in order:
        assert retry_all(user_id=user_id) == 1

    assert in_learn(learn) == {"u1": "A", "u2": "B"}
    assert {status("p1"), status("p2")} == {("EXPORTED", "", "A"), ("EXPORTED", "", "B")}


def test_swapped_through_one_body(learn, flow, wiseflow):
    wiseflow.export(grade("p1", "A", "u2"), grade("p2", "B", "u1"))

    answer = wiseflow.export(grade("p1", "A", "u1"), grade("p2", "B", "u2"))

    assert agrees(answer) == (2, 0)
    assert in_learn(learn) == {"u1": "A", "u2": "B"}


@pytest.mark.parametrize("order", [("a", "b", "c"), ("c", "b", "a"), ("b", "c", "a"), None])
def test_a_chain_of_corrections_ends_with_every_grade_at_its_place(learn, flow, wiseflow, roster, order):
    roster(("a", "u1"), ("b", "u2"), ("c", "u3"))
    wiseflow.export(grade("a", "A"), grade("b", "B"), grade("c", "C"))
    roster(("a", "u2"), ("b", "u3"), ("c", "u4"))

    for user_id in order or [None]:
        retry_all(**({"user_id": user_id} if user_id else {}))

    assert in_learn(learn) == {"u1": "A", "u2": "A", "u3": "B", "u4": "C"}
    for user_id in "abc":
        assert status(user_id) == ("EXPORTED", "", user_id.upper())


def test_a_corrected_mark_is_what_a_retry_moves(learn, flow, wiseflow, roster):
    """Two have approved A; the B that WISEflow gave is not brought back by a new Learn user."""
    from exports.correcting import approve, ask
    from tests.factories import UserFactory

    roster(("p1", "u1"))
    wiseflow.export(grade("p1", "B"))
    correction = ask(person("p1"), mark="A", reason="Added up wrongly", by=UserFactory(manager=True))
    approve(correction, by=UserFactory(manager=True))
    for attempt in flow.attempts.filter(finished_at=None):
        deliver_attempt.func(attempt.pk)
    assert in_learn(learn) == {"u1": "A"}

    roster(("p1", "u2"))
    retry_all()

    assert in_learn(learn) == {"u1": "A", "u2": "A"}


def test_a_mark_that_was_refused_is_not_what_a_retry_moves(learn, flow, wiseflow, roster):
    """R3: WISEflow's later mark was refused; a new Learn user does not let it through."""
    roster(("p1", "u1"))
    wiseflow.export(grade("p1", "B"))
    wiseflow.export(grade("p1", "C"))

    roster(("p1", "u2"))
    retry_all()

    assert in_learn(learn) == {"u1": "B", "u2": "B"}


def test_a_grade_that_does_not_arrive_at_the_new_place_is_sent_by_the_next_retry(learn, flow, wiseflow, roster):
    roster(("p1", "u1"))
    wiseflow.export(grade("p1", "B"))
    roster(("p1", "u2"))
    learn.faults.add("server_error", times=None)
    retry_all()
    assert status("p1")[0] == "FAILED"
    learn.faults.clear()

    assert retry_all() == 1

    assert in_learn(learn) == {"u1": "B", "u2": "B"}
    assert status("p1") == ("EXPORTED", "", "B")


def test_an_alternative_grade_moves_as_it_is(learn, flow, wiseflow, roster):
    roster(("p1", "u1"))
    wiseflow.export({"userId": "p1", "adminGrade": "U"})
    roster(("p1", "u2"))

    assert agrees(wiseflow.export(grade("p1", "B"))) == (0, 1)
    assert retry_all() == 1

    assert in_learn(learn) == {"u1": "U", "u2": "U"}
