"""Request profiles: what can be saved, and what a body would be read as before it is."""

import html
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from exports.admin.clients.request_profiles import LINES_SHOWN, MAX_CHARACTERS
from exports.models import ApiClient, ExportAttempt, RequestProfile
from exports.reading.profiles import DOCUMENTED, Rule
from tests.factories import ApiClientFactory, RequestProfileFactory
from tests.pages import rows_of, words_of
from tests.signed_in import messages_of, signed_in, text_of

ADD = "/admin/exports/requestprofile/add/"
TRY = "/admin/exports/requestprofile/try/"
FORM = {**DOCUMENTED, "name": "North", "learn_user_rule": "AS_IS", "learn_user_text": ""}


def tried(client: Client, body: Any, **fields: str) -> str:
    sample = body if isinstance(body, str) else json.dumps(body)
    return text_of(client.post(TRY, FORM | {"sample": sample} | fields)).partition('id="tried"')[2]


def test_a_new_profile_has_the_documented_shape_until_it_is_changed(integrator: Client) -> None:
    page = text_of(integrator.get(ADD))

    for expression in DOCUMENTED.values():
        assert f'value="{expression}"' in page


def test_an_administrator_adds_a_profile_and_gives_it_to_a_client(integrator: Client) -> None:
    form = FORM | {"mark": "result.grade", "learn_user_rule": "PATTERN", "learn_user_text": r"u(\d+)"}
    assert integrator.post(ADD, form).status_code == 302
    profile = RequestProfile.objects.get(name="North")
    assert (profile.mark, profile.learn_user_rule, profile.learn_user_text) == ("result.grade", "PATTERN", r"u(\d+)")

    client = {
        "name": "WISEflow",
        "is_active": "on",
        "may_export": "on",
        "profile": profile.pk,
        "allowed_networks": "[]",
    }
    assert integrator.post("/admin/exports/apiclient/add/", client).status_code == 200  # the page with the key
    assert ApiClient.objects.get().profile == profile


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"mark": "result..grade"}, "The expression is not valid at character 8"),
        ({"mark": "sum(results)"}, "There is no function sum()"),
        ({"participants": ""}, "This field is required."),
        ({"learn_user_rule": "PATTERN", "learn_user_text": "(a"}, "This is not a valid pattern"),
        ({"learn_user_rule": "PREFIX"}, "Enter the prefix."),
        ({"learn_user_text": "s"}, "Leave this empty, or choose a prefix"),
    ],
)
def test_a_profile_that_cannot_work_is_not_saved(integrator: Client, fields: dict[str, str], says: str) -> None:
    assert says in text_of(integrator.post(ADD, FORM | fields))
    assert not RequestProfile.objects.exists()


def test_a_profile_that_a_client_uses_is_not_deleted(integrator: Client) -> None:
    profile = ApiClientFactory(profile=RequestProfileFactory()).profile
    integrator.post(reverse("admin:exports_requestprofile_delete", args=[profile.pk]), {"post": "yes"})
    assert RequestProfile.objects.exists()


def test_the_list_shows_how_learn_users_are_told(integrator: Client) -> None:
    RequestProfileFactory(learn_user_rule=Rule.PREFIX, learn_user_text="s")
    RequestProfileFactory()
    page = text_of(integrator.get("/admin/exports/requestprofile/"))
    assert "A prefix before the user id: s" in page
    assert "The user id, unchanged" in page


def test_a_body_is_tried_on_values_that_nobody_has_saved(integrator: Client) -> None:
    rows = [
        {"id": 7, "grade": "75.0", "src": "S1", "by": "sis"},
        {"id": "8", "code": "FE", "login": "ann"},
        {"grade": "B"},
        {"id": 9, "grade": []},
        {"id": 10},
    ]
    fields = {
        "participants": "rows",
        "flow_id": "flow.id",
        "user_id": "id",
        "mark": "grade",
        "alternative_grade": "code",
        "learn_user_id": "login",
        "entry_source_code": "src",
        "added_by": "by",
        "learn_user_rule": "PREFIX",
        "learn_user_text": "s",
    }

    page = tried(integrator, {"flow": {"id": 77}, "rows": rows}, **fields)

    words = words_of(page)
    assert "Flow 77" in words
    assert "5 entries" in words
    assert "With something wrong: 3" in words
    cells = {cell for row in rows_of(page) for cell in row.values()}
    assert {"7", "s7", "75.0", "S1", "SIS", "ann", "FE"} <= cells
    assert "Entry 3 has no usable user id: id is missing." in page
    assert "The entry cannot be used: grade is a list, not a text or number." in page
    assert "There is no mark or alternative grade." in page
    assert not RequestProfile.objects.exists()
    assert not ExportAttempt.objects.exists()


