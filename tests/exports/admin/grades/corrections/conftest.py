"""A participant with an exported grade, and a correction that waits."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from courses.models import Course, GradeColumn
from exports.models import Correction, Participant
from tests.factories import CorrectionFactory, ParticipantFactory
from tests.signed_in import signed_in

LIST = "/admin/exports/correction/"
ASKED, APPROVED, DECLINED = Correction.State.ASKED, Correction.State.APPROVED, Correction.State.DECLINED


def asks(participant: Participant) -> str:
    return reverse("admin:exports_participant_ask_correction", args=[participant.pk])


def page(correction: Correction, name: str = "change") -> str:
    return f"{LIST}{correction.pk}/{name}/"


def user_of(client: Client) -> User:
    return User.objects.get(pk=client.session["_auth_user_id"])


def without(permission: str) -> Client:
    """A manager who lacks one permission."""
    client = signed_in(manager=True)
    group = user_of(client).groups.get()
    group.permissions.remove(*group.permissions.filter(codename=permission))
    return client


@pytest.fixture
def participant(db: None) -> Participant:
    """Their B stands in Learn."""
    found: Participant = ParticipantFactory(
        exported=True,
        user_id="anna",
        grade__course_id="BIO101",
        grade__column_name="Essay",
    )
    GradeColumn.objects.update(name="Essay")
    Course.objects.update(course_id="BIO101")
    return found


@pytest.fixture
def waiting(participant: Participant) -> Correction:
    """Asked for by somebody else: from B to A."""
    correction: Correction = CorrectionFactory(participant=participant, requested_by__username="asker")
    return correction


FORM = {"mark": "A", "reason": "Added up wrongly"}
