"""What goes to Learn, and what is left out."""

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from courses import provisioning
from courses.models import EnrolmentMetadata, GradeColumn, GradeSchema, ProvisioningRun, ProvisioningStep
from courses.provisioning.planning import find_stages
from tests.factories import (
    CourseFactory,
    EnrolmentMetadataFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    ProvisioningStepFactory,
)

pytestmark = pytest.mark.django_db

ProvisioningRequest = provisioning.ProvisioningRequest
Kind = ProvisioningStep.Kind
IN_LEARN = {"code": "IN_LEARN", "since_at": "2026-05-03T09:00:00+00:00"}


def everything(**options):
    return ProvisioningRequest(
        schemas=GradeSchema.objects.all(),
        columns=GradeColumn.objects.all(),
        external=GradeColumn.objects.all(),
        metadata=EnrolmentMetadata.objects.all(),
        **options,
    )


def test_all_that_was_never_created_goes():
    rows = [GradeSchemaFactory(), GradeColumnFactory(external=True), EnrolmentMetadataFactory()]

    plan = provisioning.plan(everything())

    assert plan.left_out == []
    assert plan.steps == [
        (Kind.SCHEMA, rows[0]),
        (Kind.COLUMN, rows[1]),
        (Kind.EXTERNAL_GRADE, rows[1]),
        (Kind.METADATA, rows[2]),
    ]


@pytest.mark.parametrize(
    ("factory", "traits", "reason"),
    [
        (GradeColumnFactory, {"in_learn": True}, IN_LEARN),
        (GradeSchemaFactory, {"in_learn": True}, IN_LEARN),
        (EnrolmentMetadataFactory, {"in_learn": True}, IN_LEARN),
        (GradeColumnFactory, {"unconfirmed": True}, {"code": "MAYBE_IN_LEARN"}),
        (GradeSchemaFactory, {"unconfirmed": True}, {"code": "MAYBE_IN_LEARN"}),
        (GradeColumnFactory, {"being_deleted": True}, {"code": "BEING_DELETED"}),
        (GradeColumnFactory, {"deleted": True}, {"code": "DELETED_IN_LEARN"}),
        (GradeSchemaFactory, {"symbols": ""}, {"code": "SYMBOLS_UNKNOWN"}),
    ],
)
def test_what_stands_in_learn_or_may_is_left_out_with_the_reason(factory, traits, reason):
    row = factory(**traits)

    found = provisioning.plan(everything()).left_out
    [(left_out, why)] = [(row, why) for row, why in found if why["code"] != "NOT_MARKED_EXTERNAL"]

    assert left_out == row
    assert why == reason


@pytest.mark.parametrize("trait", ["failed", "unconfirmed"])
def test_metadata_that_may_stand_in_learn_is_set_again(trait):
    EnrolmentMetadataFactory(**{trait: True})
    assert [kind for kind, _row in provisioning.plan(everything()).steps] == [Kind.METADATA]


@pytest.mark.parametrize("trait", ["in_learn", "unconfirmed", "deleted"])
def test_asked_for_by_name_it_goes_again(trait):
    column = GradeColumnFactory(**{trait: True})
    again = ProvisioningRequest(columns=GradeColumn.objects.all(), again=True)
    assert provisioning.plan(again).steps == [(Kind.COLUMN, column)]


def test_a_column_that_is_being_deleted_does_not_go_even_by_name():
    GradeColumnFactory(being_deleted=True)
    assert provisioning.plan(ProvisioningRequest(columns=GradeColumn.objects.all(), again=True)).steps == []


def test_an_external_grade_that_is_set_is_left_out():
    GradeColumnFactory(external=True, in_learn=True, external_set_at="2026-05-03 09:00Z")
    [reason] = [
        reason for _row, reason in provisioning.plan(ProvisioningRequest(external=GradeColumn.objects.all())).left_out
    ]
    assert reason == {"code": "EXTERNAL_ALREADY", "since_at": "2026-05-03T09:00:00+00:00"}


def test_what_is_on_its_way_is_left_out():
    step = ProvisioningStepFactory()
    [(row, reason)] = provisioning.plan(ProvisioningRequest(columns=GradeColumn.objects.all())).left_out
    lease = step.run.lease_ends_at.isoformat()
    assert (row, reason) == (step.column, {"code": "IN_PROGRESS", "lease_ends_at": lease})


