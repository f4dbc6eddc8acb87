"""Too many calls: with wrong credentials from an address, and by a client."""

import json

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.cache import caches
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from exports.api import limits
from exports.api.limits import CallCounter, neighbourhood
from exports.models import ExportAttempt, RefusedRequest
from tests.exports.api.test_authentication import bearer
from tests.exports.api.test_oauth2 import ask, basic
from tests.factories import ApiClientFactory, FlowFactory

pytestmark = pytest.mark.django_db

PATH = "/api/wiseflow/flows/77/export"
DEFAULT = django_settings.CLIENT_CALLS_PER_MINUTE
MOMENT = timezone.now().replace(second=20, microsecond=0)


@pytest.fixture(autouse=True)
def clock():
    """Within one minute."""
    with time_machine.travel(MOMENT, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def _few(settings):
    settings.WRONG_KEYS_PER_MINUTE = 3


@pytest.fixture
def wiseflow():
    FlowFactory(flow_id="77")
    return ApiClientFactory(name="WISEflow")


def call(client, key="key-WISEflow", path=PATH, method="GET", **options):
    headers = options.pop("headers", {"X-Api-Key": key})
    return client.generic(
        method, path, json.dumps({"participants": []}), "application/json", headers=headers, **options
    )


WRONG = [
    {"X-Api-Key": "wrong"},
    {"Authorization": "Api-Key wrong"},
    basic("WISEflow", "wrong"),
    {"Authorization": "Basic ####"},
    {"Authorization": "Bearer wrong"},
]


class TestWrongKeys:
    @pytest.mark.parametrize("headers", WRONG)
    def test_beyond_the_limit_they_are_refused_with_when_to_come_again(self, client, wiseflow, headers):
        answers = [call(client, headers=headers) for _ in range(5)]

        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
        refused = answers[-1]
        assert refused["Content-Type"] == "application/json"
        assert "the right key is answered at any time" in refused.json()["detail"]
        assert "seconds" not in refused.json()["detail"]  # each would be a reason of its own
        assert refused["Retry-After"] == refused["RateLimit-Reset"] == "40"
        assert (refused["RateLimit-Limit"], refused["RateLimit-Remaining"]) == ("3", "0")

    def test_all_wrappings_and_the_token_address_count_together(self, client, wiseflow):
        statuses = [call(client, headers=headers).status_code for headers in WRONG[:2]]
        statuses += [ask(client, headers=basic("WISEflow", "wrong")).status_code for _ in range(2)]

        assert statuses == [401, 401, 401, 429]

    def test_the_token_address_answers_as_the_standard_says(self, client, wiseflow):
        for _ in range(3):
            ask(client, client_id="WISEflow", client_secret="wrong")
        in_form = ask(client, client_id="WISEflow", client_secret="wrong")
        in_header = ask(client, headers=basic("WISEflow", "wrong"))

        for refused in (in_form, in_header):
            assert (refused.status_code, refused.json()["error"]) == (429, "invalid_client")
            assert refused["Retry-After"] == "40"
        assert ask(client, client_id="WISEflow", client_secret="key-WISEflow").status_code == 200

    def test_the_right_key_works_from_the_same_address_in_every_wrapping(self, client, wiseflow):
        token = bearer(client)
        for _ in range(10):
            call(client, "wrong")

        good = [{"X-Api-Key": "key-WISEflow"}, basic("WISEflow", "key-WISEflow"), token]
        good += [good[0] | {"Authorization": other} for other in ("Bearer of a proxy", "Basic ####", "Digest x")]
        assert [call(client, headers=headers).status_code for headers in good] == [200] * 6
        assert ask(client, headers=basic("WISEflow", "key-WISEflow")).status_code == 200
        assert call(client, "wrong").status_code == 429

    def test_a_new_key_and_an_ended_one_are_what_they_are_at_once(self, client, wiseflow, monkeypatch):
        monkeypatch.setattr("exports.api.flood.FRESH", -1.0)
        for _ in range(5):
            call(client, "wrong")
        new = wiseflow.set_new_key()
        wiseflow.save()

        assert call(client, new).status_code == 200
        assert call(client).status_code == 429

    def test_broken_credentials_at_the_token_address_count_as_well(self, client):
        assert [ask(client, headers={"Authorization": "Basic ####"}).status_code for _ in range(4)] == [401] * 3 + [429]

    def test_they_are_refused_in_the_language_of_the_caller(self, client):
        for _ in range(5):
            call(client, "wrong")
        with translation.override("da"):  # of whom the thread served before
            refused = call(client, "wrong")
            danish = call(client, headers={"X-Api-Key": "wrong", "Accept-Language": "da"})

        assert "Too many calls" in refused.json()["detail"]
        assert "Too many calls" not in danish.json()["detail"]

    def test_the_next_minute_begins_anew(self, client, clock):
        for _ in range(5):
            call(client, "wrong")
        clock.shift(60)

        assert call(client, "wrong").status_code == 401

    def test_other_addresses_are_not_concerned(self, client):
        for _ in range(5):
            call(client, "wrong", REMOTE_ADDR="192.0.2.7")

        assert call(client, "wrong", REMOTE_ADDR="192.0.2.8").status_code == 401

    def test_calls_without_credentials_are_not_counted(self, client):
        """Many callers send what they have only once it is requested."""
        assert {call(client, headers={}).status_code for _ in range(10)} == {401}
        assert call(client, "wrong").status_code == 401

    def test_without_a_limit_nothing_is_refused(self, client, settings):
        settings.WRONG_KEYS_PER_MINUTE = 0

        assert {call(client, "wrong").status_code for _ in range(10)} == {401}

    def test_people_and_documents_are_not_concerned(self, client):
        for _ in range(5):
            call(client, "wrong")

        assert client.get("/api/schema/").status_code == 200
        assert client.get("/health/live").status_code == 200

    def test_a_flood_is_a_row_and_a_line_with_its_number(self, client, caplog, clock):
        for _ in range(3):
            call(client, "wrong")
        caplog.clear()
        with CaptureQueriesContext(connection) as queries:
            call(client, "wrong")
            for _ in range(200):
                call(client, "wrong")
        assert len(queries) < 20
        assert [record.msg["times"] for record in caplog.records if "callers" in record.name] == [1]

        limits.wrong_keys._tallies["127.0.0.1"].said_at -= 10
        call(client, "wrong")
        assert [record.msg["times"] for record in caplog.records if "callers" in record.name] == [1, 201]
        assert sum(RefusedRequest.objects.filter(status=429).values_list("count", flat=True)) == 202
        assert RefusedRequest.objects.filter(status=429).count() == 1


class TestCallsOfAClient:
    @pytest.fixture(autouse=True)
    def _few(self, settings):
        settings.CLIENT_CALLS_PER_MINUTE = 3

    def test_beyond_the_limit_nothing_is_read_or_stored(self, client, wiseflow):
        answers = [call(client, method="POST") for _ in range(5)]

        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert ExportAttempt.objects.count() == 3
        assert answers[-1]["Retry-After"] == "40"
        assert "CLIENT" not in answers[-1].json()["detail"]
        assert "more than 3 calls in a minute" in answers[-1].json()["detail"]

    def test_every_answer_says_what_is_left(self, client, wiseflow):
        answers = [call(client, path=path) for path in (PATH, "/api/wiseflow/flows/nowhere/export", PATH, PATH)]

        assert [answer.status_code for answer in answers] == [200, 404, 200, 429]
        assert [answer["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert {answer["RateLimit-Limit"] for answer in answers} == {"3"}

    def test_calls_that_are_refused_each_time_count_as_well(self, client):
        ApiClientFactory(name="elsewhere", allowed_networks=["192.0.2.0/24"])

        answers = [call(client, "key-elsewhere") for _ in range(5)]

        assert [answer.status_code for answer in answers] == [403, 403, 403, 429, 429]
        assert [answer["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]

    def test_all_ways_of_one_client_count_together_and_no_one_elses(self, client, wiseflow):
        ApiClientFactory(name="other")
        token = bearer(client)
        call(client, headers=token)
        call(client)

        refused = ask(client, headers=basic("WISEflow", "key-WISEflow"))
        assert (refused.status_code, refused.json()["error"]) == (429, "slow_down")
        assert call(client, headers=token).status_code == 429
        assert call(client, "key-other").status_code == 200

    def test_the_default_is_far_beyond_an_exam_of_instant_exports(self, client, wiseflow, settings):
        """Ten thousand people in a minute, each in a call of their own and once more."""
        settings.CLIENT_CALLS_PER_MINUTE = DEFAULT
        limits.client_calls._tally(str(wiseflow.pk)).own = 20_000

        assert call(client, method="POST").status_code == 200


class TestTheSharedCache:
    def test_a_call_costs_no_statement_while_far_from_the_limit(self, client, wiseflow):
        call(client)
        with CaptureQueriesContext(connection) as queries:
            for _ in range(20):
                call(client)

        assert not [query["sql"] for query in queries if "cache" in query["sql"]]

    def test_processes_count_together(self, settings):
        first, second = (CallCounter("together", "WRONG_KEYS_PER_MINUTE") for _ in range(2))
        for _ in range(3):
            first.count("192.0.2.7")
            first.share("192.0.2.7")
        second.count("192.0.2.7")
        assert not second.usage("192.0.2.7").is_over
        second.share("192.0.2.7")

        assert second.usage("192.0.2.7").used == 4
        assert second.count("192.0.2.7").is_over
        assert not second.count("192.0.2.8").is_over

    def test_a_process_keeps_less_than_a_tenth_to_itself(self, settings):
        settings.WRONG_KEYS_PER_MINUTE = 100
        counter = CallCounter("sparing", "WRONG_KEYS_PER_MINUTE")
        shared = []
        for _ in range(20):
            counter.count("a")
            counter.share("a")
            shared.append(caches["shared"].get(f"sparing:a:{counter._minute}", 0))

        assert shared == [0] * 9 + [10] * 10 + [20]

    def test_where_it_fails_every_process_counts_alone(self, client, wiseflow, monkeypatch):
        def away(*args, **options):
            raise OperationalError("no answer")

        monkeypatch.setattr("django.core.cache.backends.db.DatabaseCache.get", away)
        monkeypatch.setattr("django.core.cache.backends.db.DatabaseCache.set", away)

        assert [call(client, "wrong").status_code for _ in range(4)] == [401, 401, 401, 429]
        assert call(client).status_code == 200

    def test_what_another_program_left_in_it_does_no_harm(self, client):
        counter = limits.wrong_keys
        counter.count("127.0.0.1")
        caches["shared"].set(f"{counter.name}:127.0.0.1:{counter._minute}", "nonsense")

        assert call(client, "wrong").status_code == 401

    def test_a_process_does_not_keep_all_addresses_there_are(self, monkeypatch):
        monkeypatch.setattr(limits, "MAX_KNOWN", 10)
        counter = CallCounter("many", "WRONG_KEYS_PER_MINUTE")
        for number in range(100):
            counter.count(f"192.0.2.{number}")

        assert len(counter._tallies) <= 10


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("2001:db8:1:3::9", "2001:db8:1:3::"),
        ("unknown", "unreadable"),
        ("", "unreadable"),
    ],
)
def test_a_caller_has_one_ipv4_address_or_a_network_of_ipv6(address, who):
    assert neighbourhood(address) == who
