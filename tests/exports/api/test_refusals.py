"""Refused requests are kept, a flood of them as few rows, and no answer depends on it."""

import time
from base64 import b64encode
from datetime import timedelta
from ipaddress import ip_network

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone

from exports.api import refusals
from exports.api.views import ExportView
from exports.models import RefusedRequest
from tests.conftest import WiseFlow
from tests.factories import ApiClientFactory, RefusedRequestFactory

PATH = "/api/wiseflow/flows/77/export"
EMPTY = '{"participants": []}'
SECRET = "the-key-that-must-not-be-kept"
MOMENT = timezone.now().replace(minute=2, second=0, microsecond=0)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_limit(settings):
    """What a flood of wrong keys is answered is told in test_limits.py."""
    settings.WRONG_KEYS_PER_MINUTE = 0


@pytest.fixture(autouse=True)
def clock():
    """Within one span of ten minutes."""
    with time_machine.travel(MOMENT, tick=False) as clock:
        yield clock


def call(client, path=PATH, key=SECRET, method="POST", body=EMPTY, **options):
    options.setdefault("content_type", "application/json")
    return client.generic(method, path, body, headers={"X-Api-Key": key}, **options)


def rows(**fields):
    return RefusedRequest.objects.filter(**fields)


def test_a_wrong_key_is_kept_with_address_flow_reason_and_size_and_without_the_key(client):
    assert call(client, REMOTE_ADDR="192.0.2.7").status_code == 401

    refused = RefusedRequest.objects.get()
    assert (refused.status, refused.address, refused.flow_id, refused.size) == (401, "192.0.2.7", "77", len(EMPTY))
    assert (refused.method, refused.path, refused.client) == ("POST", PATH, None)
    assert refused.reason == "The API key is unknown or no longer active."
    assert SECRET not in str(list(RefusedRequest.objects.values()))


@pytest.mark.parametrize(
    ("status", "options"),
    [
        (400, {"body": "not JSON"}),
        (400, {"path": f"{PATH}?rehearsal=perhaps"}),
        (405, {"method": "PUT"}),
        (413, {"body": '{"participants": [{}, {}]}'}),
        (415, {"content_type": "text/plain"}),
    ],
)
def test_what_a_known_client_did_wrong_is_kept_with_its_name(client, settings, status, options):
    settings.EXPORT_MAX_PARTICIPANTS = 1
    caller = ApiClientFactory(name="WISEflow")

    answer = call(client, key="key-WISEflow", **options)

    refused = RefusedRequest.objects.get()
    assert (answer.status_code, refused.status, refused.client) == (status, status, caller)
    assert refused.reason == answer.json()["detail"]
    assert (refused.flow_id, refused.path) == ("77", PATH)


def test_a_client_that_calls_from_elsewhere_is_kept_with_the_address_that_was_forwarded(client, settings):
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/24")]
    caller = ApiClientFactory(name="WISEflow", allowed_networks=["192.0.2.0/24"])
    headers = {"X-Api-Key": "key-WISEflow", "X-Forwarded-For": "203.0.113.9"}

    client.post(PATH, EMPTY, content_type="application/json", headers=headers, REMOTE_ADDR="10.0.0.1")

    refused = RefusedRequest.objects.get()
    assert (refused.status, refused.client, refused.address) == (403, caller, "203.0.113.9")


@pytest.mark.parametrize(
    ("body", "flow_id"),
    [
        ('{"flowId": "78"}', "78"),
        ('{"flowId": 78, "participants": 5}', "78"),
        ('{"flowId": "78", "participants": [{}, {}]}', "78"),
        ('{"flowId": [], "participants": []}', ""),
        ("[]", ""),
        ("not JSON", ""),
    ],
)
def test_the_flow_is_known_from_the_body_as_far_as_it_could_be_read(client, settings, body, flow_id):
    settings.EXPORT_MAX_PARTICIPANTS = 1
    ApiClientFactory(name="WISEflow")

    assert call(client, "/api/wiseflow/export", "key-WISEflow", body=body).status_code in (400, 413)

    assert RefusedRequest.objects.get().flow_id == flow_id


