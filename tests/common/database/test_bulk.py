"""Many rows in one statement, on the database at hand: all that a row may hold comes back as it was."""

import json
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from common.database.bulk import delete, insert, update
from exports.models import Delivery, Participant
from tests.factories import DeliveryFactory, ExportAttemptFactory, FlowFactory, ParticipantFactory

pytestmark = pytest.mark.django_db

REST = {
    **dict.fromkeys(("learn_user_id", "added_by", "alternative_grade", "cause", "cause_source_code"), ""),
    **dict.fromkeys(("approved_mark", "approved_source_code", "first_name", "last_name"), ""),
    "sources": "{}",
    "detail": {},
    "on_roster": False,
    "state": "NOT_EXPORTED",
    "changed_since_export": False,
}
NASTY = [
    "",
    " ",
    "null",
    "NULL",
    "true",
    "0",
    "007",
    "75.0",
    "1e5",
    "[1]",
    '{"a": 1}',
    "{1,2}",
    '"',
    "'",
    "''; --",
    "\\",
    "\\n",
    "%s",
    "%(x)s",
    "$1",
    ",",
    "a\nb\tc\r",
    "\x01\x7f\x1f",
    "\u2028\u2029\ufeff\ufffe",
    "e\u0301 é",
    "😀" * 100,
    "x" * 333,
]


def row(flow, user_id, mark="", is_number=False):
    return {"flow_id": flow.pk, "user_id": user_id, "mark": mark, "user_id_is_number": is_number, **REST}


def test_every_text_comes_back_as_it_was():
    flow = FlowFactory()

    insert(Participant, [row(flow, f"u{number}", text) for number, text in enumerate(NASTY)])

    assert list(flow.participants.order_by("pk").values_list("mark", flat=True)) == NASTY


def test_moments_truths_maps_and_nothing_come_back_as_they_were():
    flow, attempt = FlowFactory(), ExportAttemptFactory()
    sources = {"S||1": "SIS", 'T"': None, "": "MANUAL"}
    insert(Participant, [{**row(flow, "u1", "A", is_number=True), "sources": json.dumps(sources)}, row(flow, "u2")])
    first, second = flow.participants.order_by("pk")
    moment = datetime(2026, 5, 3, 9, 0, 1, 234567, tzinfo=UTC)
    nothing = {**dict.fromkeys(TEXTS, ""), "attempt_id": attempt.pk, "value": "A", "entry_count": 1, "detail": {}}
    nothing["joint_entry_count"] = 0
    insert(
        Delivery,
        [
            {**nothing, "participant_id": first.pk, "finished_at": moment, "state": "DELIVERED"},
            {**nothing, "participant_id": second.pk, "finished_at": None, "state": "QUEUED"},
        ],
    )

    assert (first.user_id_is_number, first.on_roster, first.sources) == (True, False, sources)
    assert (second.user_id_is_number, second.on_roster, second.sources) == (False, False, {})
    assert list(Delivery.objects.order_by("pk").values_list("finished_at", flat=True)) == [moment, None]
    assert Delivery.objects.filter(finished_at=moment).count() == 1


TEXTS = (
    *("source_code", "mark", "alternative_grade", "course_id", "column_name", "learn_user_id"),
    *("cause", "detail"),
)


def test_a_row_that_is_there_already_is_changed_where_told_and_nowhere_else():
    flow = FlowFactory()
    there = ParticipantFactory(flow=flow, user_id="u1", mark="A", on_roster=True)

    returned = insert(
        Participant,
        [row(flow, "u1", "B"), row(flow, "u2", "C")],
        unique=("flow_id", "user_id"),
        update=("mark",),
        returning=("user_id", "id"),
    )

    there.refresh_from_db()
    assert (there.mark, there.on_roster) == ("B", True)
    assert dict(returned) == {"u1": there.pk, "u2": flow.participants.get(user_id="u2").pk}


def test_a_row_that_is_there_already_is_an_error_unless_told():
    participant = ParticipantFactory()

    with pytest.raises(IntegrityError):
        insert(Participant, [row(participant.flow, participant.user_id)])


def test_a_text_that_is_too_long_is_never_cut():
    flow = FlowFactory()

    try:
        with transaction.atomic():
            insert(Participant, [row(flow, "u" * 256)])
    except DatabaseError:
        assert not flow.participants.exists()  # PostgreSQL
    else:
        assert flow.participants.get().user_id == "u" * 256  # SQLite knows no length


def test_update_sets_each_row_to_its_own_values():
    first, second, third = (DeliveryFactory(state="REJECTED", cause="REJECTED_BY_LEARN") for _ in range(3))
    moment = datetime(2026, 5, 3, 9, 0, tzinfo=UTC)

    update(
        Delivery,
        {
            first.pk: {"state": "FAILED", "detail": {"text": "50% 'off'"}, "finished_at": moment},
            second.pk: {"state": "UNCONFIRMED", "detail": {}, "finished_at": first.finished_at},
        },
    )

    assert list(Delivery.objects.order_by("pk").values_list("state", "detail", "finished_at")) == [
        ("FAILED", {"text": "50% 'off'"}, moment),
        ("UNCONFIRMED", {}, first.finished_at),
        ("REJECTED", {}, third.finished_at),
    ]


@pytest.mark.parametrize("count", [1, 5_000])
def test_any_number_of_rows_is_one_statement(django_assert_num_queries, count):
    flow = FlowFactory()
    rows = [row(flow, f"u{number}", "A") for number in range(count)]

    with django_assert_num_queries(1):
        returned = insert(Participant, rows, unique=("flow_id", "user_id"), update=("mark",), returning=("id", "mark"))
    with django_assert_num_queries(1):
        update(Participant, {pk: {"mark": f"{pk}"} for pk, _mark in returned})

    assert len(returned) == count
    assert all(mark == str(pk) for pk, mark in flow.participants.values_list("pk", "mark"))


def test_no_rows_are_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert insert(Participant, [], returning=("id",)) == []
        update(Participant, {})


def test_any_number_of_rows_is_deleted_in_one_statement_and_no_other(django_assert_num_queries):
    flow = FlowFactory()
    gone = [ParticipantFactory(flow=flow).pk for _ in range(3)]
    kept = ParticipantFactory(flow=flow)

    with django_assert_num_queries(1):
        delete(Participant, gone)
    with django_assert_num_queries(0):
        delete(Participant, [])

    assert list(Participant.objects.all()) == [kept]


def test_rows_name_their_columns_in_any_order():
    flow = FlowFactory()
    backwards = dict(reversed(row(flow, "u2", "B").items()))

    insert(Participant, [row(flow, "u1", "A"), backwards])

    assert list(flow.participants.order_by("pk").values_list("user_id", "mark")) == [("u1", "A"), ("u2", "B")]
