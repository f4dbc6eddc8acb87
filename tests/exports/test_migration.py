"""The ledger's migration: what an old database says is in Learn, or was, the ledger says afterwards.

All cases are in one old database, each at a place of its own unless it says otherwise, and it is migrated once.
"""

import io
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.executor import MigrationExecutor

from exports.models import Delivery, Flow, GradeInLearn, Participant

BEFORE = ("exports", "0008_attempts_keep_their_caller")  # the last one that knows only the old columns

COURSE, COLUMN = "BIO101", "Final"
ODD_TEXTS = {
    "quotes": "a \"quoted\" 'text'",
    "backslashes": "back\\slash \\u0041 \\",
    "line separator": "line\u2028separator",
    "emoji": "🎓 done",
    "pipes": "MED||2026||1",
    "braces": '{"a": [1]}',
    "percent": "100 % {0} %s",
    "longest": "x" * 255,
}


def minute(number: int) -> datetime:
    return datetime(2026, 5, 3, 9, 0, tzinfo=UTC) + timedelta(minutes=number)


class OldDatabase:
    """Writes rows as the previous release did. Times are minutes; a person's Learn user is their user id."""

    def __init__(self, apps: Any) -> None:
        self.model = lambda name, app="exports": apps.get_model(app, name)
        self.flows: dict[str, Any] = {}
        self.flow("biology")

    def flow(self, flow_id: str) -> Any:
        if flow_id not in self.flows:
            self.flows[flow_id] = self.model("Flow").objects.create(flow_id=flow_id)
        return self.flows[flow_id]

    def person(
        self,
        user_id: str,
        *,
        at: int | None = None,
        value: str = "B",
        state: str = "EXPORTED",
        flow: str = "biology",
        place: tuple[str, str, str] | None = None,
        **fields: Any,
    ) -> Any:
        """Whose `value` was exported, if ever, in minute `at`, to a `place`: course id, column name, Learn user."""
        exported = {}
        if at is not None:
            course_id, column_name, learn_user_id = place or (COURSE, COLUMN, user_id)
            exported = {
                "exported_at": minute(at),
                "exported_value": value,
                "exported_mark": value,
                "exported_course_id": course_id,
                "exported_column_name": column_name,
                "exported_learn_user_id": learn_user_id,
            }
        fields = {"mark": value, **exported, **fields}
        return self.model("Participant").objects.create(flow=self.flow(flow), user_id=user_id, state=state, **fields)

    def replaced(self, user_id: str, *, detail: str, **fields: Any) -> Any:
        return self.person(user_id, cause="REPLACED", detail=detail, changed_since_export=True, **fields)

    def lost(self, user_id: str, **fields: Any) -> Any:
        """Whose column was deleted in Learn."""
        deleted = {"state": "FAILED", "cause": "COLUMN_DELETED", "detail": COLUMN, "place": ("", "", "")}
        return self.person(user_id, **{**deleted, **fields})

    def doubted(self, user_id: str, **fields: Any) -> Any:
        return self.person(user_id, **{"state": "FAILED", "cause": "UNCONFIRMED", "detail": "No answer", **fields})

    def delivery(
        self,
        person: Any,
        state: str = "DELIVERED",
        *,
        at: int,
        value: str = "B",
        place: tuple[str, str, str] | None = None,
        **fields: Any,
    ) -> Any:
        course_id, column_name, learn_user_id = place or (COURSE, COLUMN, person.user_id)
        attempt = self.model("ExportAttempt").objects.create(
            flow=person.flow,
            state="EXPORTED",
            started_at=minute(at),
            finished_at=minute(at),
            ends_by=minute(at),
            lease_ends_at=minute(at),
        )
        why = {"cause": "UNCONFIRMED", "detail": "No answer"} if state == "UNCONFIRMED" else {}
        why |= {"cause": "LEARN_UNAVAILABLE"} if state == "FAILED" else {}
        why |= {"cause": "NOT_SYNCHRONISED"} if state == "REFUSED" else {}
        values = {
            "mark": value,
            "value": value,
            "course_id": course_id,
            "column_name": column_name,
            "learn_user_id": learn_user_id,
            "settled_at": None if state in Delivery.OPEN else minute(at),
            **why,
            **fields,
        }
        return self.model("Delivery").objects.create(attempt=attempt, participant=person, state=state, **values)

    def deletion(self, column_name: str, *, at: int | None = None, state: str = "DONE", **fields: Any) -> None:
        """A column that was deleted in Learn from here, or may have been, by a run that is kept if there is an `at`."""
        course, _ = self.model("Course", "courses").objects.get_or_create(course_id=COURSE)
        fields = {"standing": "DELETED", **fields}
        column = self.model("GradeColumn", "courses").objects.create(course=course, name=column_name, **fields)
        if at is not None:
            run = self.model("ProvisioningRun", "courses").objects.create(
                started_at=minute(at), lease_ends_at=minute(at)
            )
            message = "" if state == "DONE" else "No answer"
            values = {"kind": "DELETION", "stage": 1, "state": state, "message": message, "settled_at": minute(at)}
            self.model("ProvisioningStep", "courses").objects.create(run=run, column=column, **values)


