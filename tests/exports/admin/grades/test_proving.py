"""What the pages say of grades that were read back, and *Prove now*."""

import pytest
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from courses.models import GradeColumn
from exports.delivering import workers
from exports.models import ExportAttempt, GradeInLearn, Participant
from exports.proving.background import finish_overdue, prove_grades
from tests.conftest import COLUMN, COURSE
from tests.exports.admin.desk.conftest import figures, manager_without
from tests.factories import DecisionFactory, GradeInLearnFactory, ParticipantFactory, ProofFactory
from tests.pages import rows_of, words_of
from tests.signed_in import messages_of


def page(model, pk, name="change"):
    app = "courses" if model == "gradecolumn" else "exports"
    return reverse(f"admin:{app}_{model}_{name}", args=[pk])


def rows(client, model, **query):
    response = client.get(reverse(f"admin:exports_{model}_changelist"), query)
    assert response.status_code == 200
    return set(response.context["cl"].result_list)


@pytest.fixture
def exported(learn, flow, wiseflow):
    """u1 to u3 have their B in Learn; u1 has been given a 12 there since, by hand."""
    wiseflow.export(*({"userId": f"u{number}", "mark": "B"} for number in range(1, 4)))
    workers.workers.wait_until_idle(seconds=20)
    learn.world.type_grade(COURSE, COLUMN, "u1", "12", by="M. Hansen")
    return flow


def work():
    """As a task worker does."""
    result = DBTaskResult.objects.get(status="READY")
    of, pk = result.args_kwargs["args"]
    result.set_successful(prove_grades.func(of, pk))


class TestTheLists:
    @pytest.fixture
    def grades(self, db):
        return {
            "PROVEN": GradeInLearnFactory(proven=True),
            "DIFFERENT": GradeInLearnFactory(different=True),
            "ABSENT": GradeInLearnFactory(absent=True),
            "UNREADABLE": GradeInLearnFactory(unreadable=True),
            "UNREAD": GradeInLearnFactory(),
            "KEPT": DecisionFactory(kept=True).grade,
        }

    @pytest.mark.parametrize("state", ["PROVEN", "DIFFERENT", "ABSENT", "UNREADABLE", "UNREAD", "KEPT"])
    def test_grades_people_and_flows_are_found_by_what_learn_shows(self, state, grades, manager):
        grade = grades[state]

        assert rows(manager, "gradeinlearn", proof=state) == {grade}
        assert rows(manager, "participant", proof=state) == {grade.participant}
        assert rows(manager, "flow", proof=state) == {grade.participant.flow}

    def test_all_differences_are_found_at_once(self, grades, manager):
        both = {grades["DIFFERENT"], grades["ABSENT"]}

        assert rows(manager, "gradeinlearn", proof="differences") == both
        assert rows(manager, "participant", proof="differences") == {grade.participant for grade in both}

    def test_what_is_no_state_finds_all(self, grades, manager):
        assert len(rows(manager, "gradeinlearn", proof="NONSENSE")) == 6

    @pytest.mark.parametrize("name", ["column", "attempt"])
    def test_a_filter_that_makes_no_sense_is_refused(self, name, manager):
        response = manager.get(reverse("admin:exports_gradeinlearn_changelist"), {name: "x"})

        assert (response.status_code, response.url) == (302, "/admin/exports/gradeinlearn/?e=1")

    def test_a_grade_in_the_list_says_what_learn_shows(self, manager):
        grade = GradeInLearnFactory(different=True)

        (row,) = rows_of(manager.get(reverse("admin:exports_gradeinlearn_changelist")))

        assert row["Learn's gradebook"].startswith("Different in Learn Learn shows 12 (read ")
        assert "Different in Learn" in words_of(manager.get(page("gradeinlearn", grade.pk)))

    def test_a_participant_in_the_list_has_a_pill_for_each_state(self, manager):
        grade = GradeInLearnFactory(proven=True)
        GradeInLearnFactory(proven=True, participant=grade.participant, column_name="Another")

        (row,) = rows_of(manager.get(reverse("admin:exports_participant_changelist")))

        assert row["Value in Learn"].count("Proven") == 1


