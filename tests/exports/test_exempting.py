"""Exemptions: what could change delivered grades is requested by one person, approved by another, and then happens."""

import threading
import time
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from exports import exempting
from exports.exempting import NotExempted, Obstacle
from exports.models import Event, Exemption, Flow
from tests.factories import FlowFactory, GradeColumnFactory, GradeInLearnFactory, UserFactory
from tests.pages import words_of

Kind = Exemption.Kind


@pytest.fixture
def asker(db):
    return UserFactory(administrator=True)


@pytest.fixture
def approver(db):
    return UserFactory(manager=True)


@pytest.fixture
def graded(db):
    """A flow with a grade in Learn."""
    return GradeInLearnFactory().participant.flow


def refused(action, *args, **kwargs):
    with pytest.raises(NotExempted) as refusal:
        action(*args, **kwargs)
    return refusal.value.obstacle


@pytest.mark.parametrize(
    ("kind", "field"), [(Kind.ALLOW_OVERWRITE, "allow_overwrite"), (Kind.UNLOCK_MAPPING, "mapping_unlocked_at")]
)
def test_nothing_changes_before_a_second_person_has_approved(graded, asker, approver, kind, field):
    exemption = exempting.ask_for_flow(graded, kind, reason="Typing error in the exam", by=asker)
    graded.refresh_from_db()
    assert not getattr(graded, field)
    assert Event.objects.get(kind=Event.Kind.EXEMPTION_REQUESTED).data == {"exemption": exemption.pk}
    assert (exemption.subject, exemption.grades) == (str(graded), 1)

    approved = exempting.approve(exemption, by=approver)

    graded.refresh_from_db()
    assert getattr(graded, field)
    assert (approved.state, approved.decided_by) == ("APPROVED", approver)
    assert graded.history.latest().history_change_reason == f"Exemption {exemption.pk}."


def test_no_one_approves_their_own_request_not_even_past_the_code(graded, asker):
    exemption = exempting.ask_for_flow(graded, Kind.ALLOW_OVERWRITE, reason="x", by=asker)
    assert refused(exempting.approve, exemption, by=asker) is Obstacle.SAME_PERSON
    with pytest.raises(IntegrityError), transaction.atomic():
        Exemption.objects.update(state="APPROVED", decided_by=asker, decided_at=exemption.requested_at)
    assert not Flow.objects.get().allow_overwrite


@pytest.mark.parametrize("reason", ["", "  \n", "\u200b", "a\x00b"])
def test_a_reason_is_needed(graded, asker, reason):
    found = refused(exempting.ask_for_flow, graded, Kind.ALLOW_OVERWRITE, reason=reason, by=asker)
    assert found is Obstacle.REASON_NOT_USABLE


def test_one_request_of_a_kind_waits(graded, asker):
    exempting.ask_for_flow(graded, Kind.ALLOW_OVERWRITE, reason="x", by=asker)
    again = refused(exempting.ask_for_flow, graded, Kind.ALLOW_OVERWRITE, reason="x", by=asker)
    assert again is Obstacle.ANOTHER_OPEN
    exempting.ask_for_flow(graded, Kind.UNLOCK_MAPPING, reason="x", by=asker)


@pytest.mark.parametrize("kind", [Kind.ALLOW_OVERWRITE, Kind.UNLOCK_MAPPING])
def test_a_flow_without_grades_needs_no_second_person(asker, kind):
    found = refused(exempting.ask_for_flow, FlowFactory(mapped=True), kind, reason="x", by=asker)
    assert found is Obstacle.NOT_NEEDED


def test_what_was_done_since_then_is_not_done_again(graded, asker, approver):
    exemption = exempting.ask_for_flow(graded, Kind.ALLOW_OVERWRITE, reason="x", by=asker)
    exempting.approve(exemption, by=approver)
    assert refused(exempting.approve, exemption, by=approver) is Obstacle.ALREADY_DECIDED
    Flow.objects.update(allow_overwrite=False)
    assert refused(exempting.decline, exemption, by=approver, reason="x") is Obstacle.ALREADY_DECIDED


def test_a_request_is_declined_for_a_reason_or_withdrawn(graded, asker, approver):
    exemption = exempting.ask_for_flow(graded, Kind.ALLOW_OVERWRITE, reason="x", by=asker)
    assert refused(exempting.decline, exemption, by=approver) is Obstacle.REASON_NOT_USABLE
    assert exempting.decline(exemption, by=approver, reason="No").decline_reason == "No"
    withdrawn = exempting.ask_for_flow(graded, Kind.ALLOW_OVERWRITE, reason="x", by=asker)
    assert exempting.decline(withdrawn, by=asker).decided_by == asker
    assert not Flow.objects.get().allow_overwrite


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_what_is_withdrawn_while_it_is_approved_does_not_happen(graded, asker, approver):
    exemption = exempting.ask_for_flow(graded, Kind.ALLOW_OVERWRITE, reason="x", by=asker)
    obstacles = []

    def approve():
        obstacles.append(refused(exempting.approve, exemption, by=approver))
        connection.close()

    approving = threading.Thread(target=approve)
    with transaction.atomic():
        exempting.decline(exemption, by=asker)
        approving.start()
        time.sleep(1)  # it waits for the request
    approving.join(timeout=20)

    assert obstacles == [Obstacle.ALREADY_DECIDED]
    assert Exemption.objects.get().state == "DECLINED"
    assert not Flow.objects.get().allow_overwrite


@pytest.mark.parametrize("kind", [Kind.DELETE_COLUMN, Kind.NOT_IN_LEARN])
def test_a_column_with_grades_is_taken_out_by_two(graded, asker, approver, kind, learn_calls):
    column = graded.column_mappings.get().grade_column
    exemption = exempting.ask_for_column(column, kind, reason="x", by=asker)
    column.refresh_from_db()
    assert column.takes_grades
    exempting.approve(exemption, by=approver)
    column.refresh_from_db()
    assert column.status in ("DELETING", "NOT_PROVISIONED")


def test_a_column_that_was_renamed_since_then_is_not_deleted(graded, asker, approver):
    column = graded.column_mappings.get().grade_column
    exemption = exempting.ask_for_column(column, Kind.DELETE_COLUMN, reason="x", by=asker)
    type(column).objects.update(name="Another")
    assert refused(exempting.approve, exemption, by=approver) is Obstacle.IN_THE_WAY


def test_a_column_without_grades_needs_no_second_person(asker):
    found = refused(exempting.ask_for_column, GradeColumnFactory(), Kind.DELETE_COLUMN, reason="x", by=asker)
    assert found is Obstacle.NOT_NEEDED


@pytest.mark.parametrize("about", ["flow", "column"])
def test_who_decides_reads_how_many_grades_it_is_about_now(graded, asker, client, approver, about):
    column = graded.column_mappings.get().grade_column
    if about == "flow":
        exemption = exempting.ask_for_flow(graded, Kind.ALLOW_OVERWRITE, reason="x", by=asker)
    else:
        exemption = exempting.ask_for_column(column, Kind.NOT_IN_LEARN, reason="x", by=asker)
    client.force_login(approver)
    page = reverse("admin:exports_exemption_approve", args=[exemption.pk])
    assert "Now it is" not in words_of(client.get(page))

    GradeInLearnFactory.create_batch(2, participant__flow=graded)

    assert "1 grade of it was in Learn. Now it is 3 grades." in words_of(client.get(page))


@pytest.fixture
def learn_calls(monkeypatch):
    """A run is recorded, and no worker carries it out."""
    monkeypatch.setattr("exports.mapping.deleting.carry_out_run", SimpleNamespace(enqueue=lambda pk: None))
