"""What two people lift."""

import factory
from django.utils import timezone

from exports.models import Exemption
from tests.factories.exports import FlowFactory
from tests.factories.people import UserFactory


class ExemptionFactory(factory.django.DjangoModelFactory):
    """Waiting for approval: to allow overwriting in a flow."""

    class Meta:
        model = Exemption

    kind = Exemption.Kind.ALLOW_OVERWRITE
    flow = factory.SubFactory(FlowFactory, mapped=True)
    subject = factory.LazyAttribute(lambda exemption: str(exemption.flow))
    grades = 1
    reason = "Marked by the wrong key"
    requested_by = factory.SubFactory(UserFactory)
    requested_at = factory.LazyFunction(timezone.now)