@pytest.mark.parametrize(
    ("status", "reason", "key", "body"),
    [
        (401, "invalid_client", SECRET, "grant_type=client_credentials"),
        (400, "unsupported_grant_type", "key-WISEflow", "grant_type=password&password=hidden"),
    ],
)
def test_a_token_that_is_refused_is_kept_without_its_form(client, status, reason, key, body):
    ApiClientFactory(name="WISEflow")
    headers = {"Authorization": "Basic " + b64encode(f"WISEflow:{key}".encode()).decode()}

    answer = client.post(
        "/oauth2/token/?client_secret=hidden",
        body,
        content_type="application/x-www-form-urlencoded",
        headers=headers,
    )

    refused = RefusedRequest.objects.get()
    assert (answer.status_code, refused.status, refused.path) == (status, status, "/oauth2/token/")
    assert refused.reason.startswith(reason)
    assert refused.client is None
    assert not {SECRET, "hidden", "key-WISEflow"} & set(str(list(RefusedRequest.objects.values())).split("'"))


def test_what_is_answered_otherwise_is_not_kept(client, flow):
    ApiClientFactory(name="WISEflow")

    assert call(client, key="key-WISEflow").status_code == 200
    assert call(client, "/api/wiseflow/flows/none/export", "key-WISEflow", "GET").status_code == 404
    assert call(client, "/api/nowhere").status_code == 404

    assert not RefusedRequest.objects.exists()


def test_nothing_tells_whether_a_name_is_a_clients(client):
    ApiClientFactory(name="WISEflow")

    for name in ("WISEflow", "another"):
        basic = "Basic " + b64encode(f"{name}:{SECRET}".encode()).decode()
        client.post(PATH, EMPTY, content_type="application/json", headers={"Authorization": basic})

    [refused] = RefusedRequest.objects.all()  # the two cannot be told apart
    assert (refused.client, refused.count) == (None, 2)


# A flood


def test_equal_refusals_within_ten_minutes_are_one_row_that_counts_them(client, clock):
    for _ in range(5):
        call(client)
    clock.shift(timedelta(minutes=3))
    call(client)

    refused = RefusedRequest.objects.get()
    assert (refused.count, refused.at, refused.last_at) == (6, MOMENT, MOMENT + timedelta(minutes=3))

    clock.shift(timedelta(minutes=10))
    call(client)
    assert sorted(rows().values_list("count", flat=True)) == [1, 6]


def test_refusals_of_another_kind_are_rows_of_their_own(client):
    for path, options in (
        (PATH, {}),
        (PATH, {"REMOTE_ADDR": "192.0.2.9"}),
        ("/api/wiseflow/flows/78/export", {}),
        (PATH, {"method": "GET"}),
    ):
        call(client, path, **options)

    assert rows().count() == 4


def test_an_address_makes_a_bounded_number_of_rows_an_hour_and_all_are_counted(client, clock):
    number = refusals.MAX_BY_ADDRESS + 30
    for flow in range(number):
        call(client, f"/api/wiseflow/flows/{flow}/export")

    assert rows().count() == refusals.MAX_BY_ADDRESS + 1
    rest = rows(flow_id="").get()
    assert (rest.count, rest.address, rest.status, rest.path) == (30, "127.0.0.1", 401, "")
    assert sum(rows().values_list("count", flat=True)) == number

    clock.shift(timedelta(hours=1))
    call(client, "/api/wiseflow/flows/later/export")
    assert rows(flow_id="later").exists()


def test_ever_new_addresses_make_a_bounded_number_of_rows_an_hour(client, monkeypatch):
    monkeypatch.setattr(refusals, "MAX_BY_STRANGERS", 20)
    for number in range(50):
        call(client, REMOTE_ADDR=f"2001:db8::{number:x}")

    assert rows().count() == 21
    assert rows(address="").get().count == 30