def fill(old: OldDatabase) -> None:
    confirmed(old)
    replaced(old)
    deleted(old)
    doubted(old)
    left_behind(old)
    odd_texts(old)


def confirmed(old: OldDatabase) -> None:
    person = old.person("delivered", at=5, exported_alternative_grade="U", source_code="MED")
    old.delivery(person, at=1)
    old.delivery(person, at=2, value="C")
    old.delivery(person, at=5)
    old.delivery(person, at=6, place=("", "", ""))  # the same again: nothing was sent
    old.delivery(person, "REJECTED", at=7, place=(COURSE, "Other", "delivered"), cause="REJECTED_BY_LEARN")
    old.person("purged", at=5)
    old.person("overwrite not arrived", at=5, state="FAILED", cause="LEARN_UNAVAILABLE", detail="Learn is away")
    sending = old.person("sending", at=5, state="QUEUED")
    old.delivery(sending, "SENDING", at=8, value="A", lease_ends_at=minute(9))
    old.person("never exported", state="NOT_EXPORTED")
    old.person("only", at=5, flow="left alone")
    old.model("Flow").objects.filter(flow_id="left alone").update(exported_count=7)


def replaced(old: OldDatabase) -> None:
    at_one = {"place": (COURSE, COLUMN, "one place")}
    old.person("equal 1", at=1, **at_one)
    old.person("equal 2", at=3, **at_one)
    old.person("equal 3", at=2, state="QUEUED", flow="history", **at_one)

    at_once = {"place": (COURSE, COLUMN, "at once"), "at": 4, "flow": "chemistry"}
    old.person("at once 1", **at_once)
    old.person("at once 2", **at_once)

    at_two = {"place": (COURSE, COLUMN, "two place")}
    old.replaced("replaced", at=1, detail="C", approved_mark="D", **at_two)
    old.replaced("replaced, other mark since", at=2, detail="C", mark="D", **at_two)
    old.person("replacing", at=4, value="C", flow="history", **at_two)

    old.replaced("replaced by one who moved", at=1, detail="C")
    old.replaced("replaced before", at=9, detail="C", place=(COURSE, COLUMN, "three place"))
    old.person("earlier", at=4, value="C", place=(COURSE, COLUMN, "three place"))
    old.replaced("replaced in doubt", at=1, detail="C", state="FAILED", place=(COURSE, COLUMN, "four place"))
    old.person("four", at=4, value="C", place=(COURSE, COLUMN, "four place"))


def deleted(old: OldDatabase) -> None:
    old.delivery(old.lost("deleted", at=2), at=2)
    old.lost("deleted, purged", at=2)
    old.deletion("Gone", at=6)
    old.delivery(old.lost("deleted by a run", at=2, detail="Gone"), at=2, place=(COURSE, "Gone", "deleted by a run"))
    old.lost("deleted, on the way", at=2, state="QUEUED", cause="", detail="")
    old.delivery(old.replaced("replaced, then deleted", at=2, detail="C", place=("", "", "")), at=2)
    old.person("exported nowhere", at=2, place=("", "", ""))

    again = {"place": (COURSE, "Again", "deleted, retried")}
    old.deletion("Again", at=6, standing="PROVISIONED", provisioned_at=minute(6))  # it was created again
    person = old.doubted("deleted, retried", at=2, place=("", "", ""))
    old.delivery(person, at=2, **again)
    old.delivery(person, "UNCONFIRMED", at=7, **again)


