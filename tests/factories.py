"""Rows in the states that tests speak of. A trait is named for the state it makes."""

from datetime import UTC, datetime, timedelta

import factory
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.utils import timezone

from courses.models import (
    Course,
    EnrolmentMetadata,
    GradeColumn,
    GradeSchema,
    Provisioned,
    ProvisioningRun,
    ProvisioningStep,
    ServiceCall,
)
from exports.grades.causes import Cause
from exports.grades.translating import Marks
from exports.models import (
    ApiClient,
    ColumnMapping,
    Correction,
    Delivery,
    ExportAttempt,
    ExportState,
    Flow,
    GradeInLearn,
    Participant,
    RequestProfile,
    TranslatedGrade,
    Translation,
)
from exports.models.api_client import hash_key
from exports.roles import ADMINISTRATORS, MANAGERS

LONG_AGO = datetime(2026, 5, 3, 9, 0, tzinfo=UTC)


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    username = factory.Sequence("person{}".format)
    is_staff = True
    password = factory.django.Password("a pass phrase of some length")

    @factory.post_generation
    def manager(self, create, extracted, **kwargs):
        if extracted:
            self.groups.add(Group.objects.get(name=MANAGERS))

    @factory.post_generation
    def administrator(self, create, extracted, **kwargs):
        if extracted:
            self.groups.add(Group.objects.get(name=ADMINISTRATORS))


class RequestProfileFactory(factory.django.DjangoModelFactory):
    """Of the documented shape."""

    class Meta:
        model = RequestProfile

    name = factory.Sequence("profile{}".format)


class ApiClientFactory(factory.django.DjangoModelFactory):
    """Its key is `key-NAME`."""

    class Meta:
        model = ApiClient

    name = factory.Sequence("client{}".format)
    key_hash = factory.LazyAttribute(lambda client: hash_key(f"key-{client.name}"))


class CourseFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Course

    course_id = factory.Sequence("COURSE{}".format)
    title = factory.Sequence("Course {}".format)

    class Params:
        original = factory.Trait(experience=Course.Experience.ORIGINAL)


class ProvisionedFactory(factory.django.DjangoModelFactory):
    """What GradeBridge has not created in Learn, unless a trait says otherwise."""

    class Meta:
        abstract = True

    class Params:
        in_learn = factory.Trait(standing=Provisioned.Standing.PROVISIONED, provisioned_at=LONG_AGO)
        failed = factory.Trait(standing=Provisioned.Standing.FAILED, provisioning_message="Learn rejected it: No.")
        unconfirmed = factory.Trait(
            standing=Provisioned.Standing.UNCONFIRMED, provisioning_message="Learn did not answer. Look in Learn."
        )
        being_deleted = factory.Trait(standing=Provisioned.Standing.DELETING, provisioned_at=LONG_AGO)
        deleted = factory.Trait(standing=Provisioned.Standing.DELETED)


class GradeSchemaFactory(ProvisionedFactory):
    class Meta:
        model = GradeSchema

    title = factory.Sequence("Schema {}".format)
    symbols = "P=50:F=0"


class GradeColumnFactory(ProvisionedFactory):
    class Meta:
        model = GradeColumn

    course = factory.SubFactory(CourseFactory)
    name = factory.Sequence("Final grade {}".format)

    class Params:
        external = factory.Trait(is_external_grade=True, course=factory.SubFactory(CourseFactory, original=True))


class EnrolmentMetadataFactory(ProvisionedFactory):
    class Meta:
        model = EnrolmentMetadata

    course = factory.SubFactory(CourseFactory)
    user_id = factory.Sequence("s{}".format)
    optional_data = "EnrollType=Audit"


class ProvisioningRunFactory(factory.django.DjangoModelFactory):
    """Running, unless it is `dead`: then its process died."""

    class Meta:
        model = ProvisioningRun

    started_at = factory.LazyFunction(timezone.now)
    lease_ends_at = factory.LazyAttribute(lambda run: run.started_at + timedelta(minutes=2))

    class Params:
        dead = factory.Trait(started_at=factory.LazyFunction(lambda: timezone.now() - timedelta(hours=1)))
        done = factory.Trait(
            state=ProvisioningRun.State.DONE, finished_at=factory.LazyAttribute(lambda run: run.started_at)
        )


