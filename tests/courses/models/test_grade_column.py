"""What Learn would not take of a column is refused where it is typed, with the field that prevents it."""

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from courses.grades_journey.items import ItemType
from courses.models import GradeColumn
from tests.factories import CourseFactory, GradeColumnFactory, GradeSchemaFactory

pytestmark = pytest.mark.django_db

ORIGINAL_TYPES = ["SURVEY", "DISCUSSION_BOARD", "WIKI", "BLOG", "JOURNAL", "SELF_AND_PEER_TEST", "TOTAL_COLUMN"]
BOTH = ["ASSIGNMENT", "TEST", "MANUAL_COLUMN", "WEIGHTED_COLUMN"]


def column(*, original=False, **fields):
    """Not saved; in a course that has the columns Essay and Exam."""
    course = CourseFactory(original=original)
    for name in ("Essay", "Exam"):
        GradeColumnFactory(course=course, name=name)
    return GradeColumn(course=course, **{"name": "Final", **fields})


def refused(row):
    """By field: what is said of it."""
    try:
        row.full_clean()
    except ValidationError as error:
        return {field: " ".join(sentences) for field, sentences in error.message_dict.items()}
    return {}


def test_the_model_offers_every_item_type_of_the_wire():
    assert set(GradeColumn.ItemType.values) == {kind.value for kind in ItemType}


@pytest.mark.parametrize("original", [False, True])
@pytest.mark.parametrize("item_type", ORIGINAL_TYPES + BOTH)
def test_each_item_type_in_each_experience(item_type, original):
    found = refused(column(item_type=item_type, original=original))
    if original or item_type in BOTH:
        assert found == {}
    else:
        assert found == {"item_type": "Learn has this type in Original courses only."}


@pytest.mark.parametrize(
    ("fields", "refused_field"),
    [
        ({"color": "red"}, "color"),
        ({"tracked": True, "item_type": "TEST"}, "tracked"),
        ({"sequence_num": 1}, "sequence_num"),
        ({"sequence_num": 0}, "sequence_num"),
        ({"is_external_grade": True}, "is_external_grade"),
    ],
)
def test_what_original_courses_alone_have(fields, refused_field):
    assert list(refused(column(**fields))) == [refused_field]
    assert refused(column(original=True, **fields)) == {}


@pytest.mark.parametrize(
    ("fields", "refused_field"),
    [
        ({"mapping": "Essay, Exam"}, "mapping"),  # a manual column counts nothing
        ({"item_type": "WEIGHTED_COLUMN", "mapping": "Essay=40, Exam=59.99"}, "mapping"),
        ({"item_type": "WEIGHTED_COLUMN", "mapping": "Essay=40, Exam"}, "mapping"),
        ({"item_type": "WEIGHTED_COLUMN", "mapping": "Essay=100, Essay=0"}, "mapping"),
        ({"item_type": "WEIGHTED_COLUMN", "mapping": "Essay=40, Nothing=60"}, "mapping"),
        ({"item_type": "WEIGHTED_COLUMN", "mapping": "Essay=40, Final=60"}, "mapping"),  # itself
        ({"item_type": "TOTAL_COLUMN", "mapping": "Essay, Nothing"}, "mapping"),
        ({"item_type": "TOTAL_COLUMN", "mapping": "Essay,,Exam"}, "mapping"),
        ({"item_type": "TOTAL_COLUMN", "mapping": "Essay=40"}, "mapping"),
        ({"tracked": True}, "tracked"),  # on a column
        ({"attempts": 0}, "attempts"),
        ({"attempts": -2}, "attempts"),
        ({"start_date": date(2026, 5, 2), "end_date": date(2026, 5, 1)}, "end_date"),
        ({"points": 0}, "points"),
        ({"points": -1}, "points"),
        ({"points": float("inf")}, "points"),
        ({"points": float("nan")}, "points"),
        ({"color": "ff0000"}, "color"),
        ({"color": "#12345"}, "color"),
        ({"color": "light blue"}, "color"),
        ({"color": "x" * 11}, "color"),
        ({"group": True}, "group"),  # of a column
        ({"optional_data": "key"}, "optional_data"),
        ({"optional_data": "a=1:a=2"}, "optional_data"),
        ({"instructions": "x" * 2001}, "instructions"),
        ({"content_area_name": "x" * 256}, "content_area_name"),
        ({"name": "x" * 334}, "name"),
        ({"name": ""}, "name"),
        ({"optional_data": f"k={'x' * 1999}"}, "optional_data"),
    ],
)
def test_what_no_course_takes(fields, refused_field):
    assert refused_field in refused(column(original=True, **fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"item_type": "WEIGHTED_COLUMN", "mapping": "Essay=40, Exam=60"},
        {"item_type": "WEIGHTED_COLUMN", "mapping": ""},  # chosen in Learn by hand
        {"item_type": "TOTAL_COLUMN", "mapping": "Essay, Exam"},
        {"attempts": -1},
        {"attempts": 1},
        {"attempts": None},
        {"start_date": date(2026, 5, 1), "end_date": date(2026, 5, 1)},
        {"color": "red"},
        {"color": "#FF0000"},
        {"item_type": "ASSIGNMENT", "group": True},
        {"item_type": "TEST", "anonymous": True},
        {"optional_data": "SIS_ID=FG123456:term=2026"},
        {"instructions": "x" * 2000},
        {"content_area_name": "x" * 255},
        {"name": "x" * 333},
        {"points": 0.0001},
    ],
)
def test_what_an_original_course_takes(fields):
    assert refused(column(original=True, **fields)) == {}


