"""What was exported without a source, before the sources were known."""

from django.db import transaction

from courses.models import GradeColumn
from exports.mapping.deleting import take_grades_out
from exports.models import Flow, GradeInLearn
from tests.conftest import COURSE
from tests.exports.api.sources.conftest import OTHER, S, T, entry, in_learn, mapped, numbers, retry_all, status, told


@transaction.atomic
def lose(column, *, is_certain):
    """Learn has deleted the column, or may have."""
    take_grades_out(None, column=GradeColumn.objects.get(name=column), is_certain=is_certain)


# Said without a source, before the sources were known


def test_a_failure_without_a_source_counts_no_more_once_each_source_has_a_grade(world, flow, wiseflow):
    wiseflow.export(entry("50"))
    wiseflow.export(entry("75", S))
    wiseflow.export(entry("60", T))

    assert status() == ("EXPORTED", "", "")


def test_and_a_retry_does_not_bring_it_back(world, flow, wiseflow):
    Flow.objects.update(synchronised_at=None, allow_overwrite=True)
    wiseflow.export(entry("50"))
    Flow.objects.update(synchronised_at="2026-01-01T00:00Z")
    wiseflow.export(entry("75", S))
    wiseflow.export(entry("60", T))

    assert retry_all() == 0
    assert in_learn(world) == {S: "75", T: "60"}


def test_a_grade_sent_without_a_source_is_not_left_behind_where_a_source_leads_to_it(world, wiseflow):
    mapped(T, "")
    wiseflow.export(entry("75"))

    assert numbers(wiseflow.export(entry("75", S), entry("60", T))) == (2, 0)

    assert not GradeInLearn.objects.left_behind().exists()
    assert status() == ("EXPORTED", "", "")


def test_a_grade_sent_without_a_source_that_is_lost_is_sent_again_for_its_source_alone(world, wiseflow):
    mapped(T, "")
    wiseflow.export(entry("75"))
    wiseflow.export(entry("75", S))
    wiseflow.export(entry("60", T))
    Flow.objects.update(allow_overwrite=True)
    lose("Rest", is_certain=True)
    world.world.type_grade(COURSE, "Rest", "u1", None)
    assert status()[:2] == ("FAILED", "COLUMN_DELETED")

    assert retry_all() == 1

    assert in_learn(world) == {T: "60", "": "75"}
    assert world.world.sent(COURSE, "Rest", "u1") == ["75", "75"]
    assert world.world.sent(OTHER, "Chemistry", "u1") == ["60"]
    assert status() == ("EXPORTED", "", "")


def test_a_column_that_may_be_deleted_is_retried_for_its_source(world, flow, wiseflow):
    wiseflow.export(entry("75", S), entry("60", T))
    lose("Biology", is_certain=False)
    assert status()[:2] == ("FAILED", "UNCONFIRMED")

    assert retry_all() == 1
    assert status() == ("EXPORTED", "", "")


def test_a_column_that_may_be_deleted_stays_the_cause(world, flow, wiseflow):
    wiseflow.export(entry("75", S), entry("60", T))
    lose("Biology", is_certain=False)
    wiseflow.export(entry("60", T))

    assert status()[:2] == ("FAILED", "UNCONFIRMED")


def test_a_grade_lost_with_its_column_is_sent_again_though_another_was_refused_since(world, flow, wiseflow):
    wiseflow.export(entry("75", S), entry("60", T))
    lose("Biology", is_certain=True)
    assert numbers(wiseflow.export(entry("80", S))) == (0, 1)

    assert retry_all() == 1
    assert status()[0] == "EXPORTED"
    assert in_learn(world) == {S: "75", T: "60"}


def test_a_lost_column_names_no_other_source(world, flow, wiseflow):
    wiseflow.export(entry("75", S), entry("60", T))
    wiseflow.export(entry("61", T))

    lose("Biology", is_certain=True)

    assert told(wiseflow)["errorInfo"].startswith("Column Biology was deleted")
