"""No one changes a delivered grade alone: each group tries every address, every action and every way that is known."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, reverse

from courses.models import GradeColumn, ProvisioningRun
from courses.tasks import carry_out_run
from exports.delivering import workers
from exports.models import ApiClient, Exemption, ExportAttempt, Flow, GradeInLearn, Participant
from exports.models.api_client import hash_key
from exports.tasks import deliver_attempt
from tests.conftest import COLUMN, COURSE
from tests.exports.importing.files import csv_file
from tests.factories import ColumnMappingFactory, FlowFactory, ParticipantFactory, TranslationFactory
from tests.gradebridge.matrix import patterns
from tests.signed_in import signed_in

GROUPS = ["manager", "administrator", "integrator"]
WORDS = {  # what any form might ask for
    "reason": "I want to",
    "name": COLUMN,
    "post": "yes",
    "mark": "C",
    "although_graded": "yes",
    "allow_overwrite": "on",
    "is_active": "on",
    "title": "Exam",
}


@pytest.fixture(params=GROUPS)
def alone(request: Any, exported: Participant) -> Client:
    """One person of one group, where u1's B is in Learn."""
    client = signed_in(**{request.param: True})
    client.raise_request_exception = False
    return client


def carry_out() -> None:
    """What task workers would do by now."""
    for attempt in ExportAttempt.objects.filter(finished_at=None):
        deliver_attempt.func(attempt.pk)
    for run in ProvisioningRun.objects.filter(finished_at=None):
        carry_out_run.func(run.pk)
    workers.workers.wait_until_idle(seconds=20)


def shown(learn: Any) -> dict[str, str]:
    carry_out()
    return dict(learn.world.values(COURSE, COLUMN))


def page(model: str, name: str, *args: Any) -> str:
    return reverse(f"admin:{model}_{name}", args=args)


def key_of(person: Client) -> str:
    """The key that this person can get hold of, by any page; empty: none."""
    before = set(ApiClient.objects.values_list("key_hash", flat=True))
    forms = "is_active", "may_export"
    made = person.post(page("exports_apiclient", "add"), {"name": "mine", **dict.fromkeys(forms, "on")})
    again = person.post(page("exports_apiclient", "new_key", ApiClient.objects.earliest("pk").pk))
    for answer in (made, again):
        found = (answer.context or {}).get("text", "") if answer.status_code == 200 else ""
        if found and hash_key(found) not in before:
            return str(found)
    return ""


def export(person: Client, *entries: dict[str, str], flow_id: str = "77") -> None:
    """With the key that this person can get, if they can get one."""
    if key := key_of(person):
        address = f"/api/wiseflow/flows/{flow_id}/export"
        headers = {"X-Api-Key": key}
        answer = Client().post(address, {"participants": list(entries)}, "application/json", headers=headers)
        assert answer.status_code == 200


def retry(person: Client, flow: Flow) -> None:
    chosen = {"action": "retry_failed", "_selected_action": [str(flow.pk)], "post": "yes"}
    person.post(page("exports_flow", "changelist"), chosen)
    carry_out()


# The ways


def overwriting(person: Client, flow: Flow) -> None:
    person.post(page("exports_flow", "change", flow.pk), {**WORDS, **no_lines()})
    person.post(page("exports_flow", "allow_overwriting", flow.pk), WORDS)
    approve_all(person)
    export(person, {"userId": "u1", "mark": "C"})


def approve_all(person: Client) -> None:
    for model in ("exemption", "correction", "decision"):
        name = f"exports_{model}"
        for row in admin.site._registry[model_of(name)].model._default_manager.all():  # type: ignore[index]
            person.post(page(name, "approve", row.pk), {"post": "yes"})


def model_of(name: str) -> Any:
    return next(model for model in admin.site._registry if f"{model._meta.app_label}_{model._meta.model_name}" == name)


def no_lines() -> dict[str, str]:
    return {"column_mappings-TOTAL_FORMS": "0", "column_mappings-INITIAL_FORMS": "0"}


def correcting(person: Client, flow: Flow) -> None:
    someone = flow.participants.get(user_id="u1")
    person.post(page("exports_participant", "ask_correction", someone.pk), WORDS)
    person.post(page("exports_participant", "replace", someone.pk), WORDS)
    approve_all(person)


def translating(person: Client, flow: Flow) -> None:
    """Unlock the mapping, let B be sent as C, say that the column is not in Learn, say that it is, and retry."""
    person.post(page("exports_flow", "unlock_mapping", flow.pk), WORDS)
    approve_all(person)
    column, mapping = GradeColumn.objects.get(name=COLUMN), flow.column_mappings.get()
    translation = TranslationFactory(table={"B": "C"})
    lines = {
        "column_mappings-TOTAL_FORMS": "1",
        "column_mappings-INITIAL_FORMS": "1",
        "column_mappings-0-id": str(mapping.pk),
        "column_mappings-0-flow": str(flow.pk),
        "column_mappings-0-grade_column": str(column.pk),
        "column_mappings-0-translation": str(translation.pk),
    }
    person.post(page("courses_gradecolumn", "not_in_learn", column.pk), WORDS)
    mark(person, column, "mark_as_not_in_learn")
    person.post(page("exports_flow", "change", flow.pk), {"title": "Exam", **lines})
    mark(person, column, "mark_as_in_learn")
    retry(person, flow)


