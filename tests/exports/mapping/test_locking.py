"""Which mappings are locked, and what a change of them would mean."""

import pytest

from common.spreadsheets.files import ImportRefused
from common.spreadsheets.sheets import import_lines
from exports.importing.mappings import MappingSheet
from exports.mapping import locking
from exports.mapping.locking import Delivered, Grades
from exports.models import ColumnMapping, Delivery
from tests.exports.importing.files import csv_file
from tests.factories import (
    ColumnMappingFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeColumnFactory,
    GradeInLearnFactory,
    ParticipantFactory,
    TranslationFactory,
)

SHEET = MappingSheet()

pytestmark = pytest.mark.django_db

HERE = {"grade__course_id": "BIO101", "grade__column_name": "Final"}


@pytest.fixture
def mapping():
    column = GradeColumnFactory(course__course_id="BIO101", name="Final")
    return ColumnMappingFactory(flow=FlowFactory(flow_id="77"), grade_column=column)


def grades(**values):
    return Grades(**{"flow_id": "77", "course_id": "BIO101", "column_name": "Final"} | values)


def delivered_of(*places):
    return Delivered(places)


def deliver_to(flow, **place):
    """Somebody of the flow whose grade is on its way."""
    return DeliveryFactory(
        attempt=ExportAttemptFactory(flow=flow, running=True),
        participant=ParticipantFactory(flow=flow, queued=True),
        queued=True,
        **place,
    )


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ([], None),
        ([{}], None),
        ([{"failed": True}], None),
        ([{"exported": True, **HERE}], delivered_of(grades(delivered=1))),
        ([{"exported": True, **HERE}, {"exported_alternative": True, **HERE}], delivered_of(grades(delivered=2))),
        (
            [{"exported": True, "state": "FAILED", "cause": "DEADLINE", **HERE}],
            delivered_of(grades(delivered=1)),
        ),
        (
            [{"exported": True, **HERE, "grade__course_id": "CHE"}],
            delivered_of(grades(delivered=1, course_id="CHE")),
        ),
        (
            [{"exported": True, **HERE, "grade__column_name": "Resit"}, {"exported": True, **HERE}],
            delivered_of(grades(delivered=1), grades(delivered=1, column_name="Resit")),
        ),
        # The column was deleted in Learn: the grade stands nowhere.
        ([{"lost": True}], None),
        # Their people lead elsewhere, or another person's grade came after theirs.
        ([{"exported": True, **HERE, "grade__left_behind": True}], None),
        ([{"replaced": True, **HERE}], None),
        # It may have arrived.
        ([{"in_doubt": True, **HERE}], delivered_of(grades(delivered=1))),
    ],
)
def test_a_mapping_is_locked_by_the_grades_of_its_people_wherever_they_stand(mapping, people, expected):
    for traits in people:
        ParticipantFactory(flow=mapping.flow, **traits)
    assert locking.grades_by_mapping(mapping.flow).get(mapping.pk) == expected


def test_people_whose_source_is_mapped_lock_its_mapping_and_the_others_the_default(mapping):
    own, unused = (ColumnMappingFactory(flow=mapping.flow, source_code=source) for source in ("S", "T"))
    for source in ("S", "S", "U", ""):
        ParticipantFactory(flow=mapping.flow, exported=True, source_code=source, **HERE)
    assert locking.grades_by_mapping(mapping.flow) == {
        mapping.pk: delivered_of(grades(delivered=2)),
        own.pk: delivered_of(grades(delivered=2)),
    }
    assert unused.pk
    assert locking.grades_of(mapping.flow) == delivered_of(grades(delivered=4))


def test_a_person_with_several_sources_locks_the_mapping_of_each_grade(mapping):
    own = ColumnMappingFactory(flow=mapping.flow, source_code="S")
    person = ParticipantFactory(flow=mapping.flow, sources={"S": "SIS", "T": "SIS"})
    for source, column in (("S", "Lab"), ("T", "Final")):
        GradeInLearnFactory(participant=person, source_code=source, course_id="BIO101", column_name=column)
    assert locking.grades_by_mapping(mapping.flow) == {
        mapping.pk: delivered_of(grades(delivered=1)),
        own.pk: delivered_of(grades(delivered=1, column_name="Lab")),
    }


