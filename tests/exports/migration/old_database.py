"""A database of the last release before the ledger, with all cases."""

from datetime import UTC, datetime, timedelta
from typing import Any

from exports.models import Delivery

# The last ones that know only the old columns
BEFORE = (("exports", "0008_attempts_keep_their_caller"), ("courses", "0003_provisioning"))

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
