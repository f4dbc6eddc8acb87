"""From a run to Learn and back: real calls to a sandbox Learn."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from courses import provisioning
from courses.connection import connect_anew, grades_journey
from courses.models import (
    EnrolmentMetadata,
    GradeColumn,
    GradeSchema,
    ProvisioningRun,
    ProvisioningStep,
    ServiceCall,
    mark_as_in_learn,
)
from tests.courses.provisioning.conftest import columns_of, outcomes, provision
from tests.factories import (
    CourseFactory,
    EnrolmentMetadataFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    ServiceCallFactory,
)

ALL = GradeColumn.objects.all


def test_a_column_is_created_as_it_is_configured(learn, ultra):
    schema = GradeSchemaFactory(title="Pass", symbols="F=0:P=50", optional_data="sis=PF")
    GradeColumnFactory(
        course=ultra,
        name="Essay",
        item_type="ASSIGNMENT",
        points=20,
        grade_schema=schema,
        instructions="Write.",
        content_area_name="Week 1@>@Exam",
        available=True,
        start_date="2026-05-01",
        end_date="2026-05-31",
        due_date="2026-05-30",
        attempts=2,
        anonymous=True,
        group=True,
        extract=True,
        optional_data="SIS_ID=1",
    )

    run = provision(schemas=GradeSchema.objects.all(), columns=ALL())

    assert run.state == ProvisioningRun.State.DONE
    assert learn.world.as_json()["schemas"] == {"Pass": {"symbols": "P=50:F=0", "optionalData": "sis=PF"}}
    essay = columns_of(learn, "ULTRA")["Essay"]
    assert {name: essay[name] for name in essay if name not in ("values", "copies")} == {
        "points": 20.0,
        "schema": "Pass",
        "itemType": "ASSIGNMENT",
        "instructions": "Write.",
        "anonymous": True,
        "group": True,
        "contentAreaName": "Week 1@>@Exam",
        "available": True,
        "color": "",
        "attempts": 2,
        "tracked": False,
        "startDate": "2026-05-01",
        "endDate": "2026-05-31",
        "dueDate": "2026-05-30",
        "sequenceNum": None,
        "extract": True,
        "mapping": "",
        "optionalData": "SIS_ID=1",
    }


def test_what_original_courses_alone_have_goes_there(learn, original):
    GradeColumnFactory(
        course=original, name="Wiki", item_type="WIKI", color="#FF0000", tracked=True, sequence_num=3, attempts=-1
    )
    provision(columns=ALL())
    wiki = columns_of(learn, "ORIGINAL")["Wiki"]
    assert (wiki["color"], wiki["tracked"], wiki["sequenceNum"], wiki["attempts"]) == ("#FF0000", True, 3, -1)


def test_schemas_columns_and_those_that_count_them_go_in_one_run_in_order(learn, original):
    GradeColumnFactory(course=original, name="A total", item_type="TOTAL_COLUMN", mapping="B weighted,C exam")
    GradeColumnFactory(course=original, name="B weighted", item_type="WEIGHTED_COLUMN", mapping="C exam=60,D essay=40")
    GradeColumnFactory(course=original, name="C exam", grade_schema=GradeSchemaFactory(title="Pass"))
    GradeColumnFactory(course=original, name="D essay", is_external_grade=True)

    run = provision(schemas=GradeSchema.objects.all(), columns=ALL(), external=ALL().filter(is_external_grade=True))

    assert set(outcomes(run).values()) == {("DONE", "")}
    columns = columns_of(learn, "ORIGINAL")
    assert columns["B weighted"]["mapping"] == "C exam=60, D essay=40"
    assert columns["A total"]["mapping"] == "B weighted, C exam"
    assert learn.world.as_json()["courses"]["ORIGINAL"]["externalGrade"] == "D essay"
    assert ALL().get(name="D essay").external_set_at is not None


def test_metadata_is_set_and_set_again_when_it_has_changed(learn, ultra):
    row = EnrolmentMetadataFactory(course=ultra, user_id="s1", optional_data="EnrollType=Audit")
    provision(metadata=EnrolmentMetadata.objects.all())
    row.refresh_from_db()
    row.optional_data = "EnrollType=LetterGrade"
    row.forget()
    row.save()
    provision(metadata=EnrolmentMetadata.objects.all())
    assert learn.world.as_json()["courses"]["ULTRA"]["metadata"] == {"s1": "EnrollType=LetterGrade"}


def test_three_of_ten_are_rejected_and_the_second_run_sends_these_alone(learn, ultra):
    for number in range(7):
        GradeColumnFactory(course=ultra, name=f"Good {number}")
    elsewhere = CourseFactory(course_id="NOWHERE")
    for number in range(3):
        GradeColumnFactory(course=elsewhere, name=f"Bad {number}")

    first = provision(columns=ALL())

    assert first.state == ProvisioningRun.State.FAILED
    assert [state for state, _message in outcomes(first).values()].count("DONE") == 7
    assert outcomes(first)["NOWHERE · Bad 0"] == (
        "REJECTED",
        "Learn rejected it: Course NOWHERE does not exist.",
    )
    assert ALL().filter(status="PROVISIONED").count() == 7
    reason = {"code": "REJECTED", "message": "Course NOWHERE does not exist"}
    assert list(ALL().filter(status="FAILED").values_list("provisioning_reason", flat=True)) == [reason] * 3

    learn.world.merge({"courses": {"NOWHERE": {}}})
    second = provision(columns=ALL())

    assert len(outcomes(second)) == 3
    assert second.state == ProvisioningRun.State.DONE
    assert not ALL().exclude(status="PROVISIONED").exists()
    assert not ALL().exclude(provisioning_reason={}).exists()


def test_a_column_that_stands_in_learn_is_created_once_even_if_learn_would_make_two(learn, ultra):
    learn.world.duplicate_columns = "create"
    GradeColumnFactory(course=ultra, name="Exam")
    provision(columns=ALL())
    run, _plan = provisioning.request(provisioning.ProvisioningRequest(columns=ALL()), by=None)
    assert run is None
    assert columns_of(learn, "ULTRA")["Exam"]["copies"] == []


def test_asked_for_by_name_a_second_one_is_created(learn, ultra):
    learn.world.duplicate_columns = "create"
    GradeColumnFactory(course=ultra, name="Exam")
    provision(columns=ALL())
    provision(columns=ALL(), again=True)
    assert len(columns_of(learn, "ULTRA")["Exam"]["copies"]) == 1


def test_one_that_was_to_be_created_again_and_is_rejected_still_stands(learn, ultra):
    GradeColumnFactory(course=ultra, name="Exam")
    provision(columns=ALL())
    provision(columns=ALL(), again=True)
    column = ALL().get()
    assert column.is_provisioned
    assert "already exists" in column.provisioning_message


def test_a_schema_that_was_not_created_holds_back_the_columns_that_use_it_and_no_others(learn, ultra):
    learn.world.merge({"schemas": {"Pass": {"symbols": "P=50:F=0"}}})
    GradeColumnFactory(course=ultra, name="Exam", grade_schema=GradeSchemaFactory(title="Pass"))
    GradeColumnFactory(course=ultra, name="Essay")

    run = provision(schemas=GradeSchema.objects.all(), columns=ALL())

    found = outcomes(run)
    assert found["Pass"][0] == "REJECTED"
    assert found["ULTRA · Exam"] == (
        "REFUSED",
        "Its grade schema Pass is not known to be in Learn. Provision it first, or mark it as in Learn.",
    )
    assert found["ULTRA · Essay"] == ("DONE", "")
    assert list(columns_of(learn, "ULTRA")) == ["Essay"]


def test_a_column_that_was_not_created_holds_back_what_counts_it_and_its_external_grade(learn, original):
    learn.world.merge({"courses": {"ORIGINAL": {"columns": {"Exam": {}}}}})
    GradeColumnFactory(course=original, name="Exam", is_external_grade=True)
    GradeColumnFactory(course=original, name="Total", item_type="TOTAL_COLUMN", mapping="Exam")

    run = provision(columns=ALL(), external=ALL().filter(is_external_grade=True))

    found = list(ProvisioningStep.objects.filter(run=run).order_by("stage").values_list("state", "reason"))
    assert found == [
        ("REJECTED", {"code": "REJECTED", "message": "Column Exam already exists in course ORIGINAL"}),
        ("REFUSED", {"code": "COUNTED_NOT_IN_LEARN", "name": "Exam", "advice": "MARK_IT"}),
        ("REFUSED", {"code": "EXTERNAL_NOT_IN_LEARN"}),
    ]
    assert ALL().get(name="Exam").external_reason == found[2][1]


def test_what_learn_would_not_take_is_refused_without_a_call(learn, ultra):
    GradeColumnFactory(course=ultra, name="Wiki", item_type="WIKI")

    run = provision(columns=ALL())

    assert list(outcomes(run).values()) == [("REFUSED", "Learn has this type in Original courses only.")]
    assert ALL().get().status == GradeColumn.Status.FAILED
    assert not ServiceCall.objects.exists()


def test_a_schema_without_symbols_is_refused_without_a_call(learn):
    schema = GradeSchemaFactory(symbols="P=50")
    run, _plan = provisioning.request(provisioning.ProvisioningRequest(schemas=GradeSchema.objects.all()), by=None)
    GradeSchema.objects.filter(pk=schema.pk).update(symbols="")
    provisioning.carry_out(run)
    assert outcomes(run)[schema.title][0] == "REFUSED"


def test_a_row_that_was_deleted_here_meanwhile_is_not_sent(learn, ultra):
    column = GradeColumnFactory(course=ultra, name="Exam")
    run, _plan = provisioning.request(provisioning.ProvisioningRequest(columns=ALL()), by=None)
    column.delete()
    provisioning.carry_out(run)
    assert outcomes(run) == {"ULTRA · Exam": ("REFUSED", "It was deleted in GradeBridge before it was sent.")}


def test_an_external_grade_of_a_course_that_is_ultra_by_now_is_not_sent(learn, ultra):
    GradeColumnFactory(course=ultra, name="Exam", is_external_grade=True, in_learn=True)
    run = provision(external=ALL())
    assert outcomes(run)["ULTRA · Exam"] == ("REFUSED", "Learn allows an external grade in Original courses only.")


@pytest.mark.parametrize("fault", ["silent_after", "shorter", "no_status", "reset_after", "truncated_json"])
def test_what_may_have_been_created_is_unconfirmed_and_never_sent_twice(learn, ultra, settings, fault):
    settings.LEARN_TIMEOUT = 0.5
    connect_anew()
    learn.world.duplicate_columns = "create"
    GradeColumnFactory(course=ultra, name="Exam")
    GradeColumnFactory(course=ultra, name="Essay")
    learn.faults.add(fault, service="gradableItemsAPI")

    run = provision(columns=ALL())

    assert {state for state, _message in outcomes(run).values()} == {"UNCONFIRMED"}
    assert all(message.endswith("Check in Learn before you try again.") for _state, message in outcomes(run).values())
    assert set(ALL().values_list("status", flat=True)) == {"UNCONFIRMED"}
    again, plan = provisioning.request(provisioning.ProvisioningRequest(columns=ALL()), by=None)
    assert (again, len(plan.left_out)) == (None, 2)
    assert all(column["copies"] == [] for column in columns_of(learn, "ULTRA").values())


def test_results_in_another_order_are_told_apart_by_their_names(learn, ultra):
    for name in ("A", "B", "C"):
        GradeColumnFactory(course=ultra, name=name)
    learn.world.merge({"courses": {"ULTRA": {"columns": {"B": {}}}}})
    learn.faults.add("shuffled", service="gradableItemsAPI")

    run = provision(columns=ALL())

    assert {name: state for name, (state, _message) in outcomes(run).items()} == {
        "ULTRA · A": "DONE",
        "ULTRA · B": "REJECTED",
        "ULTRA · C": "DONE",
    }
    assert ServiceCall.objects.count() == 1


def test_what_did_not_arrive_is_failed_with_what_to_do(learn, ultra):
    GradeColumnFactory(course=ultra, name="Exam")
    learn.faults.add("not_installed", service="gradableItemsAPI")

    run = provision(columns=ALL())

    [(state, message)] = outcomes(run).values()
    assert state == "FAILED"
    assert "the application is not installed on the site. Check LEARN_URL" in message


def test_a_used_up_quota_ends_the_run_without_a_call_and_says_until_when(learn, ultra):
    ServiceCallFactory(lifts_at="2126-05-03 09:00Z")
    GradeColumnFactory(course=ultra)

    run = provision(columns=ALL())

    [(state, message)] = outcomes(run).values()
    assert state == "FAILED"
    assert message.startswith("Learn's daily call limit is reached. Sending can resume on 3 May 2126, 11:00.")
    assert ServiceCall.objects.count() == 1


def test_a_crash_of_our_own_leaves_what_was_sent_unconfirmed(learn, ultra, monkeypatch):
    def crash(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(grades_journey(), "send", crash)
    GradeColumnFactory(course=ultra)

    run = provision(columns=ALL())

    step = run.steps.get()
    assert (step.state, step.reason) == ("UNCONFIRMED", {"code": "CRASHED", "advice": "LOOK_IN_LEARN"})


def test_each_call_is_logged_and_linked_to_its_run(learn, ultra, settings):
    settings.LEARN_BATCH_SIZE = 2
    GradeColumnFactory.create_batch(3, course=ultra, grade_schema=GradeSchemaFactory())
    EnrolmentMetadataFactory(course=ultra, user_id="s1")

    run = provision(schemas=GradeSchema.objects.all(), columns=ALL(), metadata=EnrolmentMetadata.objects.all())

    assert [(call.service, call.items) for call in run.calls.order_by("pk")] == [
        ("gradeSchemasAPI", 1),
        ("gradableItemsAPI", 2),
        ("gradableItemsAPI", 1),
        ("userMetadataAPI", 1),
    ]


def test_a_run_takes_few_statements_however_many_rows_it_has(learn, ultra):
    counts = []
    for number in (2, 40):
        GradeColumnFactory.create_batch(number, course=ultra)
        run, _plan = provisioning.request(provisioning.ProvisioningRequest(columns=ALL()), by=None)
        with CaptureQueriesContext(connection) as queries:
            provisioning.carry_out(run)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("trait", [None, "failed", "unconfirmed", "deleted"])
def test_a_column_alone_waits_for_its_schema_and_for_what_it_counts(learn, original, trait):
    traits = {trait: True} if trait else {}
    schema = GradeSchemaFactory(**({} if trait == "deleted" else traits))
    GradeColumnFactory(course=original, name="Exam", **traits)
    GradeColumnFactory(course=original, name="Graded", grade_schema=schema)
    GradeColumnFactory(course=original, name="Total", item_type="TOTAL_COLUMN", mapping="Exam")

    run = provision(columns=ALL().filter(name__in=["Graded", "Total"]))

    assert {state for state, _message in outcomes(run).values()} == {"REFUSED"}
    assert columns_of(learn, "ORIGINAL") == {}


def test_a_schema_that_only_learn_knows_holds_nothing_back(learn, ultra):
    learn.world.merge({"schemas": {"Ours": {"symbols": "P=50:F=0"}}})
    GradeColumnFactory(course=ultra, grade_schema=GradeSchemaFactory(title="Ours", symbols=""))
    assert set(outcomes(provision(columns=ALL())).values()) == {("DONE", "")}


def test_what_came_to_stand_in_learn_after_the_request_is_not_sent(learn, ultra):
    column = GradeColumnFactory(course=ultra, name="Exam")
    run, _plan = provisioning.request(provisioning.ProvisioningRequest(columns=ALL()), by=None)
    mark_as_in_learn(ALL())

    provisioning.carry_out(run)

    assert columns_of(learn, "ULTRA") == {}
    column.refresh_from_db()
    assert (column.status, column.provisioning_message) == ("PROVISIONED", "")


def test_blanks_around_symbols_do_no_harm(learn, ultra):
    schema = GradeSchemaFactory(symbols="A=90 : B=80 : F=0")
    provision(schemas=GradeSchema.objects.all())
    assert learn.world.as_json()["schemas"][schema.title]["symbols"] == "A=90:B=80:F=0"
    assert schema.symbol_names == {"A", "B", "F"}


def test_many_columns_that_count_one_another_take_no_time(learn, original):
    names = [f"T{number}" for number in range(14)]
    for name in names:
        others = ",".join(other for other in names if other != name)
        GradeColumnFactory(course=original, name=name, item_type="TOTAL_COLUMN", mapping=others)
    run = provision(columns=ALL())
    assert {state for state, _message in outcomes(run).values()} == {"REFUSED"}


def test_a_partial_answer_that_is_cut_off_leaves_all_unconfirmed_and_nothing_is_made_twice(learn, ultra):
    learn.world.duplicate_columns = "create"
    for course in (ultra, CourseFactory(course_id="NOWHERE"), ultra):
        GradeColumnFactory(course=course)
    learn.faults.add("truncated_json", service="gradableItemsAPI")

    run = provision(columns=ALL())

    assert {state for state, _message in outcomes(run).values()} == {"UNCONFIRMED"}
    again, _plan = provisioning.request(provisioning.ProvisioningRequest(columns=ALL()), by=None)
    assert again is None


def test_a_column_that_is_created_again_becomes_the_external_grade_again(learn, original):
    GradeColumnFactory(course=original, name="Exam", is_external_grade=True)
    provision(columns=ALL(), external=ALL())
    learn.world.replace({"courses": {"ORIGINAL": {"experience": "ORIGINAL"}}})

    run, _plan = provisioning.request(provisioning.ProvisioningRequest.again_by_name(ALL()), by=None)
    provisioning.carry_out(run)

    assert [step.state for step in run.steps.all()] == ["DONE", "DONE"]
    assert learn.world.as_json()["courses"]["ORIGINAL"]["externalGrade"] == "Exam"
