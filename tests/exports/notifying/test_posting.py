"""One message to one receiver: where it may go, how long it may take, and what becomes of an answer."""

import time
from ipaddress import ip_network

import pytest

from exports.notifying import posting
from exports.notifying.posting import NotPosted, post, refuse_private
from tests.exports.notifying.conftest import free_port

HERE = [ip_network("127.0.0.0/8"), ip_network("::1/128")]


def code_of(url, allowed=HERE):
    with pytest.raises(NotPosted) as refusal:
        post(url, b"{}", {}, allowed=allowed)
    return refusal.value.code


def test_the_receiver_is_sent_what_was_given_and_its_status_is_returned(receiver):
    receiver.status = 202

    assert post(receiver.url, b'{"a": 1}', {"webhook-id": "m1"}, allowed=HERE) == 202

    [request] = receiver.requests
    assert (request.path, request.body) == ("/gradebridge?from=here", b'{"a": 1}')
    assert request.headers["webhook-id"] == "m1"
    assert request.headers["host"] == receiver.url.split("/")[2]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(receiver, status):
    receiver.status, receiver.location = status, receiver.url + "&again"

    assert post(receiver.url, b"{}", {}, allowed=HERE) == status
    assert len(receiver.requests) == 1


def test_no_one_listens():
    assert code_of(f"http://127.0.0.1:{free_port()}/") == "NOT_REACHED"


@pytest.mark.parametrize("drips", [True, False], ids=["byte by byte", "silent"])
def test_a_receiver_that_never_answers_is_left_in_time(receiver, monkeypatch, drips):
    monkeypatch.setattr(posting, "SECONDS", 0.4)
    receiver.pause, receiver.drips = (0, True) if drips else (3, False)
    begun = time.monotonic()

    assert code_of(receiver.url) == "NO_ANSWER_IN_TIME"

    assert time.monotonic() - begun < 3


def test_a_receiver_that_speaks_no_http(receiver):
    receiver.status = 99999

    assert code_of(receiver.url) == "NO_USABLE_ANSWER"


def test_a_receiver_that_speaks_no_tls(receiver):
    assert code_of(receiver.url.replace("http://", "https://")) == "CERTIFICATE_REFUSED"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
def test_this_machine_is_not_reached_unless_allowed(receiver, host):
    assert code_of(receiver.url.replace("127.0.0.1", host), allowed=[]) == "ADDRESS_NOT_ALLOWED"
    assert receiver.requests == []


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1"),
        *("::1", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "::", "ff02::1"),
    ],
)
def test_no_private_address_is_reached(address):
    with pytest.raises(NotPosted):
        refuse_private([address], [])


def test_one_private_address_among_public_ones_is_enough():
    refuse_private(["93.184.216.34", "2606:2800:220:1::1"], [])
    with pytest.raises(NotPosted):
        refuse_private(["93.184.216.34", "10.0.0.1"], [])


def test_a_network_that_is_allowed_is_reached_whichever_way_its_address_is_written():
    refuse_private(["10.1.2.3", "::ffff:10.1.2.3"], [ip_network("10.0.0.0/8")])