def test_another_flows_grades_in_the_same_column_lock_nothing(mapping):
    ParticipantFactory(exported=True, **HERE)
    assert locking.grades_by_mapping(mapping.flow) == {}


def test_a_grade_on_its_way_locks_as_well(mapping):
    deliver_to(mapping.flow, course_id="BIO101", column_name="Final")
    deliver_to(mapping.flow, course_id="CHE", column_name="Final")
    assert locking.grades_by_mapping(mapping.flow) == {
        mapping.pk: delivered_of(grades(in_progress=1), grades(in_progress=1, course_id="CHE"))
    }


def test_a_grade_that_was_refused_locks_nothing(mapping):
    DeliveryFactory(attempt__flow=mapping.flow, refused=True, course_id="BIO101", column_name="Final")
    assert Delivery.objects.exists()
    assert locking.grades_by_mapping(mapping.flow) == {}


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (grades(delivered=1), "1 grade has been delivered to course BIO101, column Final"),
        (grades(delivered=2), "2 grades have been delivered to course BIO101, column Final"),
        (grades(in_progress=1), "1 grade is being sent to course BIO101, column Final"),
        (
            grades(delivered=2, in_progress=3),
            "2 grades have been delivered to course BIO101, column Final; "
            "3 grades are being sent to course BIO101, column Final",
        ),
    ],
)
def test_what_stands_where_is_a_sentence(found, sentence):
    assert found.sentence() == sentence


def test_what_stands_in_several_places_is_told_of_each():
    found = delivered_of(grades(delivered=1), grades(delivered=2, column_name="Resit"))
    assert found.consequence() == (
        "1 grade has been delivered to course BIO101, column Final; "
        "2 grades have been delivered to course BIO101, column Resit. "
        "They stay there. Retries and corrections go to the column that is mapped at that time."
    )


def move(*rows, header=SHEET.required):
    sheet = SHEET
    return import_lines(sheet, sheet.read("a.csv", csv_file(header, *rows)), by=None)


def refusals(*rows, header=SHEET.required):
    with pytest.raises(ImportRefused) as refused:
        move(*rows, header=header)
    return refused.value.problems


@pytest.fixture
def delivered(mapping):
    ParticipantFactory(flow=mapping.flow, exported=True, **HERE)
    return mapping


LOCKED = (
    "Locked: 1 grade has been delivered to course BIO101, column Final. "
    "An administrator can unlock the mapping on the flow's page."
)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (["77", "BIO101", "Resit"], "column_name"),
        (["77", "CHE", "Final"], "course_id"),
        (["77", "CHE", "A"], "course_id"),
    ],
)
def test_an_import_that_would_move_a_locked_mapping_is_refused(delivered, row, column):
    assert refusals(["78", "CHE", "Total"], row) == [f"Row 3, {column}: {LOCKED}"]
    assert ColumnMapping.objects.get().grade_column == delivered.grade_column


def test_an_import_that_would_translate_otherwise_is_refused(delivered):
    TranslationFactory(name="Letters")
    header = [*SHEET.required, "translation"]
    assert refusals(["77", "BIO101", "Final", "Letters"], header=header) == [f"Row 2, translation: {LOCKED}"]


def test_an_import_that_names_an_unknown_translation_is_refused():
    header = [*SHEET.required, "translation"]
    assert refusals(["77", "BIO101", "Final", "Letters"], header=header) == [
        "Row 2, translation: 'Letters' is not known. Add or import this translation first."
    ]


def test_an_import_may_change_what_is_not_the_mapping(delivered):
    header = [*SHEET.required, "flow_title", "points"]
    assert move(["77", "BIO101", "Final", "New title", "50"], header=header).changed


def test_an_import_may_map_another_source(delivered):
    assert move(["77", "BIO101", "Resit", "S"], header=[*SHEET.required, "source_code"]).added


def test_an_import_may_not_map_a_source_whose_grades_were_delivered_by_the_default(mapping):
    ParticipantFactory(flow=mapping.flow, exported=True, source_code="S", **HERE)
    header = [*SHEET.required, "source_code"]
    assert refusals(["77", "BIO101", "Resit", "S"], header=header) == [f"Row 2, source_code: {LOCKED}"]
    assert move(["77", "BIO101", "Resit", "T"], ["77", "BIO101", "Final", "S"], header=header).added


