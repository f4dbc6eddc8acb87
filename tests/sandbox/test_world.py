import json
import threading

import pytest

from sandbox.gradable_items import column_of
from sandbox.gradebook import Refused, Schema
from sandbox.sample import NOT_ENROLLED, sample_world
from sandbox.state import Senseless
from sandbox.world import World
from tests.sandbox.conftest import STATE, column


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


def course_of(world: World, course: str = "BIO"):
    return world.as_json()["courses"][course]


def test_a_calculated_column_takes_no_values():
    world = World(STATE)
    for item_type in ("WEIGHTED_COLUMN", "TOTAL_COLUMN"):
        world.add_column("MED", item_type, column_of(column(itemType=item_type)))
        with pytest.raises(Refused, match=f"Column {item_type} is calculated by Learn and takes no values"):
            set_value(world, course="MED", column=item_type)


def test_a_schema_is_made_once():
    world = World(STATE)
    with pytest.raises(Refused, match=r"^Grade schema Letters already exists$"):
        world.add_schema("Letters", Schema("P:F"))
    assert world.as_json()["schemas"]["Letters"]["symbols"] == STATE["schemas"]["Letters"]["symbols"]


def test_a_second_column_of_one_name_is_refused():
    world = World(STATE)
    with pytest.raises(Refused, match=r"^Column Exam already exists in course BIO$"):
        world.add_column("BIO", "Exam", column_of(column(points=20)))
    assert course_of(world)["columns"]["Exam"]["copies"] == []


def test_a_second_column_of_one_name_is_made_where_the_site_makes_it():
    world = World(STATE)
    world.duplicate_columns = "create"
    set_value(world, value="75")
    world.add_column("BIO", "Exam", column_of(column(points=20)))
    world.add_column("BIO", "Exam", column_of(column(points=30)))
    set_value(world, value="80")
    held = course_of(world)["columns"]["Exam"]
    assert (held["points"], held["values"]) == (100.0, {"s1": "80"})
    assert [(copy["points"], copy["values"]) for copy in held["copies"]] == [(20.0, {}), (30.0, {})]


def test_of_several_columns_of_one_name_the_oldest_is_deleted():
    world = World(STATE)
    world.duplicate_columns = "create"
    set_value(world)
    for points in (20, 30):
        world.add_column("BIO", "Exam", column_of(column(points=points)))
    world.delete_column("BIO", "Exam")
    held = course_of(world)["columns"]["Exam"]
    assert (held["points"], held["values"], [copy["points"] for copy in held["copies"]]) == (20.0, {}, [30.0])
    world.delete_column("BIO", "Exam")
    world.delete_column("BIO", "Exam")
    assert "Exam" not in course_of(world)["columns"]


def test_a_deleted_column_is_gone_with_its_values():
    world = World(STATE)
    set_value(world)
    world.delete_column("BIO", "Exam")
    world.add_column("BIO", "Exam", column_of(column()))
    assert world.values("BIO", "Exam") == {}


def test_the_external_grade_moves_and_ends_with_its_column():
    world = World(STATE)
    for name in ("Exam", "Oral"):
        world.set_external_grade("MED", name)
    assert course_of(world, "MED")["externalGrade"] == "Oral"
    world.delete_column("MED", "Exam")
    assert course_of(world, "MED")["externalGrade"] == "Oral"
    world.delete_column("MED", "Oral")
    assert course_of(world, "MED")["externalGrade"] is None


def test_metadata_that_is_set_again_replaces_the_earlier():
    world = World(STATE)
    for data in ("EnrollType=Audit:Room=1", "EnrollType=LetterGrade"):
        world.set_metadata(course_id="BIO", user_id="s1", optional_data=data)
    assert course_of(world)["metadata"] == {"s1": "EnrollType=LetterGrade"}


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda world: world.add_column("HIS", "Lab", column_of(column())), "Course HIS does not exist"),
        (lambda world: world.delete_column("HIS", "Lab"), "Course HIS does not exist"),
        (lambda world: world.delete_column("BIO", "Lab"), "Column Lab does not exist in course BIO"),
        (lambda world: world.set_external_grade("HIS", "Exam"), "Course HIS does not exist"),
        (lambda world: world.set_external_grade("MED", "Lab"), "Column Lab does not exist in course MED"),
        (
            lambda world: world.set_external_grade("BIO", "Exam"),
            "An external grade column can be set in Original courses only",
        ),
        (
            lambda world: world.set_metadata(course_id="HIS", user_id="s1", optional_data=""),
            "Course HIS does not exist",
        ),
        (
            lambda world: world.set_metadata(course_id="BIO", user_id="s9", optional_data=""),
            "User s9 is not enrolled in course BIO",
        ),
    ],
)
def test_what_learn_does_not_hold_is_refused_in_plain_words(act, message):
    world = World(STATE)
    before = world.as_json()
    with pytest.raises(Refused) as refusal:
        act(world)
    assert str(refusal.value) == message
    assert world.as_json() == before


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


def test_a_world_with_everything_in_it_can_be_read_back():
    world = World(STATE)
    world.duplicate_columns = "create"
    world.add_schema("PF", Schema("P=80:F=0", "sisSchemaID=PF"))
    for name in ("Wiki", "Wiki"):
        made = column_of(column(itemType="WIKI", dueDate="2026-05-31", gradeSchema="PF", sequenceNum=0, color="red"))
        world.add_column("MED", name, made)
    world.set_external_grade("MED", "Wiki")
    world.set_metadata(course_id="MED", user_id="s1", optional_data="EnrollType=Audit")
    assert World(json.loads(json.dumps(world.as_json()))).as_json() == world.as_json()


