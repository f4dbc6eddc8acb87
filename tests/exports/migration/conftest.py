"""What the migration made of the old database."""

import io
from contextlib import redirect_stdout
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.exceptions import IrreversibleError

from exports.models import Delivery, Flow, GradeInLearn, Participant
from tests.exports.migration.old_database import BEFORE, OldDatabase, fill, minute
from tests.migrating import migrate

Grade = tuple[str, str, int, int | None, str, str | None]


class Found:
    """What the new release finds after the migration."""

    refusal = ""  # of the way back

    def __init__(self, output: str) -> None:
        self.output = output
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
        """State, cause and the text that the detail keeps."""
        person = self.people[user_id]
        text = person.detail.get("text", "")
        assert person.detail == ({"text": text} if text else {})
        return person.state, person.cause, text


def minutes(time: datetime) -> int:
    return round((time - minute(0)).total_seconds() / 60)


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
            fill(OldDatabase(migrate(*BEFORE)))
            with redirect_stdout(io.StringIO()) as output:
                migrate()
            found = Found(output.getvalue())
            with pytest.raises(IrreversibleError) as refusal:
                migrate(*BEFORE)
            found.refusal = str(refusal.value)
            return found
        finally:
            empty()
            migrate()
