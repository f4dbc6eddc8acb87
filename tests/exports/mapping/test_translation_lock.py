"""What delivered grades were translated by is not changed behind their backs."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from common.spreadsheets.files import ImportRefused
from common.spreadsheets.sheets import import_lines
from exports.grades.translating import Marks
from exports.importing.translations import TranslationSheet
from exports.mapping import deleting, locking
from exports.models import ColumnMapping, Flow, TranslatedGrade, Translation
from tests.exports.importing.files import csv_file
from tests.factories import (
    ColumnMappingFactory,
    FlowFactory,
    GradeColumnFactory,
    ParticipantFactory,
    TranslationFactory,
)
from tests.signed_in import messages_of, signed_in, text_of

SHEET = TranslationSheet()

pytestmark = pytest.mark.django_db

HERE = {"grade__course_id": "BIO101", "grade__column_name": "Final"}
LOCKED = (
    "Locked: grades of flow 77 have been delivered with this translation. You can add lines for other grades. "
    "For anything else, make a new translation, or have an administrator unlock the mapping of the flow."
)


@pytest.fixture
def letters() -> Any:
    return TranslationFactory(name="Letters", table={"1": "A", "2": "B"}, alternatives={"U": "F"})


@pytest.fixture
def flow(letters: Any) -> Any:
    """Somebody's grade was delivered by the translation."""
    flow = FlowFactory(flow_id="77")
    ColumnMappingFactory(flow=flow, translation=letters)
    ParticipantFactory(flow=flow, exported=True, **HERE)
    return flow


@pytest.fixture
def administrator() -> Client:
    return signed_in(administrator=True)


def page(translation: Any) -> str:
    return reverse("admin:exports_translation_change", args=[translation.pk])


def form(translation: Any, *added: dict[str, str], **changes: str) -> dict[str, str]:
    """The translation's form as a page sends it; `changes` of it or, as `1_value`, of its second line."""
    lines = list(translation.grades.order_by("pk"))
    sent = {
        "name": translation.name,
        "marks": translation.marks,
        "divisor": "1",
        "decimals": "",
        "rounding": translation.rounding,
        "grades-TOTAL_FORMS": str(len(lines) + len(added)),
        "grades-INITIAL_FORMS": str(len(lines)),
    }
    for place, line in enumerate(lines):
        row = {
            "id": line.pk,
            "translation": translation.pk,
            "kind": line.kind,
            "given": line.given,
            "value": line.value,
        }
        sent |= {f"grades-{place}-{name}": str(value) for name, value in row.items()}
    for place, row in enumerate(added, start=len(lines)):
        sent |= {f"grades-{place}-{name}": value for name, value in row.items()}
    for name, value in changes.items():
        place, _, field = name.partition("_")
        sent[f"grades-{place}-{field}" if place.isdigit() else name] = value
    return sent


