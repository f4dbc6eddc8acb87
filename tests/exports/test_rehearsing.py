"""A rehearsal tells what an export would do, and does nothing."""

import json
from datetime import timedelta

from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.grades.causes import Cause
from exports.grades.facts import Entry
from exports.models import Flow
from exports.reading.body import UnreadableEntry, read
from exports.receiving import receive
from exports.rehearsing import Outcome, rehearse
from tests.conftest import COLUMN, COURSE
from tests.exports.tables import everything
from tests.factories import (
    ApiClientFactory,
    ColumnMappingFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeColumnFactory,
    ParticipantFactory,
    TranslationFactory,
)

REHEARSED = {Outcome.SEND: "DELIVERED", Outcome.ALREADY_EXPORTED: "DELIVERED", Outcome.REFUSED: "REFUSED"}


def body_of(*participants, **more):
    return read(json.dumps({"participants": list(participants), **more}).encode())


def rehearsed(*participants, flow_id="77"):
    return rehearse(flow_id, body_of(*participants), ApiClientFactory())


def test_what_would_be_sent_says_value_column_and_learn_user(flow):
    flow.column_mappings.update(translation=TranslationFactory(table={"B": "75.0"}))

    [line] = rehearsed({"userId": 5, "mark": "B", "learnUserId": "s5"}).lines

    assert (line.user_id, line.outcome, line.value) == (5, Outcome.SEND, "75.0")
    assert (line.course_id, line.column_name, line.learn_user_id) == (COURSE, COLUMN, "s5")
    assert (line.cause, line.error_info) == (None, "")


def test_what_learn_has_already_is_a_success(flow):
    ParticipantFactory(flow=flow, user_id="u1", exported=True)

    rehearsal = rehearsed({"userId": "u1", "mark": "B"})

    assert [(line.outcome, line.value) for line in rehearsal.lines] == [(Outcome.ALREADY_EXPORTED, "B")]
    assert rehearsal.receipt.number_of_success == 1


def test_what_would_be_refused_says_why_in_the_words_of_an_export(flow):
    rehearsal = rehearsed({"userId": "u1"}, {"userId": None, "mark": "A"}, {"userId": "u2", "mark": []})

    assert [line.cause for line in rehearsal.lines] == [
        Cause.NO_ASSESSMENT,
        Cause.NO_USER_ID,
        Cause.ENTRY_NOT_USABLE,
    ]
    assert rehearsal.receipt.errors == [
        {"userId": line.user_id, "errorInfo": line.error_info} for line in rehearsal.lines
    ]
    assert rehearsal.receipt.number_of_success == 0


def test_people_who_share_a_place_in_learn_are_refused_together(flow):
    lines = rehearsed(
        {"userId": "1", "mark": "A", "learnUserId": "u1"}, {"userId": "2", "mark": "B", "learnUserId": "u1"}
    ).lines

    assert [line.cause for line in lines] == [Cause.SAME_LEARN_USER] * 2


def test_a_flow_that_nobody_has_heard_of_is_not_mapped_and_not_made(db):
    [line] = rehearsed({"userId": "u1", "mark": "A"}, flow_id="new").lines

    assert line.cause == Cause.NOT_MAPPED
    assert not Flow.objects.exists()


def test_it_sweeps_nothing(flow):
    """The grades of a dead process stay on their way until an export, or the clock, sweeps them."""
    client = ApiClientFactory()
    ExportAttemptFactory(flow=flow, dead=True)
    participant = ParticipantFactory(flow=flow, user_id="u1", queued=True)
    DeliveryFactory(attempt=flow.attempts.get(), participant=participant, queued=True)
    before = everything()

    [line] = rehearse("77", body_of({"userId": "u1", "mark": "A"}), client).lines

    assert line.cause == Cause.IN_PROGRESS
    assert everything() == before


def test_it_costs_no_more_for_1000_than_for_1(flow, django_assert_num_queries):
    client = ApiClientFactory()
    for number, statements in ((1, 6), (1000, 6)):
        body = body_of(*({"userId": f"p{index}", "mark": "A"} for index in range(number)))
        with django_assert_num_queries(statements):
            assert rehearse("77", body, client).receipt.number_of_success == number


# The same verdicts as the export that follows

USER_IDS = st.sampled_from(["u1", "u2", "u3", 1, "1", 2, None, ""])
GRADES = st.sampled_from(["A", "B", 7, "", None, [], "U"])
ITEMS = st.fixed_dictionaries(
    {"userId": USER_IDS},
    optional={
        "mark": GRADES,
        "adminGrade": GRADES,
        "sourceCode": st.sampled_from(["", "S", "T"]),
        "learnUserId": st.sampled_from(["", "u4"]),
    },
)
FLOWS = st.fixed_dictionaries(
    {},
    optional={
        "synchronised_at": st.none(),
        "assessment_ends_at": st.none() | st.just(timezone.now() + timedelta(days=1)),
        "instant_export": st.booleans(),
        "allow_overwrite": st.booleans(),
    },
)
TABLES = st.none() | st.fixed_dictionaries({"A": st.just("9")}, optional={"B": st.sampled_from(["9", "4"])})


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    exports=st.lists(st.lists(ITEMS, max_size=6), min_size=1, max_size=3),
    known=FLOWS,
    sources=st.sets(st.sampled_from(["", "S"])),
    table=TABLES,
)
def test_the_export_that_follows_has_the_verdicts_of_its_rehearsal(learn, exports, known, sources, table):
    client, flow = ApiClientFactory(), FlowFactory(**known)
    column = GradeColumnFactory(course__course_id=f"C{flow.pk}")
    users = ["u1", "u2", "u3", "u4", "1", "2"]
    learn.world.merge({"courses": {f"C{flow.pk}": {"users": users, "columns": {column.name: {"points": None}}}}})
    for source_code in sources:
        translation = TranslationFactory(table=table, alternatives={"U": "0"}) if table else None
        ColumnMappingFactory(flow=flow, grade_column=column, source_code=source_code, translation=translation)
    for items in exports:
        body = body_of(*items)
        entries = [line for line in body.lines if isinstance(line, Entry)]
        before, calls = everything(), len(learn.calls)

        rehearsal = rehearse(flow.flow_id, body, client)

        assert everything() == before
        assert len(learn.calls) == calls
        assert rehearsal.receipt == receive(flow.flow_id, body, client)  # Learn takes all
        deliveries = flow.attempts.first().deliveries.select_related("participant")
        by_user = {delivery.participant.user_id: delivery for delivery in deliveries}
        for line, entry in zip(rehearsal.lines, body.lines, strict=True):
            if (
                isinstance(entry, UnreadableEntry)
                or len({other for other in entries if other.user_id == entry.user_id}) > 1
            ):
                continue  # no delivery of its own; the receipt has told them apart
            delivery = by_user[entry.user_id]
            assert (REHEARSED[line.outcome], line.value, line.cause or "") == (
                delivery.state,
                delivery.value,
                delivery.cause,
            )
            assert (line.course_id, line.column_name, line.learn_user_id) == (
                delivery.course_id,
                delivery.column_name,
                delivery.learn_user_id,
            )
