"""The export endpoint over the whole way: body, rules, Learn, verdicts."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from exports.models import Flow
from exports.retrying import retry
from tests.conftest import COLUMN, COURSE, let_no_one_look
from tests.factories import ColumnMappingFactory, GradeColumnFactory, ParticipantFactory


def grade_calls(learn):
    return learn.calls.of("gradeValueAPI")


def status(flow, user_id="u1"):
    participant = flow.participants.get(user_id=user_id)
    return participant.state, participant.value_in_learn, participant.changed_since_export


def test_every_delivered_grade_is_a_success_and_stands_in_learn(learn, flow, wiseflow):
    answer = wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "mark": "B"})

    assert answer == {"numberOfSuccess": 2, "numberOfErrors": 0, "errors": []}
    assert learn.world.values(COURSE, COLUMN) == {"u1": "A", "u2": "B"}
    flow.refresh_from_db()
    assert flow.state == "EXPORTED"


# Addresses and methods


@pytest.mark.parametrize("method", ["post", "patch"])
@pytest.mark.parametrize(
    ("path", "flow_id"),
    [
        ("/api/wiseflow/flows/77/export", None),
        ("/api/wiseflow/flows/77/export/", None),
        ("/api/wiseflow/flows/77/export", "77"),
        ("/api/wiseflow/flows/77/export", 77),
        ("/api/wiseflow/export", "77"),
        ("/api/wiseflow/export/", 77),
    ],
)
def test_post_and_patch_mean_the_same_at_every_address(learn, flow, wiseflow, method, path, flow_id):
    body = {"flowId": flow_id, "participants": [{"userId": "u1", "mark": "A"}]}

    response = getattr(wiseflow.client, method)(path, body, content_type="application/json", headers=wiseflow.headers)

    assert response.json() == {"numberOfSuccess": 1, "numberOfErrors": 0, "errors": []}
    assert learn.world.values(COURSE, COLUMN) == {"u1": "A"}
    assert Flow.objects.count() == 1


@pytest.mark.parametrize("flow_id", ["a b", "ü", "UNIwise||7", "%2e", "77;x=1", "x" * 255])
def test_a_flow_id_of_any_characters_is_one_flow_in_the_address_and_in_the_body(wiseflow, flow_id):
    wiseflow.export(path=f"/api/wiseflow/flows/{quote(flow_id, safe='')}/export")
    wiseflow.post({"flowId": flow_id, "participants": []}, path="/api/wiseflow/export")

    assert Flow.objects.get().flow_id == flow_id
    assert Flow.objects.get().attempts.count() == 2


@pytest.mark.parametrize("method", ["post", "patch"])
def test_an_unknown_flow_is_recorded_and_can_be_retried_once_it_is_mapped(wiseflow, method):
    body = {"participants": [{"userId": "u1", "mark": "A"}, {"userId": 2, "mark": "B"}]}
    path = "/api/wiseflow/flows/new/export"

    response = getattr(wiseflow.client, method)(path, body, content_type="application/json", headers=wiseflow.headers)

    answer = response.json()
    assert (response.status_code, answer["numberOfSuccess"], answer["numberOfErrors"]) == (200, 0, 2)
    assert [error["userId"] for error in answer["errors"]] == ["u1", 2]
    assert all("No Learn column is chosen for this flow." in error["errorInfo"] for error in answer["errors"])
    flow = Flow.objects.get(flow_id="new")
    assert flow.state == "FAILED"
    assert set(flow.participants.values_list("state", "cause")) == {("FAILED", "NOT_MAPPED")}

    flow.synchronised_at = timezone.now()
    flow.save()
    ColumnMappingFactory(flow=flow)
    retried = retry(flow.participants.all(), by=None, in_background=False)

    assert (retried.queued, retried.refused) == (2, 0)


def test_nobody_is_a_success_too(flow, wiseflow):
    assert wiseflow.export() == {"numberOfSuccess": 0, "numberOfErrors": 0, "errors": []}
    assert flow.attempts.get().state == "NOT_EXPORTED"


# Verdicts


def test_bad_entries_are_refused_in_their_order_and_the_good_ones_go_on(learn, flow, wiseflow):
    answer = wiseflow.export(
        {"userId": "u1", "mark": "A"},
        None,
        {"mark": "A"},
        {"userId": True, "mark": "A"},
        {"userId": "u2", "mark": ["B"]},
        {"userId": "u3", "mark": 0},
        {"userId": {"id": 4}, "mark": "A"},
        {"userId": 10**300, "mark": "A"},
        {"userId": "u5", "mark": ""},
        {"userId": "u\0", "mark": "A"},
        {"userId": "u6", "mark": "\ud800"},
        {"userId": 999, "mark": "A"},
        {"userId": "u7", "mark": "88.50"},
    )

    assert (answer["numberOfSuccess"], answer["numberOfErrors"]) == (3, 10)
    assert [error["userId"] for error in answer["errors"]] == [
        *(None, None, True, "u2", {"id": 4}, 10**300, "u5", "u\0", "u6"),
        999,
    ]
    assert learn.world.values(COURSE, COLUMN) == {"u1": "A", "u3": "0", "u7": "88.50"}
    attempt = flow.attempts.get()
    assert (attempt.number_of_success, attempt.number_of_errors, attempt.state) == (3, 10, "FAILED")
    assert [line["entry"] for line in attempt.unreadable_entries] == [2, 3, 4, 7, 8, 10]


def test_what_learn_rejects_is_an_error_in_learns_own_words(learn, flow, wiseflow):
    answer = wiseflow.export({"userId": "stranger", "mark": "A"}, {"userId": "u1", "mark": "A"})

    assert answer["numberOfSuccess"] == 1
    [error] = answer["errors"]
    assert error["userId"] == "stranger"
    assert "stranger is not enrolled" in error["errorInfo"]
    assert status(flow, "stranger") == ("FAILED", "", False)


def test_digits_arrive_in_learn_as_wiseflow_wrote_them(learn, flow, wiseflow):
    wiseflow.post(
        '{"participants": [{"userId": "u1", "mark": 75.0}, {"userId": "u2", "mark": 88.50},'
        ' {"userId": "u3", "mark": 0}, {"userId": "u4", "mark": 1E2}, {"userId": "u5", "mark": "007"}]}'
    )

    assert learn.world.values(COURSE, COLUMN) == {"u1": "75.0", "u2": "88.50", "u3": "0", "u4": "1E2", "u5": "007"}


def test_nothing_is_never_sent(learn, flow, wiseflow):
    """R7."""
    answer = wiseflow.export(
        {"userId": "u1"},
        {"userId": "u2", "mark": None, "adminGrade": None},
        {"userId": "u3", "mark": "", "adminGrade": "  "},
        {"userId": "u4", "mark": "\t"},
    )

    assert answer["numberOfErrors"] == 4
    assert all("There is no mark or alternative grade." in error["errorInfo"] for error in answer["errors"])
    assert grade_calls(learn) == []


def test_the_alternative_grade_is_what_is_sent(learn, flow, wiseflow):
    wiseflow.export({"userId": "u1", "mark": "B", "adminGrade": "FE"})

    assert learn.world.values(COURSE, COLUMN) == {"u1": "FE"}


def test_a_person_given_twice_alike_is_sent_once_and_answered_twice(learn, flow, wiseflow):
    answer = wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u1", "mark": "A"})

    assert answer["numberOfSuccess"] == 2
    assert learn.world.sent(COURSE, COLUMN, "u1") == ["A"]
    assert flow.attempts.get().number_of_success == 2


def test_a_person_given_twice_alike_who_fails_is_an_error_twice_each_in_its_own_type(learn, flow, wiseflow):
    answer = wiseflow.export({"userId": 5, "mark": "A"}, {"userId": "5", "mark": "A"})

    assert [error["userId"] for error in answer["errors"]] == [5, "5"]
    assert flow.participants.count() == 1
    assert {call.items for call in grade_calls(learn)} == {1}


def test_a_person_given_twice_differently_is_not_sent_at_all(learn, flow, wiseflow):
    answer = wiseflow.export({"userId": 5, "mark": "A"}, {"userId": "u1", "mark": "A"}, {"userId": "5", "mark": "B"})

    assert (answer["numberOfSuccess"], [error["userId"] for error in answer["errors"]]) == (1, [5, "5"])
    assert learn.world.writes == 1


def test_beside_a_malformed_entry_the_good_one_of_the_same_person_is_delivered(learn, flow, wiseflow):
    answer = wiseflow.export({"userId": "u1", "mark": []}, {"userId": "u1", "mark": "A"}, {"userId": "u1", "mark": {}})

    assert (answer["numberOfSuccess"], answer["numberOfErrors"]) == (1, 2)
    assert status(flow) == ("EXPORTED", "A", False)


# The same body again, and changed


def test_the_same_body_again_is_a_success_without_a_call(learn, flow, wiseflow):
    """R3."""
    body = [{"userId": "u1", "mark": "A"}, {"userId": "u2", "adminGrade": "U"}, {"userId": "u3", "mark": 75.0}]
    wiseflow.export(*body)
    calls = len(learn.calls)

    answer = wiseflow.export(*body)

    assert answer == {"numberOfSuccess": 3, "numberOfErrors": 0, "errors": []}
    assert len(learn.calls) == calls
    assert list(flow.attempts.values_list("state", "number_of_success")) == [("EXPORTED", 3), ("EXPORTED", 3)]


def test_a_changed_grade_is_refused_and_stays_visible_until_it_is_changed_back(learn, flow, wiseflow):
    """R3."""
    wiseflow.export({"userId": "u1", "mark": "A"})

    [error] = wiseflow.export({"userId": "u1", "mark": "B"})["errors"]

    assert error["errorInfo"].startswith("This grade was already sent on ")
    assert " (A). " in error["errorInfo"]
    assert status(flow) == ("EXPORTED", "A", True)
    flow.refresh_from_db()
    assert flow.state == "EXPORTED"

    assert wiseflow.export({"userId": "u1", "mark": "A"})["numberOfSuccess"] == 1
    assert status(flow) == ("EXPORTED", "A", False)
    assert learn.world.sent(COURSE, COLUMN, "u1") == ["A"]


def test_a_changed_mark_replaces_the_old_one_where_the_flow_allows_it(learn, flow, wiseflow):
    wiseflow.export({"userId": "u1", "mark": "A"})
    wiseflow.export({"userId": "u1", "mark": "B"})
    Flow.objects.update(allow_overwrite=True)

    assert wiseflow.export({"userId": "u1", "mark": "B"})["numberOfSuccess"] == 1
    assert status(flow) == ("EXPORTED", "B", False)
    assert learn.world.sent(COURSE, COLUMN, "u1") == ["A", "B"]


@pytest.mark.parametrize("change", [{"adminGrade": "FE"}, {"mark": "A"}, {"mark": "A", "adminGrade": "FE"}])
@pytest.mark.parametrize("allow_overwrite", [False, True])
def test_an_exported_alternative_grade_is_locked(learn, flow, wiseflow, change, allow_overwrite):
    """R11."""
    Flow.objects.update(allow_overwrite=allow_overwrite)
    wiseflow.export({"userId": "u1", "mark": "B", "adminGrade": "U"})

    [error] = wiseflow.export({"userId": "u1", **change})["errors"]

    assert error["errorInfo"].startswith("The alternative grade was sent on ")
    assert " (U) " in error["errorInfo"]
    assert "locked" in error["errorInfo"]
    assert status(flow) == ("EXPORTED", "U", True)
    assert learn.world.sent(COURSE, COLUMN, "u1") == ["U"]


@pytest.mark.parametrize("allow_overwrite", [False, True])
@pytest.mark.parametrize(("fault", "in_learn"), [("reset_after", "B"), ("server_error", "A")])
def test_an_overwrite_left_in_doubt_is_settled_by_really_sending_again(
    learn, flow, wiseflow, fault, in_learn, allow_overwrite
):
    wiseflow.export({"userId": "u1", "mark": "A"})
    Flow.objects.update(allow_overwrite=True)
    let_no_one_look(learn)
    learn.faults.add(fault, times=None, service="gradeValueAPI")
    assert wiseflow.export({"userId": "u1", "mark": "B"})["numberOfErrors"] == 1
    assert learn.world.values(COURSE, COLUMN) == {"u1": in_learn}
    assert status(flow) == ("FAILED", "", False)  # not certain which of the two is in Learn

    still_broken = wiseflow.export({"userId": "u1", "mark": "A"})
    learn.faults.clear()
    Flow.objects.update(allow_overwrite=allow_overwrite)
    calls = len(grade_calls(learn))
    repaired = wiseflow.export({"userId": "u1", "mark": "A"})

    assert still_broken["numberOfErrors"] == 1
    assert repaired["numberOfSuccess"] == 1
    assert len(grade_calls(learn)) == calls + 1
    assert learn.world.values(COURSE, COLUMN) == {"u1": "A"}
    assert status(flow) == ("EXPORTED", "A", False)


def test_an_overwrite_that_did_not_arrive_leaves_the_old_grade_where_it_is(learn, flow, wiseflow):
    wiseflow.export({"userId": "u1", "mark": "A"})
    Flow.objects.update(allow_overwrite=True)
    learn.faults.add("forbidden", times=None, service="gradeValueAPI")
    assert wiseflow.export({"userId": "u1", "mark": "B"})["numberOfErrors"] == 1
    assert status(flow) == ("FAILED", "A", False)
    calls = len(grade_calls(learn))

    changed_back = wiseflow.export({"userId": "u1", "mark": "A"})

    assert changed_back["numberOfSuccess"] == 1
    assert len(grade_calls(learn)) == calls
    assert status(flow) == ("EXPORTED", "A", False)


def test_a_failed_grade_may_be_exported_again_with_another_value(learn, flow, wiseflow):
    learn.faults.add("forbidden", service="gradeValueAPI")
    assert wiseflow.export({"userId": "u1", "mark": "A"})["numberOfErrors"] == 1

    assert wiseflow.export({"userId": "u1", "mark": "B"})["numberOfSuccess"] == 1
    assert status(flow) == ("EXPORTED", "B", False)


# Rules that look at the flow


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"synchronised_at": None}, "not marked as synchronised"),
        ({"assessment_ends_at": timezone.now() + timedelta(days=1)}, "The assessment period ends on "),
        ({"roster_imported_at": timezone.now()}, "not on the flow's roster"),
    ],
)
def test_a_flow_that_is_not_ready_refuses_all_until_it_is(learn, flow, wiseflow, change, says):
    """R1, R2, R8."""
    before = {name: getattr(flow, name) for name in change}
    Flow.objects.update(**change)

    answer = wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "mark": "B"})

    assert answer["numberOfSuccess"] == 0
    assert all(says in error["errorInfo"] for error in answer["errors"])
    assert grade_calls(learn) == []

    Flow.objects.update(**before)
    assert retry(flow.participants.all(), by=None, in_background=False).queued == 2


def test_instant_export_takes_marks_while_the_period_runs_and_no_alternative_grades(learn, flow, wiseflow):
    """R9, R10."""
    Flow.objects.update(assessment_ends_at=timezone.now() + timedelta(days=1), instant_export=True)

    answer = wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "adminGrade": "U"})

    assert [error["userId"] for error in answer["errors"]] == ["u2"]
    assert learn.world.values(COURSE, COLUMN) == {"u1": "A"}


def test_with_a_roster_only_people_whom_the_sis_added_are_exported(learn, flow, wiseflow):
    """R8."""
    Flow.objects.update(roster_imported_at=timezone.now())
    ParticipantFactory(flow=flow, user_id="1", on_sis_roster=True, learn_user_id="u1")
    ParticipantFactory(flow=flow, user_id="2", added_by_hand=True, learn_user_id="u2")

    answer = wiseflow.export(*({"userId": number, "mark": "A"} for number in (1, 2, 3)))

    assert answer["numberOfSuccess"] == 1
    assert ["by hand" in answer["errors"][0]["errorInfo"], "roster" in answer["errors"][1]["errorInfo"]] == [True, True]
    assert learn.world.values(COURSE, COLUMN) == {"u1": "A"}


def test_each_source_goes_to_its_own_column(learn, flow, wiseflow):
    learn.world.merge({"courses": {"CHE101": {"users": ["u1", "u2", "u3"], "columns": {"Lab": {"points": None}}}}})
    column = GradeColumnFactory(course__course_id="CHE101", name="Lab")
    ColumnMappingFactory(flow=flow, source_code="UNIwise||002||2021", grade_column=column)

    wiseflow.post(
        {
            "sourceCode": "UNIwise||002||2021",
            "participants": [
                {"userId": "u1", "mark": "A"},
                {"userId": "u2", "mark": "B", "sourceCode": "UNIwise||001||2021"},
            ],
        }
    )

    assert learn.world.values("CHE101", "Lab") == {"u1": "A"}
    assert learn.world.values(COURSE, COLUMN) == {"u2": "B"}
