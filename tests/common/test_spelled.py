"""Every text that people type into a form of the admin follows the one rule of spelling."""

from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models

from courses.models import ColumnReading, ProvisioningRun, ProvisioningStep, ServiceCall
from exports.models import (
    Delivery,
    Event,
    Evidence,
    ExportAttempt,
    FlowInWiseflow,
    GradeInLearn,
    Participant,
    PersonInWiseflow,
    Proof,
    RefusedRequest,
    Webhook,
)

# Written by statements alone, from texts that were cleaned where they came in or are kept as they were read; no form
# edits them.
NO_FORM = {
    *(Delivery, Event, Evidence, ExportAttempt, GradeInLearn, Participant, RefusedRequest),
    *(ColumnReading, ProvisioningRun, ProvisioningStep, ServiceCall),
    *(FlowInWiseflow, PersonInWiseflow, Proof),
}


def typed_fields() -> list[Any]:
    return [
        pytest.param(model, field, id=f"{model.__name__}.{field.name}")
        for label in ("courses", "exports")
        for model in apps.get_app_config(label).get_models()
        if not model.__name__.startswith("Historical") and model not in NO_FORM
        for field in model._meta.concrete_fields
        if isinstance(field, (models.CharField, models.TextField)) and field.editable and not field.choices
        if (model, field.name) != (Webhook, "url")  # an address has a rule of its own
    ]


def problems(model: type[models.Model], field: Any, text: str) -> tuple[str, list[str]]:
    """The field's value once its row is validated, and what is wrong with it."""
    row = model(**{field.name: text})
    others = {other.name for other in model._meta.fields} - {field.name}
    try:
        row.clean_fields(exclude=others)
    except ValidationError as error:
        return getattr(row, field.name), error.message_dict[field.name]
    return getattr(row, field.name), []


def test_there_are_such_fields() -> None:
    assert {"Course.course_id", "ColumnMapping.source_code", "TranslatedGrade.given", "GradeColumn.instructions"} <= {
        parameters.id for parameters in typed_fields()
    }


@pytest.mark.parametrize(("model", "field"), typed_fields())
def test_blanks_at_both_ends_are_cut(model: type[models.Model], field: Any) -> None:
    assert problems(model, field, "\u3000 red\u00a0\t") == ("red", [])


@pytest.mark.parametrize(("model", "field"), typed_fields())
def test_a_character_that_nobody_sees_is_refused(model: type[models.Model], field: Any) -> None:
    assert problems(model, field, "re\u200bd")[1] == ["It contains the invisible character U+200B."]
    assert problems(model, field, "re\u0001d")[1] == ["It contains the control character U+0001."]


@pytest.mark.parametrize(("model", "field"), typed_fields())
def test_only_a_text_of_several_lines_holds_line_breaks(model: type[models.Model], field: Any) -> None:
    is_long = isinstance(field, models.TextField)
    assert problems(model, field, "re\nd")[1] == ([] if is_long else ["It contains the control character U+000A."])


@pytest.mark.parametrize(("model", "field"), typed_fields())
def test_nothing_but_blanks_is_missing_where_a_text_is_required(model: type[models.Model], field: Any) -> None:
    assert problems(model, field, "\u3000 ") == ("", [] if field.blank else ["This field cannot be blank."])


def test_the_rule_and_other_checks_speak_of_their_own_fields() -> None:
    course = apps.get_model("courses.Course")(course_id="a\u200b", title="x" * 334)
    with pytest.raises(ValidationError) as caught:
        course.clean_fields()
    assert caught.value.message_dict == {
        "course_id": ["It contains the invisible character U+200B."],
        "title": ["Ensure this value has at most 333 characters (it has 334)."],
    }
