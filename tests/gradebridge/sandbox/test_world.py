import json
import threading

import pytest

from gradebridge.sandbox.gradebook import Refused
from gradebridge.sandbox.sample import NOT_ENROLLED, sample_world
from gradebridge.sandbox.state import Senseless
from gradebridge.sandbox.world import World
from tests.gradebridge.sandbox.conftest import STATE


def set_value(world: World, *, course: str = "BIO", user: str = "s1", column: str = "Exam", value: str = "75") -> None:
    world.set_value(course_id=course, user_id=user, column_name=column, value=value)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Exam", "0"),
        ("Exam", "88.50"),
        ("Exam", "100.0"),
        ("Essay", "A"),
        ("Essay", "U"),
        ("Essay", "20"),
        ("Oral", "Pass"),
        ("Notes", "well done, 101"),
    ],
)
def test_a_fitting_value_is_kept_exactly_as_it_was_sent(column, value):
    world = World(STATE)
    set_value(world, column=column, value=value)
    assert world.value("BIO", column, "s1") == value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"course": "HIS"}, "Course HIS does not exist"),
        ({"column": "Lab"}, "Column Lab does not exist in course BIO"),
        ({"user": "s9"}, "User s9 is not enrolled in course BIO"),
        ({"value": "100.1"}, "100.1 is not a number from 0 to 100"),
        ({"value": "-1"}, "-1 is not a number from 0 to 100"),
        ({"value": "nan"}, "nan is not a number from 0 to 100"),
        ({"value": "9" * 400}, f"{'9' * 400} is not a number from 0 to 100"),
        ({"value": "A"}, "A is not a number from 0 to 100"),
        ({"column": "Essay", "value": "C"}, "C is not a symbol of the grading schema Letters"),
        ({"column": "Essay", "value": "a"}, "a is not a symbol of the grading schema Letters"),
        ({"column": "Essay", "value": "20.5"}, "20.5 is not a symbol of the grading schema Letters"),
        ({"column": "Oral", "value": "20"}, "20 is not a symbol of the grading schema Verdict"),
    ],
)
def test_an_unfit_item_is_refused_in_plain_words_and_not_stored(given, message):
    world = World(STATE)
    with pytest.raises(Refused) as refusal:
        set_value(world, **given)
    assert str(refusal.value) == message
    assert world.writes == 0


def test_every_write_to_one_place_is_remembered_in_order():
    world = World(STATE)
    for value in ("70", "80", "80"):
        set_value(world, value=value)
    set_value(world, user="s2", value="1")
    assert world.sent("BIO", "Exam", "s1") == ["70", "80", "80"]
    assert world.sent("BIO", "Exam", "s3") == []
    assert world.writes == 4


def test_no_write_is_lost_between_threads():
    world = World(STATE)
    threads = [threading.Thread(target=lambda: [set_value(world) for _ in range(200)]) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.writes == len(world.sent("BIO", "Exam", "s1")) == 3200


def test_the_json_of_a_world_makes_the_same_world():
    world = sample_world()
    again = World(json.loads(json.dumps(world.as_json())))
    assert again.as_json() == world.as_json()


def test_merging_adds_and_keeps_the_rest_and_replacing_forgets():
    world = World(STATE)
    set_value(world)
    world.merge({"courses": {"BIO": {"users": ["s4"], "columns": {"Exam": {"points": 50}, "Lab": {}}}, "HIS": {}}})
    course = world.as_json()["courses"]["BIO"]
    assert course["users"] == ["s1", "s2", "s3", "s4"]
    assert course["columns"]["Exam"].items() >= {"points": 50.0, "schema": None, "values": {"s1": "75"}}.items()
    assert {"Lab", "Oral"} <= set(course["columns"])
    assert world.writes == 1

    world.replace({"courses": {"HIS": {}}})
    assert list(world.as_json()["courses"]) == ["HIS"]
    assert world.writes == 0


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([], "the state must be a JSON object"),
        ({"course": {}}, "the state has no 'course'. It has: courses, schemas"),
        ({"courses": []}, "'courses' of the state must be a JSON object"),
        ({"schemas": {"S": {}}}, "'symbols' of schema 'S' must be text"),
        ({"courses": {"C": {"experience": "Classic"}}}, "'experience' of course 'C' must be one of ORIGINAL, ULTRA"),
        ({"courses": {"C": {"users": ["s1", 2]}}}, "'users' of course 'C' must be a list of texts"),
        ({"courses": {"C": {"columns": {"E": {"points": 0}}}}}, "'points' of column 'E' of course 'C' must be"),
        ({"courses": {"C": {"columns": {"E": {"points": float("nan")}}}}}, "'points' of column 'E'"),
        ({"courses": {"C": {"columns": {"E": {"schema": "X"}}}}}, "must be null or one of none"),
        ({"courses": {"C": {"columns": {"E": {"schema": ["X"]}}}}}, "must be null or one of none"),
        ({"courses": {"C": {"columns": {"E": {"values": {"s1": 5}}}}}}, "'values' of column 'E' of course 'C' must"),
    ],
)
def test_a_senseless_state_is_refused_whole(state, message):
    world = World(STATE)
    before = world.as_json()
    with pytest.raises(Senseless) as problem:
        world.replace(state)
    assert message in str(problem.value)
    assert world.as_json() == before


def test_the_sample_world_holds_one_trap():
    courses = sample_world().as_json()["courses"]
    assert set(courses) == {"BIO101-2026", "HIS210-2026", "MED330-2026", "LAW400-2026"}
    course, user = NOT_ENROLLED
    assert user not in courses[course]["users"]
    assert {len(held["users"]) for held in courses.values()} == {40, 39}