def mark(person: Client, column: GradeColumn, action: str) -> None:
    chosen = {"action": action, "_selected_action": [str(column.pk)]}
    person.post(page("courses_gradecolumn", "changelist"), chosen)


def deleting(person: Client, flow: Flow) -> None:
    column = GradeColumn.objects.get(name=COLUMN)
    person.post(page("courses_gradecolumn", "delete_in_learn", column.pk), WORDS)
    approve_all(person)


def another_flow(person: Client, flow: Flow) -> None:
    """A flow of their own that leads to the column, in which a failed student has the same Learn user."""
    other = FlowFactory(flow_id="78")
    ColumnMappingFactory(flow=other, grade_column=GradeColumn.objects.get(name=COLUMN))
    ParticipantFactory(flow=other, user_id="ghost", learn_user_id="u1", failed=True, mark="C")
    retry(person, other)


def another_learn_user(person: Client, flow: Flow) -> None:
    """A roster says that u1 is u2 in Learn, and a failed student is u1."""
    ParticipantFactory(flow=flow, user_id="ghost", failed=True, mark="C")
    content = csv_file(["user_id", "learn_user_id", "added_by"], ("u1", "u2", "SIS"), ("ghost", "u1", "SIS"))
    roster(person, flow, content)
    retry(person, flow)
    deal_with_all(person)
    retry(person, flow)


def roster(person: Client, flow: Flow, content: bytes) -> None:
    """Import it, once it was shown what that would change."""
    address = page("exports_flow", "import_roster", flow.pk)
    shown = person.post(address, {"file": SimpleUploadedFile("roster.csv", content)})
    if packed := re.search(r'name="packed" value="([^"]*)"', shown.content.decode()):
        person.post(address, {"packed": packed[1]})


def deal_with_all(person: Client) -> None:
    pks = [str(pk) for pk in GradeInLearn.objects.values_list("pk", flat=True)]
    person.post(page("exports_gradeinlearn", "changelist"), {"action": "deal_with", "_selected_action": pks})


def moving_by_a_body(person: Client, flow: Flow) -> None:
    """A body says that u1 is u2 in Learn, and the next that someone else is u1."""
    export(person, {"userId": "u1", "mark": "B", "learnUserId": "u2"})
    workers.workers.wait_until_idle(seconds=20)
    export(person, {"userId": "ghost", "mark": "C", "learnUserId": "u1"})
    deal_with_all(person)
    export(person, {"userId": "u1", "mark": "C", "learnUserId": "u1"})
    export(person, {"userId": "ghost2", "mark": "C", "learnUserId": "u1"})


