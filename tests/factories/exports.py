"""WISEflow's side: flows, participants, attempts and what became of them."""

from datetime import timedelta

import factory
from django.utils import timezone

from exports.grades.causes import Cause
from exports.grades.translating import Marks
from exports.models import (
    ApiClient,
    ColumnMapping,
    Correction,
    Decision,
    Delivery,
    ExportAttempt,
    ExportState,
    Flow,
    GradeInLearn,
    Hold,
    Participant,
    Proof,
    RefusedRequest,
    RequestProfile,
    RetryRun,
    TranslatedGrade,
    Translation,
)
from exports.models.api_client import hash_key
from tests.factories.courses import GradeColumnFactory
from tests.factories.people import LONG_AGO, UserFactory


class RequestProfileFactory(factory.django.DjangoModelFactory):
    """Of the documented shape."""

    class Meta:
        model = RequestProfile

    name = factory.Sequence("profile{}".format)


class ApiClientFactory(factory.django.DjangoModelFactory):
    """Its key is `key-NAME`. It was used just now, so that a call has nothing to write about it."""

    class Meta:
        model = ApiClient

    name = factory.Sequence("client{}".format)
    key_hash = factory.LazyAttribute(lambda client: hash_key(f"key-{client.name}"))
    last_used_at = factory.LazyFunction(timezone.now)


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
    user_id = factory.Sequence("made-u{}".format)
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
            state=ExportState.FAILED,
            cause=Cause.LEARN_UNAVAILABLE,
            detail={"code": "NOT_REACHED"},
            failed_at=factory.LazyFunction(timezone.now),
            mark="B",
        )
        missing = factory.Trait(on_sis_roster=True)  # expected, and WISEflow has sent no grade
        skipped = factory.Trait(  # by a rule, on purpose
            state=ExportState.FAILED, cause=Cause.NO_ASSESSMENT, failed_at=factory.LazyFunction(timezone.now)
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
            detail={"value": "C", "user_id": "u0", "flow_id": "77"},
            mark="B",
            grade=factory.RelatedFactory(GRADE, factory_related_name="participant", overwritten=True),
        )
        changed_in_learn = factory.Trait(  # a teacher has entered a 12 before the B could be sent
            state=ExportState.FAILED,
            cause=Cause.CHANGED_IN_LEARN,
            detail={"reason": "SET_BY", "shown": "12", "by": "M. Hansen", "changed_at": LONG_AGO.isoformat()},
            mark="B",
            delivery=factory.RelatedFactory(
                "tests.factories.DeliveryFactory",
                "participant",
                attempt__flow=factory.SelfAttribute("..participant.flow"),
                course_id=factory.LazyAttribute(lambda delivery: place_of(delivery.participant)[0]),
                column_name=factory.LazyAttribute(lambda delivery: place_of(delivery.participant)[1]),
                changed_in_learn=True,
            ),
        )
        lost = factory.Trait(  # with its column
            state=ExportState.FAILED,
            cause=Cause.COLUMN_DELETED,
            detail={"column_name": "Final grade"},
            mark="B",
            grade=factory.RelatedFactory(GRADE, factory_related_name="participant", column_deleted=True),
        )
        misplaced = factory.Trait(
            state=ExportState.FAILED,
            cause=Cause.MISPLACED,
            detail={"places": [["COURSE", "Final grade", "wrong"]]},
            mark="B",
            grade=factory.RelatedFactory(GRADE, factory_related_name="participant", learn_user_id="wrong"),
        )
        in_doubt = factory.Trait(
            state=ExportState.FAILED,
            cause=Cause.UNCONFIRMED,
            detail={"code": "NO_ANSWER_IN_TIME", "seconds": 30, "effect": "GRADE"},
            mark="B",
            grade=factory.RelatedFactory(GRADE, factory_related_name="participant", doubtful=True),
        )
        alternative_in_doubt = factory.Trait(  # after a B that Learn had confirmed
            state=ExportState.FAILED,
            cause=Cause.UNCONFIRMED,
            detail={"code": "NO_ANSWER_IN_TIME", "seconds": 30, "effect": "GRADE"},
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
        skip_postgeneration_save = True

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
        proven = factory.Trait(read=factory.RelatedFactory("tests.factories.ProofFactory", "grade"))
        different = factory.Trait(read=factory.RelatedFactory("tests.factories.ProofFactory", "grade", different=True))
        absent = factory.Trait(read=factory.RelatedFactory("tests.factories.ProofFactory", "grade", absent=True))
        unreadable = factory.Trait(
            read=factory.RelatedFactory("tests.factories.ProofFactory", "grade", unreadable=True)
        )
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
    """Finished as failed unless told otherwise."""

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
        retry = factory.Trait(
            trigger=ExportAttempt.Trigger.RETRY, retry_run=factory.SubFactory("tests.factories.RetryRunFactory")
        )
        running = factory.Trait(state=ExportState.QUEUED, finished_at=None, number_of_errors=0)
        dead = factory.Trait(
            state=ExportState.QUEUED,
            finished_at=None,
            number_of_errors=0,
            started_at=factory.LazyFunction(lambda: timezone.now() - timedelta(hours=1)),
        )


class RetryRunFactory(factory.django.DjangoModelFactory):
    """Of grades that someone chose, without attempts."""

    class Meta:
        model = RetryRun

    requested_by = factory.SubFactory(UserFactory)
    requested_at = factory.LazyFunction(timezone.now)
    is_selection = True

    class Params:
        of_command_line = factory.Trait(requested_by=None, is_selection=False)


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
    finished_at = factory.LazyFunction(timezone.now)

    class Params:
        queued = factory.Trait(state=Delivery.State.QUEUED, finished_at=None)
        sending = factory.Trait(
            state=Delivery.State.SENDING,
            finished_at=None,
            claim=factory.Faker("uuid4"),
            lease_ends_at=factory.LazyAttribute(lambda delivery: delivery.attempt.lease_ends_at),
        )
        failed = factory.Trait(
            state=Delivery.State.FAILED, cause=Cause.LEARN_UNAVAILABLE, detail={"code": "NOT_REACHED"}
        )
        refused = factory.Trait(state=Delivery.State.REFUSED, cause=Cause.NOT_MAPPED, value="")
        changed_in_learn = factory.Trait(
            state=Delivery.State.REFUSED,
            cause=Cause.CHANGED_IN_LEARN,
            detail={"reason": "SET_BY", "shown": "12", "by": "M. Hansen", "changed_at": LONG_AGO.isoformat()},
        )


class CorrectionFactory(factory.django.DjangoModelFactory):
    """Waiting for approval: from B to A, of a grade that is in Learn."""

    class Meta:
        model = Correction

    participant = factory.SubFactory(ParticipantFactory, exported=True)
    mark_before = factory.LazyAttribute(lambda correction: correction.participant.grades.first().mark)
    value_before = factory.LazyAttribute(lambda correction: correction.participant.grades.first().value)
    mark = "A"
    reason = "Added up wrongly"
    requested_by = factory.SubFactory(UserFactory)
    requested_at = factory.LazyFunction(timezone.now)

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


class DecisionFactory(factory.django.DjangoModelFactory):
    """Requested: a 12 that Learn shows is to be replaced by the B that GradeBridge wrote."""

    class Meta:
        model = Decision

    grade = factory.SubFactory("tests.factories.GradeInLearnFactory", different=True)
    participant = factory.SelfAttribute("grade.participant")
    course_id = factory.SelfAttribute("grade.course_id")
    column_name = factory.SelfAttribute("grade.column_name")
    learn_user_id = factory.SelfAttribute("grade.learn_user_id")
    shown = "12"
    value = "B"
    kind = Decision.Kind.REPLACE
    reason = "The board has decided"
    requested_by = factory.SubFactory(UserFactory)
    requested_at = factory.LazyFunction(timezone.now)

    class Params:
        approved = factory.Trait(
            state=Decision.State.APPROVED,
            decided_by=factory.SubFactory(UserFactory),
            decided_at=factory.LazyFunction(timezone.now),
        )
        declined = factory.Trait(
            state=Decision.State.DECLINED,
            decided_by=factory.SubFactory(UserFactory),
            decided_at=factory.LazyFunction(timezone.now),
        )
        kept = factory.Trait(
            kind=Decision.Kind.KEEP,
            state=Decision.State.APPROVED,
            decided_by=factory.SelfAttribute("requested_by"),
            decided_at=factory.LazyFunction(timezone.now),
        )


class ProofFactory(factory.django.DjangoModelFactory):
    """Proven. It is its grade's latest."""

    class Meta:
        model = Proof

    grade = factory.SubFactory(GradeInLearnFactory)
    verdict = Proof.Verdict.PROVEN
    shown = factory.LazyAttribute(lambda proof: proof.grade.value)
    read_at = factory.LazyFunction(timezone.now)

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        proof = super()._create(model_class, *args, **kwargs)
        proof.grade.proof, proof.grade.verdict = proof, proof.verdict
        proof.grade.save(update_fields=["proof", "verdict"])
        return proof

    class Params:
        different = factory.Trait(verdict=Proof.Verdict.DIFFERENT, shown="12")
        absent = factory.Trait(verdict=Proof.Verdict.ABSENT, shown="")
        unreadable = factory.Trait(verdict=Proof.Verdict.UNREADABLE, shown="", detail={"code": "NOT_READABLE"})


class HoldFactory(factory.django.DjangoModelFactory):
    """Of a flow unless told otherwise: `person` and its flow, or the `pause` of all sending. Open."""

    class Meta:
        model = Hold

    flow = factory.SubFactory(FlowFactory, mapped=True)
    reason = "The board meets on Friday"
    held_by = factory.SubFactory(UserFactory)
    held_at = factory.LazyFunction(timezone.now)

    class Params:
        person = factory.Trait(
            participant=factory.SubFactory(ParticipantFactory), flow=factory.SelfAttribute("participant.flow")
        )
        pause = factory.Trait(flow=None)
        released = factory.Trait(
            released_by=factory.SubFactory(UserFactory), released_at=factory.LazyFunction(timezone.now)
        )


class RefusedRequestFactory(factory.django.DjangoModelFactory):
    """An export with a key that is not known."""

    class Meta:
        model = RefusedRequest

    at = factory.LazyFunction(timezone.now)
    last_at = factory.SelfAttribute("at")
    address = "192.0.2.7"
    method = "POST"
    path = factory.LazyAttribute(lambda refused: f"/api/wiseflow/flows/{refused.flow_id}/export")
    status = 401
    reason = "The API key is unknown or no longer active."
    size = 100
    flow_id = "77"
    likeness = factory.Sequence("{:064}".format)
