"""Two people of a flow who lead to one Learn user."""

import threading

import pytest
from django.db import connection

from exports.models import ExportState, Flow
from tests.conftest import COLUMN, COURSE
from tests.exports.api.places.conftest import agrees, causes, grade, in_learn, retry_all, status
from tests.factories import ApiClientFactory, FlowFactory, RequestProfileFactory

# One Learn user, two people of a flow


@pytest.mark.parametrize("second", ["75", "60"])
def test_the_second_of_a_flow_is_refused_and_told_whose_the_place_is(learn, flow, wiseflow, second):
    wiseflow.export(grade("foo", learn_user="u10"))

    answer = wiseflow.export(grade("bar", second, "u10"))

    assert agrees(answer) == (0, 1)
    assert causes(answer)[0].startswith("This student has the same Learn user (u10) as foo in this flow.")
    assert in_learn(learn) == {"u10": "75"}
    assert status("foo") == ("EXPORTED", "", "75")
    assert status("bar") == ("FAILED", "SAME_LEARN_USER", "")


def test_equal_grades_in_one_body_are_refused_both(learn, flow, wiseflow, roster):
    warning = roster(("1", "same"), ("2", "same"), ("3", "u3"))

    answer = wiseflow.export(grade("1", "B"), grade("2", "B"), grade("3", "B"))

    assert "Several participants of this flow have the same Learn user: 1, 2 (Learn user same)." in warning
    assert agrees(answer) == (1, 2)
    assert in_learn(learn) == {"u3": "B"}


def test_mapping_health_says_so_as_an_error(flow, wiseflow, roster, capsys):
    from exports.mapping.health import check

    roster(("1", "same"), ("2", "same"), ("3", "other"))

    (problem,) = [each for each in check(Flow.objects.all()).problems if each.kind == "SAME_LEARN_USER"]

    assert problem.is_error
    assert problem.sentence.startswith("These participants have the same Learn user (same): 1, 2.")


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
