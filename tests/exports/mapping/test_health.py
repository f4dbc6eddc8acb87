"""Mapping health: what is missing or wrong, and that looking for it costs the same for many flows as for few."""

from datetime import timedelta

import pytest
from django.utils import timezone

from common.sentences import MAX_NAMED
from exports.grades.causes import Cause
from exports.grades.translating import Marks
from exports.mapping import health
from exports.mapping.health import Kind, Severity
from exports.models import Flow
from tests.factories import (
    LONG_AGO,
    ColumnMappingFactory,
    FlowFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    ParticipantFactory,
    TranslationFactory,
)

FIRST, SECOND = "UNIwise||001||2021", "UNIwise||002||2021"

pytestmark = pytest.mark.django_db


def problems_of(flow):
    """The flow's problems by kind; each kind once."""
    found = health.check(Flow.objects.filter(pk=flow.pk)).problems
    by_kind = {problem.kind: problem for problem in found}
    assert len(by_kind) == len(found)
    assert all(problem.flow == flow for problem in found)
    return by_kind


def mapped_by(translation, source_code="", **column):
    return ColumnMappingFactory(
        translation=translation,
        source_code=source_code,
        grade_column=GradeColumnFactory(**column),
        flow=FlowFactory(),
    ).flow


def codes():
    """A translation that knows an alternative grade, so that nothing is to be said of it."""
    return TranslationFactory(alternatives={"U": "0"})


def test_a_flow_that_is_ready_has_no_problem():
    schema = GradeSchemaFactory(symbols="P=50:F=0:U")
    flow = mapped_by(TranslationFactory(table={"B": "P"}, alternatives={"FE": "U"}), grade_schema=schema)
    ParticipantFactory(flow=flow, alternative_grade="FE")

    found = health.check(Flow.objects.all())

    assert found.problems == []
    assert (found.checked, found.healthy) == (1, 1)


def test_a_flow_without_a_column_is_an_error_on_its_own_page():
    flow = FlowFactory()

    problem = problems_of(flow)[Kind.NOT_MAPPED]

    assert problem.is_error
    assert (problem.repair, problem.place) == (flow, f"Flow {flow}")
    assert "No grade column" in problem.sentence


@pytest.mark.parametrize(
    ("synchronised_at", "says"),
    [
        (None, "not marked as synchronised"),
        (timezone.now() + timedelta(days=1), "Until then its grades will be refused."),
    ],
)
def test_a_flow_that_is_not_synchronised_is_an_error(synchronised_at, says):
    """R1."""
    problem = problems_of(FlowFactory(translated=True, synchronised_at=synchronised_at))[Kind.NOT_SYNCHRONISED]

    assert problem.is_error
    assert says in problem.sentence


def test_an_unknown_end_of_the_period_is_a_note():
    """R2: it trusts WISEflow."""
    problem = problems_of(FlowFactory(translated=True, assessment_ends_at=None))[Kind.PERIOD_NOT_KNOWN]

    assert problem.kind.severity is Severity.NOTE


def test_a_missing_roster_is_a_note_where_other_flows_have_one_and_nothing_where_none_has():
    """R8: a flow without a roster trusts WISEflow."""
    flow = FlowFactory(translated=True)
    assert problems_of(flow) == {}

    FlowFactory(translated=True, with_roster=True)

    assert not problems_of(flow)[Kind.ROSTER_MISSING].is_error


# Sources


def test_a_source_without_a_column_is_an_error_that_counts_its_people():
    flow = mapped_by(codes(), source_code=FIRST)
    ParticipantFactory(flow=flow, source_code=FIRST)
    for _ in range(3):
        ParticipantFactory(flow=flow, source_code=SECOND)

    problem = problems_of(flow)[Kind.SOURCE_NOT_MAPPED]

    assert problem.is_error
    assert problem.sentence.startswith(f"3 participants have source {SECOND},")


def test_with_a_default_column_every_source_has_one():
    flow = FlowFactory(translated=True)
    ParticipantFactory(flow=flow, source_code=SECOND)

    assert problems_of(flow) == {}


def test_people_without_a_source_are_a_note_because_an_export_may_name_it():
    flow = mapped_by(codes(), source_code=FIRST)
    ParticipantFactory(flow=flow)

    assert set(problems_of(flow)) == {Kind.SOURCE_NOT_GIVEN}
    assert "1 participant has no source" in problems_of(flow)[Kind.SOURCE_NOT_GIVEN].sentence


