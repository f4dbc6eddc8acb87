"""The start page: its figures, the lists behind them, and who sees what."""

from datetime import timedelta

import pytest
from django.contrib.humanize.templatetags.humanize import intcomma
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exports.grades.causes import Cause
from exports.models import ExportAttempt
from tests.exports.admin.desk.conftest import figures, manager_without, panel, person_of, visit
from tests.factories import (
    LONG_AGO,
    CorrectionFactory,
    DecisionFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeInLearnFactory,
    ParticipantFactory,
)
from tests.pages import rows_of, words_of
from tests.signed_in import signed_in, text_of


def a_bit_of_everything(times: int = 1) -> None:
    for _ in range(times):
        flow = FlowFactory(mapped=True)
        ParticipantFactory.create_batch(2, flow=flow, failed=True)
        ParticipantFactory(flow=flow, failed=True, cause=Cause.NOT_MAPPED)
        ParticipantFactory.create_batch(3, flow=flow, skipped=True)
        ParticipantFactory.create_batch(2, flow=flow, missing=True)
        ParticipantFactory(failed=True, cause=Cause.DEADLINE)
        ParticipantFactory(exported=True)
        ParticipantFactory(exported=True, changed_since_export=True)
        ParticipantFactory(missing=True)  # late: nothing has come
        ParticipantFactory(flow=FlowFactory(running=True), missing=True)  # there is time
        ParticipantFactory(queued=True)
        running = ExportAttemptFactory(running=True, trigger=ExportAttempt.Trigger.RETRY)
        DeliveryFactory(attempt=running, queued=True)
        ExportAttemptFactory.create_batch(2)
        ExportAttemptFactory(finished_at=timezone.now() - timedelta(days=1), trigger=ExportAttempt.Trigger.RETRY)
        ExportAttemptFactory(finished_at=timezone.now() - timedelta(days=12))
        CorrectionFactory()
        for read in ("proven", "different", "absent", "unreadable"):
            GradeInLearnFactory.create_batch(2, **{read: True})
        GradeInLearnFactory(proven=True, left_behind=True)
        kept = GradeInLearnFactory(different=True)
        DecisionFactory(kept=True, grade=kept, shown="12")
        DecisionFactory()


@pytest.mark.parametrize("who", ["manager", "administrator"])
def test_every_figure_leads_to_a_list_of_exactly_as_many_rows(who, db):
    client = signed_in(**{who: True})
    a_bit_of_everything()
    CorrectionFactory.create_batch(2, requested_by=person_of(client))
    DecisionFactory(requested_by=person_of(client))

    found = list(figures(visit(client)))

    assert len(found) > 25
    for figure in found:
        assert intcomma(figure.rows) in figure.text
        answer = client.get(figure.address)
        assert answer.status_code == 200, figure
        assert (answer.context["cl"].result_count, figure) == (figure.rows, figure)


def test_one_line_says_how_many_exams_need_someone(manager: Client) -> None:
    ParticipantFactory.create_batch(2, failed=True)
    ParticipantFactory(exported=True)

    page = visit(manager)

    assert words_of(panel(page, "headline")) == "2 of 3 exams need you"
    assert 'id="desk-headline" role="status" aria-live="polite"' in text_of(page)


def test_one_line_says_that_all_is_fine(manager: Client) -> None:
    ParticipantFactory.create_batch(2, exported=True)
    ParticipantFactory(skipped=True)

    page = visit(manager)

    assert words_of(panel(page, "headline")) == "All 3 exams are fine"
    assert panel(page, "attention") == ""


def test_students_are_counted_by_state_in_one_row(manager: Client) -> None:
    ParticipantFactory.create_batch(2, exported=True)
    ParticipantFactory(failed=True)
    ParticipantFactory(exported=True, changed_since_export=True)

    row = words_of(panel(visit(manager), "states"))

    assert row == "Not exported 0 In progress 0 Exported 3 Failed 1 Changed since export 1"


def test_grades_are_counted_by_what_learns_own_gradebook_shows(manager: Client) -> None:
    GradeInLearnFactory.create_batch(3, proven=True)
    GradeInLearnFactory.create_batch(2, different=True)
    GradeInLearnFactory(absent=True)
    GradeInLearnFactory(different=True, left_behind=True)
    DecisionFactory(kept=True)
    DecisionFactory(kept=True, shown="another value than Learn shows now")
    GradeInLearnFactory()

    row = words_of(panel(visit(manager), "proof"))

    assert row == (
        "Proven in Learn 3 Different in Learn 3 Not shown in Learn 1 Different, Learn's grade kept 1 "
        "Not read back yet 1"
    )


def test_what_cannot_be_read_says_which_privileges_to_ask_for(manager: Client) -> None:
    GradeInLearnFactory(unreadable=True)

    said = words_of(panel(visit(manager), "proof"))

    assert "Not readable in Learn 1" in said
    assert "Not proven: a privilege is missing. What to ask for" in said
    assert "course.gradebook-grades.VIEW" in said


