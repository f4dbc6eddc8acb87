"""A student is forgotten whose id is, by chance, a word of the configuration: that stays as it is."""

from operator import attrgetter

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from common.signing_in.identity import Identity
from exports.privacy.forget import forget
from exports.privacy.people import find
from tests.factories import (
    ApiClientFactory,
    ColumnMappingFactory,
    CourseFactory,
    ExemptionFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeColumnFactory,
    ParticipantFactory,
    UserFactory,
)

ID = "4711"


@pytest.fixture
def rows(db):
    """Rows, each with those of its columns that hold the id."""
    user, flow = UserFactory(), FlowFactory(flow_id=ID)
    client = ApiClientFactory(name=ID, flow_patterns=[ID, f"{ID}-*"], last_used_address=ID)
    device = StaticDevice.objects.create(user=user, name=ID)
    column = GradeColumnFactory(course=CourseFactory(course_id=ID), name=ID)
    return [
        (flow, "flow_id"),
        (client, "name"),
        (client, "flow_patterns"),
        (client, "last_used_address"),
        (client.history.get(), "flow_patterns"),
        (Identity.objects.create(user=user, issuer=f"https://idp.example.edu/{ID}", subject=ID), "subject"),
        (device, "name"),
        (device.token_set.create(token=ID), "token"),
        (TOTPDevice.objects.create(user=user, name=ID), "name"),
        (column, "name"),
        (column.course, "course_id"),
        (ColumnMappingFactory(flow=flow, grade_column=column, source_code=ID), "source_code"),
        (ExemptionFactory(flow=flow, subject=ID), "subject"),
        (ExportAttemptFactory(flow=flow, caller_address=ID, request_id=ID), "caller_address"),
        (flow.attempts.get(), "request_id"),
        (LogEntry.objects.create(user=user, object_id=ID, object_repr="x", action_flag=CHANGE), "object_id"),
    ]


def test_configuration_that_is_the_same_word_stays(rows):
    person = ParticipantFactory(user_id=ID, failed=True)
    before = [attrgetter(column)(row) for row, column in rows]

    forget(find([ID]), apply=True)

    person.refresh_from_db()
    assert person.user_id.startswith("forgotten-")
    for (row, column), value in zip(rows, before, strict=True):
        row.refresh_from_db()
        assert getattr(row, column) == value, (row._meta.label, column)
