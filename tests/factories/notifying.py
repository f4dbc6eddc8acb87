"""Events, and what is sent of them."""

from datetime import timedelta

import factory
from django.utils import timezone

from exports.grades.causes import Cause
from exports.models import Digest, Event, Subscription, Webhook, WebhookMessage
from exports.models.event import SUBSCRIBABLE
from tests.factories.exports import CorrectionFactory, FlowFactory
from tests.factories.people import UserFactory


class EventFactory(factory.django.DjangoModelFactory):
    """An export that ended with 7 failures, ten minutes ago: its burst is over."""

    class Meta:
        model = Event

    kind = Event.Kind.EXPORT_FAILED
    at = factory.LazyFunction(lambda: timezone.now() - timedelta(minutes=10))
    flow = factory.SubFactory(FlowFactory, mapped=True)
    data = factory.LazyFunction(
        lambda: {
            "attempt": 1,
            "trigger": "EXPORT",
            "delivered": 33,
            "not_delivered": 7,
            "causes": {Cause.LEARN_UNAVAILABLE.value: 7},
        }
    )

    class Params:
        fresh = factory.Trait(at=factory.LazyFunction(timezone.now))
        digested = factory.Trait(digested_at=factory.LazyFunction(timezone.now))
        posted = factory.Trait(posted_at=factory.LazyFunction(timezone.now))
        retry = factory.Trait(kind=Event.Kind.RETRY_FINISHED)
        correction_waits = factory.Trait(
            kind=Event.Kind.CORRECTION_REQUESTED,
            correction=factory.SubFactory(CorrectionFactory),
            flow=factory.LazyAttribute(lambda event: event.correction.participant.flow),
            data=factory.LazyAttribute(lambda event: {"correction": event.correction.pk}),
        )
        correction = None
        quota_short = factory.Trait(
            kind=Event.Kind.QUOTA_SHORT,
            flow=None,
            data=factory.LazyFunction(lambda: {"grades": 9000, "calls": 18, "calls_left": 3, "lifts_at": ""}),
        )

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        kwargs.pop("correction", None)
        return super()._create(model_class, *args, **kwargs)


class SubscriptionFactory(factory.django.DjangoModelFactory):
    """A manager's with an e-mail address, to all kinds of events."""

    class Meta:
        model = Subscription
        skip_postgeneration_save = True

    user = factory.SubFactory(
        UserFactory, manager=True, email=factory.LazyAttribute(lambda user: f"{user.username}@example.edu")
    )
    is_active = True
    kinds = factory.LazyFunction(lambda: [kind for kind, _label in SUBSCRIBABLE])

    @factory.post_generation
    def courses(self, create, extracted, **kwargs):
        self.courses.set(extracted or [])


class DigestFactory(factory.django.DjangoModelFactory):
    """Waiting for its first try, of one event."""

    class Meta:
        model = Digest
        skip_postgeneration_save = True

    user = factory.LazyFunction(lambda: SubscriptionFactory().user)

    class Params:
        sent = factory.Trait(state=Digest.State.SENT, tries=1, finished_at=factory.LazyFunction(timezone.now))
        given_up = factory.Trait(
            state=Digest.State.GIVEN_UP,
            tries=28,
            finished_at=factory.LazyFunction(timezone.now),
            reason=factory.LazyFunction(lambda: {"code": "MAIL_SERVER_NOT_REACHED"}),
        )

    @factory.post_generation
    def events(self, create, extracted, **kwargs):
        self.events.set(extracted or [EventFactory(digested=True)])


class WebhookFactory(factory.django.DjangoModelFactory):
    """Of all kinds of events; nothing listens at its address."""

    class Meta:
        model = Webhook

    name = factory.Sequence("system{}".format)
    url = "http://127.0.0.1:9/"
    kinds = factory.LazyFunction(lambda: [kind for kind, _label in SUBSCRIBABLE])


class WebhookMessageFactory(factory.django.DjangoModelFactory):
    """Waiting for its first try."""

    class Meta:
        model = WebhookMessage

    webhook = factory.SubFactory(WebhookFactory)
    event = factory.SubFactory(EventFactory, posted=True)

    class Params:
        sent = factory.Trait(
            state=WebhookMessage.State.SENT,
            tries=1,
            response_status=204,
            seconds=0.2,
            finished_at=factory.LazyFunction(timezone.now),
        )
        given_up = factory.Trait(
            state=WebhookMessage.State.GIVEN_UP,
            tries=28,
            response_status=500,
            seconds=0.2,
            finished_at=factory.LazyFunction(timezone.now),
            reason=factory.LazyFunction(lambda: {"code": "STATUS", "status": 500}),
        )
