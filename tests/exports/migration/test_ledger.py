"""The ledger's migration: what an old database says is in Learn, or was, the ledger says afterwards.

All cases are in one old database, each at a place of its own unless it says otherwise, and it is migrated once.
"""

import pytest

from tests.exports.migration.conftest import minutes
from tests.exports.migration.old_database import BEFORE, COLUMN, COURSE, ODD_TEXTS
from tests.migrating import migrate

pytestmark = [pytest.mark.migrates, pytest.mark.xdist_group("ledger")]  # its old database is filled once


def test_what_learn_confirmed_is_in_the_ledger(found):
    (row,) = found.rows_of("delivered")
    assert found.grades("delivered") == [("B", "CONFIRMED", 5, None, "", None)]
    assert found.places("delivered") == [(COURSE, COLUMN, "delivered")]
    assert (row.source_code, row.mark, row.alternative_grade) == ("MED", "B", "U")
    assert minutes(row.delivery.finished_at) == 5


@pytest.mark.parametrize("user_id", ["purged", "overwrite not arrived", "sending"])
def test_it_is_there_whatever_became_of_later_deliveries(found, user_id):
    assert found.grades(user_id) == [("B", "CONFIRMED", 5, None, "", None)]
    assert found.rows_of(user_id)[0].delivery is None


def test_what_is_on_its_way_stays_so(found):
    assert found.state("sending") == ("QUEUED", "", "")
    states = [delivery.state for delivery in found.deliveries.values() if delivery.participant.user_id == "sending"]
    assert states == ["SENDING"]


def test_who_was_never_exported_has_nothing(found):
    assert found.grades("never exported") == []


def test_of_several_equal_grades_at_one_place_the_latest_is_there(found):
    assert found.grades("equal 1") == [("B", "CONFIRMED", 1, 2, "OVERWRITTEN", "equal 3")]
    assert found.grades("equal 3") == [("B", "CONFIRMED", 2, 3, "OVERWRITTEN", "equal 2")]
    assert found.grades("equal 2") == [("B", "CONFIRMED", 3, None, "", None)]
    assert found.state("equal 1") == ("FAILED", "REPLACED", "B of person equal 2 in flow biology")
    assert found.state("equal 2") == ("EXPORTED", "", "")
    assert found.state("equal 3") == ("QUEUED", "", "")  # what is on its way decides


def test_of_one_moment_the_latest_participant_is_there(found):
    assert found.grades("at once 1") == [("B", "CONFIRMED", 4, 4, "OVERWRITTEN", "at once 2")]
    assert found.grades("at once 2") == [("B", "CONFIRMED", 4, None, "", None)]


def test_a_replaced_grade_is_ended_by_the_one_that_came_after_it(found):
    assert found.grades("replaced") == [
        ("B", "CONFIRMED", 1, 2, "OVERWRITTEN", "replaced, other mark since"),
    ]
    assert found.grades("replaced, other mark since") == [("B", "CONFIRMED", 2, 4, "OVERWRITTEN", "replacing")]
    assert found.grades("replacing") == [("C", "CONFIRMED", 4, None, "", None)]
    for user_id in ("replaced", "replaced, other mark since"):
        assert found.state(user_id) == ("FAILED", "REPLACED", "C of person replacing in flow history")
        assert found.people[user_id].approved_mark == ""


def test_only_another_mark_from_wiseflow_counts_as_a_change(found):
    assert not found.people["replaced"].changed_since_export
    assert found.people["replaced, other mark since"].changed_since_export


@pytest.mark.parametrize(("user_id", "at"), [("replaced by one who moved", 1), ("replaced before", 9)])
def test_where_the_replacing_grade_is_not_known_the_old_detail_is_kept(found, user_id, at):
    assert found.grades(user_id) == [("B", "CONFIRMED", at, at, "OVERWRITTEN", None)]
    assert found.state(user_id) == ("FAILED", "REPLACED", "C")


def test_what_is_replaced_and_no_longer_replaced_by_anything_ends_all_before_it(found):
    assert found.grades("earlier") == [("C", "CONFIRMED", 4, 9, "OVERWRITTEN", "replaced before")]
    assert found.state("earlier") == ("FAILED", "REPLACED", "one that is not known")


def test_who_was_replaced_while_in_doubt_is_replaced(found):
    assert found.grades("replaced in doubt") == [("B", "CONFIRMED", 1, 4, "OVERWRITTEN", "four")]
    assert found.state("replaced in doubt") == ("FAILED", "REPLACED", "C of person four in flow biology")


@pytest.mark.parametrize(
    ("user_id", "until", "place"),
    [
        ("deleted", 2, (COURSE, COLUMN, "deleted")),
        ("deleted, purged", 2, ("", "", "")),
        ("deleted by a run", 6, (COURSE, "Gone", "deleted by a run")),
        ("deleted, on the way", 2, ("", "", "")),
        ("exported nowhere", 2, ("", "", "")),
    ],
)
def test_what_was_deleted_with_its_column_is_ended(found, user_id, until, place):
    assert found.grades(user_id) == [("B", "CONFIRMED", 2, until, "COLUMN_DELETED", None)]
    assert found.places(user_id) == [place]