@pytest.mark.parametrize(
    "trait",
    [{"exported": True, "on_sis_roster": True}, {"added_by_hand": True}, {}],
    ids=["exported", "added by hand", "not on the roster"],
)
def test_people_who_will_not_be_exported_need_no_column(trait):
    flow = FlowFactory(with_roster=True)
    ColumnMappingFactory(source_code=FIRST, flow=flow, translation=codes())
    ParticipantFactory(flow=flow, source_code=FIRST, on_sis_roster=True)
    ParticipantFactory(flow=flow, source_code=SECOND, **trait)

    assert problems_of(flow) == {}


def test_a_mapped_source_that_nobody_on_the_roster_has_is_a_note():
    """A slip of the pen there would send its people to the default column."""
    flow = FlowFactory(with_roster=True)
    for source_code in ("", FIRST, "UNIwise||02||2021"):
        ColumnMappingFactory(flow=flow, source_code=source_code, translation=codes())
    for source_code in (FIRST, SECOND):
        ParticipantFactory(flow=flow, source_code=source_code, on_sis_roster=True)

    [problem] = problems_of(flow).values()

    assert (problem.kind, problem.is_error) == (Kind.SOURCE_NOT_ON_ROSTER, False)
    assert "UNIwise||02||2021" in problem.sentence


# Alternative grades


def test_an_alternative_grade_that_was_given_and_is_not_translated_is_an_error_of_the_translation():
    translation = TranslationFactory(alternatives={"U": "0"})
    flow = mapped_by(translation)
    ParticipantFactory(flow=flow, alternative_grade="FE")
    ParticipantFactory(flow=flow, alternative_grade="U")

    [problem] = problems_of(flow).values()

    assert (problem.kind, problem.is_error, problem.repair) == (Kind.ALTERNATIVE_GRADE_REFUSED, True, translation)
    assert "1 participant has alternative grade FE" in problem.sentence


def test_an_alternative_grade_that_is_sent_as_given_must_be_a_symbol_of_the_column():
    flow = mapped_by(None, grade_schema=GradeSchemaFactory())
    ParticipantFactory(flow=flow, alternative_grade="U")

    problem = problems_of(flow)[Kind.ALTERNATIVE_GRADE_REFUSED]

    assert (problem.is_error, problem.repair) == (True, flow.column_mappings.get().grade_column)


def test_an_alternative_grade_that_is_sent_as_given_to_a_column_without_a_schema_is_a_note_of_its_column():
    flow = mapped_by(None)
    for code in ("U", "U", "0"):
        ParticipantFactory(flow=flow, alternative_grade=code)

    problem = problems_of(flow)[Kind.SCHEMA_NOT_KNOWN]

    assert (problem.is_error, problem.repair) == (False, flow.column_mappings.get().grade_column)
    assert problem.sentence.startswith("2 participants have alternative grade U, which is sent unchanged. Column ")


@pytest.mark.parametrize(
    ("column", "known", "says"),
    [
        ({}, {}, "alternative grades are sent unchanged."),
        ({}, {"0": "x"}, "alternative grades are sent unchanged."),
        ({}, {"U": "x", "BF": "x"}, "unchanged. It has no grade schema, so only Learn can check words such as BF, U."),
        ({}, {"101": "x"}, "unchanged. This column cannot show: 101."),
        ({"symbols": "U:P"}, {"U": "x", "BF": "x"}, "unchanged. This column cannot show: BF."),
        ({"symbols": "U:P"}, {"U": "x"}, "alternative grades are sent unchanged."),
    ],
)
def test_a_mapping_without_a_translation_is_a_note_that_checks_the_codes_known_to_others(column, known, says):
    TranslationFactory(alternatives=known)
    flow = mapped_by(None, **({"grade_schema": GradeSchemaFactory(**column)} if column else {}))

    [problem] = problems_of(flow).values()

    assert (problem.kind, problem.is_error, problem.repair) == (Kind.ALTERNATIVE_GRADES_UNKNOWN, False, flow)
    assert "has no translation: alternative grades" in problem.sentence
    assert problem.sentence.endswith(says)


