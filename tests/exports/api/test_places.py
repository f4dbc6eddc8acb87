"""Where grades are in Learn, and whose, over the whole way: a corrected Learn user, a shared one, a resit, a doubt."""

import threading

import pytest
from django.db import connection

from courses.models import GradeColumn
from exports.importing import rosters
from exports.models import ColumnMapping, ExportState, Flow, Participant
from exports.retrying import retry
from exports.tasks import deliver_attempt
from tests.conftest import COLUMN, COURSE
from tests.exports.importing.files import csv_file
from tests.factories import (
    ApiClientFactory,
    ColumnMappingFactory,
    FlowFactory,
    GradeColumnFactory,
    RequestProfileFactory,
)
from tests.signed_in import signed_in, text_of

PARTICIPANTS = "/admin/exports/participant/"


@pytest.fixture
def roster(tmp_path):
    """Imports people and their Learn users as the roster of a flow; returns what somebody is warned of."""

    def roster(*rows, flow_id="77"):
        path = tmp_path / "roster.csv"
        path.write_bytes(csv_file(["user_id", "learn_user_id", "added_by"], *[(*row, "SIS") for row in rows]))
        warnings = []
        rosters.import_from(flow_id, path, warn=warnings.append)
        return " ".join(warnings)

    return roster


@pytest.fixture
def resit(flow):
    """Another flow that leads to the same column."""
    other = FlowFactory(flow_id="78")
    ColumnMappingFactory(flow=other, grade_column=GradeColumn.objects.get(name=COLUMN))
    return other


RESIT = "/api/wiseflow/flows/78/export"


def grade(user_id, mark="75", learn_user=None, **more):
    return {"userId": user_id, "mark": mark, **({"learnUserId": learn_user} if learn_user else {}), **more}


def in_learn(learn):
    return learn.world.values(COURSE, COLUMN)


def person(user_id, flow_id="77"):
    return Participant.objects.get(flow__flow_id=flow_id, user_id=user_id)


def standing(user_id, flow_id="77"):
    found = person(user_id, flow_id)
    return found.state, found.cause, found.value_in_learn


def retry_all(**condition):
    """Retry the failed, deliver, and return how many were on their way."""
    outcome = retry(Participant.objects.filter(**condition), by=None, in_background=False)
    for attempt in outcome.attempts:
        if attempt.finished_at is None:
            deliver_attempt.func(attempt.pk)
    return outcome.queued


def told(wiseflow, user_id, flow_id="77"):
    results = wiseflow.get(f"/api/wiseflow/flows/{flow_id}/participants").json()["results"]
    return next(result for result in results if result["userId"] == user_id)


def places(told):
    return [(place["learnUserId"], place["value"], place["certainty"]) for place in told["places"]]


def causes(answer):
    return [error["errorInfo"] for error in answer["errors"]]


def agrees(answer):
    """The answer's numbers are those of its entries, and of the attempt."""
    assert answer["numberOfErrors"] == len(answer["errors"])
    attempt = Flow.objects.latest("attempts__pk").attempts.latest("pk")
    assert (attempt.number_of_success, attempt.number_of_errors) == (
        answer["numberOfSuccess"],
        answer["numberOfErrors"],
    )
    return answer["numberOfSuccess"], answer["numberOfErrors"]


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
    assert standing("p1")[:2] == ("FAILED", "MISPLACED")
    flow.refresh_from_db()
    assert (flow.state, flow.failed_count, flow.exported_count) == ("FAILED", 1, 0)
    assert f"The grade is in Learn for Learn user u1 in column {COLUMN}" in person("p1").error_info
    assert retry_all() == 1
    assert in_learn(learn) == {"u1": "75", "u2": "75"}
    assert standing("p1") == ("EXPORTED", "", "75")
    assert retry_all() == 0


def test_a_roster_that_leads_back_makes_exported_again_without_a_call(learn, flow, wiseflow, roster):
    roster(("p1", "u1"))
    wiseflow.export(grade("p1"))
    roster(("p1", "u2"))

    assert "p1: these people would lead back" in roster(("p1", "u1"))

    assert standing("p1") == ("EXPORTED", "", "75")
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
        assert standing("p1") == ("EXPORTED", "", "75")
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
    assert standing("p1") == ("EXPORTED", "", "A")
    assert standing("p2") == ("EXPORTED", "", "B")
    assert places(told(wiseflow, "p1")) == [("u1", "A", "CONFIRMED")]


