"""A student who is everywhere, and a search of the whole database."""

import json

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from exports.models import Correction, PersonInWiseflow
from exports.tasks import deliver_attempt
from tests.factories import (
    CorrectionFactory,
    CourseFactory,
    DecisionFactory,
    DeliveryFactory,
    EnrolmentMetadataFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeInLearnFactory,
    HoldFactory,
    ParticipantFactory,
    ProofFactory,
    ProvisioningRunFactory,
    ProvisioningStepFactory,
    RefusedRequestFactory,
    UserFactory,
)

USER, LEARN_USER = "S-ERASE-7720", "bø+7720"
FIRST, LAST = "Zenobia", "Quistgaard"


def places_of(text):
    """Every column of every table, as table.column, that has this text in it: as it is, or as JSON writes it."""
    forms = {text, json.dumps(text)[1:-1]}
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            for column in connection.introspection.get_table_description(cursor, table):
                name = f'{connection.ops.quote_name(table)}."{column.name}"'
                for form in forms:
                    cursor.execute(
                        f"SELECT count(*) FROM {table} WHERE {position(name)} > 0",  # noqa: S608
                        [form],
                    )
                    if cursor.fetchone()[0]:
                        found.append(f"{table}.{column.name}")
    return sorted(set(found))


def position(column):
    text = f"CAST({column} AS text)"
    return f"strpos({text}, %s)" if connection.vendor == "postgresql" else f"instr({text}, %s)"


@pytest.fixture
def student(db):
    """In two flows, with a correction, a decision, a hold, metadata, and in what is written about others."""
    flow = FlowFactory(flow_id="4711", mapped=True, with_roster=True)
    ids = {"user_id": USER, "learn_user_id": LEARN_USER, "first_name": FIRST, "last_name": LAST}
    person = ParticipantFactory(flow=flow, **ids, on_sis_roster=True, exported=True)
    grade = person.grades.get()
    grade.value = grade.mark = "61.77"
    grade.save()
    person.mark = "61.77"
    person.save()
    ProofFactory(grade=grade, shown="61.77")
    other_flow = FlowFactory(flow_id="4712", mapped=True)
    failed = ParticipantFactory(
        flow=other_flow, **ids, failed=True, detail={"others": [USER], "learn_user_id": LEARN_USER}
    )
    for each in (person, failed):
        DeliveryFactory(
            attempt=ExportAttemptFactory(flow=each.flow), participant=each, learn_user_id=LEARN_USER, value="61.77"
        )
    DeliveryFactory(attempt__flow=flow, participant=person, learn_user_id="once", failed=True)
    CorrectionFactory(
        participant=person, declined=True, reason=f"Remark by the examiner of {USER}: sick on the day", mark="77.61"
    )
    DecisionFactory(grade=grade, declined=True, shown="12.34", reason="sick on the day")
    HoldFactory(participant=person, flow=flow, released=True, reason="sick on the day")
    PersonInWiseflow.objects.create(
        participant=person,
        number=665544,
        learn_user_id=LEARN_USER,
        first_name=FIRST,
        last_name=LAST,
        grade="61.77",
        fetched_at=timezone.now(),
    )
    metadata = EnrolmentMetadataFactory(user_id=LEARN_USER, optional_data="Adjusted=extra time")
    run = ProvisioningRunFactory(done=True)
    ProvisioningStepFactory(
        run=run,
        kind="METADATA",
        metadata=metadata,
        column=None,
        name=str(metadata),
        state="DONE",
        finished_at=timezone.now(),
    )
    among_others(flow, person)
    return person


def among_others(flow, person):
    """What is written about the student where they are not at home."""
    detail = {"user_id": USER, "value": "61.77", "flow_id": "4711"}
    other = ParticipantFactory(
        flow=flow, user_id="S-ERASE-77201", failed=True, cause="SAME_LEARN_USER", detail={"others": [USER]}
    )
    DeliveryFactory(
        attempt=ExportAttemptFactory(flow=flow), participant=other, failed=True, cause="REPLACED", detail=detail
    )
    GradeInLearnFactory(
        participant=other, learn_user_id=LEARN_USER, is_in_learn=None, until=timezone.now(), ended_as="OVERWRITTEN"
    )
    ExportAttemptFactory(flow=flow, unreadable_entries=[{"entry": 1, "cause": "NO_USER_ID", "detail": {"x": USER}}])
    CourseFactory(title=f"Supervision of {USER}")
    HoldFactory(reason=f"like {USER.lower()}, and S-ERASE-77201; not {USER}-2")
    RefusedRequestFactory(flow_id=USER, reason=f"Not JSON: '{LEARN_USER}'")
    correction = Correction.objects.get()
    user = UserFactory()
    for row, text in ((correction, str(correction)), (flow, f"{LEARN_USER} by hand")):
        LogEntry.objects.create(
            user=user,
            content_type=ContentType.objects.get_for_model(row),
            object_id=str(row.pk),
            object_repr=text,
            action_flag=CHANGE,
            change_message=json.dumps([{"changed": {"object": text}}]),
        )
    task = deliver_attempt.enqueue(0)
    DBTaskResult.objects.filter(pk=task.id).update(
        status="FAILED", finished_at=timezone.now(), traceback=f"DETAIL: Failing row contains ({USER}, 61.77)"
    )
    session = SessionStore()
    session["said"] = f"Held: {USER}"
    session.create()
