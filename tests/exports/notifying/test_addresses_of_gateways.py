"""A webhook reaches no private address by way of an IPv6 address that stands for it."""

import ipaddress

import pytest

from exports.notifying.posting import NotPosted, refuse_private


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe"),
        *("2002:a00:1::1", "2002:7f00:1::", "fe80::1%eth0", "fd00::1", "::", "224.0.0.1"),
    ],
)
def test_an_address_that_leads_into_the_own_network_is_refused(address):
    with pytest.raises(NotPosted):
        refuse_private(["93.184.216.34", address], [])


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_a_public_address_is_allowed(address):
    refuse_private([address], [])


def test_an_allowed_network_is_allowed_by_every_way():
    allowed = [ipaddress.ip_network("10.0.0.0/8")]

    refuse_private(["10.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1"], allowed)