@pytest.mark.parametrize("order", [("p1", "p2"), ("p2", "p1")])
def test_swapped_people_who_are_retried_one_by_one(learn, flow, wiseflow, roster, order):
    roster(("p1", "u2"), ("p2", "u1"))
    wiseflow.export(grade("p1", "A"), grade("p2", "B"))
    roster(("p1", "u1"), ("p2", "u2"))

    for user_id in order:
        assert retry_all(user_id=user_id) == 1

    assert in_learn(learn) == {"u1": "A", "u2": "B"}
    assert {standing("p1"), standing("p2")} == {("EXPORTED", "", "A"), ("EXPORTED", "", "B")}


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
        assert standing(user_id) == ("EXPORTED", "", user_id.upper())


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
    assert standing("p1")[0] == "FAILED"
    learn.faults.clear()

    assert retry_all() == 1

    assert in_learn(learn) == {"u1": "B", "u2": "B"}
    assert standing("p1") == ("EXPORTED", "", "B")


def test_an_alternative_grade_moves_as_it_is(learn, flow, wiseflow, roster):
    roster(("p1", "u1"))
    wiseflow.export({"userId": "p1", "adminGrade": "U"})
    roster(("p1", "u2"))

    assert agrees(wiseflow.export(grade("p1", "B"))) == (0, 1)
    assert retry_all() == 1

    assert in_learn(learn) == {"u1": "U", "u2": "U"}


# One Learn user, two people of a flow


@pytest.mark.parametrize("second", ["75", "60"])
def test_the_second_of_a_flow_is_refused_and_told_whose_the_place_is(learn, flow, wiseflow, second):
    wiseflow.export(grade("foo", learn_user="u10"))

    answer = wiseflow.export(grade("bar", second, "u10"))

    assert agrees(answer) == (0, 1)
    assert causes(answer)[0].startswith("This person leads to Learn user u10, as does person foo of the same flow.")
    assert in_learn(learn) == {"u10": "75"}
    assert standing("foo") == ("EXPORTED", "", "75")
    assert standing("bar") == ("FAILED", "SAME_LEARN_USER", "")


def test_equal_grades_in_one_body_are_refused_both(learn, flow, wiseflow, roster):
    warning = roster(("1", "same"), ("2", "same"), ("3", "u3"))

    answer = wiseflow.export(grade("1", "B"), grade("2", "B"), grade("3", "B"))

    assert "Several people of this flow lead to one Learn user: 1, 2 to same." in warning
    assert agrees(answer) == (1, 2)
    assert in_learn(learn) == {"u3": "B"}


def test_mapping_health_says_so_as_an_error(flow, wiseflow, roster, capsys):
    from exports.mapping.health import check

    roster(("1", "same"), ("2", "same"), ("3", "other"))

    (problem,) = [each for each in check(Flow.objects.all()).problems if each.kind == "SAME_LEARN_USER"]

    assert problem.is_error
    assert problem.sentence.startswith("1, 2 lead to one Learn user, same")


def test_mapping_health_knows_the_rule_of_the_request_profile(flow):
    from exports.mapping.health import check
    from tests.factories import ParticipantFactory

    caller = ApiClientFactory(profile=RequestProfileFactory(learn_user_rule="PREFIX", learn_user_text="s"))
    ParticipantFactory(flow=flow, user_id="1", api_client=caller)
    ParticipantFactory(flow=flow, user_id="x", learn_user_id="s1")

    assert [each.kind for each in check(Flow.objects.all()).problems if each.is_error] == ["SAME_LEARN_USER"]


@pytest.mark.django_db
def test_mapping_health_asks_as_often_whatever_the_number_of_flows(django_assert_num_queries):
    from django.test.utils import CaptureQueriesContext

    from exports.mapping.health import check
    from tests.factories import ParticipantFactory

    caller = ApiClientFactory(profile=RequestProfileFactory(learn_user_rule="PATTERN", learn_user_text="(.).*"))

    def make_flow():
        flow = FlowFactory(mapped=True)
        for user_id in ("1", "11"):
            ParticipantFactory(flow=flow, user_id=user_id, api_client=caller)

    make_flow()
    with CaptureQueriesContext(connection) as first:
        assert check(Flow.objects.all()).flows_with_errors == 1
    for _ in range(5):
        make_flow()
    with django_assert_num_queries(len(first)):
        assert check(Flow.objects.all()).flows_with_errors == 6


