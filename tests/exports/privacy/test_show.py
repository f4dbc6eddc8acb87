"""All that is kept about one student, and nothing that is kept about another."""

import json

import pytest
from django.core.management import CommandError, call_command

from exports.models import Hold
from tests.exports.privacy.conftest import LEARN_USER, USER, places_of
from tests.factories import ParticipantFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shown(student, capsys):
    call_command("show_person", USER)
    return json.loads(capsys.readouterr().out)


def test_every_table_that_a_search_finds_the_student_in_is_shown(shown):
    found = {place.partition(".")[0] for text in (USER, LEARN_USER) for place in places_of(text)}

    assert found <= set(shown["tables"])
    assert shown["ids"] == [USER, LEARN_USER]
    assert "django_session" in shown["tables"]


def test_their_own_rows_are_shown_whole(shown):
    tables = shown["tables"]

    assert {row["mark"] for row in tables["exports_participant"] if "mark" in row} == {"61.77", "B"}
    assert tables["exports_correction"][0]["reason"].endswith("sick on the day")
    assert tables["exports_personinwiseflow"][0]["number"] == 665544
    assert tables["courses_enrolmentmetadata"][0]["optional_data"] == "Adjusted=extra time"
    assert len(tables["courses_historicalenrolmentmetadata"]) == 1


def test_of_other_rows_only_what_is_about_the_student_is_shown(shown):
    [other] = [row for row in shown["tables"]["exports_participant"] if "found_in" in row]
    assert other["found_in"] == {"detail": {"others": [USER]}}
    [hold] = [row for row in shown["tables"]["exports_hold"] if "found_in" in row]
    assert hold["found_in"] == {"reason": Hold.objects.get(participant=None).reason}


def test_it_is_the_same_by_the_learn_user(student, shown, capsys):
    call_command("show_person", LEARN_USER)

    assert json.loads(capsys.readouterr().out) | {"ids": []} == shown | {"ids": []}


def test_nothing_is_shown_of_someone_who_is_not_here(student, capsys):
    call_command("show_person", "S-ERASE-772")

    written = capsys.readouterr()
    assert json.loads(written.out) == {"ids": ["S-ERASE-772"], "tables": {}}
    assert written.err.startswith("Nothing is kept about this student.")


def test_two_students_of_one_learn_user_are_not_shown_as_one(capsys):
    for user in ("S-1", "S-2"):
        ParticipantFactory(user_id=user, learn_user_id="L-1")

    with pytest.raises(CommandError, match=r"S-1, S-2"):
        call_command("show_person", "L-1")
    call_command("show_person", "S-1", "S-2")

    assert json.loads(capsys.readouterr().out)["ids"] == ["S-1", "S-2", "L-1"]
