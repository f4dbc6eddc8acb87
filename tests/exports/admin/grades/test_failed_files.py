"""Who has failed, as a file: of a list, of those ticked, and of one attempt."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from common.spreadsheets.files import read_rows
from exports.admin.grades.failed_files import FAILED_COLUMNS
from exports.grades.causes import Cause
from exports.models import Participant
from tests.factories import (
    ColumnMappingFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeColumnFactory,
    ParticipantFactory,
    TranslationFactory,
)
from tests.signed_in import signed_in

LIST = "/admin/exports/participant/"
ENDINGS = ["csv", "xlsx"]


def rows_in(answer: Any, ending: str) -> list[dict[str, Any]]:
    assert answer.status_code == 200
    return [dict(row.cells) for row in read_rows(f"a.{ending}", answer.content, known=FAILED_COLUMNS, required=[])]


def name_of(answer: Any) -> str:
    return str(answer["Content-Disposition"].partition("filename=")[2].strip('"'))


@pytest.fixture
def wrong(db: None) -> Participant:
    """Whose mark the translation of flow 77 does not have."""
    flow = FlowFactory(flow_id="77", title="Anatomy")
    column = GradeColumnFactory(course__course_id="MED101", name="Final")
    ColumnMappingFactory(flow=flow, grade_column=column, translation=TranslationFactory(table={"12": "A", "10": "B"}))
    person: Participant = ParticipantFactory(
        flow=flow,
        failed=True,
        user_id="u1",
        first_name="Ada",
        last_name="Lovelace",
        learn_user_id="learn1",
        mark="13",
        cause=Cause.VALUE_NOT_USABLE,
        detail={"reason": "MARK_NOT_IN_TRANSLATION", "mark": "13"},
    )
    return person


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_failed_of_a_list_are_in_it_with_where_they_lead_and_what_would_be_valid(
    ending: str, wrong: Participant, manager: Client
) -> None:
    ParticipantFactory(flow=wrong.flow, user_id="fine", exported=True)

    answer = manager.get(f"{LIST}failed.{ending}/?cause=VALUE_NOT_USABLE")

    assert name_of(answer) == f"failed-grades-77.{ending}"
    (row,) = rows_in(answer, ending)
    assert (row["flow_id"], row["flow_title"]) == ("77", "Anatomy")
    assert (row["user_id"], row["first_name"], row["last_name"], row["learn_user_id"]) == (
        *("u1", "Ada", "Lovelace", "learn1"),
    )
    assert (row["course_id"], row["column_name"], row["mark"]) == ("MED101", "Final", "13")
    assert (row["cause"], row["valid_values"]) == ("VALUE_NOT_USABLE", "12, 10")
    assert "the mark '13' is not in this flow's translation table" in row["reason"]
    assert row["what_to_do"] == "Ask an administrator to correct the translation or the column, then retry."
    assert row["failed_at"].startswith("20")


def test_over_several_flows_it_is_named_for_none(wrong: Participant, manager: Client) -> None:
    ParticipantFactory(failed=True)
    answer = manager.get(f"{LIST}failed.csv/")
    assert name_of(answer) == "failed-grades.csv"
    assert len(rows_in(answer, "csv")) == 2


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_an_attempt_did_not_deliver_is_in_its_file_as_it_was_then(
    ending: str, wrong: Participant, manager: Client
) -> None:
    attempt = ExportAttemptFactory(flow=wrong.flow)
    refused = {
        "cause": Cause.VALUE_NOT_USABLE,
        "detail": wrong.detail,
        "mark": "13",
        "course_id": "",
        "column_name": "",
    }
    DeliveryFactory(attempt=attempt, participant=wrong, refused=True, **refused)
    sent = {"course_id": "OLD", "column_name": "Oral", "learn_user_id": "then"}
    DeliveryFactory(attempt=attempt, failed=True, participant__user_id="u2", **sent)
    DeliveryFactory(attempt=attempt, participant__user_id="u3")

    answer = manager.get(reverse(f"admin:exports_exportattempt_failed_{ending}", args=[attempt.pk]))

    assert name_of(answer) == f"failed-grades-77-attempt-{attempt.pk}.{ending}"
    first, second = rows_in(answer, ending)
    assert (first["course_id"], first["column_name"], first["valid_values"]) == ("MED101", "Final", "12, 10")
    assert (second["course_id"], second["column_name"], second["learn_user_id"]) == ("OLD", "Oral", "then")
    assert (second["user_id"], second["cause"]) == ("u2", "LEARN_UNAVAILABLE")
    assert not second["valid_values"]


def test_who_may_not_see_participants_gets_no_file(wrong: Participant) -> None:
    attempt = ExportAttemptFactory(flow=wrong.flow)
    client = signed_in()
    assert client.get(f"{LIST}failed.csv/").status_code == 403
    assert client.get(reverse("admin:exports_exportattempt_failed_csv", args=[attempt.pk])).status_code == 403


@pytest.mark.parametrize("number", [2, 12])
def test_a_file_costs_the_same_statements_however_many_flows(
    number: int, manager: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(number):
        ParticipantFactory(
            failed=True, cause=Cause.VALUE_NOT_USABLE, detail={"reason": "VALUE_NO_SYMBOL", "value": "Z"}
        )
    with django_assert_max_num_queries(10):
        manager.get(f"{LIST}failed.csv/")


def test_the_page_of_a_participant_shows_valid_values_only_beside_a_wrong_one(
    wrong: Participant, manager: Client
) -> None:
    assert "Valid values" in manager.get(f"{LIST}{wrong.pk}/change/").content.decode()
    other = ParticipantFactory(failed=True)
    assert "Valid values" not in manager.get(f"{LIST}{other.pk}/change/").content.decode()