def test_the_second_is_refused_also_while_the_first_is_on_its_way(learn, flow, wiseflow):
    from django.utils import timezone

    from exports.delivering.judging import judge_all
    from exports.grades.facts import Entry
    from tests.factories import DeliveryFactory, ExportAttemptFactory, ParticipantFactory

    first = ParticipantFactory(flow=flow, user_id="foo", learn_user_id="u10", queued=True)
    DeliveryFactory(
        attempt=ExportAttemptFactory(flow=flow, running=True),
        participant=first,
        queued=True,
        course_id=COURSE,
        column_name=COLUMN,
        learn_user_id="u10",
    )
    flow.refresh_from_db()

    entry = Entry(user_id="bar", mark="B", learn_user_id="u10")
    (verdict,) = judge_all(flow, [entry], now=timezone.localtime(), client=None).verdicts.values()

    assert verdict.cause == "SAME_LEARN_USER"


def test_once_one_of_them_is_corrected_both_can_be_sent(learn, flow, wiseflow, roster):
    roster(("1", "u1"), ("2", "u1"))
    wiseflow.export(grade("1", "A"), grade("2", "B"))
    assert retry_all() == 0

    roster(("2", "u2"))

    assert retry_all() == 2
    assert in_learn(learn) == {"u1": "A", "u2": "B"}


def test_the_same_body_twice_at_once_sends_each_grade_once(learn, flow, wiseflow):
    from django.test import Client

    answers = []

    def export():
        client = Client()
        body = {"participants": [grade(f"u{number}", "B") for number in range(1, 11)]}
        response = client.post(
            "/api/wiseflow/flows/77/export", body, content_type="application/json", headers=wiseflow.headers
        )
        answers.append(response.json())
        connection.close()

    threads = [threading.Thread(target=export) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for answer in answers:
        assert answer["numberOfSuccess"] + answer["numberOfErrors"] == 10
    assert in_learn(learn) == {f"u{number}": "B" for number in range(1, 11)}
    for number in range(1, 11):
        assert len(learn.world.sent(COURSE, COLUMN, f"u{number}")) == 1
    assert set(flow.participants.values_list("state", flat=True)) == {ExportState.EXPORTED}


# Another flow


def test_a_resit_replaces_the_grade_and_its_person_is_failed(learn, flow, resit, wiseflow):
    wiseflow.export(grade("first", "A", "u1"))

    answer = wiseflow.export(grade("second", "B", "u1"), path=RESIT)

    assert agrees(answer) == (1, 0)
    assert standing("first") == ("FAILED", "REPLACED", "")
    assert "B of person second in flow 78" in told(wiseflow, "first")["errorInfo"]
    assert (told(wiseflow, "first")["value"], places(told(wiseflow, "first"))) == ("", [])
    assert wiseflow.get("/api/wiseflow/flows/77/export").json()["counts"]["FAILED"] == 1
    flow.refresh_from_db()
    assert (flow.state, flow.failed_count, flow.exported_count) == ("FAILED", 1, 0)
    manager = signed_in(manager=True)
    page = text_of(manager.get(f"{PARTICIPANTS}?state__exact=FAILED"))
    assert "first" in page
    assert "B of person second in flow 78" in page


def test_a_replaced_grade_is_not_sent_again_to_the_same_place(learn, flow, resit, wiseflow):
    wiseflow.export(grade("first", "A", "u1"))
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)

    assert retry_all() == 0
    for mark in ("A", "C"):
        answer = wiseflow.export(grade("first", mark, "u1"))
        assert agrees(answer) == (0, 1)
        assert "B of person second in flow 78" in causes(answer)[0]
    Flow.objects.update(allow_overwrite=True)
    assert agrees(wiseflow.export(grade("first", "A", "u1"))) == (0, 1)
    assert in_learn(learn) == {"u1": "B"}


def test_a_replaced_grade_is_released_by_another_learn_user(learn, flow, resit, wiseflow, roster):
    wiseflow.export(grade("first", "A", "u1"))
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)

    roster(("first", "u2"))

    assert retry_all() == 1
    assert in_learn(learn) == {"u1": "B", "u2": "A"}
    assert standing("first") == ("EXPORTED", "", "A")


