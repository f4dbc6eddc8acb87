"""The answers that callers rely on do not change unseen, and the API's description and its clients know them all.

`RECORD_ANSWERS=1` writes them anew, to be looked at in the diff.
"""

import http.client
import json
import os

import httpx
import pytest
from django.db import OperationalError

from exports.api import views
from tests.conftest import let_no_one_look
from tests.exports.api import described
from tests.exports.api.site import site
from tests.exports.api.situations import PARTICIPANTS, RECORDED, SITUATIONS, TOKEN, as_recorded, recorded
from tests.factories import ApiClientFactory, ParticipantFactory

OPERATIONS = {
    ("post", "/api/wiseflow/export/"): "wiseflow_export_create",
    ("patch", "/api/wiseflow/export/"): "wiseflow_export_partial_update",
    ("get", "/api/wiseflow/flows/{flow_id}/export/"): "wiseflow_flows_export_retrieve",
    ("post", "/api/wiseflow/flows/{flow_id}/export/"): "wiseflow_flows_export_create",
    ("patch", "/api/wiseflow/flows/{flow_id}/export/"): "wiseflow_flows_export_partial_update",
    ("get", PARTICIPANTS): "wiseflow_flows_participants_list",
    ("post", TOKEN): "oauth2_token_create",
}


@pytest.fixture
def callers(db):
    for name in ("WISEflow", "reader", "elsewhere"):
        ApiClientFactory(
            name=name, may_export=name != "reader", allowed_networks=["192.0.2.0/24"] if name == "elsewhere" else []
        )


@pytest.fixture
def known(learn, flow, callers):
    """A person whose grade is in Learn, and one whose grade is not."""
    let_no_one_look(learn)
    ParticipantFactory(flow=flow, user_id="5", user_id_is_number=True, exported=True)
    ParticipantFactory(flow=flow, user_id="u6", failed=True)


def answer_to(situation, address):
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.request(situation.method.upper(), situation.path, situation.content, situation.all_headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return as_recorded(situation, response.status, response.headers, content)


@pytest.mark.parametrize("name", SITUATIONS)
def test_an_answer_is_as_it_was_recorded(name, known, monkeypatch):
    situation = SITUATIONS[name]
    if situation.database_is_away:
        monkeypatch.setattr(views, "receive", lambda *_, **__: (_ for _ in ()).throw(OperationalError("gone")))
    with site() as address:
        answer = answer_to(situation, address)

    if os.environ.get("RECORD_ANSWERS"):
        text = json.dumps(answer, indent=2, ensure_ascii=False)
        (RECORDED / f"{name}.json").write_text(text + "\n")
    assert answer["status"] == situation.status, answer
    assert answer == recorded(name)


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_description_tells_of_every_recorded_answer(name):
    situation, answer = SITUATIONS[name], recorded(name)

    media_type = answer["headers"].get("Content-Type", "").partition(";")[0]
    described.check_against_description(
        situation.address, situation.method, answer["status"], media_type, answer["body"]
    )


def test_no_recorded_answer_is_left_over():
    assert {path.stem for path in RECORDED.glob("*.json")} == set(SITUATIONS)


@pytest.fixture(scope="module")
def client_package(tmp_path_factory):
    return described.generate_client(tmp_path_factory.mktemp("client"))


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_generated_client_reads_every_recorded_answer(name, client_package):
    situation, answer = SITUATIONS[name], recorded(name)
    client = client_package.Client(base_url="http://127.0.0.1", raise_on_unexpected_status=True)
    operation = described.operation(OPERATIONS[situation.method, situation.address])

    parsed = operation._parse_response(
        client=client,
        response=httpx.Response(answer["status"], headers=answer["headers"], json=answer["body"]),
    )

    assert type(parsed).__name__ in EXPECTED.get(name, (kind_of(situation),))
    assert same(parsed.to_dict(), answer["body"])


EXPECTED = {
    "rehearsal": ("Rehearsal",),
    "states": ("Flow",),
    "participants": ("PaginatedParticipantList",),
    "failed_participants": ("PaginatedParticipantList",),
    "token": ("Token",),
}


def kind_of(situation):
    if situation.status == 200:
        return "Receipt"
    return "TokenRefusal" if situation.address == TOKEN else "Refusal"


def same(written, read):
    """Whether nothing was lost: moments may be written another way."""
    return json.loads(json.dumps(written)) == read