def test_a_column_of_which_nothing_is_said_is_a_plain_manual_column():
    held = World({"courses": {"BIO": {"columns": {"Exam": {}}}}}).as_json()["courses"]["BIO"]
    assert (held["metadata"], held["externalGrade"]) == ({}, None)
    assert held["columns"]["Exam"] == {
        "points": 100.0,
        "schema": None,
        "values": {},
        "itemType": "MANUAL_COLUMN",
        "instructions": "",
        "anonymous": False,
        "group": False,
        "contentAreaName": "",
        "available": False,
        "color": "",
        "attempts": -1,
        "tracked": False,
        "startDate": None,
        "endDate": None,
        "dueDate": None,
        "sequenceNum": None,
        "extract": False,
        "mapping": "",
        "optionalData": "",
        "copies": [],
    }


def test_merging_keeps_the_fields_the_metadata_and_the_external_grade_and_adds_copies():
    fields = {"itemType": "WIKI", "dueDate": "2026-05-31", "copies": [{"points": 1}]}
    world = World(
        {
            "courses": {
                "MED": {"metadata": {"s1": "a=b"}, "externalGrade": "Wiki", "columns": {"Wiki": fields}},
            }
        }
    )
    world.merge({"courses": {"MED": {"metadata": {"s2": ""}, "columns": {"Wiki": {"copies": [{"points": 2}]}}}}})
    held = course_of(world, "MED")
    assert (held["metadata"], held["externalGrade"]) == ({"s1": "a=b", "s2": ""}, "Wiki")
    wiki = held["columns"]["Wiki"]
    assert (wiki["itemType"], wiki["dueDate"]) == ("WIKI", "2026-05-31")
    assert [copy["points"] for copy in wiki["copies"]] == [1.0, 2.0]


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
        ({"course": {}}, "the state has no 'course'. It has: courses, people, schemas"),
        ({"courses": []}, "'courses' of the state must be a JSON object"),
        ({"schemas": {"S": {}}}, "'symbols' of schema 'S' must be text"),
        ({"courses": {"C": {"experience": "Classic"}}}, "'experience' of course 'C' must be one of ORIGINAL, ULTRA"),
        ({"courses": {"C": {"users": ["s1", 2]}}}, "'users' of course 'C' must be a list of texts"),
        ({"courses": {"C": {"columns": {"E": {"points": 0}}}}}, "'points' of column 'E' of course 'C' must be"),
        ({"courses": {"C": {"columns": {"E": {"points": float("nan")}}}}}, "'points' of column 'E'"),
        ({"courses": {"C": {"columns": {"E": {"points": 10**400}}}}}, "'points' of column 'E'"),
        ({"courses": {"C": {"columns": {"E": {"schema": "X"}}}}}, "must be null or one of none"),
        ({"courses": {"C": {"columns": {"E": {"schema": ["X"]}}}}}, "must be null or one of none"),
        ({"courses": {"C": {"columns": {"E": {"values": {"s1": 5}}}}}}, "'values' of column 'E' of course 'C' must"),
        ({"people": {"s1": {"name": 1}}}, "'name' of person 's1' must be text."),
        ({"people": {"s1": {"hasExternalId": 1}}}, "'hasExternalId' of person 's1' must be true or false."),
        (
            {"courses": {"C": {"available": "Maybe"}}},
            "'available' of course 'C' must be one of Disabled, No, Term, Yes.",
        ),
        ({"courses": {"C": {"parent": "C"}}}, "'parent' of course 'C' must be null or one of none."),
        ({"courses": {"C": {"closedComplete": "yes"}}}, "'closedComplete' of course 'C' must be true or false."),
        (
            {"courses": {"C": {"memberships": {"s1": {"available": "Term"}}}}},
            "'available' of the membership of 's1' in course 'C' must be one of Disabled, No, Yes.",
        ),
        (
            {"courses": {"C": {"columns": {"E": {"shownAs": "letter"}}}}},
            "'shownAs' of column 'E' of course 'C' must be null or one of percent, score, text.",
        ),
        (
            {"courses": {"C": {"columns": {"E": {"flags": {"s1": {"exempt": 1}}}}}}},
            "'exempt' of the flags of 's1' in column 'E' of course 'C' must be true or false.",
        ),
        ({"schemas": {"S": {"symbols": "P", "optionalData": 1}}}, "'optionalData' of schema 'S' must be text."),
        ({"courses": {"C": {"metadata": {"s1": 5}}}}, "'metadata' of course 'C' must be texts."),
        ({"courses": {"C": {"externalGrade": "E"}}}, "'externalGrade' of course 'C' must be null or one of none."),
        ({"courses": {"C": {"externalGrade": ["E"]}}}, "'externalGrade' of course 'C' must be null or one of none."),
        (
            {"courses": {"C": {"columns": {"E": {"itemType": "X"}}}}},
            "column 'E' of course 'C': itemType must be one of",
        ),
        ({"courses": {"C": {"columns": {"E": {"dueDate": ""}}}}}, "column 'E' of course 'C': dueDate must be a date"),
        ({"courses": {"C": {"columns": {"E": {"copies": 1}}}}}, "'copies' of column 'E' of course 'C' must be a list"),
        ({"courses": {"C": {"columns": {"E": {"copies": [1]}}}}}, "a copy of column 'E' of course 'C' must be a JSON"),
        (
            {"courses": {"C": {"columns": {"E": {"copies": [{"copies": []}]}}}}},
            "a copy of column 'E' of course 'C' has no 'copies'",
        ),
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
    assert set(courses) == {
        *("BIO101-2026", "HIS210-2026", "MED330-2026", "LAW400-2026", "STA110-2026", "ART120-2026"),
    }
    course, user = NOT_ENROLLED
    assert user not in courses[course]["users"]
    assert {len(held["users"]) for held in courses.values()} == {40, 39, 12}
