"""What would be valid in place of a grade that could not be converted."""

from typing import Any

import pytest

from exports.mapping.valid_values import Mappings, valid_values
from tests.factories import ColumnMappingFactory, GradeSchemaFactory, ParticipantFactory, TranslationFactory

pytestmark = pytest.mark.django_db


def mapping_of(*, symbols: str | None = None, points: float = 100, **translation: Any) -> Any:
    schema = GradeSchemaFactory(symbols=symbols) if symbols is not None else None
    made = TranslationFactory(**translation) if translation else None
    return ColumnMappingFactory(grade_column__points=points, grade_column__grade_schema=schema, translation=made)


@pytest.mark.parametrize(
    ("mapping", "reason", "expected"),
    [
        ({"table": {"12": "A", "02": "E", "-3": "F"}}, "MARK_NOT_IN_TRANSLATION", "12, 02, -3"),
        ({"table": {}, "alternatives": {"U": "0", "BF": "1"}}, "CODE_NOT_IN_TRANSLATION", "U, BF"),
        ({"table": {}}, "CODE_NOT_IN_TRANSLATION", ""),
        ({}, "MARK_NOT_IN_TRANSLATION", ""),  # the translation has been taken away since
        ({"symbols": "P:F"}, "VALUE_NO_SYMBOL", "P, F"),
        ({"symbols": "A=80:B=60:C=0"}, "VALUE_NO_SYMBOL", "A, B, C, or a number from 0 to 100"),
        ({"points": 20}, "VALUE_OUT_OF_RANGE", "a number from 0 to 20"),
        ({"points": 12.5}, "VALUE_NO_NUMBER", "a number from 0 to 12.5"),
        ({"symbols": ""}, "VALUE_NO_NUMBER", ""),  # only Learn knows them
        ({}, "NAMES_TOO_LONG", ""),
        ({}, None, ""),
    ],
)
def test_it_is_what_the_translation_or_the_column_accepts(
    mapping: dict[str, Any], reason: str | None, expected: str
) -> None:
    assert valid_values(mapping_of(**mapping), {"reason": reason} if reason else {}) == expected


def test_many_values_are_counted() -> None:
    table = {str(number): "A" for number in range(25)}
    assert valid_values(mapping_of(table=table), {"reason": "MARK_NOT_IN_TRANSLATION"}).endswith("19 and 5 more")


def test_the_mapping_is_that_of_the_source_else_the_default() -> None:
    default = ColumnMappingFactory()
    own = ColumnMappingFactory(flow=default.flow, source_code="S")
    mappings = Mappings([default.flow_id])
    assert mappings.of(default.flow_id, "S") == own
    assert mappings.of(default.flow_id, "other") == default
    assert mappings.of(default.flow_id + 1, "S") is None


def test_for_any_other_cause_nothing_is_asked(django_assert_num_queries: Any) -> None:
    person = ParticipantFactory(failed=True)
    with django_assert_num_queries(0):
        assert Mappings([person.flow_id]).valid_values(person, person.flow_id) == ""
