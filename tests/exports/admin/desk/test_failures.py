"""What has failed over all flows, by cause: counted, explained, retried and downloaded."""

from datetime import timedelta

import pytest

from exports.grades.causes import Cause
from tests.exports.admin.desk.conftest import manager_without, panel, visit
from tests.factories import LONG_AGO, FlowFactory, ParticipantFactory
from tests.pages import rows_of, words_of
from tests.signed_in import signed_in


def test_they_are_grouped_by_cause_with_flows_and_times(manager):
    flow = FlowFactory(mapped=True)
    ParticipantFactory.create_batch(2, flow=flow, failed=True, failed_at=LONG_AGO)
    ParticipantFactory(failed=True, failed_at=LONG_AGO + timedelta(days=3))
    ParticipantFactory(failed=True, cause=Cause.NOT_MAPPED)

    first, second = rows_of(panel(visit(manager), "causes"))

    assert (first["Cause"], first["Grades"], first["Flows"]) == ("Learn not available", "3", "2")
    assert first["First and last seen"] == "3 May 2026, 11:00 6 May 2026, 11:00"
    assert "Retry in GradeBridge." in first["What to do"]
    assert second["Cause"] == "No Learn column chosen"


@pytest.mark.parametrize(
    ("who", "advice"), [("manager", "Ask an administrator to choose"), ("administrator", "Choose the Learn column")]
)
def test_each_role_reads_what_it_can_do(who, advice, db):
    ParticipantFactory(failed=True, cause=Cause.NOT_MAPPED)

    assert advice in panel(visit(signed_in(**{who: True})), "causes")


def test_what_failed_can_be_retried_by_cause(manager):
    ParticipantFactory.create_batch(3, failed=True)

    shown = panel(visit(manager), "causes")

    assert "Retry these 3" in words_of(shown)
    assert "cause" in shown.split('id="desk-retry-LEARN_UNAVAILABLE" href="')[1].split('"')[0]


def test_what_only_a_new_export_helps_cannot(manager):
    ParticipantFactory(failed=True, cause=Cause.ENTRY_NOT_USABLE)

    assert "Retry th" not in panel(visit(manager), "causes")


def test_who_may_not_retry_gets_no_such_button(db):
    ParticipantFactory(failed=True)

    assert "Retry th" not in panel(visit(manager_without("retry")), "causes")


def test_what_a_rule_skips_on_purpose_is_apart(manager):
    ParticipantFactory(failed=True)
    ParticipantFactory.create_batch(2, skipped=True)
    ParticipantFactory(skipped=True, cause=Cause.ADDED_BY_HAND)

    faults, skipped = panel(visit(manager), "causes").split("Skipped by a rule")

    assert [row["Cause"] for row in rows_of(faults)] == ["Learn not available"]
    assert [(row["Cause"], row["Grades"]) for row in rows_of(skipped)] == [
        ("No assessment", "2"),
        ("Student added by hand", "1"),
    ]
    assert "Retry" not in words_of(skipped).split("What to do")[0]


def test_nothing_has_failed(manager):
    ParticipantFactory(skipped=True)

    shown = panel(visit(manager), "causes")

    assert "No grades have failed. Nothing to do." in shown
    assert "Skipped by a rule" in shown


def test_the_link_beside_a_cause_downloads_its_failures(manager):
    ParticipantFactory(failed=True, user_id="anna")
    ParticipantFactory(failed=True, user_id="ben", cause=Cause.NOT_MAPPED)
    address = panel(visit(manager), "causes").split('id="desk-download-NOT_MAPPED" href="')[1].split('"')[0]

    answer = manager.get(address.replace("&amp;", "&"))

    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "ben" in answer.content.decode()
    assert "anna" not in answer.content.decode()