def test_who_lost_a_grade_with_its_column_keeps_their_state(found):
    assert found.state("deleted") == ("FAILED", "COLUMN_DELETED", COLUMN)
    assert found.state("deleted, on the way") == ("QUEUED", "", "")
    assert found.state("exported nowhere") == ("FAILED", "COLUMN_DELETED", "(not known)")


def test_what_was_replaced_before_its_column_was_deleted_stays_replaced(found):
    assert found.grades("replaced, then deleted") == [("B", "CONFIRMED", 2, 2, "OVERWRITTEN", None)]
    assert found.state("replaced, then deleted") == ("FAILED", "REPLACED", "C")


def test_a_retry_in_doubt_comes_after_the_deletion(found):
    assert found.grades("deleted, retried") == [
        ("B", "CONFIRMED", 2, 6, "COLUMN_DELETED", None),
        ("B", "DOUBTFUL", 7, None, "", None),
    ]


@pytest.mark.parametrize("user_id", ["first time", "retried in vain", "on its way again"])
def test_what_may_have_arrived_is_doubtful(found, user_id):
    assert found.grades(user_id) == [("B", "DOUBTFUL", 3, None, "", None)]
    assert found.rows_of(user_id)[0].delivery.state == "UNCONFIRMED"


def test_the_same_grade_sent_again_without_an_answer_changes_nothing(found):
    assert found.grades("same again") == [("B", "CONFIRMED", 1, None, "", None)]


def test_an_overwrite_in_doubt_ends_the_persons_own_grade(found):
    assert found.grades("own overwrite") == [
        ("B", "CONFIRMED", 1, 3, "DOUBTED", "own overwrite"),
        ("A", "DOUBTFUL", 3, None, "", None),
    ]
    assert found.state("own overwrite") == ("FAILED", "UNCONFIRMED", "No answer")


def test_what_was_confirmed_after_a_doubt_is_certain(found):
    assert found.grades("confirmed since") == [("B", "CONFIRMED", 4, None, "", None)]


@pytest.mark.parametrize(
    ("user_id", "state"),
    [
        ("perhaps replaced", ("FAILED", "PERHAPS_REPLACED", "C of person {} in flow history")),
        ("perhaps replaced, queued", ("QUEUED", "", "")),
    ],
)
def test_an_overwrite_in_doubt_ends_another_persons_grade(found, user_id, state):
    doubter = f"doubter of {user_id}"
    assert found.grades(user_id) == [("B", "CONFIRMED", 1, 3, "DOUBTED", doubter)]
    assert found.grades(doubter) == [("C", "DOUBTFUL", 3, None, "", None)]
    assert found.state(user_id) == (*state[:2], state[2].format(doubter))
    assert found.state(doubter) == ("FAILED", "UNCONFIRMED", "No answer")


def test_of_several_doubts_at_one_place_the_latest_is_open(found):
    assert found.grades("doubter 2") == [("C", "DOUBTFUL", 3, 4, "DOUBTED", "doubter 1")]
    assert found.grades("doubter 1") == [("A", "DOUBTFUL", 4, None, "", None)]
    assert found.state("doubter 2") == ("FAILED", "PERHAPS_REPLACED", "A of person doubter 1 in flow biology")


def test_a_grade_that_another_person_has_replaced_since_is_no_doubt(found):
    assert found.grades("settled by another") == [("A", "DOUBTFUL", 3, 4, "OVERWRITTEN", "settles the doubt")]
    assert found.grades("settles the doubt") == [("B", "CONFIRMED", 4, None, "", None)]
    assert found.state("settled by another") == (
        "FAILED",
        "REPLACED",
        "B of person settles the doubt in flow biology",
    )


def test_a_doubt_ends_with_its_column(found):
    assert found.grades("doubt of a deleted column") == [("B", "DOUBTFUL", 3, 6, "COLUMN_DELETED", None)]
    assert found.grades("lost with an overwrite in doubt") == [
        ("B", "CONFIRMED", 1, 1, "COLUMN_DELETED", None),
        ("A", "DOUBTFUL", 3, 3, "COLUMN_DELETED", None),
    ]


@pytest.mark.parametrize(
    ("user_id", "ended_as"),
    [
        ("column in doubt", "COLUMN_DOUBTED"),
        ("column in doubt, retried", "COLUMN_DOUBTED"),
        ("crashed, purged", "DOUBTED"),
    ],
)
def test_what_is_in_doubt_for_another_reason_is_doubtful_and_still_known_as_exported(found, user_id, ended_as):
    assert found.grades(user_id) == [
        ("B", "CONFIRMED", 1, 1, ended_as, user_id),
        ("B", "DOUBTFUL", 1, None, "", None),
    ]


