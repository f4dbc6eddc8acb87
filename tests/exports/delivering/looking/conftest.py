"""What the tests of looking at Learn have in common."""

import pytest

from courses.models import ServiceCall
from exports.models import Delivery
from tests.conftest import COLUMN, COURSE

READS = ("course", "members", "columns", "grades", "grade", "changes")
State = Delivery.State
RESIT = "/api/wiseflow/flows/78/export"


def calls(*, reads=True):
    found = ServiceCall.objects.filter(service__in=READS if reads else ["gradeValueAPI"]).order_by("pk")
    return list(found.values_list("service", flat=True))


def latest():
    return Delivery.objects.latest("pk")


@pytest.fixture
def flow(flow):
    flow.allow_overwrite = True
    flow.save()
    return flow


@pytest.fixture
def exported(learn, flow, wiseflow):
    """Learn shows A for u1."""
    wiseflow.export({"userId": "u1", "mark": "A"})
    return wiseflow


def typed(learn, value="12", user="u1", by="M. Hansen"):
    learn.world.type_grade(COURSE, COLUMN, user, value, by=by)


def shown(learn, user="u1"):
    return learn.world.value(COURSE, COLUMN, user)
