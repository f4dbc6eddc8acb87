"""*Check with Learn*: on a flow's page, on the list, in mapping health and on the dashboard."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from courses.models import ServiceCall
from exports.admin.mapping import learn_checks
from exports.models import Flow, LearnCheck
from exports.tasks import check_with_learn
from tests.conftest import COLUMN, COURSE
from tests.factories import FlowFactory, ParticipantFactory
from tests.pages import words_of
from tests.signed_in import messages_of, signed_in

HEALTH, ALL = reverse("mapping-health"), reverse("check-with-learn")


def of(flow, page="check_with_learn"):
    return reverse(f"admin:exports_flow_{page}", args=[flow.pk])


def run_tasks():
    """What a worker does with what waits."""
    for task in DBTaskResult.objects.filter(status="READY"):
        check_with_learn.call(*task.args_kwargs["args"])
        task.delete()


@pytest.fixture
def exam(learn, flow):
    """Ends in three days; Learn does not have Ada, and the column has other points there."""
    learn.world.replace({"courses": {COURSE: {"users": ["u1"], "columns": {COLUMN: {"points": 50.0}}}}})
    Flow.objects.update(assessment_ends_at=timezone.now() + timedelta(days=3))
    ParticipantFactory(flow=flow, user_id="u1")
    ParticipantFactory(flow=flow, user_id="u77", first_name="Ada", last_name="Berg")
    flow.refresh_from_db()
    return flow


@pytest.fixture
def checked(exam):
    check_with_learn.call([exam.pk])
    return exam


@pytest.mark.parametrize("people", [{"manager": True}, {"administrator": True}])
def test_the_button_has_a_worker_look_and_the_page_shows_what_was_found(exam, people):
    client = signed_in(**people)
    assert of(exam) in client.get(of(exam, "change")).content.decode()
    assert "This flow has not been checked" not in words_of(client.get(of(exam, "change")))

    response = client.post(of(exam))

    assert (response.status_code, response.url) == (302, of(exam))
    assert "Learn is being asked" in words_of(client.get(of(exam)))
    assert "hx-get" in client.get(of(exam)).content.decode()
    assert not ServiceCall.objects.exists()
    run_tasks()
    seen = words_of(client.get(of(exam)))
    assert "Learn is being asked" not in seen
    assert "has 50 points in Learn, and 100 here" in seen
    assert "Ada Berg (u77)" in seen
    assert "Ada Berg (u77)" in words_of(client.get(of(exam, "change")))


def test_a_second_click_does_not_have_it_looked_up_twice(exam, manager):
    manager.post(of(exam))
    manager.post(of(exam))

    assert DBTaskResult.objects.count() == 1


def test_a_check_that_was_lost_can_be_requested_again(exam, manager):
    manager.post(of(exam))
    LearnCheck.objects.update(requested_at=timezone.now() - timedelta(hours=1))

    assert "Learn is being asked" not in words_of(manager.get(of(exam)))
    manager.post(of(exam))
    assert DBTaskResult.objects.count() == 2


def test_a_link_alone_makes_no_call(exam, manager):
    manager.get(of(exam))

    assert not LearnCheck.objects.exists()
    assert not DBTaskResult.objects.exists()


def test_only_administrators_are_led_to_adopting(checked, manager, administrator):
    column = checked.column_mappings.get().grade_column
    adopt = reverse("admin:courses_gradecolumn_adopt", args=[column.pk])

    for page in (of(checked), of(checked, "change"), HEALTH):
        assert adopt in administrator.get(page).content.decode()
        assert adopt not in manager.get(page).content.decode()


def test_why_it_could_not_be_checked_is_said_beside_what_was_found_before(checked, learn, manager):
    learn.faults.add("maintenance", times=None)
    check_with_learn.call([checked.pk])

    seen = words_of(manager.get(of(checked)))

    assert "Learn is not available at the moment." in seen
    assert "has 50 points in Learn" in seen


def test_where_nothing_is_wrong_that_is_said(exam, learn, manager):
    learn.world.replace({"courses": {COURSE: {"users": ["u1", "u77"], "columns": {COLUMN: {"points": 100.0}}}}})
    check_with_learn.call([exam.pk])

    assert "Nothing is wrong" in words_of(manager.get(of(exam)))


def test_chosen_flows_are_checked(exam, manager):
    other = FlowFactory(mapped=True)
    chosen = {"action": "check_chosen_with_learn", "_selected_action": [exam.pk, other.pk]}

    response = manager.post(reverse("admin:exports_flow_changelist"), chosen)

    assert response.url == f"{HEALTH}#in-learn"
    assert messages_of(response) == ["2 flows are being checked with Learn. What is found is shown here."]
    run_tasks()
    assert LearnCheck.objects.filter(checked_at__isnull=False).count() == 2


def test_mapping_health_checks_all_that_end_within_14_days(exam, manager):
    FlowFactory(mapped=True, assessment_ends_at=timezone.now() + timedelta(days=15))
    assert "Not checked yet 1" in words_of(manager.get(HEALTH))

    response = manager.post(ALL)
    assert response.url == f"{HEALTH}#in-learn"
    assert "1 flow is being checked with Learn" in words_of(manager.get(HEALTH))
    run_tasks()

    seen = words_of(manager.get(HEALTH))
    assert LearnCheck.objects.get().flow == exam
    assert "With errors in Learn 1" in seen
    assert "Ada Berg (u77)" in seen


def test_where_no_flow_ends_soon_nothing_is_requested(manager, learn):
    FlowFactory(mapped=True)

    response = manager.post(ALL)

    assert messages_of(response) == ["No flow ends within 14 days. Nothing is checked."]
    assert not DBTaskResult.objects.exists()


def test_without_the_permission_nothing_is_checked(exam):
    stranger = signed_in()

    assert stranger.post(of(exam)).status_code == 403
    assert stranger.get(of(exam)).status_code == 403
    assert stranger.post(ALL).status_code == 403
    assert not LearnCheck.objects.exists()


def test_all_are_checked_by_post_alone(manager):
    assert manager.get(ALL).status_code == 405


def test_the_dashboard_says_how_many_exams_would_fail(checked, manager):
    seen = words_of(manager.get(reverse("admin:index")))
    assert "1 exam that ends within a week would fail in Learn" in seen

    Flow.objects.update(assessment_ends_at=timezone.now() + timedelta(days=8))
    assert "would fail in Learn" not in words_of(manager.get(reverse("admin:index")))


def test_the_dashboard_is_told_of_a_new_check(exam, manager):
    from exports.admin.desk import pulse

    now = timezone.now()
    before = pulse.read(now).token
    check_with_learn.call([exam.pk])

    assert pulse.read(now).token != before


def test_findings_of_another_version_break_no_page(exam, manager):
    odd = [
        {"code": "NO_SUCH_CODE", "severity": "ERROR"},
        {"code": "POINTS_DIFFER", "severity": "ERROR"},
        {"code": "NOT_READ", "severity": "NOTE", "part": "MOON", "reason": "x"},
        {"code": "NOT_ENROLLED", "severity": "ERROR", "people": ["x"], "count": 3, "course": "BIO"},
    ]
    LearnCheck.objects.create(flow=exam, checked_at=timezone.now(), findings=odd, errors=3, notes=1)

    assert "Other points in Learn" in words_of(manager.get(of(exam)))
    assert manager.get(HEALTH).status_code == 200


def test_names_are_not_stored_with_a_check(checked):
    assert "Ada" not in str(LearnCheck.objects.values_list("findings", flat=True).get())
    assert "u77" not in str(LearnCheck.objects.values_list("findings", flat=True).get())


def made_checks(number):
    """Flows that end soon, with a finding of people and one of a column each."""
    for _ in range(number):
        flow = FlowFactory(translated=True, assessment_ends_at=timezone.now() + timedelta(days=3))
        person, column = ParticipantFactory(flow=flow), flow.column_mappings.get().grade_column_id
        findings = [
            {"code": "NOT_ENROLLED", "severity": "ERROR", "course": "BIO", "people": [person.pk], "count": 1},
            {"code": "COLUMN_CALCULATED", "severity": "ERROR", "course": "BIO", "name": "Exam", "column": column},
        ]
        LearnCheck.objects.create(flow=flow, checked_at=timezone.now(), findings=findings, errors=2)


def test_what_was_found_of_many_flows_costs_no_more_statements(manager, monkeypatch):
    monkeypatch.setattr(learn_checks, "MAX_SHOWN", 6)
    made_checks(7)
    with CaptureQueriesContext(connection) as few:
        manager.get(HEALTH)

    made_checks(8)
    with CaptureQueriesContext(connection) as many:
        seen = words_of(manager.get(HEALTH))

    assert len(many) <= len(few)
    assert "With errors in Learn 15" in seen
    assert "And 9 more flows." in seen