def doubted(old: OldDatabase) -> None:
    old.delivery(old.doubted("first time"), "UNCONFIRMED", at=3)

    person = old.doubted("same again", at=1)
    old.delivery(person, at=1)
    old.delivery(person, "UNCONFIRMED", at=3)

    person = old.doubted("own overwrite", at=1)
    old.delivery(person, at=1)
    old.delivery(person, "UNCONFIRMED", at=3, value="A")

    person = old.doubted("retried in vain", cause="NOT_SYNCHRONISED", detail="")
    old.delivery(person, "UNCONFIRMED", at=3)
    old.delivery(person, "FAILED", at=4)
    old.delivery(person, "REFUSED", at=5, place=("", "", ""))

    person = old.person("confirmed since", at=4, state="FAILED", cause="LEARN_UNAVAILABLE")
    old.delivery(person, "UNCONFIRMED", at=3)
    old.delivery(person, at=4)
    old.delivery(person, "FAILED", at=5)

    old.delivery(old.doubted("on its way again", state="QUEUED", cause="", detail=""), "UNCONFIRMED", at=3)

    for user_id, state in (("perhaps replaced", "EXPORTED"), ("perhaps replaced, queued", "QUEUED")):
        place = (COURSE, COLUMN, f"place of {user_id}")
        old.person(user_id, at=1, state=state, place=place, approved_mark="D")
        doubter = old.doubted(f"doubter of {user_id}", flow="history")
        old.delivery(doubter, "UNCONFIRMED", at=3, value="C", place=place)

    place = (COURSE, COLUMN, "doubted twice")
    old.delivery(old.doubted("doubter 1"), "UNCONFIRMED", at=4, value="A", place=place)
    old.delivery(old.doubted("doubter 2"), "UNCONFIRMED", at=3, value="C", place=place)

    place = (COURSE, COLUMN, "doubt settled")
    old.delivery(old.doubted("settled by another"), "UNCONFIRMED", at=3, value="A", place=place)
    old.person("settles the doubt", at=4, place=place)

    person = old.doubted("doubt of a deleted column", cause="NOT_SYNCHRONISED")
    old.delivery(person, "UNCONFIRMED", at=3, place=(COURSE, "Gone", "doubt of a deleted column"))
    person = old.lost("lost with an overwrite in doubt", at=1)
    old.delivery(person, at=1)
    old.delivery(person, "UNCONFIRMED", at=3, value="A")

    old.doubted("column in doubt", at=1, detail=f"Column {COLUMN} may have been deleted in Learn on 3 May 2026")
    old.deletion("Perhaps gone", at=2, state="UNCONFIRMED", standing="UNCONFIRMED", provisioning_message="No answer")
    rejected = {"state": "FAILED", "cause": "REJECTED_BY_LEARN", "detail": "No such column"}
    old.person("column in doubt, retried", at=1, place=(COURSE, "Perhaps gone", "column in doubt, retried"), **rejected)
    old.person("column found since", at=3, place=(COURSE, "Perhaps gone", "column found since"))
    old.doubted("crashed, purged", at=1, cause="INTERNAL_ERROR", detail="")


def left_behind(old: OldDatabase) -> None:
    elsewhere = (COURSE, "Wrong", "moved")
    old.replaced("replaced by the moved", at=1, detail="C", place=elsewhere)
    person = old.person("moved", at=5)
    old.delivery(person, at=2, value="C", place=elsewhere)
    old.delivery(person, at=3, value="D", place=elsewhere)
    old.delivery(person, at=5)

    elsewhere = (COURSE, "Wrong", "moved in doubt")
    old.person("perhaps replaced by the moved", at=1, place=elsewhere)
    person = old.person("moved in doubt", at=5)
    old.delivery(person, "UNCONFIRMED", at=3, value="C", place=elsewhere)
    old.delivery(person, at=5)

    person = old.doubted("moving in doubt", at=2)
    old.delivery(person, at=2)
    old.delivery(person, "UNCONFIRMED", at=4, place=(COURSE, "Right", "moving in doubt"))

    person = old.lost("moved, then deleted", at=5)
    old.delivery(person, at=2, place=("CHE101", COLUMN, "moved, then deleted"))
    old.delivery(person, at=5)

    person = old.person("moved from a deleted column", at=7)
    old.delivery(person, at=2, place=(COURSE, "Gone", "moved from a deleted column"))
    person = old.person("moved from a column in doubt", at=7)
    old.delivery(person, at=1, place=(COURSE, "Perhaps gone", "moved from a column in doubt"))


