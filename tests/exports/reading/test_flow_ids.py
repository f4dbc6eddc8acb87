"""Flow ids that no address can name are refused wherever they come in; all others have an address that works."""

import json
from http.client import HTTPConnection
from urllib.parse import quote

import pytest
import requests
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils.html import escape

from common.spreadsheets.files import ImportRefused
from exports.importing.mappings import MappingSheet
from exports.models import Flow
from exports.reading.body import BodyError, resolve_flow_id
from tests.exports.api.site import site
from tests.exports.importing.files import csv_file
from tests.signed_in import signed_in, text_of

REFUSED = [".", "..", " . ", "\u00a0..\u3000", "..\t"]
NAMED = [
    *("...", "a/..", "../a", "./a", "a/./b", "a//b", "/", "//", "/a", "a/", "47 12 /x?", "#a", "?", "%", "%20", "1%20"),
    *("%2F", "%2e", "%2E%2E", "%00", ";a=1", "\\", "æ/ø", "😀", "a\u00a0b", "export", "participants", "a/export"),
    *("a/participants", "a/export/", "&", "a+b", "'\"<>", "{}[]|^`", "~", "*", "a:b", "http://x/y", "a?rehearsal=true"),
    *("😀" * 255, "x" * 255, "\ufdd0"),
]


def sentence(flow_id):
    return f"'{flow_id.strip()}' cannot be the id of a flow: in an address it means a folder."


@pytest.mark.parametrize("flow_id", REFUSED)
def test_an_id_without_an_address_is_refused_in_a_body_and_in_an_address(flow_id):
    for given in [("", flow_id.strip()), (flow_id, "")]:
        with pytest.raises(BodyError) as refused:
            resolve_flow_id(*given)
        assert str(refused.value) == sentence(flow_id)


@pytest.mark.django_db
@pytest.mark.parametrize("flow_id", REFUSED)
def test_an_id_without_an_address_is_refused_on_the_page(flow_id):
    with pytest.raises(ValidationError) as refused:
        Flow(flow_id=flow_id.strip()).full_clean()
    assert refused.value.message_dict["flow_id"] == [sentence(flow_id)]
    page = signed_in(administrator=True).post(reverse("admin:exports_flow_add"), {"flow_id": flow_id})
    assert escape(sentence(flow_id)) in text_of(page)
    assert not Flow.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("flow_id", REFUSED)
def test_an_id_without_an_address_is_refused_in_files_and_by_the_roster_command(flow_id, tmp_path):
    with pytest.raises(ImportRefused) as refused:
        MappingSheet().read("a.csv", csv_file(MappingSheet().required, [flow_id, "BIO101", "Final"]))
    assert refused.value.problems == [f"Row 2, flow_id: {sentence(flow_id)}"]
    (tmp_path / "roster.csv").write_bytes(csv_file(["user_id"], ["u1"]))
    with pytest.raises(CommandError) as failed:
        call_command("import_roster", flow_id, str(tmp_path / "roster.csv"))
    assert str(failed.value) == f"The flow id cannot be used: {sentence(flow_id)}"
    assert not Flow.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("flow_id", NAMED)
def test_every_other_id_can_be_entered(flow_id):
    Flow(flow_id=flow_id).full_clean()
    assert MappingSheet().read("a.csv", csv_file(MappingSheet().required, [flow_id, "BIO101", "Final"]))
    assert resolve_flow_id("", flow_id) == resolve_flow_id(flow_id, "") == flow_id


def test_every_other_id_has_an_address_over_a_real_connection(transactional_db, wiseflow):
    headers = {**wiseflow.headers, "Content-Type": "application/json"}
    with site() as (host, port):
        for flow_id in NAMED:
            path = f"/api/wiseflow/flows/{quote(flow_id, safe='')}"
            connection = HTTPConnection(host, port, timeout=10)
            connection.request("POST", f"{path}/export", json.dumps({"flowId": flow_id, "participants": []}), headers)
            assert connection.getresponse().status == 200, flow_id
            connection.close()
            answer = requests.get(f"http://{host}:{port}{path}/export", headers=headers, timeout=10)
            assert (answer.status_code, answer.json().get("flowId")) == (200, flow_id)
            answer = requests.get(f"http://{host}:{port}{path}/participants/", headers=headers, timeout=10)
            assert (answer.status_code, answer.json()["count"]) == (200, 0)
    assert Flow.objects.count() == len(NAMED)
