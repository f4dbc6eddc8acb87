"""The page of a translation: who keeps it, who uses it, and what would become of a grade."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exports.models import ColumnMapping, Delivery, ExportAttempt, Participant, TranslatedGrade, Translation
from tests.factories import (
    ColumnMappingFactory,
    DeliveryFactory,
    FlowFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    TranslationFactory,
)
from tests.pages import rows_of, words_of
from tests.signed_in import signed_in, text_of


def url(page: str = "changelist", *args: object) -> str:
    return reverse(f"admin:exports_translation_{page}", args=args)


def form(*lines: tuple[str, str, str], **fields: str) -> dict[str, str]:
    """What the browser posts; `lines` are kind, given, value."""
    data = {"name": "Letters", "marks": "TABLE", "divisor": "1", "decimals": "", "rounding": "NONE"} | fields
    data |= {"grades-TOTAL_FORMS": str(len(lines)), "grades-INITIAL_FORMS": "0"}
    for number, line in enumerate(lines):
        data |= {f"grades-{number}-{name}": text for name, text in zip(("kind", "given", "value"), line, strict=True)}
    return data


def test_an_administrator_makes_a_translation_with_its_table(administrator: Client) -> None:
    lines = [("MARK", "12", "A"), ("MARK", "02", "E"), ("ALTERNATIVE_GRADE", "U", "0")]

    assert administrator.post(url("add"), form(*lines)).status_code == 302

    translator = Translation.objects.get(name="Letters").translator()
    assert (translator.mark("12"), translator.mark("02"), translator.alternative("U")) == ("A", "E", "0")


def test_a_translation_opened_and_saved_stays_as_it_is(administrator: Client) -> None:
    translation = TranslationFactory(name="Hundredths", marks="NUMERIC", divisor="100", decimals=2)
    page = text_of(administrator.get(url("change", translation.pk)))
    assert 'value="100"' in page

    data = form(name="Hundredths", marks="NUMERIC", divisor="100", decimals="2")
    assert administrator.post(url("change", translation.pk), data).status_code == 302

    assert translation.history.count() == 1
    translation.refresh_from_db()
    assert translation.translator().mark("8999") == "89.99"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (form(rounding="HALF_UP"), "Enter the number of decimals to round to."),
        (form(divisor="0"), "greater than or equal to"),
        (form(divisor="-1"), "greater than or equal to"),
        (form(divisor="12345678.12345678"), "no more than 15 digits in total"),
        (form(decimals="11"), "less than or equal to 10"),
        (form(name="Taken"), "already exists"),
        (form(("MARK", "12", "")), "or remove this line."),
        (form(("MARK", "", "A")), "or remove this line."),
        (form(("MARK", "12", "A"), ("MARK", "12", "B")), "There is more than one line for mark 12."),
    ],
)
def test_what_makes_no_sense_is_refused(data: dict[str, str], sentence: str, administrator: Client) -> None:
    TranslationFactory(name="Taken")

    response = administrator.post(url("add"), data)

    assert response.status_code == 200
    assert sentence in text_of(response)
    assert not Translation.objects.exclude(name="Taken").exists()


def test_one_grade_may_be_a_mark_and_an_alternative_grade(administrator: Client) -> None:
    administrator.post(url("add"), form(("MARK", "U", "F"), ("ALTERNATIVE_GRADE", "U", "0")))

    assert TranslatedGrade.objects.count() == 2


def test_a_manager_looks_up_and_changes_nothing(manager: Client) -> None:
    translation = TranslationFactory(table={"12": "A"})

    assert translation.name in text_of(manager.get(url()))
    page = text_of(manager.get(url("change", translation.pk)))
    assert "12" in page
    assert 'name="_save"' not in page
    for address in (url("change", translation.pk), url("delete", translation.pk), url("add")):
        assert manager.post(address, {"post": "yes"} | form()).status_code == 403


def test_a_manager_reads_in_words_what_becomes_of_numbers(manager: Client) -> None:
    translation = TranslationFactory(marks="NUMERIC", divisor="100", decimals=1, rounding="UP")
    page = text_of(manager.get(url("change", translation.pk)))
    assert "As numbers, divided by 100, with 1 digit after the point" in page
    assert "Up (2.1 becomes 3)" in page
    assert "100.0" not in page


def test_the_side_bar_leads_whoever_may_see_them_to_the_translations(manager: Client, db: None) -> None:
    assert f'href="{url()}"' in text_of(manager.get(reverse("admin:index")))
    assert f'href="{url()}"' not in text_of(signed_in().get(reverse("admin:index")))
    assert signed_in().get(url()).status_code == 403


@pytest.mark.parametrize(
    ("fields", "summary"),
    [
        ({}, "As written"),
        ({"table": {"12": "A"}}, "By the table; other marks are refused"),
        ({"marks": "NUMERIC"}, "As numbers"),
        ({"marks": "NUMERIC", "divisor": "100"}, "As numbers, divided by 100"),
        ({"marks": "NUMERIC", "divisor": "2.5", "decimals": 1}, "As numbers, divided by 2.5, with 1 digit after"),
        ({"marks": "NUMERIC", "decimals": 0}, "As numbers, with 0 digits after the point"),
    ],
)
def test_the_list_says_what_becomes_of_marks(fields: dict[str, Any], summary: str, manager: Client) -> None:
    TranslationFactory(**fields)

    assert summary in text_of(manager.get(url()))


def test_the_list_counts_lines_and_flows_and_costs_the_same_however_long_it_is(manager: Client) -> None:
    counts = []
    for number in (1, 10):
        translation = TranslationFactory(table={str(mark): "A" for mark in range(3 * number)})
        for _ in range(number):
            flow = FlowFactory()
            ColumnMappingFactory(flow=flow, translation=translation)
            ColumnMappingFactory(flow=flow, source_code="S", translation=translation)
        with CaptureQueriesContext(connection) as queries:
            rows = manager.get(url()).context["cl"].result_list
        assert (3 * number, number) in [(row.line_count, row.flow_count) for row in rows]
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_its_page_leads_to_the_flows_that_use_it(manager: Client) -> None:
    translation, other = TranslationFactory(), TranslationFactory()
    flows = [FlowFactory() for _ in range(27)]
    for flow in flows:
        ColumnMappingFactory(flow=flow, translation=translation)
        ColumnMappingFactory(flow=flow, source_code="S", translation=translation)

    page = text_of(manager.get(url("change", translation.pk)))

    links = [f'href="{reverse("admin:exports_flow_change", args=[flow.pk])}"' for flow in flows]
    assert sum(page.count(link) for link in links) == 25
    assert "And 2 more." in page
    assert "None yet." in text_of(manager.get(url("change", other.pk)))


def test_lines_that_are_not_used_are_pointed_out(manager: Client) -> None:
    translation = TranslationFactory(table={"12": "A"}, alternatives={"U": "0"})
    warning = "The lines for marks in the table are not used"
    assert warning not in text_of(manager.get(url("change", translation.pk)))

    Translation.objects.update(marks="AS_WRITTEN")

    assert warning in text_of(manager.get(url("change", translation.pk)))


@pytest.mark.parametrize("by_action", [False, True])
def test_one_that_is_used_is_not_deleted_and_the_page_says_why(by_action: bool, administrator: Client) -> None:
    translation = TranslationFactory(table={"12": "A"})
    mapping = ColumnMappingFactory(translation=translation)
    data: dict[str, Any] = {"post": "yes"}
    if by_action:
        data |= {"action": "delete_selected", "_selected_action": [translation.pk]}
    address = url() if by_action else url("delete", translation.pk)

    assert "Nothing has been deleted: flows still use it." in text_of(administrator.post(address, data))
    assert translation.grades.exists()

    mapping.delete()
    administrator.post(address, data)
    assert not Translation.objects.exists()


def test_a_flow_is_given_its_translation_where_it_is_mapped(administrator: Client) -> None:
    column, translation = GradeColumnFactory(), TranslationFactory()
    data = {
        "flow_id": "4711",
        "column_mappings-TOTAL_FORMS": "1",
        "column_mappings-INITIAL_FORMS": "0",
        "column_mappings-0-grade_column": str(column.pk),
        "column_mappings-0-translation": str(translation.pk),
    }

    assert administrator.post(reverse("admin:exports_flow_add"), data).status_code == 302

    mapping = ColumnMapping.objects.get()
    assert (mapping.grade_column, mapping.translation) == (column, translation)
    page = text_of(administrator.get(reverse("admin:exports_flow_change", args=[mapping.flow_id])))
    assert translation.name in page


# Trying a grade

SENT = "Learn would show:"


def tried(client: Client, translation: Translation, **query: Any) -> str:
    response = client.get(url("preview", translation.pk), query)
    assert response.status_code == 200
    return words_of(response)


@pytest.mark.parametrize(
    ("kind", "grade", "answer"),
    [
        ("MARK", "12", f"{SENT} A"),
        ("ALTERNATIVE_GRADE", "U", f"{SENT} 0"),
        ("MARK", "U", "the mark 'U' is not in this flow's translation table"),
        ("ALTERNATIVE_GRADE", "12", "the alternative grade '12' is not in this flow's translation table"),
        ("MARK", " 12\u00a0", f"{SENT} A"),
        ("MARK", "12.", "the mark '12.' is not in this flow's translation table"),
        ("MARK", "12\u200b", "The entry cannot be used: the grade contains the invisible character U+200B."),
        ("MARK", "<b>", "the mark '<b>' is not in this flow's translation table"),
        ("MARK", " ", "There is no mark or alternative grade."),
        ("ALTERNATIVE_GRADE", "\u2060", "There is no mark or alternative grade."),
        ("MARK", "", "This field is required."),
        ("MARK", "x" * 334, "at most 333 characters"),
        ("X", "12", "Select a valid choice."),
    ],
)
def test_a_grade_that_is_tried_shows_its_value_or_why_there_is_none(
    kind: str, grade: str, answer: str, manager: Client
) -> None:
    translation = TranslationFactory(table={"12": "A"}, alternatives={"U": "0"})

    page = tried(manager, translation, kind=kind, grade=grade)

    assert answer in page
    assert (SENT in page) == answer.startswith(SENT)


@pytest.mark.parametrize(
    ("grade", "symbols", "answer"),
    [
        ("8999", None, f"{SENT} 89.99"),
        ("10001", None, "'100.01' is not between 0 and the column's 100 points"),
        ("8999", "P:F", "'89.99' is not a symbol of the column's grade schema"),
    ],
)
def test_a_column_that_is_chosen_judges_the_value(
    grade: str, symbols: str | None, answer: str, manager: Client
) -> None:
    translation = TranslationFactory(marks="NUMERIC", divisor="100")
    schema = GradeSchemaFactory(symbols=symbols) if symbols else None
    column = GradeColumnFactory(grade_schema=schema)

    assert answer in tried(manager, translation, kind="MARK", grade=grade, column=column.pk)
    assert SENT in tried(manager, translation, kind="MARK", grade=grade)
    assert "Select a valid choice." in tried(manager, translation, kind="MARK", grade=grade, column=0)


def test_trying_stores_and_sends_nothing(manager: Client) -> None:
    translation = TranslationFactory(table={"12": "A"})
    column = GradeColumnFactory()

    with CaptureQueriesContext(connection) as queries:
        tried(manager, translation, kind="MARK", grade="12", column=column.pk)

    assert not [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    for model in (Participant, ExportAttempt, Delivery, ColumnMapping):
        assert not model.objects.exists()


def test_trying_is_for_those_who_may_see_translations(client: Client, db: None) -> None:
    translation = TranslationFactory()
    address = url("preview", translation.pk)

    assert client.get(address).status_code == 302
    assert signed_in().get(address).status_code == 403
    assert signed_in(manager=True).get(address).status_code == 200
    assert signed_in(manager=True).get(url("preview", 0)).status_code == 404


# What was given and what went to Learn are both seen


@pytest.mark.parametrize("model", ["participant", "exportattempt"])
def test_what_was_given_and_what_went_to_learn_are_both_seen(model: str, manager: Client) -> None:
    delivery = DeliveryFactory(mark="8999", value="89.99")
    row = delivery.participant if model == "participant" else delivery.attempt

    page = manager.get(reverse(f"admin:exports_{model}_change", args=[row.pk]))

    assert ("8999", "89.99") in [(seen["Mark"], seen["Value"]) for seen in rows_of(page) if "Mark" in seen]