class TestThePages:
    def test_the_figures_of_a_flow_lead_to_exactly_its_grades(self, manager):
        grade = GradeInLearnFactory(different=True)
        flow = grade.participant.flow
        for read in ("proven", "proven", "absent", "unreadable"):
            GradeInLearnFactory(**{read: True}, participant__flow=flow)
        GradeInLearnFactory(proven=True)

        response = manager.get(page("flow", flow.pk))

        assert "Proven: 2 of 5 grades." in words_of(response)
        found = list(figures(response))
        assert {figure.text for figure in found} == {
            *("Proven in Learn 2", "Different in Learn 1", "Not shown in Learn 1", "Not readable in Learn 1"),
        }
        for figure in found:
            assert manager.get(figure.address).context["cl"].result_count == figure.rows

    def test_the_figures_of_an_attempt_are_of_the_grades_that_it_wrote(self, manager, learn, flow, wiseflow):
        wiseflow.export({"userId": "u1", "mark": "B"}, {"userId": "u2", "mark": "B"})
        workers.workers.wait_until_idle(seconds=20)
        GradeInLearnFactory(proven=True)
        ProofFactory(grade=GradeInLearn.objects.get(learn_user_id="u1"))

        response = manager.get(page("exportattempt", ExportAttempt.objects.get().pk))

        found = list(figures(response))
        assert {figure.text for figure in found} == {"Proven in Learn 1", "Not read back yet 1"}
        for figure in found:
            assert manager.get(figure.address).context["cl"].result_count == figure.rows

    def test_the_figures_of_a_column_are_of_what_is_in_it(self, manager):
        grade = GradeInLearnFactory(proven=True, participant=ParticipantFactory())
        GradeInLearnFactory(proven=True)
        column = GradeColumn.objects.get(name=grade.column_name, course__course_id=grade.course_id)

        (figure,) = figures(manager.get(page("gradecolumn", column.pk)))

        assert figure.text == "Proven in Learn 1"
        assert manager.get(figure.address).context["cl"].result_count == 1

    def test_a_person_reads_what_learn_shows_and_who_changed_it(self, exported, manager):
        person = Participant.objects.get(user_id="u1")
        manager.post(page("participant", person.pk, "prove"))

        said = words_of(manager.get(page("participant", person.pk)))

        assert "Learn shows 12, set by M. Hansen on" in said
        assert "What Learn's gradebook has shown, newest first" in said

    def test_who_may_not_see_the_ledger_sees_no_figures(self, db):
        grade = GradeInLearnFactory(proven=True)

        assert "Proven:" not in words_of(
            manager_without("view_gradeinlearn").get(page("flow", grade.participant.flow_id))
        )

    def test_without_a_privilege_the_page_says_what_to_ask_for(self, exported, learn, manager):
        learn.privileges.take_away("course.gradebook-grades.VIEW")
        manager.post(page("flow", exported.pk, "prove"))
        work()

        said = words_of(manager.get(page("flow", exported.pk)))

        assert "Proven: 0 of 3 grades." in said
        assert "Not proven: a privilege is missing. What to ask for" in said


class TestProveNow:
    @pytest.mark.parametrize(
        ("user", "said"),
        [
            ("u1", "Learn was read. Proven: 0 of 1. The page says what Learn shows."),
            ("u2", "Proven: Learn shows the grade."),
        ],
    )
    def test_a_person_is_proven_at_once(self, user, said, exported, manager):
        person = Participant.objects.get(user_id=user)

        response = manager.post(page("participant", person.pk, "prove"), follow=True)

        assert messages_of(response) == [said]

    def test_where_learn_cannot_answer_that_is_said(self, exported, learn, manager):
        learn.faults.add("maintenance", times=None)
        person = Participant.objects.get(user_id="u1")

        response = manager.post(page("participant", person.pk, "prove"), follow=True)

        assert messages_of(response) == ["Learn is not available at the moment."]
        assert not GradeInLearn.objects.exclude(verdict="").exists()

    @pytest.mark.parametrize("model", ["flow", "gradecolumn"])
    def test_a_flow_or_column_is_proven_by_a_task_whose_page_says_the_outcome(self, model, exported, manager):
        pk = exported.pk if model == "flow" else GradeColumn.objects.get().pk

        response = manager.post(page(model, pk, "prove"), follow=True)
        address = response.redirect_chain[-1][0]
        assert "Waiting for a task worker." in words_of(response)
        work()

        said = words_of(manager.get(address))
        assert "Proven in Learn2 Different in Learn1" in said
        assert "See what is different in Learn" in said
        assert manager.get(address, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
        assert GradeInLearn.objects.exclude(verdict="").count() == 3

    def test_a_second_press_watches_the_run_that_is_under_way(self, exported, manager):
        first, second = (manager.post(page("flow", exported.pk, "prove")).url for _ in range(2))

        assert first == second
        assert DBTaskResult.objects.count() == 1

    def test_what_no_call_was_left_for_is_said(self, exported, manager, settings):
        settings.LEARN_DAILY_CALLS = 0

        address = manager.post(page("flow", exported.pk, "prove")).url
        work()

        assert "Not everything was read." in words_of(manager.get(address))

    def test_a_run_whose_worker_died_is_over_at_last(self, exported, manager):
        address = manager.post(page("flow", exported.pk, "prove")).url
        DBTaskResult.objects.update(status="RUNNING", started_at="2026-01-01T00:00:00Z")

        assert finish_overdue() == 1

        assert "It ended with an error in GradeBridge." in words_of(manager.get(address))

    @pytest.mark.parametrize("model", ["participant", "flow"])
    def test_a_link_alone_makes_no_call(self, model, manager):
        grade = GradeInLearnFactory()
        pk = grade.participant_id if model == "participant" else grade.participant.flow_id

        assert manager.get(page(model, pk, "prove")).status_code == 405

    @pytest.mark.parametrize("lacking", ["prove", "view_gradeinlearn"])
    @pytest.mark.parametrize("model", ["participant", "flow"])
    def test_only_who_may_proves(self, model, lacking, db):
        grade = GradeInLearnFactory()
        pk = grade.participant_id if model == "participant" else grade.participant.flow_id
        client = manager_without(lacking)

        assert client.post(page(model, pk, "prove")).status_code == 403
        assert "Prove now" not in client.get(page(model, pk)).content.decode()

    @pytest.mark.parametrize("run", ["", "x", "00000000-0000-0000-0000-000000000000"])
    def test_a_run_that_there_is_not_is_not_found(self, run, manager):
        flow = GradeInLearnFactory().participant.flow

        assert manager.get(page("flow", flow.pk, "proving"), {"run": run}).status_code == 404