class ProvisioningStepFactory(factory.django.DjangoModelFactory):
    """The creation of a column, queued."""

    class Meta:
        model = ProvisioningStep

    run = factory.SubFactory(ProvisioningRunFactory)
    kind = ProvisioningStep.Kind.COLUMN
    stage = 1
    column = factory.SubFactory(GradeColumnFactory)
    name = factory.LazyAttribute(lambda step: str(step.column))

    class Params:
        sending = factory.Trait(state=ProvisioningStep.State.SENDING)


class ServiceCallFactory(factory.django.DjangoModelFactory):
    """A call in which Learn confirmed one item."""

    class Meta:
        model = ServiceCall

    service = "gradeValueAPI"
    items = 1
    status = 200
    ok_count = 1
    error_count = 0
    seconds = 0.2
    started_at = factory.LazyFunction(timezone.now)


class FlowFactory(factory.django.DjangoModelFactory):
    """Synchronised, its period over, without a column unless `mapped`, or `translated`: with alternative grades."""

    class Meta:
        model = Flow
        skip_postgeneration_save = True

    flow_id = factory.Sequence("flow{}".format)
    title = factory.Sequence("Flow {}".format)
    synchronised_at = LONG_AGO
    assessment_ends_at = LONG_AGO

    class Params:
        mapped = factory.Trait(
            column_mapping=factory.RelatedFactory("tests.factories.ColumnMappingFactory", factory_related_name="flow")
        )
        translated = factory.Trait(
            column_mapping=factory.RelatedFactory(
                "tests.factories.ColumnMappingFactory",
                factory_related_name="flow",
                translation=factory.SubFactory("tests.factories.TranslationFactory", alternatives={"U": "0"}),
            )
        )
        unsynchronised = factory.Trait(synchronised_at=None)
        running = factory.Trait(assessment_ends_at=factory.LazyFunction(lambda: timezone.now() + timedelta(days=1)))
        instant = factory.Trait(instant_export=True)
        with_roster = factory.Trait(roster_imported_at=LONG_AGO)


class ColumnMappingFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ColumnMapping

    flow = factory.SubFactory(FlowFactory)
    grade_column = factory.SubFactory(GradeColumnFactory)


class TranslationFactory(factory.django.DjangoModelFactory):
    """Marks as they are written, unless a `table` of them (given -> value) is there; `alternatives` is the other."""

    class Meta:
        model = Translation
        skip_postgeneration_save = True

    name = factory.Sequence("Translation {}".format)

    @factory.post_generation
    def table(self, create, extracted, **kwargs):
        if extracted is not None:
            self.marks = Marks.TABLE
            self.save()
            for given, value in extracted.items():
                self.grades.create(kind=TranslatedGrade.Kind.MARK, given=given, value=value)

    @factory.post_generation
    def alternatives(self, create, extracted, **kwargs):
        for given, value in (extracted or {}).items():
            self.grades.create(kind=TranslatedGrade.Kind.ALTERNATIVE_GRADE, given=given, value=value)


GRADE = "tests.factories.GradeInLearnFactory"


class ParticipantFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Participant
        skip_postgeneration_save = True

    flow = factory.SubFactory(FlowFactory, mapped=True)
    user_id = factory.Sequence("u{}".format)
    sources = factory.LazyAttribute(
        lambda person: {person.source_code: person.added_by if person.on_roster else None} if person.source_code else {}
    )
    on_roster = False
    added_by = ""

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        """The flow's counts and state follow, as they do wherever a participant changes."""
        participant = super()._create(model_class, *args, **kwargs)
        Flow.objects.refresh([participant.flow_id])
        return participant

    class Params:
        source_code = ""  # the one that they have
        on_sis_roster = factory.Trait(on_roster=True, added_by=Participant.AddedBy.SIS)
        added_by_hand = factory.Trait(on_roster=True, added_by=Participant.AddedBy.MANUAL)
        failed = factory.Trait(
            state=ExportState.FAILED, cause=Cause.LEARN_UNAVAILABLE, detail="Learn could not be reached", mark="B"
        )
        queued = factory.Trait(state=ExportState.QUEUED, mark="B")
        exported = factory.Trait(
            state=ExportState.EXPORTED,
            mark="B",
            grade=factory.RelatedFactory(GRADE, factory_related_name="participant"),
        )
        exported_alternative = factory.Trait(
            state=ExportState.EXPORTED,
            alternative_grade="U",
            grade=factory.RelatedFactory(
                GRADE, factory_related_name="participant", value="U", mark="", alternative_grade="U"
            ),
        )
        replaced = factory.Trait(  # by another person's C
            state=ExportState.FAILED,
            cause=Cause.REPLACED,
            detail="C of person u0 in flow 77",
            mark="B",
            grade=factory.RelatedFactory(GRADE, factory_related_name="participant", overwritten=True),
        )
        lost = factory.Trait(  # with its column
            state=ExportState.FAILED,
            cause=Cause.COLUMN_DELETED,
            detail="Final grade",
            mark="B",
            grade=factory.RelatedFactory(GRADE, factory_related_name="participant", column_deleted=True),
        )
        misplaced = factory.Trait(
            state=ExportState.FAILED,
            cause=Cause.MISPLACED,
            detail="Learn user wrong in column Final grade of course COURSE",
            mark="B",
            grade=factory.RelatedFactory(GRADE, factory_related_name="participant", learn_user_id="wrong"),
        )
        in_doubt = factory.Trait(
            state=ExportState.FAILED,
            cause=Cause.UNCONFIRMED,
            detail="Learn did not answer",
            mark="B",
            grade=factory.RelatedFactory(GRADE, factory_related_name="participant", doubtful=True),
        )
        alternative_in_doubt = factory.Trait(  # after a B that Learn had confirmed
            state=ExportState.FAILED,
            cause=Cause.UNCONFIRMED,
            detail="Learn did not answer",
            alternative_grade="U",
            grade=factory.RelatedFactory(
                GRADE,
                factory_related_name="participant",
                is_in_learn=None,
                until=LONG_AGO,
                ended_as=GradeInLearn.Ending.DOUBTED,
            ),
            doubt=factory.RelatedFactory(
                GRADE, factory_related_name="participant", value="U", mark="", alternative_grade="U", doubtful=True
            ),
        )


class GradeInLearnFactory(factory.django.DjangoModelFactory):
    """Confirmed, in Learn since long ago; where its participant leads, if their flow is mapped."""

    class Meta:
        model = GradeInLearn

    participant = factory.SubFactory(ParticipantFactory, state=ExportState.EXPORTED, mark="B")
    course_id = factory.LazyAttribute(lambda grade: place_of(grade.participant)[0])
    column_name = factory.LazyAttribute(lambda grade: place_of(grade.participant)[1])
    learn_user_id = factory.LazyAttribute(lambda grade: grade.participant.learn_user_id or grade.participant.user_id)
    source_code = factory.LazyAttribute(lambda grade: source_of(grade.participant))
    value = "B"
    mark = factory.SelfAttribute("value")
    since = LONG_AGO

    class Params:
        doubtful = factory.Trait(certainty=GradeInLearn.Certainty.DOUBTFUL)
        left_behind = factory.Trait(left_behind_at=LONG_AGO)
        overwritten = factory.Trait(is_in_learn=None, until=LONG_AGO, ended_as=GradeInLearn.Ending.OVERWRITTEN)
        column_deleted = factory.Trait(is_in_learn=None, until=LONG_AGO, ended_as=GradeInLearn.Ending.COLUMN_DELETED)

    @staticmethod
    def end(grade, how):
        """What is known to be no longer at its place, since now."""
        grade.is_in_learn, grade.until, grade.ended_as = None, timezone.now(), how
        grade.save()


