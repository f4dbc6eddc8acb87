"""What is recorded of an export before anything is sent: an attempt, a delivery an entry, the state of each person."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exports.delivering.queueing import queue
from exports.grades.causes import Cause
from exports.grades.facts import Entry
from exports.models import Delivery, ExportAttempt, Flow
from exports.reading.body import UnreadableEntry, read
from exports.receiving import answer as answer_to
from exports.receiving import find_undelivered
from tests.factories import (
    ColumnMappingFactory,
    FlowFactory,
    GradeColumnFactory,
    GradeInLearnFactory,
    GradeSchemaFactory,
    ParticipantFactory,
    TranslationFactory,
)

pytestmark = pytest.mark.django_db


def record(flow, *entries):
    """Queue `entries`, and deliver nothing."""
    now = timezone.now()
    flow = Flow.objects.get(pk=flow.pk)
    attempt = ExportAttempt(flow=flow, started_at=now, ends_by=now + timedelta(minutes=1), lease_ends_at=now)
    with transaction.atomic():
        return queue(flow, entries, attempt)


def entry(user_id="u1", mark="A", **fields):
    return Entry(user_id=user_id, mark=mark, **fields)


@pytest.fixture
def mapped():
    return FlowFactory(mapped=True)


def status(participant):
    participant.refresh_from_db()
    return participant.state, participant.cause, participant.mark, participant.changed_since_export


def test_a_grade_to_be_sent_is_queued_with_all_that_its_way_needs():
    column = ColumnMappingFactory(grade_column__course__course_id="BIO101", grade_column__name="Exam").grade_column
    flow = column.column_mappings.get().flow

    queued = record(flow, entry(mark="75.0", learn_user_id="L1"))

    assert (queued.in_progress, queued.judged.refusals) == (1, {})
    delivery = Delivery.objects.get()
    assert (delivery.course_id, delivery.column_name, delivery.learn_user_id) == ("BIO101", "Exam", "L1")
    assert (delivery.value, delivery.mark, delivery.state, delivery.finished_at) == ("75.0", "75.0", "QUEUED", None)
    assert status(delivery.participant) == ("QUEUED", "", "75.0", False)
    flow.refresh_from_db()
    queued.attempt.refresh_from_db()
    assert (flow.state, queued.attempt.state, queued.attempt.finished_at) == ("QUEUED", "QUEUED", None)


def test_an_export_of_which_nothing_can_be_sent_is_finished_at_once():
    flow = FlowFactory()

    queued = record(flow, entry("u1"), entry("u2"), entry("u2"))

    queued.attempt.refresh_from_db()
    flow.refresh_from_db()
    assert queued.in_progress == 0
    assert (queued.attempt.state, queued.attempt.number_of_success, queued.attempt.number_of_errors) == ("FAILED", 0, 3)
    assert queued.attempt.finished_at is not None
    assert flow.state == "FAILED"


def test_an_export_of_nobody_is_settled_as_not_exported(mapped):
    queued = record(mapped)

    queued.attempt.refresh_from_db()
    mapped.refresh_from_db()
    assert (queued.attempt.state, mapped.state) == ("NOT_EXPORTED", "NOT_EXPORTED")


def test_equal_entries_of_a_person_share_one_delivery(mapped):
    record(mapped, entry("5", user_id_is_number=True), entry("5"))

    assert list(mapped.participants.get().deliveries.values_list("entry_count", flat=True)) == [2]


def test_contradicting_entries_of_a_person_are_two_refused_deliveries(mapped):
    fault = Cause.CONTRADICTORY_ENTRIES

    record(mapped, entry(mark="A"), entry(mark="B"))

    participant = mapped.participants.get()
    assert status(participant)[:2] == ("FAILED", fault)
    assert sorted(participant.deliveries.values_list("mark", "state")) == [("A", "REFUSED"), ("B", "REFUSED")]


UNUSABLE = entry(
    mark="", fault=Cause.ENTRY_NOT_USABLE, fault_detail={"reason": "FIELD_OF_KIND", "field": "mark", "found": "array"}
)


@pytest.mark.parametrize("entries", [(UNUSABLE, entry()), (entry(), UNUSABLE), (UNUSABLE, entry(), UNUSABLE)])
def test_beside_an_unusable_entry_the_good_one_of_that_person_goes_on(mapped, entries):
    record(mapped, *entries)

    participant = mapped.participants.get()
    assert status(participant) == ("QUEUED", "", "A", False)
    assert sorted(participant.deliveries.values_list("state", flat=True)) == ["QUEUED", "REFUSED"]


@pytest.mark.parametrize("entries", [(UNUSABLE, entry(mark="B")), (entry(mark="B"), UNUSABLE)])
def test_beside_an_unusable_entry_the_exported_grade_of_that_person_stands_as_it_is(mapped, entries):
    participant = ParticipantFactory(flow=mapped, user_id="u1", exported=True)

    record(mapped, *entries)

    assert status(participant) == ("EXPORTED", "", "B", False)


@pytest.mark.parametrize("mark", ["B", "C"])
def test_a_person_on_their_way_is_left_alone(mapped, mark):
    record(mapped, entry(mark="B"))
    participant = mapped.participants.get()

    queued = record(mapped, entry(mark=mark, source_code="S", learn_user_id="L"))

    assert [refused.cause for refused in queued.judged.refusals.values()] == [Cause.IN_PROGRESS]
    assert status(participant) == ("QUEUED", "", "B", False)
    assert (participant.sources, participant.learn_user_id) == ({}, "")


@pytest.mark.parametrize("refused", [UNUSABLE, entry(mark="B"), entry(mark="")])
def test_a_replaced_grade_stays_so_whatever_comes_and_is_never_a_success_again(mapped, refused):
    participant = ParticipantFactory(
        flow=mapped, user_id="u1", failed=True, cause=Cause.REPLACED, detail={"value": "C"}
    )
    GradeInLearnFactory(participant=participant, overwritten=True)
    resit = FlowFactory()
    ColumnMappingFactory(flow=resit, grade_column=mapped.column_mappings.get().grade_column)
    GradeInLearnFactory(participant__flow=resit, participant__user_id="u1", value="C")

    record(mapped, refused)
    queued = record(mapped, entry(mark="B"))

    assert [verdict.cause for verdict in queued.judged.refusals.values()] == [Cause.REPLACED]
    assert status(participant)[:2] == ("FAILED", Cause.REPLACED)
    assert participant.value_in_learn == ""


def test_a_grade_that_is_just_being_replaced_is_not_claimed_to_be_in_learn(mapped):
    """Overwriting B with C is on its way: B, exported once more, is no success."""
    participant = ParticipantFactory(flow=mapped, user_id="u1", exported=True)
    Flow.objects.update(allow_overwrite=True)
    record(mapped, entry(mark="C"))

    queued = record(mapped, entry(mark="B"))

    assert [refused.cause for refused in queued.judged.refusals.values()] == [Cause.IN_PROGRESS]
    assert status(participant)[0] == "QUEUED"


def test_a_refusal_takes_nothing_away_from_an_exported_person(mapped):
    participant = ParticipantFactory(flow=mapped, user_id="u1", exported=True)

    record(mapped, entry(mark="A"))

    assert status(participant) == ("EXPORTED", "ALREADY_EXPORTED", "A", True)
    assert (participant.value_in_learn, participant.in_learn[0].mark) == ("B", "B")

    record(mapped, entry(mark=""))

    assert status(participant) == ("EXPORTED", "NO_ASSESSMENT", "", True)

    record(mapped, entry(mark="B"))

    assert status(participant) == ("EXPORTED", "", "B", False)


def test_what_the_roster_knows_of_a_person_is_kept(mapped):
    participant = ParticipantFactory(
        flow=mapped, user_id="u1", on_sis_roster=True, learn_user_id="L1", sources={"S": "SIS"}
    )

    record(mapped, entry())

    participant.refresh_from_db()
    assert (participant.on_roster, participant.added_by) == (True, "SIS")
    assert (participant.learn_user_id, participant.sources) == ("L1", {"S": "SIS"})


def test_the_same_user_id_in_another_flow_is_another_participant(mapped):
    elsewhere = ParticipantFactory(user_id="u1", exported=True)

    record(mapped, entry(mark="A"))

    assert status(elsewhere) == ("EXPORTED", "", "B", False)
    assert mapped.participants.get().state == "QUEUED"


def test_a_flow_synchronised_tomorrow_is_not_synchronised_yet():
    flow = FlowFactory(mapped=True, synchronised_at=timezone.now() + timedelta(days=1))

    queued = record(flow, entry())

    assert [refused.cause for refused in queued.judged.refusals.values()] == [Cause.NOT_SYNCHRONISED]


@pytest.mark.parametrize("count", [1, 100, 1000])
@pytest.mark.parametrize("traits", [{}, {"mapped": True}, {"mapped": True, "with_roster": True}])
def test_the_number_of_statements_does_not_depend_on_the_number_of_entries(count, traits, django_assert_num_queries):
    flow = FlowFactory(**traits)
    is_mapped = flow.column_mappings.exists()
    looks_up_places = is_mapped and not flow.roster_imported_at

    # Savepoint and release, flow, columns, holds, people, attempt, participants, deliveries, the flow's counts; who is
    # and was at the places; where all are refused, an event.
    with django_assert_num_queries(11 + 2 * looks_up_places + (not is_mapped)):
        record(flow, *(entry(f"u{number}") for number in range(count)))

    assert flow.participants.count() == count


@pytest.mark.parametrize("lines", [1, 200])
@pytest.mark.parametrize("count", [1, 1000])
def test_a_translation_costs_one_statement_however_many_grades_it_translates(
    count, lines, mapped, django_assert_num_queries
):
    translation = TranslationFactory(table={f"{number}": "v" * (number + 1) for number in range(lines)})
    mapped.column_mappings.update(translation=translation)
    for source in ("S", "T"):
        ColumnMappingFactory(flow=mapped, source_code=source, translation=translation)

    with django_assert_num_queries(14):
        record(mapped, *(entry(f"u{number}", mark=f"{number % lines}") for number in range(count)))

    assert mapped.participants.filter(state="QUEUED").count() == count


# What is recorded is the translated value, beside what was given


@pytest.mark.parametrize(
    ("translation", "given", "value"),
    [
        ({"marks": "NUMERIC", "divisor": "100"}, {"mark": "8999"}, "89.99"),
        ({"marks": "NUMERIC", "divisor": "10", "decimals": 0, "rounding": "HALF_UP"}, {"mark": "745"}, "75"),
        ({"table": {"10": "B"}}, {"mark": "10"}, "B"),
        ({"alternatives": {"U": "0"}}, {"mark": "75.0", "alternative_grade": "U"}, "0"),
        ({"alternatives": {"U": "0"}}, {"mark": "75.0"}, "75.0"),
        (None, {"mark": "75.0"}, "75.0"),
        (None, {"mark": "75.0", "alternative_grade": "U"}, "U"),
    ],
)
def test_the_value_to_be_sent_is_recorded_beside_what_was_given(mapped, translation, given, value):
    if translation is not None:
        mapped.column_mappings.update(translation=TranslationFactory(**translation))

    record(mapped, entry(**given))

    delivery = Delivery.objects.get()
    assert (delivery.value, delivery.state) == (value, "QUEUED")
    assert (delivery.mark, delivery.alternative_grade) == (given["mark"], given.get("alternative_grade", ""))
    assert (delivery.participant.mark, delivery.participant.alternative_grade) == (
        delivery.mark,
        delivery.alternative_grade,
    )


def test_every_source_goes_by_its_own_translation(mapped):
    mapped.column_mappings.update(translation=TranslationFactory(table={"10": "B"}))
    ColumnMappingFactory(flow=mapped, source_code="S", translation=TranslationFactory(table={"10": "C"}))
    ColumnMappingFactory(flow=mapped, source_code="T")

    record(mapped, *(entry(source or "u", mark="10", source_code=source) for source in ("", "S", "T")))

    assert dict(Delivery.objects.values_list("participant__user_id", "value")) == {"u": "B", "S": "C", "T": "10"}


@pytest.mark.parametrize(
    ("column", "given", "detail"),
    [
        ({"points": 20}, "20.5", {"reason": "VALUE_OUT_OF_RANGE", "value": "20.5", "points": "20"}),
        (
            {"points": 0.3},
            "0.30000000000000001",
            {"reason": "VALUE_OUT_OF_RANGE", "value": "0.30000000000000001", "points": "0.3"},
        ),
        ({"symbols": "P=50:F=0"}, "B", {"reason": "VALUE_NO_SYMBOL", "value": "B"}),
        ({"symbols": "P=50:F=0"}, "101", {"reason": "VALUE_OUT_OF_RANGE", "value": "101", "points": "100"}),
        ({"symbols": "P:F"}, "75", {"reason": "VALUE_NO_SYMBOL", "value": "75"}),
    ],
)
def test_a_value_that_the_column_cannot_show_is_refused_before_it_is_sent(column, given, detail):
    if "symbols" in column:
        column = {"grade_schema": GradeSchemaFactory(**column)}
    flow = ColumnMappingFactory(grade_column=GradeColumnFactory(**column)).flow

    queued = record(flow, entry(mark=given))

    (refused,) = queued.judged.refusals.values()
    assert (refused.cause, refused.detail) == (Cause.VALUE_NOT_USABLE, detail)
    assert status(flow.participants.get())[:2] == ("FAILED", Cause.VALUE_NOT_USABLE)
    assert Delivery.objects.get().state == "REFUSED"


@pytest.mark.parametrize(
    ("symbols", "given"), [("P=50:F=0", "P"), ("P=50:F=0", "75"), ("P:F", "F"), ("", "anything"), ("", "75")]
)
def test_a_value_that_the_columns_schema_may_show_is_sent(symbols, given):
    flow = ColumnMappingFactory(grade_column__grade_schema=GradeSchemaFactory(symbols=symbols)).flow

    assert record(flow, entry(mark=given)).in_progress == 1


def test_a_code_that_nobody_has_translated_is_refused_and_says_what_to_do(mapped):
    mapped.column_mappings.update(translation=TranslationFactory(alternatives={"U": "0"}))

    record(mapped, entry(alternative_grade="FE"))

    assert mapped.participants.get().error_info == (
        "The grade could not be converted for Learn: the alternative grade 'FE' is not in this flow's translation "
        "table. Ask an administrator to correct the translation or the column, then retry."
    )


@pytest.mark.parametrize("divisor", ["9999999.00000001", "1234567.12345678", "0.00000001", "100"])
def test_a_divisor_comes_back_from_the_database_as_it_was_saved(divisor):
    translation = TranslationFactory(marks="NUMERIC", divisor=divisor)

    translation.refresh_from_db()

    assert translation.translator().divisor == Decimal(divisor)


# Whatever comes, nobody is lost

USER_IDS = st.sampled_from(
    ["1", 1, 2, "02", -3, "u4", "ü 5", 10**300, 1.5, None, True, "", "x" * 300, {"id": 1}, "a\0"]
)
GRADES = st.sampled_from([0, "0", 75.0, "B", "U", "", " ", None, False, [], {}, "x" * 334, "\ud800", "é'\"\\%s"])
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "userId": USER_IDS,
        "mark": GRADES,
        "adminGrade": GRADES,
        "sourceCode": st.sampled_from(["", "S", None, 5]),
        "learnUserId": st.sampled_from(["", "L1", None, []]),
    },
)
ANYTHING = st.sampled_from([None, 5, "u1", [], True])
FOR_ALL = {"userId": "1", "mark": 0}  # once two sources are known, for both together
FOR_S, FOR_5 = ({**FOR_ALL, "sourceCode": code} for code in ("S", 5))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(exports=st.lists(st.lists(ENTRIES | ANYTHING, max_size=8), min_size=1, max_size=3), mapped=st.booleans())
@example(exports=[[FOR_S], [FOR_5], [FOR_ALL, FOR_S]], mapped=True)
@example(exports=[[FOR_S, FOR_5], [FOR_ALL]], mapped=False)
def test_every_entry_has_its_verdict_and_every_person_one_row_whatever_comes(db, exports, mapped):
    flow = FlowFactory(mapped=mapped, flow_id=f"flow {ExportAttempt.objects.count()} {timezone.now().timestamp()}")
    for items in exports:
        body = read(json.dumps({"participants": items}).encode())
        readable = [line for line in body.lines if isinstance(line, Entry)]

        queued = record(flow, *readable)
        answer = answer_to(body, queued.judged, find_undelivered(queued.attempt))

        assert answer.number_of_success + answer.number_of_errors == len(items)
        assert answer.number_of_success == 0  # nothing was sent, so nothing is claimed
        assert [error["userId"] for error in answer.errors] == [
            item.get("userId") if isinstance(item, dict) else None for item in items
        ]
        assert all(error["errorInfo"].endswith(".") for error in answer.errors)
        deliveries = queued.attempt.deliveries.all()
        assert deliveries.count() == len(queued.judged.verdicts) <= len(set(readable))
        alone = sum(deliveries.values_list("entry_count", flat=True))
        joint = sum(number for _attempt, number, _states in deliveries.joint_entries())
        assert alone + joint == len(readable)
        people = {line.user_id for line in readable}
        assert flow.participants.filter(user_id__in=people).count() == len(people)
        assert sum(isinstance(line, UnreadableEntry) for line in body.lines) == len(items) - len(readable)
    assert not flow.participants.filter(state="EXPORTED").exists()
    assert not flow.participants.filter(state="NOT_EXPORTED").exists()
