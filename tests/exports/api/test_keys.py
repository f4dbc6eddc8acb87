"""Keys of a client: two at a time, until a date, and when they were last used."""

from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exports.api import callers
from exports.models import ApiClient, ExportAttempt
from tests.exports.api.test_authentication import bearer, call
from tests.exports.api.test_oauth2 import ask, basic
from tests.factories import ApiClientFactory, FlowFactory

pytestmark = pytest.mark.django_db

GET = "/api/wiseflow/flows/77/export"


@pytest.fixture
def api_client():
    FlowFactory(flow_id="77")
    return ApiClientFactory(name="WISEflow")


def status(client, key="key-WISEflow", **options):
    return client.get(GET, headers={"X-Api-Key": key}, **options).status_code


def renew(api_client, days=7):
    """A new key, beside which the old one works for so many days."""
    key = api_client.set_new_key(keep_old_until=timezone.now() + timedelta(days=days))
    api_client.save()
    return key


class TestTwoKeys:
    def test_both_work_until_the_old_one_ends(self, client, api_client):
        new = renew(api_client)

        assert (status(client), status(client, new)) == (200, 200)
        with time_machine.travel(timezone.now() + timedelta(days=7, seconds=1)):
            assert (status(client), status(client, new)) == (401, 200)

    def test_each_works_with_the_name_as_basic_and_for_a_token(self, client, api_client):
        for key in ("key-WISEflow", renew(api_client)):
            assert client.get(GET, headers=basic("WISEflow", key)).status_code == 200
            assert client.get(GET, headers=bearer(client, key=key)).status_code == 200

    def test_a_third_key_ends_the_first(self, client, api_client):
        second = renew(api_client)
        third = renew(api_client)

        assert [status(client, key) for key in ("key-WISEflow", second, third)] == [401, 200, 200]

    def test_without_a_date_the_old_one_ends_at_once(self, client, api_client):
        api_client.set_new_key()
        api_client.save()

        assert status(client) == 401

    def test_a_token_dies_with_the_key_it_was_made_for(self, client, api_client):
        old_token = bearer(client)
        new = renew(api_client)
        new_token = bearer(client, key=new)
        old_token_since = bearer(client)
        tokens = (old_token, old_token_since, new_token)
        assert [call(client, "GET", headers=token).status_code for token in tokens] == [200, 200, 200]

        api_client.end_previous_key()
        api_client.save()

        assert [call(client, "GET", headers=token).status_code for token in tokens] == [401, 401, 200]

    def test_a_token_is_not_said_to_outlive_its_key(self, client, api_client):
        renew(api_client)
        api_client.previous_key_ends_at = timezone.now() + timedelta(minutes=5)
        api_client.save()

        answer = ask(client, headers=basic("WISEflow", "key-WISEflow")).json()

        assert 290 < answer["expires_in"] <= 300
        with time_machine.travel(timezone.now() + timedelta(minutes=6)):
            token = {"Authorization": f"Bearer {answer['access_token']}"}
            assert call(client, "GET", headers=token).status_code == 401


class TestExpiry:
    def test_from_then_on_every_wrapping_is_refused(self, client, api_client):
        token = bearer(client)
        api_client.expires_at = timezone.now() + timedelta(minutes=1)
        api_client.save()
        assert status(client) == 200

        with time_machine.travel(timezone.now() + timedelta(minutes=2)):
            assert status(client) == 401
            assert client.get(GET, headers=basic("WISEflow", "key-WISEflow")).status_code == 401
            assert call(client, "GET", headers=token).status_code == 401
            assert ask(client, headers=basic("WISEflow", "key-WISEflow")).json()["error"] == "invalid_client"

    def test_a_client_without_a_date_does_not_expire(self, client, api_client):
        with time_machine.travel(timezone.now() + timedelta(days=5000)):
            assert status(client) == 200


class TestTokenEndpoint:
    def test_it_obeys_the_networks_of_the_client(self, client):
        ApiClientFactory(name="WISEflow", allowed_networks=["192.0.2.0/24"])
        form = "grant_type=client_credentials"

        def answer(address):
            return client.post(
                "/oauth2/token/",
                form,
                content_type="application/x-www-form-urlencoded",
                headers=basic("WISEflow", "key-WISEflow"),
                REMOTE_ADDR=address,
            )

        assert answer("192.0.2.7").status_code == 200
        refused = answer("203.0.113.9")
        assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
        assert "203.0.113.9" in refused.json()["error_description"]


