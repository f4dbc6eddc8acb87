"""Users, and the moment at which all of this happened."""

from datetime import UTC, datetime

import factory
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from exports.roles import ADMINISTRATORS, INTEGRATORS, MANAGERS

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

    @factory.post_generation
    def integrator(self, create, extracted, **kwargs):
        if extracted:
            self.groups.add(Group.objects.get(name=INTEGRATORS))
