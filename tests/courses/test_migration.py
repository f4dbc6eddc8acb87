"""Reasons as data: what was said before is kept as a text, is still read as it was, and comes back as it was."""

from datetime import UTC, datetime
from typing import Any

import pytest

from courses.models import EnrolmentMetadata, GradeColumn, GradeSchema, ProvisioningStep
from tests.migrating import migrate

pytestmark = pytest.mark.migrates

BEFORE = ("courses", "0003_provisioning")  # the last one that keeps sentences
NOW = datetime(2026, 5, 3, 9, 0, tzinfo=UTC)

TEXTS = {
    "none": "",
    "plain": "Learn rejected it: Column Exam already exists in course BIO101.",
    "two sentences": "The connection to Learn broke; it may have made the column. Look in Learn before you try again.",
    "quotes": "a \"quoted\" 'text'.",
    "backslashes": "back\\slash \\u0041 \\.",
    "lines": "one\ntwo\tthree.",
    "line separator": "line\u2028separator.",
    "letters": "æøå é e\u0301 🎓.",
    "braces": '{"code": "REJECTED"}.',
    "like json": "{}.",
    "percent": "100 % of %(text)s and {0} %s.",
    "longest": "x" * 5000 + ".",
}


@pytest.fixture
def old(transactional_db: None) -> Any:
    """The models of the previous release, with a row of each kind for every text."""
    try:
        old = migrate(BEFORE)
        fill(lambda name: old.get_model("courses", name))
        yield old
    finally:
        migrate()


def fill(model: Any) -> None:
    run = model("ProvisioningRun").objects.create(started_at=NOW, lease_ends_at=NOW)
    course = model("Course").objects.create(course_id="BIO101")
    for name, text in TEXTS.items():
        failed = {"standing": "FAILED" if text else "NOT_PROVISIONED", "provisioning_message": text}
        model("GradeSchema").objects.create(title=name, symbols="P=50:F=0", **failed)
        model("EnrolmentMetadata").objects.create(course=course, user_id=name, optional_data="a=1", **failed)
        column = model("GradeColumn").objects.create(course=course, name=name, external_message=text, **failed)
        model("ProvisioningStep").objects.create(
            run=run,
            kind="COLUMN",
            stage=1,
            name=name,
            column=column,
            state="FAILED" if text else "DONE",
            message=text,
            settled_at=NOW,
        )


def kept(name: str) -> list[tuple[dict[str, Any], str]]:
    """The reason and the sentence of every row of the name."""
    schema, column = GradeSchema.objects.get(title=name), GradeColumn.objects.get(name=name)
    metadata, step = EnrolmentMetadata.objects.get(user_id=name), ProvisioningStep.objects.get(name=name)
    return [
        *((row.provisioning_reason, row.provisioning_message) for row in (schema, column, metadata)),
        (column.external_reason, column.external_message),
        (step.reason, step.message),
    ]


def test_every_text_is_kept_and_read_as_it_was(old):
    migrate()
    for name, text in TEXTS.items():
        reason = {"code": "TEXT", "text": text} if text else {}
        assert kept(name) == [(reason, text)] * 5, name


def test_the_way_back_gives_every_text_back(old):
    migrate()
    step = ProvisioningStep.objects.get(name="plain")
    step.reason = {"code": "REJECTED", "message": "No"}
    step.save()

    model = migrate(BEFORE).get_model

    for name, text in TEXTS.items():
        assert model("courses", "GradeSchema").objects.get(title=name).provisioning_message == text
        assert model("courses", "EnrolmentMetadata").objects.get(user_id=name).provisioning_message == text
        assert model("courses", "GradeColumn").objects.get(name=name).external_message == text
    messages = {row.name: row.message for row in model("courses", "ProvisioningStep").objects.all()}
    assert "REJECTED" in messages.pop("plain")
    assert messages == {name: text for name, text in TEXTS.items() if name != "plain"}


def test_an_error_without_a_reason_is_refused_before_and_after(old):
    migrate()
    step = ProvisioningStep.objects.get(name="none")
    step.state = ProvisioningStep.State.FAILED
    with pytest.raises(Exception, match="provisioning_step_error_has_reason"):
        step.save()
