"""Pre-flight: what Learn shows of a flow's course, column and people before the exam."""

from datetime import timedelta

import pytest
from django.utils import timezone

from courses.gradebook import Column, Schema
from courses.models import ServiceCall
from exports.mapping.health import checking, in_learn
from exports.mapping.health.in_learn import Sent
from exports.mapping.health.saying import say
from exports.models import LearnCheck
from tests.conftest import COLUMN, COURSE
from tests.factories import (
    ColumnMappingFactory,
    CourseFactory,
    DeliveryFactory,
    FlowFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    ParticipantFactory,
    TranslationFactory,
)

LETTERS = "A=80:B=50:F=0"
READS = ("course", "members", "member", "columns", "schemas")


def services():
    return list(ServiceCall.objects.filter(service__in=READS).order_by("pk").values_list("service", flat=True))


def set_up(learn, *, column=None, course=None, schemas=None, **more):
    """The sandbox's course with one column that shows what `column` says."""
    given = {"points": 100.0, "itemType": "MANUAL_COLUMN", **(column or {})}
    users = [f"u{number}" for number in range(1, 21)]
    course = {"users": users, "columns": {COLUMN: given}, **(course or {})}
    learn.world.replace({"schemas": schemas or {}, "courses": {COURSE: course, **more.pop("courses", {})}, **more})


def check(flow):
    checked = checking.check_with_learn([flow])
    return LearnCheck.objects.get(flow=flow), checked


def found(flow):
    """Code and severity of each finding."""
    kept, checked = check(flow)
    assert checked.stopped == {}
    return {row["code"]: row["severity"] for row in kept.findings}


def sentences(flow):
    [said] = say(LearnCheck.objects.filter(flow=flow)).values()
    return " ".join(each.sentence for each in said)


@pytest.fixture
def ready(learn, flow):
    """A flow whose column is in Learn as it is here, with u1, u2 and u3 expected."""
    set_up(learn)
    flow.roster_imported_at = timezone.now()
    flow.assessment_ends_at = timezone.now() + timedelta(days=3)
    flow.save()
    for number, name in ((1, "Ada"), (2, "Ben"), (3, "Cleo")):
        ParticipantFactory(flow=flow, user_id=f"u{number}", first_name=name, last_name="Berg", on_sis_roster=True)
    return flow


def test_nothing_is_wrong_where_learn_has_what_is_expected(ready):
    assert found(ready) == {}
    kept = LearnCheck.objects.get()
    assert (kept.errors, kept.warnings, kept.notes, kept.problem) == (0, 0, 0, {})
    assert kept.checked_at is not None
    assert services() == ["course", "columns", "schemas", "members"]


def test_a_course_that_is_not_in_learn_is_one_finding(ready, learn):
    learn.world.replace({"courses": {}})

    assert found(ready) == {"COURSE_UNKNOWN": "ERROR"}
    assert COURSE in sentences(ready)
    assert services() == ["course"]


@pytest.mark.parametrize(
    ("course", "code", "severity"),
    [
        ({"closedComplete": True}, "COURSE_COMPLETED", "ERROR"),
        ({"available": "Disabled"}, "COURSE_DISABLED", "ERROR"),
        ({"available": "No"}, "COURSE_NOT_AVAILABLE", "WARNING"),
    ],
)
def test_a_course_that_is_closed_is_named(ready, learn, course, code, severity):
    set_up(learn, course=course)

    assert found(ready) == {code: severity}
    assert COURSE in sentences(ready)


def test_a_course_that_opens_by_its_term_is_open(ready, learn):
    set_up(learn, course={"available": "Term"})

    assert found(ready) == {}


def test_a_merged_course_names_its_parent_and_is_looked_at_there(ready, learn):
    column = {COLUMN: {"points": 100.0}}
    set_up(learn, course={"parent": "BIO-ALL", "columns": {}}, courses={"BIO-ALL": {"users": [], "columns": column}})

    assert found(ready) == {"COURSE_MERGED": "ERROR"}
    assert "course BIO-ALL in Learn" in sentences(ready)


@pytest.mark.parametrize(
    ("column", "code", "severity"),
    [
        ({"points": 50.0}, "POINTS_DIFFER", "ERROR"),
        ({"itemType": "TOTAL_COLUMN"}, "COLUMN_CALCULATED", "ERROR"),
        ({"itemType": "WEIGHTED_COLUMN"}, "COLUMN_CALCULATED", "ERROR"),
        ({"anonymous": True, "itemType": "ASSIGNMENT"}, "COLUMN_ANONYMOUS", "WARNING"),
        ({"copies": [{"points": 100.0}]}, "COLUMN_TWICE", "ERROR"),
        ({"points": None}, "SCHEMA_DIFFERS", "WARNING"),
    ],
)
def test_a_column_that_is_not_as_here_is_named(ready, learn, column, code, severity):
    set_up(learn, column=column)

    assert found(ready) == {code: severity}
    assert COLUMN in sentences(ready)


