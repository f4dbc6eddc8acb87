"""The page Rehearse an export: verdicts to look at, and nothing kept."""

import json
import logging

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from exports.admin.mapping import rehearsals
from exports.models import RequestProfile
from exports.reading.body import BodyError
from tests.conftest import COLUMN, COURSE
from tests.exports.tables import everything
from tests.factories import ApiClientFactory, ExportAttemptFactory, FlowFactory, ParticipantFactory, UserFactory
from tests.pages import rows_of, words_of
from tests.signed_in import signed_in, text_of

BODY = {"participants": [{"userId": "secret-person", "mark": "A-secret"}, {"userId": 2}]}


def rehearse(browser, body=BODY, **fields):
    """The page after a pasted body, or a `file`."""
    pasted = {} if "file" in fields else {"body": body if isinstance(body, str) else json.dumps(body)}
    response = browser.post(reverse("rehearse"), {"flow_id": "77", **pasted, **fields})
    assert response.status_code == 200
    return text_of(response)


def test_a_pasted_body_shows_its_verdicts_with_counts(manager, flow):
    seen = rehearse(manager)

    assert "If Learn accepts everything, WISEflow gets this answer: 1 delivered, 1 not delivered." in seen
    assert f"1 grade to column {COLUMN} of course" in words_of(seen)
    assert f"{COURSE} · {COLUMN}" in seen
    assert "There is no mark or alternative grade." in seen
    assert [row["User id"] for row in rows_of(seen) if "User id" in row] == ["2", "secret-person"]  # refusals first


def test_a_file_is_read_as_well(manager, flow):
    file = SimpleUploadedFile("body.json", json.dumps(BODY).encode(), content_type="application/json")

    assert "1 delivered, 1 not delivered." in rehearse(manager, file=file)


def test_the_body_may_name_the_flow(manager, flow):
    assert "What an export of flow 77 would do" in rehearse(manager, {**BODY, "flowId": "77"}, flow_id="")


def test_a_flow_that_nobody_knows_is_judged_as_not_mapped(manager):
    seen = rehearse(manager, flow_id="new")

    assert "No Learn column is chosen for this flow." in seen
    assert "To the flow" not in seen


@pytest.mark.parametrize(
    ("body", "fields", "says"),
    [
        ("", {}, "Choose a file or paste a body"),
        (BODY, {"file": SimpleUploadedFile("body.json", b"{}")}, ""),
        ("{", {}, "The request body is not JSON"),
        ("[]", {}, "The request body must be an object"),
        ({**BODY, "flowId": "78"}, {}, "but the request body names flow"),
        (BODY, {"flow_id": ""}, "No flow is named"),
        ({"participants": [{}] * 11}, {}, "11 participants; 10 are allowed"),
        ({"participants": [], "more": "x" * 2000}, {}, "larger than 1000 bytes"),
    ],
)
def test_what_an_export_would_not_read_is_said(manager, flow, settings, body, fields, says):
    settings.EXPORT_MAX_PARTICIPANTS, settings.EXPORT_MAX_BYTES = 10, 1000

    seen = rehearse(manager, body, **fields)

    assert says in seen
    assert 'role="alert"' in seen
    assert 'id="verdicts"' not in seen


@pytest.mark.parametrize("size", [1001, 2000, 8_000_001])
def test_a_file_that_is_too_large_is_refused_unread(manager, flow, settings, size):
    settings.EXPORT_MAX_BYTES = 1000
    file = SimpleUploadedFile("body.json", b" " * size)
    form = rehearsals.RehearsalForm({"flow_id": "77"}, {"file": file}, may_choose_client=False)
    assert form.is_valid()
    file.file.close()  # so that it can no longer be read

    with pytest.raises(BodyError, match=r"The body is larger than 1000 bytes \(EXPORT_MAX_BYTES\)."):
        form.rehearse()


def test_a_file_that_is_too_large_is_told_as_wiseflow_would_be_told(manager, flow, settings):
    settings.EXPORT_MAX_BYTES = 1000

    assert "error (413): The body is larger" in rehearse(manager, {"participants": [], "more": "x" * 1000})


def test_file_and_body_together_are_one_too_many(manager, flow):
    fields = {"flow_id": "77", "body": json.dumps(BODY), "file": SimpleUploadedFile("body.json", b"{}")}

    assert "Choose a file or paste a body, not both." in text_of(manager.post(reverse("rehearse"), fields))


def test_nothing_is_stored_sent_or_logged(manager, learn, flow, caplog):
    caplog.set_level(logging.DEBUG)
    before = everything()

    rehearse(manager)

    assert everything() == before
    assert len(learn.calls) == 0
    assert "secret" not in caplog.text


def test_of_many_entries_some_are_shown(manager, flow, monkeypatch):
    monkeypatch.setattr(rehearsals, "LINES_SHOWN", 2)

    seen = rehearse(manager, {"participants": [{"userId": f"p{number}", "mark": "A"} for number in range(5)]})

    assert "5 delivered" in seen
    assert "And 3 more." in seen


def test_what_the_body_holds_is_shown_as_text(manager, flow):
    body = {"participants": [{"userId": "<script>alert(1)</script>", "mark": "A"}, {"userId": {"a": "<b>"}}, {}]}

    seen = rehearse(manager, body)

    assert "<script>alert(1)" not in seen
    assert "<b>&#x27;" not in seen