def source_of(participant):
    """What an entry without a source is taken for: the one that the participant has."""
    return next(iter(participant.sources)) if len(participant.sources) == 1 else ""


def place_of(participant):
    """Course and column where the participant's grades go: by the flow's default, or its first mapping."""
    mapping = participant.flow.column_mappings.order_by("source_code").select_related("grade_column__course").first()
    return (mapping.grade_column.course.course_id, mapping.grade_column.name) if mapping else ("COURSE", "Final grade")


class ExportAttemptFactory(factory.django.DjangoModelFactory):
    """Settled as failed unless told otherwise."""

    class Meta:
        model = ExportAttempt

    flow = factory.SubFactory(FlowFactory, mapped=True)
    state = ExportState.FAILED
    started_at = factory.LazyFunction(timezone.now)
    finished_at = factory.LazyAttribute(lambda attempt: attempt.started_at)
    ends_by = factory.LazyAttribute(lambda attempt: attempt.started_at + timedelta(minutes=1))
    lease_ends_at = factory.LazyAttribute(lambda attempt: attempt.started_at + timedelta(seconds=10))
    number_of_errors = 1

    class Params:
        running = factory.Trait(state=ExportState.QUEUED, finished_at=None, number_of_errors=0)
        dead = factory.Trait(
            state=ExportState.QUEUED,
            finished_at=None,
            number_of_errors=0,
            started_at=factory.LazyFunction(lambda: timezone.now() - timedelta(hours=1)),
        )


class DeliveryFactory(factory.django.DjangoModelFactory):
    """Delivered unless told otherwise."""

    class Meta:
        model = Delivery

    attempt = factory.SubFactory(ExportAttemptFactory)
    participant = factory.SubFactory(ParticipantFactory, flow=factory.SelfAttribute("..attempt.flow"))
    source_code = factory.LazyAttribute(lambda delivery: source_of(delivery.participant))
    mark = "B"
    value = "B"
    course_id = "COURSE"
    column_name = "Final grade"
    learn_user_id = factory.SelfAttribute("participant.user_id")
    state = Delivery.State.DELIVERED
    settled_at = factory.LazyFunction(timezone.now)

    class Params:
        queued = factory.Trait(state=Delivery.State.QUEUED, settled_at=None)
        sending = factory.Trait(
            state=Delivery.State.SENDING,
            settled_at=None,
            claim=factory.Faker("uuid4"),
            lease_ends_at=factory.LazyAttribute(lambda delivery: delivery.attempt.lease_ends_at),
        )
        failed = factory.Trait(
            state=Delivery.State.FAILED, cause=Cause.LEARN_UNAVAILABLE, detail="Learn could not be reached"
        )
        refused = factory.Trait(state=Delivery.State.REFUSED, cause=Cause.NOT_MAPPED, value="")


class CorrectionFactory(factory.django.DjangoModelFactory):
    """Waits for approval: from B to A, of a grade that stands in Learn."""

    class Meta:
        model = Correction

    participant = factory.SubFactory(ParticipantFactory, exported=True)
    mark_before = factory.LazyAttribute(lambda correction: correction.participant.grades.first().mark)
    value_before = factory.LazyAttribute(lambda correction: correction.participant.grades.first().value)
    mark = "A"
    reason = "Added up wrongly"
    asked_by = factory.SubFactory(UserFactory)
    asked_at = factory.LazyFunction(timezone.now)

    class Params:
        approved = factory.Trait(
            state=Correction.State.APPROVED,
            decided_by=factory.SubFactory(UserFactory),
            decided_at=factory.LazyFunction(timezone.now),
            attempt=factory.SubFactory(
                ExportAttemptFactory,
                flow=factory.SelfAttribute("..participant.flow"),
                trigger=ExportAttempt.Trigger.CORRECTION,
            ),
        )
        declined = factory.Trait(
            state=Correction.State.DECLINED,
            decided_by=factory.SubFactory(UserFactory),
            decided_at=factory.LazyFunction(timezone.now),
        )