def test_or_by_another_mapping(learn, flow, resit, wiseflow):
    learn.world.merge({"courses": {COURSE: {"columns": {"Oral": {"points": None}}}}})
    wiseflow.export(grade("first", "A", "u1"))
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)

    oral = GradeColumnFactory(course=GradeColumn.objects.get(name=COLUMN).course, name="Oral", in_learn=True)
    ColumnMapping.objects.filter(flow=flow).update(grade_column=oral)

    assert retry_all() == 1
    assert in_learn(learn) == {"u1": "B"}
    assert learn.world.value(COURSE, "Oral", "u1") == "A"


def test_and_led_back_it_is_refused_again(learn, flow, resit, wiseflow, roster):
    roster(("first", "u1"))
    wiseflow.export(grade("first", "A"))
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)
    roster(("first", "u2"))
    retry_all()

    roster(("first", "u1"))

    assert standing("first")[:2] == ("FAILED", "MISPLACED")
    assert retry_all() == 0
    assert standing("first")[:2] == ("FAILED", "REPLACED")
    assert in_learn(learn) == {"u1": "B", "u2": "A"}
    roster(("first", "u2"))
    assert standing("first") == ("EXPORTED", "", "A")
    assert len(learn.world.sent(COURSE, COLUMN, "u2")) == 1


def test_a_grade_left_behind_that_a_resit_replaces_concerns_nobody(learn, flow, resit, wiseflow):
    wiseflow.export(grade("first", "A", "u1"))
    wiseflow.export(grade("first", "A", "u2"))

    wiseflow.export(grade("second", "B", "u1"), path=RESIT)

    assert standing("first") == ("EXPORTED", "", "A")
    assert places(told(wiseflow, "first")) == [("u2", "A", "CONFIRMED")]


def test_a_place_that_was_dealt_with_is_out_of_sight(learn, flow, wiseflow):
    from exports.models import GradeInLearn

    wiseflow.export(grade("p1", "A", "u1"))
    wiseflow.export(grade("p1", "A", "u2"))

    assert [each.learn_user_id for each in GradeInLearn.objects.left_behind()] == ["u1"]


# Doubt


def test_after_an_answer_that_cannot_be_believed_nothing_is_told_as_certain(learn, flow, wiseflow):
    Flow.objects.update(allow_overwrite=True)
    wiseflow.export(grade("u1", "A"))
    learn.faults.add("truncated_json", times=None)

    answer = wiseflow.export(grade("u1", "B"))

    assert agrees(answer) == (0, 1)
    told_now = told(wiseflow, "u1")
    assert (told_now["state"], told_now["value"]) == ("FAILED", "")
    assert [certainty for _, _, certainty in places(told_now)] == ["DOUBTFUL"]
    assert "not certain" in text_of(signed_in(manager=True).get(PARTICIPANTS))
    learn.faults.clear()
    assert retry_all() == 1
    assert standing("u1") == ("EXPORTED", "", "B")
    assert in_learn(learn) == {"u1": "B"}


def test_a_resit_in_doubt_leaves_both_in_doubt(learn, flow, resit, wiseflow):
    wiseflow.export(grade("first", "A", "u1"))
    learn.faults.add("truncated_json", times=None)
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)
    learn.faults.clear()

    assert standing("first") == ("FAILED", "PERHAPS_REPLACED", "")
    assert standing("second", "78")[0] == "FAILED"
    assert told(wiseflow, "second", "78")["places"][0]["certainty"] == "DOUBTFUL"

    assert retry_all(flow=resit) == 1
    assert standing("first") == ("FAILED", "REPLACED", "")
    assert standing("second", "78") == ("EXPORTED", "", "B")


def test_who_may_have_been_replaced_is_not_told_for_certain_by_a_retry(learn, flow, resit, wiseflow):
    wiseflow.export(grade("first", "A", "u1"))
    learn.faults.add("truncated_json", times=None)
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)
    learn.faults.clear()

    assert retry_all(flow=flow) == 0

    assert standing("first") == ("FAILED", "PERHAPS_REPLACED", "")