WAYS = [
    *(overwriting, correcting, translating, deleting, another_flow, another_learn_user, moving_by_a_body),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_one_changes_a_delivered_grade_alone(alone: Client, learn: Any, flow: Flow, way: Any) -> None:
    way(alone, flow)

    assert shown(learn)["u1"] == "B"


# Every address and every action


PAGES = {  # beside list, add, change, delete and history: what its POST is tried for
    "exports_flow": "import_file retry hold release mark_synchronised unlock_mapping allow_overwriting "
    "check_with_learn evidence print_evidence timeline fetch pull reconciliation prove proving import_roster "
    "export_csv export_xlsx export_roster_csv export_roster_xlsx",
    "exports_participant": "retry_these failed_csv failed_xlsx retry why ask_correction hold release prove keep "
    "replace",
    "exports_exportattempt": "retry cancel failed_csv failed_xlsx",
    "exports_retryrun": "progress cancel",
    "exports_correction": "approve decline",
    "exports_decision": "approve decline",
    "exports_exemption": "approve decline",
    "exports_hold": "pause release",
    "exports_apiclient": "new_key end_old_key",
    "exports_requestprofile": "try_body",
    "exports_webhook": "new_secret test send_again",
    "exports_translation": "import_file export_csv export_xlsx preview",
    "courses_gradecolumn": "provision_row again adopt delete_in_learn not_in_learn prove proving",
    "courses_gradeschema": "import_file export_csv export_xlsx provision_row again",
    "courses_enrolmentmetadata": "import_file export_csv export_xlsx provision_row",
    "auth_user": "password_change invite new_invitation reset_second_factor",
}
USUAL = {"changelist", "add", "change", "delete", "history"}


def own_pages() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, _route in patterns():
        short = name.removeprefix("admin:")
        for model in admin.site._registry:
            label = f"{model._meta.app_label}_{model._meta.model_name}"
            if name.startswith("admin:") and short.startswith(f"{label}_"):
                found.setdefault(label, set()).add(short.removeprefix(f"{label}_"))
    return {label: names - USUAL for label, names in found.items() if names - USUAL}


def test_every_page_is_known_to_these_tests() -> None:
    """Whoever adds a page says here that it was thought about, and adds the way that it may open."""
    assert own_pages() == {label: set(names.split()) for label, names in PAGES.items()}


ACTIONS = """
check_chosen_with_learn deal_with delete_never_used fetch_chosen hold_chosen mark_as_in_learn mark_as_not_in_learn
mark_as_synchronised provision release_chosen retry_failed
"""  # of lists, beside exports and Django's own deletion


def actions_of(label: str, person: Client) -> list[str]:
    model = model_of(label)
    request = RequestFactory().get("/")
    request.user = person_of(person)
    return list(admin.site._registry[model].get_actions(request))


def person_of(client: Client) -> Any:
    request = RequestFactory().get("/")
    request.session = client.session
    return get_user(request)


def labels() -> list[str]:
    return sorted(f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry)


def test_every_action_is_known_to_these_tests(db: None) -> None:
    superuser = signed_in(is_superuser=True)
    found = {action for label in labels() for action in actions_of(label, superuser)}
    known = {*ACTIONS.split(), "delete_selected"}
    assert {action for action in found if not action.startswith("export_")} <= known  # some need WISEflow's API


def test_no_page_and_no_action_changes_it(alone: Client, learn: Any, flow: Flow) -> None:
    """Every address of the admin is posted to with what any form might ask for, and every action is run on all rows."""
    column = GradeColumn.objects.get(name=COLUMN)
    for label in labels():
        rows = list(model_of(label)._default_manager.order_by("pk").values_list("pk", flat=True)[:3])
        for action in actions_of(label, alone):
            chosen = {"action": action, "_selected_action": [str(pk) for pk in rows], "post": "yes", "reason": "x"}
            alone.post(page(label, "changelist"), chosen)
        for name in sorted(USUAL | own_pages().get(label, set())):
            for args in [[pk] for pk in rows] or [[1]]:
                try:
                    alone.post(page(label, name, *args), WORDS)
                except NoReverseMatch:
                    alone.post(page(label, name), WORDS)
    approve_all(alone)
    export(alone, {"userId": "u1", "mark": "C"})
    Participant.objects.filter(state="FAILED").update(cause="LEARN_UNAVAILABLE", detail={"code": "NOT_REACHED"})
    retry(alone, flow)

    assert shown(learn)["u1"] == "B"
    assert GradeColumn.objects.get(pk=column.pk).takes_grades


# The control: what is tried does something where nothing is in the way, and two people


@pytest.mark.parametrize("learn_user", ["u1", "u9"])
def test_a_retry_sends_to_where_no_other_grade_is(
    exported: Participant, learn: Any, flow: Flow, learn_user: str
) -> None:
    other = FlowFactory(flow_id="78")
    ColumnMappingFactory(flow=other, grade_column=GradeColumn.objects.get(name=COLUMN))
    ParticipantFactory(flow=other, user_id="ghost", learn_user_id=learn_user, failed=True, mark="C")

    retry(signed_in(administrator=True), other)

    assert shown(learn) == {"u1": "B"} | ({"u9": "C"} if learn_user == "u9" else {})
    cause = Participant.objects.get(user_id="ghost").cause
    assert cause == ("" if learn_user == "u9" else "SAME_LEARN_USER_ELSEWHERE")


def test_two_people_change_it(exported: Participant, learn: Any, flow: Flow) -> None:
    """An administrator requests overwriting, a manager approves it, and WISEflow sends the new mark."""
    administrator, manager = signed_in(administrator=True), signed_in(manager=True)
    administrator.post(page("exports_flow", "allow_overwriting", flow.pk), {"reason": "Marked by the wrong key"})
    manager.post(page("exports_exemption", "approve", Exemption.objects.get().pk))

    export(signed_in(integrator=True), {"userId": "u1", "mark": "C"})

    assert shown(learn)["u1"] == "C"


def test_one_person_does_where_the_site_allows_both_roles_and_overwriting_was_allowed_first(
    learn: Any, flow: Flow, wiseflow: Any, settings: Any
) -> None:
    """The exception that docs/roles.md names."""
    settings.ADMINISTRATORS_MAY_INTEGRATE = True
    both = signed_in(administrator=True, integrator=True)
    Flow.objects.update(allow_overwrite=True)
    wiseflow.export({"userId": "u1", "mark": "B"})
    assert shown(learn)["u1"] == "B"

    export(both, {"userId": "u1", "mark": "C"})

    assert shown(learn)["u1"] == "C"


def test_both_roles_together_make_no_key_where_the_site_does_not_allow_it(exported: Participant) -> None:
    assert key_of(signed_in(administrator=True, integrator=True)) == ""
