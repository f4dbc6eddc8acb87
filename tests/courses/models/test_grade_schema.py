"""Grade schemas that Learn would not take are refused where they are typed."""

import pytest
from django.core.exceptions import ValidationError

from courses.grades_journey import InvalidItem
from courses.models import GradeSchema, Provisioned, mark_as_in_learn
from courses.wire import WireError
from tests.factories import EnrolmentMetadataFactory, GradeSchemaFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fields", "refused_field"),
    [
        ({"symbols": "P=80:P=0"}, "symbols"),
        ({"symbols": "P=80:F=80"}, "symbols"),
        ({"symbols": "P=101"}, "symbols"),
        ({"symbols": "P=high"}, "symbols"),
        ({"symbols": "P=80::F=0"}, "symbols"),
        ({"symbols": "x" * 2001}, "symbols"),
        ({"symbols": "A,B,C,D"}, "symbols"),
        ({"symbols": "A=90:B=80"}, "symbols"),
        ({"symbols": "A=90:B=95:C=0"}, "symbols"),
        ({"optional_data": "PF"}, "optional_data"),
        ({"optional_data": "a=1:a=2"}, "optional_data"),
        ({"title": "x" * 334}, "title"),
        ({"title": ""}, "title"),
    ],
)
def test_what_learn_would_not_take(fields, refused_field):
    with pytest.raises(ValidationError) as refused:
        GradeSchema(**{"title": "Pass", **fields}).full_clean()
    assert list(refused.value.message_dict) == [refused_field]


@pytest.mark.parametrize("symbols", ["", "P=50:F=0", "F=0:P=50:U", "A:B:C", "x" * 2000])
def test_what_learn_takes_or_only_learn_knows(symbols):
    GradeSchema(title="Pass", symbols=symbols).full_clean()


def test_symbols_go_with_the_highest_bound_first():
    assert GradeSchema(title="Pass", symbols="U : F=0 : P=50").item().body() == {
        "title": "Pass",
        "symbols": "P=50:F=0:U",
    }


def test_a_schema_whose_symbols_only_learn_knows_cannot_be_created():
    with pytest.raises(InvalidItem) as refused:
        GradeSchema(title="Pass").item()
    assert (refused.value.code, refused.value.field) == ("SYMBOLS_UNKNOWN", "symbols")


@pytest.mark.parametrize("symbols", ["A,B,C", "A B", "A=90:B=80", "A=90:B=95:F=0", "A=90:A=0"])
def test_a_schema_saved_before_by_other_rules_is_not_created(symbols):
    with pytest.raises(WireError):
        GradeSchema(title="Pass", symbols=symbols).item()


def test_metadata_of_a_wrong_shape_is_refused():
    with pytest.raises(ValidationError) as refused:
        EnrolmentMetadataFactory.build(course=EnrolmentMetadataFactory().course, optional_data="Audit").full_clean()
    assert list(refused.value.message_dict) == ["optional_data"]


def test_what_is_marked_as_in_learn_counts_as_provisioned_unless_it_is_being_deleted():
    for trait in ("failed", "unconfirmed", "deleted", "being_deleted"):
        GradeSchemaFactory(title=trait, **{trait: True})
    assert mark_as_in_learn(GradeSchema.objects.all()) == 3
    left = GradeSchema.objects.exclude(status=Provisioned.Status.PROVISIONED)
    assert [schema.title for schema in left] == ["being_deleted"]