def test_each_source_has_its_own_translation():
    flow = mapped_by(TranslationFactory(alternatives={"U": "0"}), source_code=FIRST)
    ColumnMappingFactory(flow=flow, source_code=SECOND, translation=TranslationFactory(alternatives={"U": "0"}))
    ColumnMappingFactory(flow=flow)
    ParticipantFactory(flow=flow, source_code=FIRST, alternative_grade="U")
    ParticipantFactory(flow=flow, source_code="another", alternative_grade="FE")
    as_given = {Kind.ALTERNATIVE_GRADES_UNKNOWN, Kind.SCHEMA_NOT_KNOWN}
    assert set(problems_of(flow)) == as_given

    ParticipantFactory(flow=flow, source_code=SECOND, alternative_grade="FE")

    assert set(problems_of(flow)) == as_given | {Kind.ALTERNATIVE_GRADE_REFUSED}


@pytest.mark.parametrize(
    ("alternatives", "says"),
    [
        ({}, "contains no alternative grades"),
        ({"U": "0"}, "does not contain these alternative grades of other translations: BF, FE"),
    ],
)
def test_a_translation_that_lacks_alternative_grades_is_a_note(alternatives, says):
    TranslationFactory(alternatives={"FE": "0", "BF": "0", "U": "0"})

    [problem] = problems_of(mapped_by(TranslationFactory(alternatives=alternatives))).values()

    assert (problem.kind, problem.is_error) == (Kind.ALTERNATIVE_GRADES_UNKNOWN, False)
    assert says in problem.sentence


# Translations and columns


@pytest.mark.parametrize("where", ["table", "alternatives"])
@pytest.mark.parametrize(
    ("value", "column", "says"),
    [
        ("Pass", {"grade_schema__symbols": "P=50:F=0"}, "for X, 'Pass' is not a symbol"),
        ("101", {}, "for X, '101' is not between 0 and"),
        ("-1", {"points": 5}, "for X, '-1' is not between 0 and the column's 5"),
        ("5", {"grade_schema__symbols": "P:F"}, "for X, '5' is not a symbol"),
    ],
)
def test_every_value_of_a_translation_is_checked_against_the_column(where, value, column, says):
    if "grade_schema__symbols" in column:
        column = {"grade_schema": GradeSchemaFactory(symbols=column["grade_schema__symbols"])}
    translation = TranslationFactory(**({"alternatives": {"U": "0"}} | {where: {"X": value}}))

    problem = problems_of(mapped_by(translation, **column))[Kind.VALUE_NOT_SHOWN]

    assert (problem.is_error, problem.repair) == (True, translation)
    assert says in problem.sentence


def test_many_wrong_values_are_one_problem_that_names_some():
    translation = TranslationFactory(table={f"M{number}": "900" for number in range(12)}, alternatives={"U": "0"})

    problem = problems_of(mapped_by(translation))[Kind.VALUE_NOT_SHOWN]

    assert problem.sentence.count("900") == MAX_NAMED
    assert problem.sentence.endswith("and 7 more.")


def test_a_table_without_marks_refuses_every_mark():
    translation = TranslationFactory(table={}, alternatives={"U": "0"})

    assert set(problems_of(mapped_by(translation))) == {Kind.MARKS_NOT_TRANSLATED}


@pytest.mark.parametrize(("symbols", "is_fit"), [("P:F", False), ("P=50:F=0", True), ("12:10:7:4:02:00:-3", True)])
def test_numbers_need_a_column_that_shows_some(symbols, is_fit):
    translation = TranslationFactory(
        marks=Marks.NUMERIC, alternatives={"U": symbols.partition(":")[0].partition("=")[0]}
    )
    flow = mapped_by(translation, grade_schema=GradeSchemaFactory(symbols=symbols))

    assert set(problems_of(flow)) == (set() if is_fit else {Kind.MARKS_NOT_TRANSLATED})


@pytest.mark.parametrize("symbols", ["", "P=high:F=0", "P=50:=0"])
def test_a_schema_whose_symbols_are_not_known_is_a_note_on_its_page(symbols):
    schema = GradeSchemaFactory(symbols=symbols)

    translation = TranslationFactory(alternatives={"U": "P"})

    [problem] = problems_of(mapped_by(translation, grade_schema=schema)).values()

    assert (problem.kind, problem.is_error, problem.repair) == (Kind.SCHEMA_NOT_KNOWN, False, schema)