def odd_texts(old: OldDatabase) -> None:
    for name, text in ODD_TEXTS.items():
        old.person(
            f"source {name}", state="NOT_EXPORTED", source_code=text, on_roster=name != "pipes", added_by="MANUAL"
        )
        old.person(f"at {name}", at=1, value=text, place=(text, COLUMN, "odd"), detail=text)
        old.replaced(f"replaced at {name}", at=0, detail=text, place=(text, COLUMN, "odd"))
    old.person("longest value", at=1, value="🎓" * 333, place=("L" * 333, "C", "🎓"))


Grade = tuple[str, str, int, int | None, str, str | None]


class Found:
    """What the new release finds after the migration."""

    def __init__(self, output: str, refusal: str) -> None:
        self.output, self.refusal = output, refusal
        self.people = {person.user_id: person for person in Participant.objects.select_related("flow")}
        self.rows = list(GradeInLearn.objects.order_by("pk").select_related("participant", "ended_by", "delivery"))
        self.flows = {flow.flow_id: flow for flow in Flow.objects.all()}
        self.deliveries = {delivery.pk: delivery for delivery in Delivery.objects.select_related("participant")}

    def grades(self, user_id: str) -> list[Grade]:
        """Value, certainty, since and until in minutes, how and by whom ended; in the order of the ledger."""
        return [
            (
                row.value,
                row.certainty,
                minutes(row.since),
                minutes(row.until) if row.until else None,
                row.ended_as,
                row.ended_by.user_id if row.ended_by else None,
            )
            for row in self.rows_of(user_id)
        ]

    def rows_of(self, user_id: str) -> list[GradeInLearn]:
        return [row for row in self.rows if row.participant.user_id == user_id]

    def places(self, user_id: str) -> list[tuple[str, str, str]]:
        return [(row.course_id, row.column_name, row.learn_user_id) for row in self.rows_of(user_id)]

    def state(self, user_id: str) -> tuple[str, str, str]:
        person = self.people[user_id]
        return person.state, person.cause, person.detail


def minutes(time: datetime) -> int:
    return round((time - minute(0)).total_seconds() / 60)


def migrate(*targets: tuple[str, str]) -> Any:
    """Bring the database to these migrations, without any to the latest. Returns the models of then."""
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    executor.migrate(list(targets) or latest)
    others = [node for node in latest if node[0] not in {app for app, _name in targets}]
    return MigrationExecutor(connection).loader.project_state([*targets, *others]).apps


FILLED_TABLES = (
    "exports_gradeinlearn",
    "exports_delivery",
    "exports_exportattempt",
    "exports_participant",
    "exports_flow",
    "courses_provisioningstep",
    "courses_provisioningrun",
    "courses_gradecolumn",
    "courses_course",
)


def empty() -> None:
    """At whatever migration the database is."""
    there = connection.introspection.table_names()
    with connection.cursor() as cursor:
        for table in FILLED_TABLES:
            if table in there:
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608  names from above


@pytest.fixture(scope="module")
def found(django_db_setup: None, django_db_blocker: Any) -> Any:
    with django_db_blocker.unblock():
        try:
            fill(OldDatabase(migrate(BEFORE)))
            with redirect_stdout(io.StringIO()) as output:
                migrate()
            with pytest.raises(IrreversibleError) as refusal:
                migrate(BEFORE)
            return Found(output.getvalue(), str(refusal.value))
        finally:
            empty()
            migrate()


def test_what_learn_confirmed_is_in_the_ledger(found):
    (row,) = found.rows_of("delivered")
    assert found.grades("delivered") == [("B", "CONFIRMED", 5, None, "", None)]
    assert found.places("delivered") == [(COURSE, COLUMN, "delivered")]
    assert (row.source_code, row.mark, row.alternative_grade) == ("MED", "B", "U")
    assert minutes(row.delivery.settled_at) == 5


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
    assert found.people[f"at {name}"].detail == text
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
    migrate(BEFORE)
    migrate()
    assert capsys.readouterr().out == ""