def test_who_may_not_see_the_ledger_sees_no_figures_of_it(db: None) -> None:
    GradeInLearnFactory(proven=True)

    assert panel(visit(manager_without("view_gradeinlearn")), "proof") == ""


def test_an_empty_site_says_what_to_do_next(manager: Client, administrator: Client) -> None:
    assert "The way to the first grade in Learn" in text_of(visit(manager))
    assert reverse("admin:exports_apiclient_changelist") not in text_of(visit(manager))
    assert reverse("admin:exports_apiclient_changelist") in text_of(visit(administrator))


def test_somebody_in_neither_group_reads_how_to_get_in(db: None) -> None:
    ParticipantFactory(failed=True)
    page = text_of(visit(signed_in()))
    assert "Your account may not see grades." in page
    assert "Learn not available" not in page


def test_corrections_of_others_wait_for_those_who_may_approve_them(db):
    client = signed_in(manager=True)
    CorrectionFactory.create_batch(2)
    CorrectionFactory(requested_by=person_of(client))
    CorrectionFactory(declined=True)

    said = words_of(panel(visit(client), "corrections"))

    assert "2 corrections are waiting for you" in said
    assert "1 correction that you requested is waiting for a colleague" in said


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (
            ["approve_correction", "approve_decision"],
            "Corrections No correction is waiting for you.",
        ),
        (["view_correction", "view_decision", "view_exemption"], ""),
        (["view_correction"], "Decisions 1 replacement of a grade in Learn is waiting for you"),
        (["approve_decision"], "Corrections 1 correction is waiting for you"),
    ],
)
def test_who_may_not_approve_has_none_waiting(missing, said, db):
    CorrectionFactory()
    DecisionFactory()

    assert words_of(panel(visit(manager_without(*missing)), "corrections")) == said


def test_it_costs_few_statements_however_much_there_is(manager, django_assert_max_num_queries):
    visit(manager)  # Django remembers content types from the first page on
    counts = []
    for times in (1, 15):
        a_bit_of_everything(times)
        with django_assert_max_num_queries(32) as counted:
            visit(manager)
        counts.append(len(counted))

    assert counts[0] == counts[1]


def test_no_page_loads_anything_from_elsewhere(manager: Client) -> None:
    a_bit_of_everything()
    page = text_of(visit(manager))
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page


def test_today_is_put_beside_yesterday_in_words(manager: Client) -> None:
    ExportAttemptFactory.create_batch(2, number_of_success=600, number_of_errors=3)
    ExportAttemptFactory(number_of_success=4, number_of_errors=1, trigger=ExportAttempt.Trigger.RETRY)

    said = words_of(panel(visit(manager), "today"))

    assert said == (
        "Today: 3 attempts, 1,204 delivered, 7 not delivered. Of these, retries and corrections: 4 delivered, 1 not "
        "delivered. Yesterday: nothing finished."
    )


class TestRunning:
    def test_a_retry_shows_how_far_it_is_and_can_be_cancelled(self, manager, administrator):
        attempt = ExportAttemptFactory(running=True, trigger=ExportAttempt.Trigger.RETRY)
        DeliveryFactory.create_batch(3, attempt=attempt)
        DeliveryFactory(attempt=attempt, queued=True)

        shown = panel(visit(manager), "running")

        assert "1 is running" in words_of(shown)
        assert "3 of 4 finished" in words_of(shown)
        address = reverse("admin:exports_exportattempt_cancel", args=[attempt.pk])
        assert f'form="desk-cancel" formaction="{address}"' in shown
        assert '<form id="desk-cancel" method="post"><input type="hidden" name="csrf' in text_of(visit(manager))
        manager.post(address)
        assert "formaction" not in panel(visit(administrator), "running")

    def test_an_export_cannot_be_cancelled(self, manager):
        ExportAttemptFactory(running=True)

        assert "formaction" not in panel(visit(manager), "running")

    def test_who_may_not_retry_cannot_cancel(self, db):
        client = manager_without("retry")
        ExportAttemptFactory(running=True, trigger=ExportAttempt.Trigger.RETRY)

        assert "formaction" not in panel(visit(client), "running")

    def test_the_latest_that_finished_come_last_first(self, manager):
        older, newer = ExportAttemptFactory(finished_at=LONG_AGO), ExportAttemptFactory()
        ExportAttemptFactory(running=True)

        rows = rows_of(panel(visit(manager), "running"))

        assert [row["Attempt"] for row in rows] == [str(newer), str(older)]

    def test_nothing_runs(self, manager):
        ParticipantFactory(exported=True)

        assert "Nothing is running." in panel(visit(manager), "running")
