"""People in front of the admin."""

import pytest
from django.test import Client

from tests.signed_in import signed_in


@pytest.fixture
def manager(db: None) -> Client:
    return signed_in(manager=True)


@pytest.fixture
def administrator(db: None) -> Client:
    return signed_in(administrator=True)


@pytest.fixture
def superuser(db: None) -> Client:
    return signed_in(is_superuser=True)


@pytest.fixture
def integrator(db: None) -> Client:
    return signed_in(integrator=True)
