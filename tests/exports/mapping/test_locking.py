"""Which mappings are locked, and what a change of them would mean."""

import pytest

from common.spreadsheets.files import ImportRefused
from common.spreadsheets.sheets import import_lines
from exports.importing import mappings
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
        mapping.pk: delivered_of(grades(on_their_way=1), grades(on_their_way=1, course_id="CHE"))
    }


def test_a_grade_that_was_refused_locks_nothing(mapping):
    DeliveryFactory(attempt__flow=mapping.flow, refused=True, course_id="BIO101", column_name="Final")
    assert Delivery.objects.exists()
    assert locking.grades_by_mapping(mapping.flow) == {}


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (grades(delivered=1), "1 grade stands in course BIO101, column Final"),
        (grades(delivered=2), "2 grades stand in course BIO101, column Final"),
        (grades(on_their_way=1), "1 grade is on its way to course BIO101, column Final"),
        (
            grades(delivered=2, on_their_way=3),
            "2 grades stand in course BIO101, column Final, and 3 grades are on their way there",
        ),
    ],
)
def test_what_stands_where_is_a_sentence(found, sentence):
    assert found.sentence() == sentence


def test_what_stands_in_several_places_is_told_of_each():
    found = delivered_of(grades(delivered=1), grades(delivered=2, column_name="Resit"))
    assert found.consequence() == (
        "1 grade stands in course BIO101, column Final; 2 grades stand in course BIO101, column Resit; "
        "they stay there, and a retry or correction goes to the column that is mapped then."
    )


def move(*rows, header=mappings.REQUIRED):
    sheet = mappings.sheet()
    return import_lines(sheet, sheet.read("a.csv", csv_file(header, *rows)), by=None)


def refusals(*rows, header=mappings.REQUIRED):
    with pytest.raises(ImportRefused) as refused:
        move(*rows, header=header)
    return refused.value.problems


@pytest.fixture
def delivered(mapping):
    ParticipantFactory(flow=mapping.flow, exported=True, **HERE)
    return mapping


LOCKED = (
    "1 grade stands in course BIO101, column Final, so this mapping is locked. "
    "An administrator can unlock the mapping on the flow's page first."
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
    assert refusals(["78", "CHE", "Total"], row) == [f"row 3, {column}: {LOCKED}"]
    assert ColumnMapping.objects.get().grade_column == delivered.grade_column


def test_an_import_that_would_translate_otherwise_is_refused(delivered):
    TranslationFactory(name="Letters")
    header = [*mappings.REQUIRED, "translation"]
    assert refusals(["77", "BIO101", "Final", "Letters"], header=header) == [f"row 2, translation: {LOCKED}"]


def test_a_translation_that_nobody_has_made_is_refused():
    header = [*mappings.REQUIRED, "translation"]
    assert refusals(["77", "BIO101", "Final", "Letters"], header=header) == [
        "row 2, translation: 'Letters' is not known; add or import the translation first"
    ]


def test_an_import_may_change_what_is_not_the_mapping(delivered):
    header = [*mappings.REQUIRED, "flow_title", "points"]
    assert move(["77", "BIO101", "Final", "New title", "50"], header=header).changed


def test_an_import_may_map_another_source(delivered):
    assert move(["77", "BIO101", "Resit", "S"], header=[*mappings.REQUIRED, "source_code"]).added


def test_an_import_may_not_map_a_source_whose_grades_were_delivered_by_the_default(mapping):
    ParticipantFactory(flow=mapping.flow, exported=True, source_code="S", **HERE)
    header = [*mappings.REQUIRED, "source_code"]
    assert refusals(["77", "BIO101", "Resit", "S"], header=header) == [f"row 2, source_code: {LOCKED}"]
    assert move(["77", "BIO101", "Resit", "T"], ["77", "BIO101", "Final", "S"], header=header).added


def test_a_grade_on_its_way_by_the_default_keeps_its_source_from_being_mapped_until_unlocked(mapping):
    delivery = deliver_to(mapping.flow, course_id="BIO101", column_name="Final")
    delivery.participant.sources = {"S": "SIS"}
    delivery.participant.save()
    header = [*mappings.REQUIRED, "source_code"]
    assert "1 grade is on its way" in refusals(["77", "BIO101", "Resit", "S"], header=header)[0]
    locking.unlock(mapping.flow)
    lines = mappings.read("a.csv", csv_file(header, ["77", "BIO101", "Resit", "S"]))
    assert "1 grade is on its way" in mappings.notes(mappings.plan(lines))[0]
    assert move(["77", "BIO101", "Resit", "S"], header=header).added


def test_an_unlocked_mapping_moves_once_with_a_note_of_what_stays_behind(delivered):
    flow = delivered.flow
    locking.unlock(flow)
    lines = mappings.read("a.csv", csv_file(mappings.REQUIRED, ["77", "BIO101", "Resit"]))
    assert mappings.notes(mappings.plan(lines)) == [
        "Row 2, flow 77: 1 grade stands in course BIO101, column Final; it stays there, "
        "and a retry or correction goes to the column that is mapped then."
    ]

    move(["77", "BIO101", "Resit"])

    flow.refresh_from_db()
    assert flow.mapping_unlocked_at is None
    assert ColumnMapping.objects.get().grade_column.name == "Resit"


def test_a_mapping_that_was_moved_is_locked_by_the_grades_that_it_left_behind(delivered):
    locking.unlock(delivered.flow)
    move(["77", "BIO101", "Resit"])
    assert refusals(["77", "BIO101", "Total"]) == [f"row 2, column_name: {LOCKED}"]
    assert refusals(["77", "BIO101", "Final"]) == [f"row 2, column_name: {LOCKED}"]


def test_a_mapping_that_was_deleted_is_made_again_only_once_unlocked(delivered):
    delivered.delete()
    assert refusals(["77", "BIO101", "Resit"]) == [f"row 2, column_name: {LOCKED}"]
    locking.unlock(delivered.flow)
    assert move(["77", "BIO101", "Resit"]).added


def test_a_default_that_is_added_takes_nothing_from_the_sources_that_are_mapped(mapping):
    mapping.source_code = "S"
    mapping.save()
    ParticipantFactory(flow=mapping.flow, exported=True, source_code="S", **HERE)
    assert move(["77", "BIO101", "Resit"]).added


def test_an_import_that_leaves_the_mapping_alone_leaves_it_unlocked(delivered):
    locking.unlock(delivered.flow)
    move(["77", "BIO101", "Final", "New title"], header=[*mappings.REQUIRED, "flow_title"])
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
    lines = mappings.read("a.csv", csv_file([*mappings.REQUIRED, "source_code"], *rows))
    with django_assert_max_num_queries(28):
        assert len(mappings.notes(mappings.plan(lines))) == 40


def test_many_flows_take_few_statements(django_assert_max_num_queries):
    mapped = [ColumnMappingFactory() for _ in range(20)]
    for one in mapped:
        column = one.grade_column
        ParticipantFactory(
            flow=one.flow, exported=True, grade__course_id=column.course.course_id, grade__column_name=column.name
        )
    with django_assert_max_num_queries(3):
        assert len(locking.find_delivered([one.flow.pk for one in mapped])) == 20