def test_a_column_that_is_spelled_otherwise_in_learn_is_pointed_out(ready, learn):
    set_up(learn, course={"columns": {"written  Exam": {"points": 100.0}}})

    assert found(ready) == {"COLUMN_UNKNOWN": "ERROR"}
    assert "It has one named written  Exam." in sentences(ready)


@pytest.fixture
def lettered(ready):
    """The same with letters: A and B by the translation, shown by a schema."""
    mapping = ready.column_mappings.get()
    mapping.translation = TranslationFactory(table={"1": "A", "2": "B"}, alternatives={"U": "F"})
    mapping.save()
    column = mapping.grade_column
    column.grade_schema = GradeSchemaFactory(title="Letters", symbols=LETTERS)
    column.save()
    return ready


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        (LETTERS, {}),
        ("A=80:B=50", {"SYMBOLS_MISSING": "ERROR"}),
        ("A=90:B=50:F=0", {"SYMBOLS_DIFFER": "WARNING"}),
        ("A=80:B=50:C=30:F=0", {"SYMBOLS_DIFFER": "WARNING"}),
    ],
)
def test_every_symbol_that_may_be_sent_is_in_learns_schema(lettered, learn, symbols, expected):
    set_up(learn, column={"schema": "Letters"}, schemas={"Letters": {"symbols": symbols}})

    assert found(lettered) == expected


def test_a_missing_symbol_is_named(lettered, learn):
    set_up(learn, column={"schema": "Letters"}, schemas={"Letters": {"symbols": "A=80:B=0"}})
    check(lettered)

    assert "which does not have: F." in sentences(lettered)


def test_another_schema_with_the_same_symbols_is_a_warning(lettered, learn):
    set_up(learn, column={"schema": "Other"}, schemas={"Other": {"symbols": LETTERS}})

    assert found(lettered) == {"SCHEMA_DIFFERS": "WARNING"}


def test_letters_for_a_column_of_numbers_are_an_error(lettered):
    assert found(lettered) == {"NUMBERS_ONLY": "ERROR"}
    assert "A, B, F" in sentences(lettered)


def test_other_points_do_not_matter_as_much_where_only_symbols_are_sent(lettered, learn):
    set_up(learn, column={"schema": "Letters", "points": 50.0}, schemas={"Letters": {"symbols": LETTERS}})

    assert found(lettered) == {"POINTS_DIFFER": "WARNING"}


def test_people_who_are_not_enrolled_or_not_active_are_named(ready, learn):
    set_up(learn, course={"users": ["u1", "u3", "x"], "memberships": {"u3": {"available": "Disabled"}}})

    assert found(ready) == {"NOT_ENROLLED": "ERROR", "MEMBER_DISABLED": "ERROR"}
    seen = sentences(ready)
    assert "Ben Berg (u2)" in seen
    assert "Cleo Berg (u3)" in seen
    assert "Ada" not in seen


def test_few_people_are_asked_for_without_a_list_of_all(ready, learn):
    ready.participants.get(user_id="u3").delete()
    set_up(learn, course={"users": ["u1"]})

    assert found(ready) == {"NOT_ENROLLED": "ERROR"}
    assert services() == ["course", "columns", "schemas", "member", "member"]


def test_who_is_not_expected_is_not_looked_for(ready):
    ParticipantFactory(flow=ready, user_id="stranger")  # not on the roster
    ParticipantFactory(flow=ready, user_id="by-hand", added_by_hand=True)
    ParticipantFactory(flow=ready, user_id="gone", on_sis_roster=True, exported=True)

    assert found(ready) == {}


def test_hidden_batch_uids_say_nothing_about_anybody(ready, learn):
    learn.privileges.take_away("course.configure-properties.EXECUTE")

    assert found(ready) == {"USERS_HIDDEN": "NOTE"}
    assert "course.configure-properties.EXECUTE" in say(LearnCheck.objects.all())[ready.pk][0].what_to_do


def test_where_only_some_have_no_batch_uid_the_missing_are_asked_for(ready, learn):
    set_up(learn, course={"users": ["u1", "u2", "guest"]}, people={"guest": {"hasExternalId": False}})

    assert found(ready) == {"NOT_ENROLLED": "ERROR"}
    assert "Cleo Berg (u3)" in sentences(ready)


@pytest.mark.parametrize(
    ("privilege", "part"),
    [("system.course.VIEW", "COURSE"), ("course.gradebook.MODIFY", "COLUMNS")],
)
def test_what_a_privilege_hides_could_not_be_read(ready, learn, privilege, part):
    learn.privileges.take_away(privilege)

    assert found(ready) == {"NOT_READ": "NOTE"}
    [row] = LearnCheck.objects.get().findings
    assert (row["part"], row["reason"]["code"]) == (part, "NOT_READABLE")
    assert "privilege" in sentences(ready)


def test_enrolments_that_cannot_be_read_are_not_missing(ready, learn):
    learn.privileges.take_away("system.courseuserlist.VIEW", "system.user.course.enrollment.VIEW")

    assert found(ready) == {"NOT_READ": "NOTE"}
    assert LearnCheck.objects.get().findings[0]["part"] == "MEMBERS"


