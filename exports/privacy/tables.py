"""Where something about a student can be: every text column of every table, from the models themselves.

A column that is not named here is text in which an id may be written: a new model is searched without more ado.
"""

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import Any

from django.apps import apps
from django.db.models import CharField, Field, JSONField, Model, TextField

Column = tuple[type[Model], str]


class Becomes(Enum):
    """What a column of a forgotten student's own row holds afterwards."""

    ALIAS = auto()  # the pseudonym of its id
    MASK = auto()  # something was there: a grade, or what someone has written
    NOTHING = auto()


# How a row of one student is found from a participant, and what becomes of its columns. Whatever else such a row holds
# is in KEYS, or one of a few choices.
OWN: Mapping[str, tuple[str, Mapping[str, Becomes]]] = {
    "exports.Participant": (
        "pk",
        {
            "user_id": Becomes.ALIAS,
            "learn_user_id": Becomes.ALIAS,
            "first_name": Becomes.NOTHING,
            "last_name": Becomes.NOTHING,
            "mark": Becomes.MASK,
            "alternative_grade": Becomes.MASK,
            "approved_mark": Becomes.MASK,
            "detail": Becomes.NOTHING,
        },
    ),
    "exports.Delivery": (
        "participant",
        {
            "learn_user_id": Becomes.ALIAS,
            "mark": Becomes.MASK,
            "alternative_grade": Becomes.MASK,
            "value": Becomes.MASK,
            "detail": Becomes.NOTHING,
        },
    ),
    "exports.GradeInLearn": (
        "participant",
        {
            "learn_user_id": Becomes.ALIAS,
            "mark": Becomes.MASK,
            "alternative_grade": Becomes.MASK,
            "value": Becomes.MASK,
        },
    ),
    "exports.Proof": ("grade__participant", {"shown": Becomes.MASK, "detail": Becomes.NOTHING}),
    "exports.Correction": (
        "participant",
        {
            "mark_before": Becomes.MASK,
            "value_before": Becomes.MASK,
            "mark": Becomes.MASK,
            "reason": Becomes.MASK,
            "decline_reason": Becomes.MASK,
        },
    ),
    "exports.Decision": (
        "participant",
        {
            "learn_user_id": Becomes.ALIAS,
            "shown": Becomes.MASK,
            "value": Becomes.MASK,
            "reason": Becomes.MASK,
            "decline_reason": Becomes.MASK,
        },
    ),
    "exports.Hold": ("participant", {"reason": Becomes.MASK}),
}

# Rows of one student that are of no use without them: they are deleted. WISEflow's own number of a person identifies
# them; metadata would be set in Learn for someone who does not exist.
DELETED: Mapping[str, str] = {
    "exports.PersonInWiseflow": "participant",
    "courses.EnrolmentMetadata": "user_id",
    "courses.HistoricalEnrolmentMetadata": "user_id",
}

# Rows that belong to no student, or to another, but hold an id as a value of its own.
IDS: Mapping[str, str] = {
    "exports.Participant": "learn_user_id",
    "exports.Delivery": "learn_user_id",
    "exports.GradeInLearn": "learn_user_id",
    "exports.Decision": "learn_user_id",
}

# What names a thing in WISEflow, Learn, the configuration or the code. It is no text about a person, and another
# spelling of it would lead elsewhere; that an id is the same word is chance.
KEYS: Mapping[str, frozenset[str]] = {
    model: frozenset(fields.split())
    for model, fields in {
        "admin.LogEntry": "object_id",
        "courses.Course": "course_id",
        "courses.ColumnReading": "course_id column_name learn_course learn_column",
        "courses.GradeColumn": "name item_type mapping content_area_name color",
        "courses.GradeSchema": "title symbols optional_data",
        "courses.ServiceCall": "service error",
        "django_tasks_database.DBTaskResult": "task_path worker_ids queue_name backend_name exception_class_path",
        "exports.ApiClient": "name key_hash previous_key_hash allowed_networks flow_patterns last_used_address",
        "exports.ColumnMapping": "source_code",
        "exports.Correction": "source_code",
        "exports.Decision": "course_id column_name source_code",
        "exports.Delivery": "course_id column_name source_code",
        "exports.Event": "about",
        "exports.Evidence": "reference checksum sha256",
        "exports.Exemption": "subject",
        "exports.ExportAttempt": "caller_address request_id",
        "exports.Flow": "flow_id",
        "exports.FlowInWiseflow": "state sources counts",
        "exports.GradeInLearn": "course_id column_name source_code",
        "exports.Participant": "sources cause_source_code approved_source_code",
        "exports.PurgeRun": "deleted",
        "exports.RefusedRequest": "address method likeness",
        "exports.RequestProfile": (
            "name flow_id source_code participants user_id learn_user_id mark alternative_grade entry_source_code "
            "added_by learn_user_rule learn_user_text"
        ),
        "exports.Subscription": "kinds causes language",
        "exports.TranslatedGrade": "given value",
        "exports.Translation": "name",
        "exports.Webhook": "name url kinds seed",
    }.items()
}

# Whole tables. Sessions are encoded: see `exports.privacy.sessions`.
UNSEARCHED = {
    "auth.User": "the accounts of people who work here, ended under Users",
    "auth.Group": "names of roles",
    "auth.Permission": "names in the code",
    "common.Identity": "leads people who work here to their accounts, and goes with them",
    "contenttypes.ContentType": "names in the code",
    "otp_static.StaticDevice": "the second factors of these accounts",
    "otp_static.StaticToken": "the second factors of these accounts",
    "otp_totp.TOTPDevice": "the second factors of these accounts",
    "sessions.Session": "encoded",
}


def models_searched() -> list[type[Model]]:
    """Every model with a table of its own, in the order of their tables' names."""
    found = [model for model in apps.get_models(include_auto_created=True) if model._meta.label not in UNSEARCHED]
    return sorted(found, key=lambda model: model._meta.db_table)


def model_of(label: str) -> type[Any]:
    return apps.get_model(label)


def text_fields(model: type[Model]) -> Iterator[Field[Any, Any]]:
    """The columns in which something could be written about a person: no keys, and nothing of a few choices."""
    keys = KEYS.get(model._meta.label.replace(".Historical", "."), frozenset[str]())
    for field in model._meta.concrete_fields:
        is_text = isinstance(field, (CharField, TextField, JSONField))
        if is_text and not field.choices and field.name not in keys and not field.is_relation:
            yield field