@pytest.mark.parametrize(
    ("body", "fields", "says"),
    [
        (
            {"participants": [{"userId": "x", "mark": "A"}]},
            {"learn_user_rule": "PATTERN", "learn_user_text": "(1)"},
            "does not fit",
        ),
        ({"participants": []}, {}, "The body names no flow"),
        ({}, {}, "error (400): The request body has no &#x27;participants&#x27;."),
        ({"a": 1}, {"participants": "a.b"}, "&#x27;a.b&#x27; must be a list, but it is null."),
        ("{", {}, "The request body is not JSON"),
        ("", {}, "A body as WISEflow sends it:</strong> This field is required."),
        ("[" + " " * MAX_CHARACTERS, {}, "at most 200000 characters"),
        ({}, {"mark": "a."}, "Mark:</strong> The expression is not complete."),
        ({}, {"user_id": ""}, "User id:</strong> This field is required."),
        ({}, {"learn_user_rule": "PREFIX"}, "Prefix, suffix or pattern:</strong> Enter the prefix."),
        ('{"participants": [{"userId": "<b>"}]}', {}, "&lt;b&gt;"),
    ],
)
def test_what_is_wrong_is_told_at_the_expression(
    integrator: Client, body: Any, fields: dict[str, str], says: str
) -> None:
    assert says in tried(integrator, body, **fields)


def test_a_long_list_is_shown_in_part(integrator: Client) -> None:
    people = [{"userId": number, "mark": "A"} for number in range(LINES_SHOWN + 20)]
    assert "And 20 more." in tried(integrator, {"participants": people})


def test_trying_is_for_those_who_may_change_profiles(manager: Client) -> None:
    for client in (manager, signed_in()):
        assert client.post(TRY, FORM | {"sample": "{}"}).status_code == 403
        assert client.get("/admin/exports/requestprofile/").status_code == 403
    assert Client().post(TRY).status_code == 302


def test_trying_is_only_by_a_form(integrator: Client) -> None:
    assert integrator.get(TRY).status_code == 405


@pytest.mark.parametrize(
    ("body", "fields", "says"),
    [
        ({"participants": []}, {}, "The list of participants is empty."),
        ({"participants": [{"id": 1, "mark": "B"}]}, {}, "No user id was found in any entry."),
        (
            {"participants": [{"userId": 1, "score": "B"}]},
            {},
            "No mark and no alternative grade was found",
        ),
        ({"people": []}, {}, "The request body has no 'participants'."),
        ({"participants": [{"userId": 1, "score": "B"}, {"userId": 2}]}, {"mark": "score"}, ""),
        ({"participants": [{"userId": 1, "mark": "B"}]}, {}, ""),
    ],
)
class TestAProfileThatFindsNothing:
    def test_is_shown_where_it_is_tried(self, integrator, body, fields, says):
        page = html.unescape(tried(integrator, body, **fields))

        assert says in page
        assert ("gb-warning" in page) is bool(says)

    def test_is_saved_with_a_warning(self, integrator, body, fields, says):
        answer = integrator.post(ADD, FORM | {"sample": json.dumps(body)} | fields)

        assert RequestProfile.objects.filter(name="North").exists()
        found = [message for message in messages_of(answer) if "this profile finds no grades" in message]
        assert (says in found[0]) if says else not found


def test_what_was_pasted_stays_where_the_profile_is_refused(integrator):
    page = integrator.post(ADD, FORM | {"mark": "$.mark", "sample": '{"people": 7}'})

    assert "JMESPath has no $: leave it out" in words_of(page)
    assert "{&quot;people&quot;: 7}" in text_of(page)
