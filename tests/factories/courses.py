"""Learn's side: courses, what is created in them, and the calls."""

from datetime import timedelta

import factory
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
from tests.factories.people import LONG_AGO


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
        in_learn = factory.Trait(status=Provisioned.Status.PROVISIONED, provisioned_at=LONG_AGO)
        failed = factory.Trait(
            status=Provisioned.Status.FAILED, provisioning_reason={"code": "REJECTED", "message": "No"}
        )
        unconfirmed = factory.Trait(
            status=Provisioned.Status.UNCONFIRMED,
            provisioning_reason={"code": "CONNECTION_BROKEN", "effect": "COLUMN", "advice": "LOOK_IN_LEARN"},
        )
        being_deleted = factory.Trait(status=Provisioned.Status.DELETING, provisioned_at=LONG_AGO)
        deleted = factory.Trait(status=Provisioned.Status.DELETED)


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
    user_id = factory.Sequence("made-s{}".format)
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