def test_words_for_a_column_without_a_schema_are_a_note_on_the_columns_page():
    flow = mapped_by(TranslationFactory(table={"B": "Pass", "C": "5"}, alternatives={"U": "Absent"}))

    [problem] = problems_of(flow).values()

    assert (problem.kind, problem.repair) == (Kind.SCHEMA_NOT_KNOWN, flow.column_mappings.get().grade_column)
    assert "(Absent, Pass)" in problem.sentence


def test_what_two_mappings_of_a_flow_share_is_said_once():
    translation, column = TranslationFactory(alternatives={"U": "900"}), GradeColumnFactory()
    flow = FlowFactory()
    for source_code in ("", FIRST):
        ColumnMappingFactory(flow=flow, source_code=source_code, translation=translation, grade_column=column)

    assert set(problems_of(flow)) == {Kind.VALUE_NOT_SHOWN}


# All flows


def test_flows_whose_grades_are_all_exported_are_left_out_and_counted():
    done = FlowFactory()
    ParticipantFactory(flow=done, exported=True)
    half_done = FlowFactory()
    ParticipantFactory(flow=half_done, exported=True)
    ParticipantFactory(flow=half_done, failed=True)
    untouched = FlowFactory()

    found = health.check(Flow.objects.all())

    assert [flow for flow, _problems in found.by_flow] == [untouched, half_done]
    assert (found.checked, found.finished) == (2, 1)
    assert found.sentence.endswith("1 flow is finished and was not checked.")


def test_flows_are_counted_by_their_worst_problem_and_errors_come_first():
    FlowFactory(translated=True)
    FlowFactory(translated=True, assessment_ends_at=None)
    FlowFactory(assessment_ends_at=None)

    found = health.check(Flow.objects.all())

    assert (found.flows_with_errors, found.flows_with_notes, found.healthy) == (1, 1, 1)
    assert [problem.is_error for problem in found.by_flow[0][1]] == [True, False]


def test_an_end_before_the_synchronisation_is_a_note():
    flow = FlowFactory(synchronised_at=LONG_AGO, assessment_ends_at=LONG_AGO - timedelta(days=1))
    ColumnMappingFactory(flow=flow, translation=codes())

    problem = problems_of(flow)[Kind.ENDS_TOO_EARLY]

    assert not problem.is_error
    assert "Check that both dates are right" in problem.sentence


class TestARosterOfOtherPeople:
    @pytest.fixture
    def flow(self):
        flow = FlowFactory(mapped=True, with_roster=True)
        ParticipantFactory.create_batch(2, flow=flow, missing=True)
        return flow

    def test_is_an_error_once_others_have_come(self, flow):
        assert Kind.ROSTER_OF_OTHERS not in problems_of(flow)
        ParticipantFactory.create_batch(3, flow=flow, failed=True, cause=Cause.NOT_ON_ROSTER)

        problem = problems_of(flow)[Kind.ROSTER_OF_OTHERS]

        assert problem.is_error
        assert "WISEflow has sent 3 people, and none of them is on the roster." in problem.sentence

    def test_is_none_where_one_of_them_has_come(self, flow):
        ParticipantFactory(flow=flow, failed=True, cause=Cause.NOT_ON_ROSTER)
        ParticipantFactory(flow=flow, failed=True, on_sis_roster=True)

        assert Kind.ROSTER_OF_OTHERS not in problems_of(flow)


def make_flows(number):
    for _ in range(number):
        flow = mapped_by(TranslationFactory(table={"B": "900"}), source_code=FIRST)
        ParticipantFactory(flow=flow, source_code=SECOND, alternative_grade="FE", on_sis_roster=True)
        Flow.objects.filter(pk=flow.pk).update(roster_imported_at=LONG_AGO)


def test_looking_costs_so_many_statements_a_chunk_whatever_the_number_of_flows(django_assert_num_queries, monkeypatch):
    make_flows(1)
    with django_assert_num_queries(12 + 1):
        assert health.check(Flow.objects.all()).flows_with_errors == 1

    make_flows(9)
    with django_assert_num_queries(12 + 1):
        assert health.check(Flow.objects.all()).flows_with_errors == 10

    monkeypatch.setattr(health, "CHUNK", 5)
    with django_assert_num_queries(12 + 1 + 9):
        assert health.check(Flow.objects.all()).flows_with_errors == 10
