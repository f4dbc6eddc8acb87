"""The form of a flow: what saving it records, and what it says is missing."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from exports.models import ColumnMapping, Flow
from tests.factories import ColumnMappingFactory, FlowFactory, GradeColumnFactory, ParticipantFactory
from tests.signed_in import messages_of, text_of

NOT_MAPPED = "No grade column is chosen, so the grades of this flow are refused. Choose one below."


def page_of(flow: Flow) -> str:
    return reverse("admin:exports_flow_change", args=[flow.pk])


def form_of(flow: Flow, *rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The form as the page shows it, with `fields` changed and these `rows` behind the mappings that are there."""
    mappings = list(flow.column_mappings.order_by("source_code"))
    there = [{"id": row.pk, "source_code": row.source_code, "grade_column": row.grade_column_id} for row in mappings]
    form = {
        "title": flow.title,
        "synchronised_at_0": "2026-05-03",
        "synchronised_at_1": "09:00:00",
        "assessment_ends_at_0": "2026-05-03",
        "assessment_ends_at_1": "09:00:00",
        "column_mappings-TOTAL_FORMS": len(mappings) + len(rows),
        "column_mappings-INITIAL_FORMS": len(mappings),
        **fields,
    }
    for place, row in enumerate([*there, *rows]):
        form |= {f"column_mappings-{place}-{name}": value for name, value in ({"flow": flow.pk} | row).items()}
    return form


BLANK: dict[str, Any] = {"source_code": "", "grade_column": ""}


def test_saving_a_flow_records_what_changed_and_leaves_its_counts_alone(administrator: Client) -> None:
    flow = ColumnMappingFactory(flow__title="Biology").flow
    ParticipantFactory(flow=flow, exported=True)
    administrator.post(page_of(flow), form_of(flow, title="Botany"))
    changed, added = flow.history.all()
    assert [(row.history_type, row.title) for row in (changed, added)] == [("~", "Botany"), ("+", "Biology")]
    assert changed.history_user is not None
    flow.refresh_from_db()
    assert flow.exported_count == 1
    administrator.post(page_of(flow), form_of(flow))
    assert flow.history.count() == 2


def test_a_mapping_added_on_the_flows_page_is_recorded(administrator: Client) -> None:
    flow, column = FlowFactory(), GradeColumnFactory()
    response = administrator.post(page_of(flow), form_of(flow, {"source_code": "", "grade_column": column.pk}))
    assert NOT_MAPPED not in messages_of(response)
    assert ColumnMapping.objects.get().history.get().history_type == "+"


def test_an_added_row_left_empty_is_refused_and_says_what_is_missing(administrator: Client) -> None:
    flow = ColumnMappingFactory().flow
    response = administrator.post(page_of(flow), form_of(flow, BLANK, title="Botany"))
    assert response.status_code == 200
    assert "Choose a grade column, or remove this row." in text_of(response)
    assert Flow.objects.get().title != "Botany"


@pytest.mark.parametrize("given", [BLANK, BLANK | {"source_code": " "}])
def test_the_row_that_an_unmapped_flow_offers_may_stay_empty_and_that_is_said(
    given: dict[str, Any], administrator: Client
) -> None:
    flow = FlowFactory()
    response = administrator.post(page_of(flow), form_of(flow, given, title="Botany"))
    assert NOT_MAPPED in messages_of(response)
    assert Flow.objects.get().title == "Botany"


def test_a_source_without_a_column_says_what_is_missing(administrator: Client) -> None:
    flow = FlowFactory()
    response = administrator.post(page_of(flow), form_of(flow, BLANK | {"source_code": "UNIwise||001"}))
    assert "Choose a grade column, or remove this row." in text_of(response)


@pytest.mark.parametrize(
    ("flow", "says"),
    [
        ({}, "This flow is not mapped to a Learn column. Its grades are refused until you map it below."),
        (
            {"unsynchronised": True},
            "This flow is not mapped to a Learn column and not marked as synchronised with the student system. "
            "Its grades are refused until you do both below.",
        ),
        (
            {"unsynchronised": True, "mapped": True},
            "This flow is not marked as synchronised with the student system. "
            "Its grades are refused until you mark it below.",
        ),
    ],
)
def test_the_page_names_all_that_keeps_grades_back(flow: dict[str, Any], says: str, administrator: Client) -> None:
    assert says in text_of(administrator.get(page_of(FlowFactory(**flow))))


def test_nothing_keeps_back_a_flow_that_is_mapped_and_synchronised(administrator: Client) -> None:
    assert "Its grades are refused" not in text_of(administrator.get(page_of(FlowFactory(mapped=True))))


def test_the_title_bar_leaves_user_ids_as_they_are(manager: Client) -> None:
    person = ParticipantFactory(user_id="u1", flow__flow_id="77")
    page = text_of(manager.get(reverse("admin:exports_participant_change", args=[person.pk])))
    assert "u1 in flow 77" in page
    assert "U1" not in page
    assert "Participants" in page