def test_a_client_that_is_known_is_not_lost_in_a_flood_of_strangers(client, monkeypatch):
    monkeypatch.setattr(refusals, "MAX_BY_STRANGERS", 1)
    monkeypatch.setattr(refusals, "MAX_BY_CLIENT", 3)
    caller = ApiClientFactory(name="WISEflow")
    for number in range(4):
        call(client, REMOTE_ADDR=f"192.0.2.{number}")
    for flow in range(6):
        call(client, f"/api/wiseflow/flows/{flow}/export", "key-WISEflow", body="")

    assert list(rows(client=caller).order_by("pk").values_list("flow_id", "count")) == [
        ("0", 1),
        ("1", 1),
        ("2", 1),
        ("", 3),
    ]


def test_a_refusal_costs_the_same_whatever_there_is_already(client, django_assert_max_num_queries):
    with django_assert_max_num_queries(12) as first:
        call(client)
    RefusedRequestFactory.create_batch(60)
    with django_assert_max_num_queries(12) as new:
        call(client, "/api/wiseflow/flows/78/export")
    with django_assert_max_num_queries(12) as again:
        call(client)

    assert len(again) < len(first)
    assert len(new) <= len(first) + 2


# Nothing of it harms an answer


def test_a_database_that_fails_fails_no_answer(client, monkeypatch, caplog):
    def away(*args):
        raise OperationalError("no answer")

    monkeypatch.setattr(refusals, "count", away)

    assert call(client).status_code == 401

    assert "refused_request_not_recorded" in caplog.text
    assert SECRET not in caplog.text
    assert not RefusedRequest.objects.exists()


@pytest.mark.django_db(transaction=True)  # what is closed closes the connection too
def test_it_is_recorded_once_the_answer_is_sent(rf):
    """A server closes the answer when all of it was sent."""
    request = rf.post("/api/wiseflow/export", EMPTY, content_type="application/json")
    answer = ExportView.as_view()(request)
    answer.render()
    assert answer.status_code == 401
    assert not RefusedRequest.objects.exists()

    answer.close()
    assert RefusedRequest.objects.exists()


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/api/wiseflow/flows/a%00b/export", {}),
        ("/api/wiseflow/flows/%ff%fe/export", {}),
        ("/api/wiseflow/flows/a%E2%80%8Bb%0Ac/export", {}),
        (f"/api/wiseflow/flows/{'x' * 5000}/export", {}),
        (PATH, {"CONTENT_LENGTH": "9" * 40}),
        (PATH, {"CONTENT_LENGTH": "-1"}),
        (PATH, {"REMOTE_ADDR": ""}),
        (PATH, {"REMOTE_ADDR": "no address " * 50}),
        (PATH, {"method": "X" * 300}),
    ],
)
def test_odd_requests_are_kept_as_far_as_a_database_can(client, path, options):
    assert call(client, path, **options).status_code in (400, 401, 405)

    assert RefusedRequest.objects.count() == 1


def test_an_odd_body_is_kept_in_no_part(client):
    ApiClientFactory(name="WISEflow")
    wiseflow = WiseFlow(client, "key-WISEflow")

    wiseflow.post('{"flowId": "\\ud800 odd", "participants": []}', "/api/wiseflow/export")
    wiseflow.post(b"\xff secret marks", "/api/wiseflow/export")

    kept = str(list(RefusedRequest.objects.values()))
    assert RefusedRequest.objects.count() == 2
    assert "secret marks" not in kept


def test_recording_takes_no_time_that_a_caller_would_notice(client):
    call(client)
    began = time.perf_counter()
    for number in range(20):
        refusals.record(
            {
                "client": None,
                "address": "192.0.2.7",
                "status": 401,
                "flow_id": str(number),
                "method": "POST",
                "path": PATH,
                "reason": "",
            },
            1,
        )
    assert (time.perf_counter() - began) / 20 < 0.25