@pytest.mark.parametrize(
    ("user_id", "grades", "left_behind_at"),
    [
        ("moved", [("D", "CONFIRMED", 3, None, "", None), ("B", "CONFIRMED", 5, None, "", None)], [5, None]),
        ("moved in doubt", [("C", "DOUBTFUL", 3, None, "", None), ("B", "CONFIRMED", 5, None, "", None)], [5, None]),
        ("moving in doubt", [("B", "CONFIRMED", 2, None, "", None), ("B", "DOUBTFUL", 4, None, "", None)], [4, None]),
        (
            "moved, then deleted",
            [("B", "CONFIRMED", 2, None, "", None), ("B", "CONFIRMED", 5, 5, "COLUMN_DELETED", None)],
            [5, None],
        ),
        (
            "moved from a deleted column",
            [("B", "CONFIRMED", 2, 6, "COLUMN_DELETED", None), ("B", "CONFIRMED", 7, None, "", None)],
            [None, None],
        ),
        (
            "moved from a column in doubt",
            [("B", "DOUBTFUL", 1, None, "", None), ("B", "CONFIRMED", 7, None, "", None)],
            [7, None],
        ),
    ],
)
def test_a_grade_where_its_person_no_longer_leads_is_left_behind(found, user_id, grades, left_behind_at):
    assert found.grades(user_id) == grades
    times = [row.left_behind_at for row in found.rows_of(user_id)]
    assert [minutes(time) if time else None for time in times] == left_behind_at


@pytest.mark.parametrize(
    ("user_id", "ended_as", "state"),
    [
        (
            "replaced by the moved",
            (1, 3, "OVERWRITTEN", "moved"),
            ("FAILED", "REPLACED", "D of person moved in flow biology"),
        ),
        (
            "perhaps replaced by the moved",
            (1, 3, "DOUBTED", "moved in doubt"),
            ("FAILED", "PERHAPS_REPLACED", "C of person moved in doubt in flow biology"),
        ),
    ],
)
def test_what_was_left_behind_has_replaced_others_there(found, user_id, ended_as, state):
    assert found.grades(user_id) == [("B", "CONFIRMED", *ended_as)]
    assert found.state(user_id) == state


def test_what_was_confirmed_after_its_column_was_in_doubt_is_certain(found):
    assert found.grades("column found since") == [("B", "CONFIRMED", 3, None, "", None)]


@pytest.mark.parametrize(("name", "text"), ODD_TEXTS.items())
def test_every_text_arrives_as_it_was(found, name, text):
    assert found.people[f"source {name}"].sources == {text: None if name == "pipes" else "MANUAL"}
    assert found.places(f"at {name}") == [(text, COLUMN, "odd")]
    assert found.people[f"at {name}"].detail == {"text": text}
    assert found.state(f"replaced at {name}") == ("FAILED", "REPLACED", f"{text} of person at {name} in flow biology")


def test_the_longest_texts_arrive(found):
    assert found.places("longest value") == [("L" * 333, "C", "🎓")]
    assert found.rows_of("longest value")[0].value == "🎓" * 333


def test_who_has_no_source_has_none(found):
    assert found.people["delivered"].sources == {"MED": None}
    assert found.people["purged"].sources == {}


@pytest.mark.parametrize(("flow_id", "state"), [("biology", "QUEUED"), ("chemistry", "FAILED")])
def test_a_flow_is_counted_again_where_somebody_changed(found, flow_id, state):
    states = [person.state for person in found.people.values() if person.flow.flow_id == flow_id]
    flow = found.flows[flow_id]
    assert flow.state == state
    assert flow.not_exported_count == states.count("NOT_EXPORTED")
    assert flow.queued_count == states.count("QUEUED")
    assert flow.exported_count == states.count("EXPORTED")
    assert flow.failed_count == states.count("FAILED")


def test_a_flow_where_nobody_changed_is_left_alone(found):
    assert found.flows["left alone"].exported_count == 7


def test_who_is_exported_has_a_certain_grade_in_learn(found):
    certain = {row.participant.user_id for row in found.rows if row.until is None and row.is_certain}
    exported = {user_id for user_id, person in found.people.items() if person.state == "EXPORTED"}
    assert exported
    assert exported <= certain


def test_it_says_what_it_entered_and_what_is_not_known(found):
    rows = found.rows
    not_known = [row for row in rows if not row.column_name or (row.ended_as == "OVERWRITTEN" and not row.ended_by)]
    assert (
        f"Grades entered in the ledger: {len(rows)}; "
        f"of these replaced: {len([row for row in rows if row.ended_as == 'OVERWRITTEN'])}, "
        f"not certain: {len([row for row in rows if row.until is None and not row.is_certain])}, "
        f"deleted with their column: {len([row for row in rows if row.ended_as == 'COLUMN_DELETED'])}, "
        f"left behind: {len([row for row in rows if row.until is None and row.is_left_behind])}; "
        f"place or replacing grade not known: {len(not_known)}"
    ) in found.output


def test_there_is_no_way_back_but_the_backup(found):
    assert "restore the backup" in found.refusal


@pytest.mark.django_db(transaction=True)
def test_without_participants_it_goes_back_and_says_nothing(capsys):
    migrate(*BEFORE)
    migrate()
    assert capsys.readouterr().out == ""
