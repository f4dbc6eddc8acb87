"""A sandbox Learn with one course of each experience and nothing in them."""

from typing import Any

import pytest

from courses import provisioning
from courses.models import ProvisioningRun, ProvisioningStep
from sandbox.server import SandboxLearn
from tests.factories import CourseFactory


@pytest.fixture
def ultra(learn: SandboxLearn) -> Any:
    learn.world.merge({"courses": {"ULTRA": {"experience": "ULTRA", "users": ["s1", "s2", "s3"]}}})
    return CourseFactory(course_id="ULTRA")


@pytest.fixture
def original(learn: SandboxLearn) -> Any:
    learn.world.merge({"courses": {"ORIGINAL": {"experience": "ORIGINAL", "users": ["s1", "s2", "s3"]}}})
    return CourseFactory(course_id="ORIGINAL", original=True)


def provision(**wanted: Any) -> ProvisioningRun:
    """A run of what is wanted, carried out."""
    run, _plan = provisioning.request(provisioning.ProvisioningRequest(**wanted), by=None)
    assert run is not None
    provisioning.carry_out(run)
    run.refresh_from_db()
    return run


def outcomes(run: ProvisioningRun) -> dict[str, tuple[str, str]]:
    """State and message of each step, by the name of its row."""
    return {step.name: (step.state, step.message) for step in ProvisioningStep.objects.filter(run=run)}


def columns_of(learn: SandboxLearn, course_id: str) -> dict[str, Any]:
    """What stands in the course, in the sandbox's own words."""
    columns: dict[str, Any] = learn.world.as_json()["courses"][course_id]["columns"]
    return columns