def test_columns_take_the_schemas_along_that_they_use_and_learn_lacks():
    schemas = [GradeSchemaFactory(title="A"), GradeSchemaFactory(in_learn=True), GradeSchemaFactory(symbols="")]
    for schema in schemas:
        GradeColumnFactory(grade_schema=schema)
    GradeSchemaFactory(title="used by none")

    plan = provisioning.plan(ProvisioningRequest.with_all_they_need(GradeColumn.objects.all()))

    assert [row for kind, row in plan.steps if kind is Kind.SCHEMA] == [schemas[0]]
    assert len([row for kind, row in plan.steps if kind is Kind.COLUMN]) == 3
    assert plan.left_out == []


def test_a_request_records_a_step_a_row_and_sends_nothing():
    column = GradeColumnFactory(name="Final", course__course_id="BIO101")

    run, _plan = provisioning.request(ProvisioningRequest(columns=GradeColumn.objects.all()), by=None)

    step = ProvisioningStep.objects.get()
    assert (step.run, step.column, step.name, step.state) == (run, column, "BIO101 · Final", "QUEUED")


def test_a_request_with_nothing_to_send_records_no_run():
    GradeColumnFactory(in_learn=True)
    run, plan = provisioning.request(ProvisioningRequest(columns=GradeColumn.objects.all()), by=None)
    assert run is None
    assert len(plan.left_out) == 1
    assert not ProvisioningRun.objects.exists()


def test_a_second_request_leaves_out_what_the_first_has_on_its_way():
    GradeColumnFactory()
    provisioning.request(ProvisioningRequest(columns=GradeColumn.objects.all()), by=None)
    run, _plan = provisioning.request(ProvisioningRequest(columns=GradeColumn.objects.all()), by=None)
    assert run is None


def test_the_database_allows_one_open_step_of_a_kind_a_row():
    step = ProvisioningStepFactory()
    with pytest.raises(IntegrityError):
        ProvisioningStepFactory(column=step.column)


def test_columns_that_count_others_go_after_these():
    course = CourseFactory()
    total = GradeColumnFactory(course=course, name="Total", item_type="TOTAL_COLUMN", mapping="Weighted, Essay")
    weighted = GradeColumnFactory(
        course=course, name="Weighted", item_type="WEIGHTED_COLUMN", mapping="Essay=40, Exam=60"
    )
    essay = GradeColumnFactory(course=course, name="Essay")

    stages = find_stages([(Kind.COLUMN, total), (Kind.COLUMN, weighted), (Kind.COLUMN, essay)])

    assert stages[Kind.COLUMN, essay.pk] < stages[Kind.COLUMN, weighted.pk] < stages[Kind.COLUMN, total.pk]


def test_schemas_go_first_and_external_grades_metadata_and_deletions_last():
    column = GradeColumnFactory()
    rows = [
        (Kind.DELETION, column),
        (Kind.METADATA, EnrolmentMetadataFactory()),
        (Kind.EXTERNAL_GRADE, column),
        (Kind.COLUMN, column),
        (Kind.SCHEMA, GradeSchemaFactory()),
    ]
    stages = find_stages(rows)
    assert [kind for kind, _pk in sorted(stages, key=stages.get)] == [kind for kind, _row in reversed(rows)]


def test_columns_that_count_each_other_do_not_go_round_for_ever():
    course = CourseFactory()
    one = GradeColumnFactory(course=course, name="One", item_type="TOTAL_COLUMN", mapping="Two")
    two = GradeColumnFactory(course=course, name="Two", item_type="TOTAL_COLUMN", mapping="One")
    assert len(find_stages([(Kind.COLUMN, one), (Kind.COLUMN, two)])) == 2


@pytest.mark.parametrize("factory", [GradeColumnFactory, GradeSchemaFactory, EnrolmentMetadataFactory])
def test_planning_costs_the_same_statements_for_many_rows(factory):
    counts = []
    for number in (1, 30):
        factory.create_batch(number)
        with CaptureQueriesContext(connection) as queries:
            provisioning.plan(everything())
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_mapping_that_cannot_be_read_waits_for_its_turn_to_be_refused():
    column = GradeColumnFactory(item_type="TOTAL_COLUMN", mapping="Essay,,Exam")
    assert find_stages([(Kind.COLUMN, column)]) == {(Kind.COLUMN, column.pk): 1}
