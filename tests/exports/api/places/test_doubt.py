"""Places about which Learn's answer leaves doubt."""

from courses.models import GradeColumn
from exports.models import Flow
from tests.conftest import COLUMN, let_no_one_look
from tests.exports.api.places.conftest import (
    PARTICIPANTS,
    RESIT,
    agrees,
    grade,
    in_learn,
    person,
    places,
    retry_all,
    status,
    told,
)
from tests.factories import ColumnMappingFactory, FlowFactory
from tests.pages import rows_of
from tests.signed_in import signed_in, text_of

# Doubt


def test_after_an_answer_that_cannot_be_believed_nothing_is_told_as_certain(learn, flow, wiseflow):
    Flow.objects.update(allow_overwrite=True)
    wiseflow.export(grade("u1", "A"))
    let_no_one_look(learn)
    learn.faults.add("truncated_json", times=None, service="gradeValueAPI")

    answer = wiseflow.export(grade("u1", "B"))

    assert agrees(answer) == (0, 1)
    told_now = told(wiseflow, "u1")
    assert (told_now["state"], told_now["value"]) == ("FAILED", "")
    assert [certainty for _, _, certainty in places(told_now)] == ["DOUBTFUL"]
    assert "not confirmed" in text_of(signed_in(manager=True).get(PARTICIPANTS))
    learn.faults.clear()
    assert retry_all() == 1
    assert status("u1") == ("EXPORTED", "", "B")
    assert in_learn(learn) == {"u1": "B"}


def test_a_resit_in_doubt_leaves_both_in_doubt(learn, flow, resit, wiseflow):
    wiseflow.export(grade("first", "A", "u1"))
    let_no_one_look(learn)
    learn.faults.add("truncated_json", times=None, service="gradeValueAPI")
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)
    learn.faults.clear()

    assert status("first") == ("FAILED", "PERHAPS_REPLACED", "")
    assert status("second", "78")[0] == "FAILED"
    assert told(wiseflow, "second", "78")["places"][0]["certainty"] == "DOUBTFUL"

    assert retry_all(flow=resit) == 1
    assert status("first") == ("FAILED", "REPLACED", "")
    assert status("second", "78") == ("EXPORTED", "", "B")


def test_who_may_have_been_replaced_is_not_told_for_certain_by_a_retry(learn, flow, resit, wiseflow):
    wiseflow.export(grade("first", "A", "u1"))
    let_no_one_look(learn)
    learn.faults.add("truncated_json", times=None, service="gradeValueAPI")
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)
    learn.faults.clear()

    assert retry_all(flow=flow) == 0

    assert status("first") == ("FAILED", "PERHAPS_REPLACED", "")


def test_who_has_replaced_a_grade_and_leads_elsewhere_gives_the_place_back(learn, flow, resit, wiseflow, roster):
    wiseflow.export(grade("first", "A", "u1"))
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)
    roster(("second", "u2"), flow_id="78")

    assert retry_all(flow=flow) == 1

    assert in_learn(learn) == {"u1": "A"}
    assert status("first") == ("EXPORTED", "", "A")
    assert status("second", "78")[:2] == ("FAILED", "MISPLACED")
    assert retry_all(flow=resit) == 1
    assert in_learn(learn) == {"u1": "A", "u2": "B"}


def test_released_to_a_place_of_the_same_flow_it_is_refused_for_whose_that_is(learn, flow, resit, wiseflow, roster):
    wiseflow.export(grade("first", "A", "u1"), grade("other", "C", "u2"))
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)

    assert "first, other (Learn user u2)" in roster(("first", "u2"), ("other", "u2"))

    assert retry_all() == 0
    assert status("first")[:2] == ("FAILED", "SAME_LEARN_USER")
    roster(("first", "u3"))
    assert retry_all() == 1
    assert in_learn(learn) == {"u1": "B", "u2": "C", "u3": "A"}


def test_of_two_who_swap_one_whose_grade_is_rejected_is_failed_and_has_nothing(learn, flow, wiseflow, roster):
    roster(("p1", "u1"), ("p2", "u2"))
    wiseflow.export(grade("p1", "A"), grade("p2", "B"))
    roster(("p1", "u2"), ("p2", "nobody"))

    assert retry_all() == 2

    assert in_learn(learn) == {"u1": "A", "u2": "A"}
    assert status("p1") == ("EXPORTED", "", "A")
    assert status("p2") == ("FAILED", "REJECTED_BY_LEARN", "")
    roster(("p2", "u3"))
    assert retry_all() == 1
    assert in_learn(learn) == {"u1": "A", "u2": "A", "u3": "B"}


def test_a_doubtful_grade_at_a_wrong_place_stays_in_sight(learn, flow, wiseflow, roster):
    let_no_one_look(learn)
    learn.faults.add("truncated_json", times=None, service="gradeValueAPI")
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

    assert status("a")[:2] == status("b", "78")[:2] == ("FAILED", "REPLACED")
    assert "Learn now shows C of student c in flow 79" in told(wiseflow, "b", "78")["errorInfo"]
    assert retry_all() == 0
    assert "Learn now shows C of student c in flow 79" in told(wiseflow, "a")["errorInfo"]


def test_the_same_person_in_two_flows_is_two_people(learn, flow, resit, wiseflow):
    wiseflow.export(grade("u1", "A"))
    wiseflow.export(grade("u1", "A"), path=RESIT)  # the same value: Learn is asked, the place changes hands

    assert status("u1")[:2] == ("FAILED", "REPLACED")
    assert status("u1", "78") == ("EXPORTED", "", "A")


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
    assert any(row["Value in Learn"].startswith("C ") for row in rows_of(page))  # at the old place
    one = text_of(manager.get(f"{PARTICIPANTS}{person('moved').pk}/change/"))
    assert "check it in Learn" in one