@pytest.mark.parametrize("fault", ["wrong_types", "wrong_shape", "missing_results", "endless_paging", "huge_name"])
def test_an_odd_answer_is_could_not_be_read(ready, learn, fault):
    learn.faults.add(fault, times=None)

    assert set(found(ready).values()) == {"NOTE"}
    assert set(found(ready)) == {"NOT_READ"}


@pytest.mark.parametrize("fault", ["maintenance", "quota_long"])
def test_where_learn_is_away_what_was_found_stays(ready, learn, fault):
    set_up(learn, column={"points": 50.0})
    first, _ = check(ready)
    learn.faults.add(fault, times=None)

    kept, checked = check(ready)

    assert checked.stopped
    assert kept.problem == checked.stopped
    assert (kept.findings, kept.checked_at) == (first.findings, first.checked_at)
    assert kept.tried_at > first.tried_at


def test_a_check_replaces_what_the_last_one_found(ready, learn):
    set_up(learn, column={"points": 50.0})
    assert found(ready) == {"POINTS_DIFFER": "ERROR"}
    set_up(learn)

    assert found(ready) == {}
    assert LearnCheck.objects.get().errors == 0


def test_a_course_is_read_once_for_all_its_flows(ready):
    column = ready.column_mappings.get().grade_column
    others = [FlowFactory() for _ in range(3)]
    for other in others:
        ColumnMappingFactory(flow=other, grade_column=column)
        for number in range(4, 8):
            ParticipantFactory(flow=other, user_id=f"u{number}")

    checked = checking.check_with_learn([ready, *others])

    assert checked.flows == 4
    assert services() == ["course", "columns", "schemas", "members"]


def test_two_columns_of_two_courses(ready, learn):
    set_up(learn, courses={"CHE": {"users": ["u9"], "columns": {"Lab": {"points": 20.0}}}})
    lab = GradeColumnFactory(course=CourseFactory(course_id="CHE"), name="Lab", points=20)
    ColumnMappingFactory(flow=ready, grade_column=lab, source_code="LAB")
    ParticipantFactory(flow=ready, user_id="u10", on_sis_roster=True, source_code="LAB")

    assert found(ready) == {"NOT_ENROLLED": "ERROR"}
    [row] = LearnCheck.objects.get(flow=ready).findings
    assert (row["course"], row["count"]) == ("CHE", 1)


def test_a_flow_of_which_learn_says_nothing_does_not_keep_the_others(ready, learn):
    other = FlowFactory()
    column = GradeColumnFactory(course=CourseFactory(course_id="CHE"))
    ColumnMappingFactory(flow=other, grade_column=column)
    learn.faults.add("maintenance", times=1, service="course")

    checked = checking.check_with_learn([other, ready])

    assert (checked.flows, bool(checked.stopped)) == (1, True)
    assert LearnCheck.objects.get(flow=other).problem == checked.stopped
    assert LearnCheck.objects.get(flow=ready).problem == {}


def test_deliveries_go_first(ready):
    DeliveryFactory(queued=True)

    checked = checking.check_with_learn([ready], gives_way=True)

    assert checked.stopped == {"code": "DELIVERIES_WAIT"}
    assert services() == []
    assert LearnCheck.objects.get().problem == {"code": "DELIVERIES_WAIT"}


def test_at_most_the_share_of_the_days_calls_is_taken(ready, settings):
    settings.LEARN_DAILY_CALLS, settings.PROVE_SHARE = 10, 0.2

    for _ in range(3):
        _, checked = check(ready)

    assert checked.stopped == {"code": "NO_CALLS_LEFT"}
    assert len(services()) <= 2


def test_which_flows_end_soon(ready):
    now = timezone.now()
    FlowFactory(assessment_ends_at=now + timedelta(days=15))
    FlowFactory(assessment_ends_at=now - timedelta(days=1))
    FlowFactory(assessment_ends_at=None)
    soonest = FlowFactory(assessment_ends_at=now + timedelta(days=1))
    finished = FlowFactory(assessment_ends_at=now + timedelta(days=1))
    ParticipantFactory(flow=finished, exported=True)

    assert list(checking.ending_soon(now)) == [soonest, ready]


def test_a_flow_without_a_column_has_nothing_to_look_up(learn):
    assert found(FlowFactory()) == {"NO_COLUMN": "NOTE"}
    assert services() == []


def test_what_no_database_takes_is_left_out_of_the_names_that_learn_gives(db):
    column = GradeColumnFactory(grade_schema=None)
    letters = Schema(id="_1_1", title="\0Letters\ud800", scale="Tabular", symbols=())
    kind = Column(
        id="_1_1",
        external_id=None,
        name=column.name,
        display_name="",
        is_external_grade=False,
        points=None,
        is_available=True,
        grading="\0Odd",
        schema_id=None,
        is_anonymous=False,
        has_formula=False,
    )

    [differs] = in_learn.scale_findings(column, Sent(symbols=frozenset(), has_numbers=False), letters)
    [unknown] = in_learn.presence_findings(column, [kind])

    assert (differs[2]["there"], unknown.params["kind"]) == ("Letters", "Odd")