class TestLastUse:
    @pytest.fixture
    def unused(self, api_client):
        ApiClient.objects.update(last_used_at=None)
        return api_client

    def test_when_and_from_where_are_kept_without_history(self, client, unused):
        before = unused.history.count()
        status(client, REMOTE_ADDR="192.0.2.7")

        unused.refresh_from_db()
        assert unused.last_used_address == "192.0.2.7"
        assert timezone.now() - unused.last_used_at < timedelta(seconds=30)
        assert unused.history.count() == before

    def test_it_is_written_at_most_once_a_minute(self, client, unused):
        now = timezone.now().replace(second=0)
        written = []
        for seconds in (0, 1, 59, 61, 62):
            with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
                with CaptureQueriesContext(connection) as queries:
                    status(client)
                written.append(sum("UPDATE" in query["sql"] for query in queries))
        assert written == [1, 0, 0, 1, 0]

    def test_a_token_request_is_a_use(self, client, unused):
        ask(client, headers=basic("WISEflow", "key-WISEflow"))

        unused.refresh_from_db()
        assert unused.last_used_at

    def test_a_wrong_key_is_none(self, client, unused):
        status(client, "wrong")
        client.get(GET, headers=basic("WISEflow", "wrong"))

        unused.refresh_from_db()
        assert unused.last_used_at is None

    def test_no_export_fails_because_it_cannot_be_written(self, client, unused, monkeypatch):
        def away(*args):
            raise OperationalError("no answer")

        monkeypatch.setattr(callers.ApiClient.objects, "note_use", away, raising=False)
        monkeypatch.setattr("exports.models.api_client.ApiClientQuerySet.note_use", away)

        assert call(client, headers={"X-Api-Key": "key-WISEflow"}).status_code == 200


def test_an_attempt_keeps_the_address_of_its_caller(client, api_client):
    assert call(client, headers={"X-Api-Key": "key-WISEflow"}, REMOTE_ADDR="192.0.2.7").status_code == 200

    assert ExportAttempt.objects.get().caller_address == "192.0.2.7"


class TestLog:
    """One line for each call, without what a log must not hold."""

    def lines(self, caplog):
        return [record.msg for record in caplog.records if record.name == "exports.api.callers"]

    def test_an_accepted_call_names_client_and_address(self, client, api_client, caplog):
        with caplog.at_level("INFO"):
            status(client, REMOTE_ADDR="192.0.2.7")

        (line,) = self.lines(caplog)
        assert (line["event"], line["client"], line["address"]) == ("caller_accepted", "WISEflow", "192.0.2.7")

    @pytest.mark.parametrize(
        ("given", "headers", "reason", "name"),
        [
            ({}, {}, "not_authenticated", ""),
            ({}, {"X-Api-Key": "a-wrong-key"}, "authentication_failed", ""),
            ({}, {"Authorization": "Bearer nonsense"}, "authentication_failed", ""),
            ({"allowed_networks": ["192.0.2.0/24"]}, {"X-Api-Key": "key-WISEflow"}, "network", "WISEflow"),
            ({"flow_patterns": ["78"]}, {"X-Api-Key": "key-WISEflow"}, "flow", "WISEflow"),
            ({"may_export": False}, {"X-Api-Key": "key-WISEflow"}, "reads_only", "WISEflow"),
            ({"is_active": False}, {"X-Api-Key": "key-WISEflow"}, "authentication_failed", ""),
        ],
    )
    def test_a_refused_call_says_why(self, client, caplog, given, headers, reason, name):
        ApiClientFactory(name="WISEflow", **given)

        call(client, headers=headers)

        (line,) = self.lines(caplog)
        assert (line["event"], line["reason"], line["client"]) == ("caller_refused", reason, name)
        assert line["address"] == "127.0.0.1"
        assert "key" not in str({key: value for key, value in line.items() if key != "event"}).replace("WISEflow", "")
        assert "django.request" not in {record.name for record in caplog.records}  # whose line would say no more