def test_a_grade_on_its_way_by_the_default_keeps_its_source_from_being_mapped_until_unlocked(mapping):
    delivery = deliver_to(mapping.flow, course_id="BIO101", column_name="Final")
    delivery.participant.sources = {"S": "SIS"}
    delivery.participant.save()
    header = [*SHEET.required, "source_code"]
    assert "1 grade is being sent" in refusals(["77", "BIO101", "Resit", "S"], header=header)[0]
    locking.unlock(mapping.flow)
    lines = SHEET.read("a.csv", csv_file(header, ["77", "BIO101", "Resit", "S"]))
    assert "1 grade is being sent" in SHEET.notes(SHEET.plan(lines))[0]
    assert move(["77", "BIO101", "Resit", "S"], header=header).added


def test_an_unlocked_mapping_moves_once_with_a_note_of_what_stays_behind(delivered):
    flow = delivered.flow
    locking.unlock(flow)
    lines = SHEET.read("a.csv", csv_file(SHEET.required, ["77", "BIO101", "Resit"]))
    assert SHEET.notes(SHEET.plan(lines)) == [
        "Row 2, flow 77: 1 grade has been delivered to course BIO101, column Final. It stays there. "
        "A retry or correction goes to the column that is mapped at that time."
    ]

    move(["77", "BIO101", "Resit"])

    flow.refresh_from_db()
    assert flow.mapping_unlocked_at is None
    assert ColumnMapping.objects.get().grade_column.name == "Resit"


def test_a_mapping_that_was_moved_is_locked_by_the_grades_that_it_left_behind(delivered):
    locking.unlock(delivered.flow)
    move(["77", "BIO101", "Resit"])
    assert refusals(["77", "BIO101", "Total"]) == [f"Row 2, column_name: {LOCKED}"]
    assert refusals(["77", "BIO101", "Final"]) == [f"Row 2, column_name: {LOCKED}"]


def test_a_mapping_that_was_deleted_is_made_again_only_once_unlocked(delivered):
    delivered.delete()
    assert refusals(["77", "BIO101", "Resit"]) == [f"Row 2, column_name: {LOCKED}"]
    locking.unlock(delivered.flow)
    assert move(["77", "BIO101", "Resit"]).added


def test_a_default_that_is_added_takes_nothing_from_the_sources_that_are_mapped(mapping):
    mapping.source_code = "S"
    mapping.save()
    ParticipantFactory(flow=mapping.flow, exported=True, source_code="S", **HERE)
    assert move(["77", "BIO101", "Resit"]).added


def test_an_import_that_leaves_the_mapping_alone_leaves_it_unlocked(delivered):
    locking.unlock(delivered.flow)
    move(["77", "BIO101", "Final", "New title"], header=[*SHEET.required, "flow_title"])
    delivered.flow.refresh_from_db()
    assert delivered.flow.mapping_unlocked_at


def test_a_preview_costs_the_same_for_many_flows(django_assert_max_num_queries):
    rows = []
    for number in range(20):
        one = ColumnMappingFactory()
        rows.append([one.flow.flow_id, "BIO101", f"Resit {number}", ""])
        rows.append([one.flow.flow_id, "BIO101", f"Resit {number}", "S"])
        for source in ("", "S"):
            ParticipantFactory(flow=one.flow, exported=True, source_code=source, **HERE)
        locking.unlock(one.flow)
    lines = SHEET.read("a.csv", csv_file([*SHEET.required, "source_code"], *rows))
    with django_assert_max_num_queries(28):
        assert len(SHEET.notes(SHEET.plan(lines))) == 40


def test_many_flows_take_few_statements(django_assert_max_num_queries):
    mapped = [ColumnMappingFactory() for _ in range(20)]
    for one in mapped:
        column = one.grade_column
        ParticipantFactory(
            flow=one.flow, exported=True, grade__course_id=column.course.course_id, grade__column_name=column.name
        )
    with django_assert_max_num_queries(3):
        assert len(locking.find_delivered([one.flow.pk for one in mapped])) == 20