def test_anonymous_marking_in_ultra_needs_a_due_date():
    fields = {"item_type": "ASSIGNMENT", "anonymous": True}
    assert refused(column(**fields)) == {"due_date": "Anonymous marking in an Ultra course needs a due date."}
    assert refused(column(**fields, due_date=date(2026, 5, 1))) == {}


def test_a_course_id_is_shorter_for_items_than_for_grades():
    course = CourseFactory(course_id="x" * 257)
    final = GradeColumn(course=course, name="Final")
    assert final.problems() == {"course": {"code": "TOO_LONG", "field": "course_id", "length": 257, "max": 256}}
    assert refused(final) == {}  # it takes grades


def test_a_course_has_one_external_grade():
    one = GradeColumnFactory(external=True)
    other = GradeColumn(course=one.course, name="Other", is_external_grade=True)
    assert "Another column of this course is its external grade." in refused(other)["__all__"]
    with pytest.raises(IntegrityError):
        other.save()


def test_a_column_that_is_no_external_grade_any_more_is_not_said_to_be_set():
    row = GradeColumnFactory(external=True, external_set_at="2026-05-03 09:00Z", external_reason={"code": "REJECTED"})
    row.is_external_grade = False
    row.save()
    assert (row.external_set_at, row.external_reason, row.external_message) == (None, {}, "")


def test_what_is_at_its_default_is_left_to_learn():
    assert column(attempts=-1).item().body() == {
        "courseId": CourseFactory._meta.model.objects.get().course_id,
        "name": "Final",
        "itemType": "MANUAL_COLUMN",
        "points": 100.0,
    }


def test_a_schema_is_named_by_its_title():
    row = column(grade_schema=GradeSchemaFactory(title="Pass"))
    assert row.item().body()["gradeSchema"] == "Pass"


def test_a_column_without_a_course_is_the_forms_to_refuse():
    assert list(refused(GradeColumn(name="Final"))) == ["course"]


def test_a_column_of_an_unknown_type_is_the_forms_to_refuse():
    assert list(refused(column(item_type="POEM"))) == ["item_type"]


@pytest.mark.parametrize("trait", ["failed", "unconfirmed"])
def test_where_learn_took_a_grade_the_column_is_known_to_be(trait):
    course = CourseFactory(course_id="BIO")
    found, other = GradeColumnFactory(course=course, name="Exam", **{trait: True}), GradeColumnFactory(name="Exam")

    GradeColumn.objects.found_in_learn({("BIO", "Exam")})

    found.refresh_from_db()
    other.refresh_from_db()
    assert found.is_provisioned
    assert not other.is_provisioned


@pytest.mark.parametrize("trait", ["being_deleted", "deleted"])
def test_a_column_that_is_deleted_is_not_found_again(trait):
    row = GradeColumnFactory(course__course_id="BIO", name="Exam", **{trait: True})
    GradeColumn.objects.found_in_learn({("BIO", "Exam")})
    row.refresh_from_db()
    assert not row.takes_grades