CHANGES = [
    {"marks": "AS_WRITTEN"},
    {"divisor": "100"},
    {"decimals": "2"},
    {"decimals": "2", "rounding": "HALF_UP"},
    {"1_value": "C"},
    {"1_given": "3"},
    {"1_DELETE": "on"},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_the_page_refuses_to_change_what_was_used(
    administrator: Client, flow: Any, letters: Any, change: dict[str, str]
) -> None:
    answer = administrator.post(page(letters), form(letters, **change))
    assert answer.status_code == 200
    assert LOCKED in text_of(answer)
    assert Translation.objects.get().translator() == letters.translator()


def test_its_name_and_new_lines_change_nothing_that_was_delivered(
    administrator: Client, flow: Any, letters: Any
) -> None:
    line = {"kind": "MARK", "given": "3", "value": "C"}
    assert administrator.post(page(letters), form(letters, line, name="Danish")).status_code == 302
    assert Translation.objects.get().name == "Danish"
    assert Translation.objects.get().translator().mark("3") == "C"


def delete_column() -> None:
    column = GradeColumnFactory(course__course_id="BIO101", name="Final")
    deleting.take_grades_out(None, column=column, is_certain=True)


def map_source(flow: Any) -> None:
    flow.participants.update(sources={"S": "SIS"})
    ColumnMappingFactory(flow=flow, source_code="S")


@pytest.mark.parametrize(
    "release",
    [
        lambda flow: flow.participants.all().delete(),
        lambda _flow: delete_column(),
        lambda flow: flow.column_mappings.update(translation=None),
        map_source,
    ],
    ids=["nobody", "column deleted", "another translation", "people who go by another mapping"],
)
def test_without_delivered_grades_that_go_by_it_it_is_free(
    administrator: Client, flow: Any, letters: Any, release: Any
) -> None:
    release(flow)
    assert administrator.post(page(letters), form(letters, **{"1_value": "C"})).status_code == 302
    assert Translation.objects.get().translator().mark("2") == "C"


def test_an_unlocked_flow_lets_one_change_through_which_says_what_it_means(
    administrator: Client, flow: Any, letters: Any
) -> None:
    locking.unlock(flow)
    answer = administrator.post(page(letters), form(letters, **{"1_value": "C"}))
    assert answer.status_code == 302
    assert messages_of(answer)[0] == (
        "The translation has changed. Flow 77: 1 grade has been delivered to course BIO101, column Final. "
        "It keeps its value. A retry or correction uses the changed translation."
    )
    assert Flow.objects.get().mapping_unlocked_at is None
    assert LOCKED in text_of(administrator.post(page(letters), form(letters, **{"1_value": "D"})))


def test_every_flow_that_is_locked_is_named(administrator: Client, flow: Any, letters: Any) -> None:
    for flow_id in ("78", "79"):
        other = FlowFactory(flow_id=flow_id)
        ColumnMappingFactory(flow=other, translation=letters)
        ParticipantFactory(flow=other, exported=True, **HERE)
    locking.unlock(flow)
    answer = administrator.post(page(letters), form(letters, divisor="10"))
    assert "grades of flows 78, 79 have been delivered with this translation" in text_of(answer)
    assert Flow.objects.get(flow_id="77").mapping_unlocked_at


def test_the_page_says_that_it_is_locked(administrator: Client, flow: Any, letters: Any) -> None:
    assert LOCKED in text_of(administrator.get(page(letters)))
    Flow.objects.all()[0].participants.all().delete()
    assert "are locked" not in text_of(administrator.get(page(letters)))


# By import


def import_rows(*rows: list[str], header: list[str]) -> Any:
    sheet = SHEET
    return import_lines(sheet, sheet.read("a.csv", csv_file(header, *rows)), by=None)


LINE = ["translation", "kind", "given", "value"]


@pytest.mark.parametrize(
    ("header", "rows", "where"),
    [
        (LINE, [["Letters", "MARK", "1", "A"], ["Letters", "MARK", "2", "C"]], ["Row 3, value"]),
        (["translation", "marks"], [["Letters", "NUMERIC"]], ["Row 2, marks"]),
        (["translation", "divisor"], [["Letters", "10"]], ["Row 2, divisor"]),
        (
            [*LINE, "divisor"],
            [["Letters", "MARK", "1", "A", "10"], ["Letters", "MARK", "3", "C", "10"]],
            ["Row 2, divisor"],
        ),
        ([*LINE, "marks"], [["Letters", "MARK", "3", "C", "AS_WRITTEN"]], ["Row 2, marks"]),
    ],
)
def test_an_import_refuses_to_change_what_was_used(flow: Any, header: Any, rows: Any, where: Any) -> None:
    with pytest.raises(ImportRefused) as refused:
        import_rows(*rows, header=header)
    assert refused.value.problems == [f"{place}: {LOCKED}" for place in where]
    assert TranslatedGrade.objects.count() == 3


def test_an_import_may_add_lines_and_other_translations(flow: Any) -> None:
    TranslationFactory(name="Points")
    rows = [["Letters", "MARK", "3", "C"], ["Points", "MARK", "1", "2"], ["Letters", "MARK", "1", "A"]]
    assert import_rows(*rows, header=LINE).sentence() == "2 added, 0 changed, 1 unchanged"


def test_an_import_for_an_unlocked_flow_is_noted_and_locks_it_again(flow: Any) -> None:
    locking.unlock(flow)
    lines = SHEET.read("a.csv", csv_file(LINE, ["Letters", "MARK", "2", "C"]))
    assert SHEET.notes(SHEET.plan(lines)) == [
        "Translation Letters. Flow 77: 1 grade has been delivered to course BIO101, column Final. "
        "It keeps its value. A retry or correction uses the changed translation."
    ]
    assert import_rows(["Letters", "MARK", "2", "C"], header=LINE).changed
    assert Flow.objects.get().mapping_unlocked_at is None


def test_lines_that_are_added_leave_a_flow_unlocked(flow: Any) -> None:
    locking.unlock(flow)
    assert import_rows(["Letters", "MARK", "3", "C"], header=LINE).added
    assert Flow.objects.get().mapping_unlocked_at


def test_looking_for_uses_takes_few_statements(django_assert_max_num_queries: Any) -> None:
    used = [TranslationFactory(marks=Marks.AS_WRITTEN) for _ in range(5)]
    for number in range(20):
        one = ColumnMappingFactory(translation=used[number % 5])
        ParticipantFactory(flow=one.flow, exported=True, **HERE)
    assert ColumnMapping.objects.count() == 20
    with django_assert_max_num_queries(6):
        assert len(locking.find_uses([translation.pk for translation in used])) == 20
