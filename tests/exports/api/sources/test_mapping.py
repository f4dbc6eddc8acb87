"""People of several sources: one is added by hand, not mapped, or mapped later."""

from courses.models import GradeColumn
from tests.conftest import COURSE
from tests.exports.api.sources.conftest import (
    COLUMNS,
    OTHER,
    REST,
    S,
    T,
    add_mapping,
    entry,
    in_learn,
    mapped,
    numbers,
    reasons,
    retry_all,
    status,
    told,
)
from tests.factories import CourseFactory

# By hand, not mapped, mapped later


def test_by_hand_for_one_source_leaves_that_one_out(world, flow, wiseflow, roster):
    roster(("u1", "", S, "SIS"), ("u1", "", T, "MANUAL"))

    assert numbers(wiseflow.export(entry("75"))) == (1, 0)
    answer = wiseflow.export(entry("75", T))

    assert numbers(answer) == (0, 1)
    assert reasons(answer)[0].startswith(f"Source {T}: This participant was added by hand")
    assert in_learn(world) == {S: "75"}


def test_a_source_taken_out_after_its_export_stays_in_learn(world, flow, wiseflow, roster):
    roster(("u1", "", S, "SIS"), ("u1", "", T, "SIS"))
    wiseflow.export(entry("75"))

    roster(("u1", "", T, "MANUAL"))

    assert status() == ("EXPORTED", "", "75")
    assert numbers(wiseflow.export(entry("75"))) == (1, 0)
    assert len(told(wiseflow)["places"]) == 2


def test_a_source_without_a_column_is_refused_by_name(world, flow, wiseflow):
    answer = wiseflow.export(entry("75", S), entry("75", REST))

    assert numbers(answer) == (1, 1)
    assert reasons(answer)[0].startswith(f"Source {REST}: No Learn column is chosen for source {REST} of this flow.")
    assert status()[:2] == ("FAILED", "SOURCE_NOT_MAPPED")


def test_or_goes_to_the_default(world, with_default, wiseflow):
    assert numbers(wiseflow.export(entry("75", S), entry("60", REST))) == (2, 0)

    assert in_learn(world) == {S: "75", "": "60"}


def test_two_sources_that_share_the_default_are_sent_once_if_they_agree(world, wiseflow):
    mapped("")

    assert numbers(wiseflow.export(entry("75", S), entry("75", T))) == (2, 0)

    assert world.world.sent(*COLUMNS[""], "u1") == ["75"]
    assert numbers(wiseflow.export(entry("75", T))) == (1, 0)
    assert numbers(wiseflow.export(entry("75", S), entry("75", T))) == (2, 0)
    assert world.world.sent(*COLUMNS[""], "u1") == ["75"]
    assert status() == ("EXPORTED", "", "75")


def test_and_are_contradictory_if_they_do_not(world, wiseflow):
    mapped("")

    assert numbers(wiseflow.export(entry("75", S), entry("60", T))) == (0, 2)

    assert in_learn(world) == {}


def test_one_after_the_other_the_second_is_refused(world, wiseflow):
    mapped("")
    wiseflow.export(entry("75", S))

    assert numbers(wiseflow.export(entry("60", T))) == (0, 1)

    assert in_learn(world) == {"": "75"}


def test_people_of_unmapped_sources_go_to_the_default_once(world, wiseflow, roster):
    mapped("")
    roster(("u1", "", S, "SIS"), ("u1", "", T, "SIS"))

    assert numbers(wiseflow.export(entry("75"))) == (1, 0)

    assert world.world.sent(*COLUMNS[""], "u1") == ["75"]
    assert status() == ("EXPORTED", "", "75")


def test_a_source_that_is_mapped_later_gets_the_next_export(world, wiseflow, roster):
    flow = mapped(S)
    roster(("u1", "", S, "SIS"), ("u1", "", T, "SIS"))
    assert numbers(wiseflow.export(entry("75"))) == (1, 0)
    add_mapping(flow, T, {OTHER: CourseFactory._meta.model.objects.get(course_id=OTHER)})

    assert numbers(wiseflow.export(entry("75"))) == (1, 0)

    assert in_learn(world) == {S: "75", T: "75"}
    assert world.world.sent(*COLUMNS[S], "u1") == ["75"]


def test_a_source_that_moves_from_the_default_to_its_own_column(world, wiseflow, roster):
    flow = mapped("")
    roster(("u1", "", S, "SIS"))
    wiseflow.export(entry("75", S))
    add_mapping(flow, S, {COURSE: GradeColumn.objects.get(name="Rest").course})

    assert numbers(wiseflow.export(entry("75", S))) == (1, 0)

    assert in_learn(world) == {S: "75", "": "75"}
    assert [place["columnName"] for place in told(wiseflow)["places"]] == ["Biology", "Rest"]


def test_a_person_who_gets_a_source_has_a_grade_at_the_wrong_place(world, with_default, wiseflow, roster):
    roster(("u1", "", "", "SIS"))
    wiseflow.export(entry("75"))
    assert in_learn(world) == {"": "75"}

    warning = roster(("u1", "", S, "SIS"))

    assert "u1 (75 is in Learn for Learn user u1 in column Rest" in warning
    assert status()[:2] == ("FAILED", "MISPLACED")
    assert retry_all() == 1
    assert in_learn(world) == {S: "75", "": "75"}
    assert status() == ("EXPORTED", "", "75")
