"""Every column of every table in which something can be written is searched, or there is a reason why not."""

from django.apps import apps
from django.db.models import BinaryField, CharField, JSONField, TextField

from exports.models import Participant
from exports.privacy.tables import DELETED, IDS, KEYS, OWN, UNSEARCHED, Becomes, model_of, models_searched, text_fields

ALL = apps.get_models(include_auto_created=True)
REGISTER = {("exports.Evidence", "row_digests")}  # docs/privacy.md says why it stays


def label_of(model):
    return model._meta.label


def test_every_table_is_searched_but_those_with_a_reason():
    assert set(map(label_of, ALL)) - set(map(label_of, models_searched())) == set(UNSEARCHED)


def test_a_new_text_is_searched_without_being_named():
    columns = {
        (label_of(model), field.name)
        for model in models_searched()
        for field in model._meta.concrete_fields
        if isinstance(field, (CharField, TextField, JSONField)) and not field.choices and not field.is_relation
    }
    searched = {(label_of(model), field.name) for model in models_searched() for field in text_fields(model)}

    assert all(field in KEYS[label.replace(".Historical", ".")] for label, field in columns - searched)


def test_no_column_hides_a_text_in_another_shape():
    hidden = {
        (label_of(model), field.name)
        for model in ALL
        for field in model._meta.concrete_fields
        if isinstance(field, BinaryField) or "Array" in type(field).__name__ or "HStore" in type(field).__name__
    }

    assert hidden == REGISTER


def test_keys_name_columns_that_there_are():
    for label, names in KEYS.items():
        assert names <= {field.name for field in model_of(label)._meta.concrete_fields}, label


def test_of_every_row_of_a_student_it_is_decided_what_becomes_of_each_text():
    for label, (_path, columns) in OWN.items():
        assert set(columns) == {field.name for field in text_fields(model_of(label))}, label
    assert {name for _path, columns in OWN.values() for name, how in columns.items() if how is Becomes.ALIAS} == {
        "user_id",
        "learn_user_id",
    }


def test_every_table_that_leads_to_a_participant_is_a_students_own():
    lead = {
        label_of(model)
        for model in ALL
        for field in model._meta.concrete_fields
        if field.is_relation and field.related_model is Participant and field.name == "participant"
    }

    assert lead <= {*OWN, *DELETED}


def test_every_column_that_is_an_id_by_its_name_is_replaced_in_other_rows_too():
    named = {
        (label_of(model), field.name)
        for model in models_searched()
        for field in text_fields(model)
        if field.name in ("user_id", "learn_user_id")
    }

    known = {*IDS.items(), *DELETED.items(), ("exports.Participant", "user_id")}
    assert named - known == {("exports.PersonInWiseflow", "learn_user_id")}  # deleted with its person