def test_who_has_replaced_a_grade_and_leads_elsewhere_gives_the_place_back(learn, flow, resit, wiseflow, roster):
    wiseflow.export(grade("first", "A", "u1"))
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)
    roster(("second", "u2"), flow_id="78")

    assert retry_all(flow=flow) == 1

    assert in_learn(learn) == {"u1": "A"}
    assert standing("first") == ("EXPORTED", "", "A")
    assert standing("second", "78")[:2] == ("FAILED", "MISPLACED")
    assert retry_all(flow=resit) == 1
    assert in_learn(learn) == {"u1": "A", "u2": "B"}


def test_released_to_a_place_of_the_same_flow_it_is_refused_for_whose_that_is(learn, flow, resit, wiseflow, roster):
    wiseflow.export(grade("first", "A", "u1"), grade("other", "C", "u2"))
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)

    assert "first, other to u2" in roster(("first", "u2"), ("other", "u2"))

    assert retry_all() == 0
    assert standing("first")[:2] == ("FAILED", "SAME_LEARN_USER")
    roster(("first", "u3"))
    assert retry_all() == 1
    assert in_learn(learn) == {"u1": "B", "u2": "C", "u3": "A"}


def test_of_two_who_swap_one_whose_grade_is_rejected_is_failed_and_has_nothing(learn, flow, wiseflow, roster):
    roster(("p1", "u1"), ("p2", "u2"))
    wiseflow.export(grade("p1", "A"), grade("p2", "B"))
    roster(("p1", "u2"), ("p2", "nobody"))

    assert retry_all() == 2

    assert in_learn(learn) == {"u1": "A", "u2": "A"}
    assert standing("p1") == ("EXPORTED", "", "A")
    assert standing("p2") == ("FAILED", "REJECTED_BY_LEARN", "")
    roster(("p2", "u3"))
    assert retry_all() == 1
    assert in_learn(learn) == {"u1": "A", "u2": "A", "u3": "B"}


def test_a_doubtful_grade_at_a_wrong_place_stays_in_sight(learn, flow, wiseflow, roster):
    learn.faults.add("truncated_json", times=None)
    wiseflow.export(grade("p1", "A", "u1"))
    learn.faults.clear()

    roster(("p1", "u2"))
    assert retry_all() == 1

    assert places(told(wiseflow, "p1")) == [("u2", "A", "CONFIRMED"), ("u1", "A", "DOUBTFUL")]
    assert told(wiseflow, "p1")["value"] == "A"


def test_three_flows_one_after_the_other(learn, flow, resit, wiseflow):
    third = FlowFactory(flow_id="79")
    ColumnMappingFactory(flow=third, grade_column=GradeColumn.objects.get(name=COLUMN))
    wiseflow.export(grade("a", "A", "u1"))
    wiseflow.export(grade("b", "B", "u1"), path=RESIT)
    wiseflow.export(grade("c", "C", "u1"), path="/api/wiseflow/flows/79/export")

    assert standing("a")[:2] == standing("b", "78")[:2] == ("FAILED", "REPLACED")
    assert "C of person c in flow 79" in told(wiseflow, "b", "78")["errorInfo"]
    assert retry_all() == 0
    assert "C of person c in flow 79" in told(wiseflow, "a")["errorInfo"]


def test_the_same_person_in_two_flows_is_two_people(learn, flow, resit, wiseflow):
    wiseflow.export(grade("u1", "A"))
    wiseflow.export(grade("u1", "A"), path=RESIT)  # the same value: Learn is asked, the place changes hands

    assert standing("u1")[:2] == ("FAILED", "REPLACED")
    assert standing("u1", "78") == ("EXPORTED", "", "A")


def test_the_dashboard_counts_replaced_and_misplaced_people_as_failed(learn, flow, resit, wiseflow, roster):
    roster(("first", "u1"), ("moved", "u3"))
    wiseflow.export(grade("first", "A"), grade("moved", "C"))
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)
    roster(("moved", "u4"))

    flow.refresh_from_db()
    assert (flow.failed_count, flow.exported_count) == (2, 0)
    manager = signed_in(manager=True)
    assert "Nothing to do" not in text_of(manager.get("/admin/"))
    page = text_of(manager.get(f"{PARTICIPANTS}?state__exact=FAILED"))
    assert "first" in page
    assert "moved" in page
    assert "C <span" in page  # what is in Learn at the old place
    one = text_of(manager.get(f"{PARTICIPANTS}{person('moved').pk}/change/"))
    assert "check it in Learn" in one
