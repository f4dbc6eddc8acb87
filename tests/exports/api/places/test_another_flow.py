"""Another flow sends a grade to the same place."""

from courses.models import GradeColumn
from exports.models import ColumnMapping, Flow
from tests.conftest import COLUMN, COURSE
from tests.exports.api.places.conftest import (
    PARTICIPANTS,
    RESIT,
    agrees,
    causes,
    grade,
    in_learn,
    places,
    retry_all,
    status,
    told,
)
from tests.factories import GradeColumnFactory
from tests.signed_in import signed_in, text_of

# Another flow


def test_a_resit_replaces_the_grade_and_its_person_is_failed(learn, flow, resit, wiseflow):
    wiseflow.export(grade("first", "A", "u1"))

    answer = wiseflow.export(grade("second", "B", "u1"), path=RESIT)

    assert agrees(answer) == (1, 0)
    assert status("first") == ("FAILED", "REPLACED", "")
    assert "Learn now shows B of student second in flow 78" in told(wiseflow, "first")["errorInfo"]
    assert (told(wiseflow, "first")["value"], places(told(wiseflow, "first"))) == ("", [])
    assert wiseflow.get("/api/wiseflow/flows/77/export").json()["counts"]["FAILED"] == 1
    flow.refresh_from_db()
    assert (flow.state, flow.failed_count, flow.exported_count) == ("FAILED", 1, 0)
    manager = signed_in(manager=True)
    page = text_of(manager.get(f"{PARTICIPANTS}?state__exact=FAILED"))
    assert "first" in page
    assert "Learn now shows B of student second in flow 78" in page


def test_a_replaced_grade_is_not_sent_again_to_the_same_place(learn, flow, resit, wiseflow):
    wiseflow.export(grade("first", "A", "u1"))
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)

    assert retry_all() == 0
    for mark in ("A", "C"):
        answer = wiseflow.export(grade("first", mark, "u1"))
        assert agrees(answer) == (0, 1)
        assert "Learn now shows B of student second in flow 78" in causes(answer)[0]
    Flow.objects.update(allow_overwrite=True)
    assert agrees(wiseflow.export(grade("first", "A", "u1"))) == (0, 1)
    assert in_learn(learn) == {"u1": "B"}


def test_a_replaced_grade_is_released_by_another_learn_user(learn, flow, resit, wiseflow, roster):
    wiseflow.export(grade("first", "A", "u1"))
    wiseflow.export(grade("second", "B", "u1"), path=RESIT)

    roster(("first", "u2"))

    assert retry_all() == 1
    assert in_learn(learn) == {"u1": "B", "u2": "A"}
    assert status("first") == ("EXPORTED", "", "A")


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

    assert status("first")[:2] == ("FAILED", "MISPLACED")
    assert retry_all() == 0
    assert status("first")[:2] == ("FAILED", "REPLACED")
    assert in_learn(learn) == {"u1": "B", "u2": "A"}
    roster(("first", "u2"))
    assert status("first") == ("EXPORTED", "", "A")
    assert len(learn.world.sent(COURSE, COLUMN, "u2")) == 1


def test_a_grade_left_behind_that_a_resit_replaces_concerns_nobody(learn, flow, resit, wiseflow):
    wiseflow.export(grade("first", "A", "u1"))
    wiseflow.export(grade("first", "A", "u2"))

    wiseflow.export(grade("second", "B", "u1"), path=RESIT)

    assert status("first") == ("EXPORTED", "", "A")
    assert places(told(wiseflow, "first")) == [("u2", "A", "CONFIRMED")]


def test_a_place_that_was_dealt_with_is_out_of_sight(learn, flow, wiseflow):
    from exports.models import GradeInLearn

    wiseflow.export(grade("p1", "A", "u1"))
    wiseflow.export(grade("p1", "A", "u2"))

    assert [each.learn_user_id for each in GradeInLearn.objects.left_behind()] == ["u1"]