@pytest.mark.parametrize("user_id", ["x\ud800y", {"a": "\ud800"}])
def test_half_a_character_in_a_user_id_is_shown_as_a_replacement(manager, flow, user_id):
    seen = rehearse(manager, {"participants": [{"userId": user_id, "mark": "A"}]})

    assert ("x\N{REPLACEMENT CHARACTER}y" if isinstance(user_id, str) else "ud800") in seen
    assert "0 delivered, 1 not delivered." in seen


def test_the_page_of_a_flow_leads_here_with_its_id_and_latest_caller(administrator):
    manager = administrator
    client = ApiClientFactory()
    flow = FlowFactory(flow_id="a/b&c")
    ExportAttemptFactory(flow=flow, api_client=client)
    url = reverse("rehearse-flow", args=[flow.pk])

    assert f'href="{url}"' in text_of(manager.get(reverse("admin:exports_flow_change", args=[flow.pk])))
    form = text_of(manager.get(url))
    assert 'value="a/b&amp;c"' in form
    assert f'<option value="{client.pk}" selected>' in form
    assert "0 delivered" in text_of(manager.post(url, {"flow_id": flow.flow_id, "body": json.dumps(BODY)}))
    assert manager.get(reverse("rehearse-flow", args=[0])).status_code == 404


@pytest.fixture
def nested(db):
    """A client with a profile."""
    profile = RequestProfile.objects.create(
        name="Nested", participants="people", learn_user_rule="PREFIX", learn_user_text="s"
    )
    return ApiClientFactory(profile=profile)


def test_without_the_right_to_change_clients_the_latest_callers_profile_applies(manager, flow, nested):
    ExportAttemptFactory(flow=flow, api_client=nested)
    other = ApiClientFactory()

    form = text_of(manager.get(reverse("rehearse-flow", args=[flow.pk])))
    seen = rehearse(manager, {"people": [{"userId": "5", "mark": "A"}]}, client=str(other.pk))

    assert 'name="client"' not in form
    assert nested.name not in form
    assert "the client that exported it last applies" in form
    assert [row["Learn user"] for row in rows_of(seen)] == ["s5"]


def test_a_documented_body_that_names_the_flow_is_read_as_the_latest_callers(manager, flow):
    profile = RequestProfile.objects.create(name="Prefixed", learn_user_rule="PREFIX", learn_user_text="s")
    ExportAttemptFactory(flow=flow, api_client=ApiClientFactory(profile=profile))

    seen = rehearse(manager, {"flowId": "77", "participants": [{"userId": "5", "mark": "A"}]}, flow_id="")

    assert [row["Learn user"] for row in rows_of(seen)] == ["s5"]


def test_the_chosen_clients_profile_applies(administrator, flow, nested):
    client = nested

    seen = rehearse(administrator, {"people": [{"userId": "5", "mark": "A"}]}, client=str(client.pk))

    assert [row["Learn user"] for row in rows_of(seen)] == ["s5"]
    assert "no &#x27;participants&#x27;" not in seen


def test_inactive_clients_are_not_offered(administrator):
    manager = administrator
    client = ApiClientFactory(is_active=False)

    assert client.name not in text_of(manager.get(reverse("rehearse")))
    assert "Select a valid choice" in rehearse(manager, client=str(client.pk))


def test_already_exported_grades_are_told(manager, flow):
    ParticipantFactory(flow=flow, user_id="u1", exported=True)

    assert "Already exported</span>" in rehearse(manager, {"participants": [{"userId": "u1", "mark": "B"}]})


@pytest.mark.parametrize("permission", ["view_flow", "view_participant"])
def test_it_needs_both_permissions(flow, permission):
    user = UserFactory()
    user.user_permissions.add(Permission.objects.get(codename=permission, content_type__app_label="exports"))
    browser = Client()
    browser.force_login(user)

    assert browser.get(reverse("rehearse")).status_code == 403
    assert reverse("rehearse") not in text_of(browser.get(reverse("admin:index")))
    if permission == "view_flow":
        assert reverse("rehearse") not in text_of(browser.get(reverse("mapping-health")))
        assert reverse("rehearse") not in text_of(browser.get(reverse("admin:exports_flow_change", args=[flow.pk])))


@pytest.mark.django_db
def test_it_needs_the_permission_to_see_flows():
    url = reverse("rehearse")
    for asked in ("get", "post"):
        assert getattr(signed_in(), asked)(url).status_code == 403
        assert getattr(Client(), asked)(url).url.startswith(reverse("admin:login"))
    assert f'href="{url}"' in text_of(signed_in(manager=True).get(reverse("admin:index")))
    assert f'href="{url}"' not in text_of(signed_in().get(reverse("admin:index")))


@pytest.mark.parametrize(("number", "is_chosen"), [(0, False), (1, True), (2, False)])
def test_the_only_client_is_chosen_already(administrator, number, is_chosen):
    clients = ApiClientFactory.create_batch(number)
    ApiClientFactory(is_active=False)

    chosen = administrator.get("/admin/rehearse/").context["form"]["client"].value()

    assert chosen == (clients[0].pk if is_chosen else None)
