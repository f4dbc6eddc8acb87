"""Where a call comes from, also behind proxies."""

import ipaddress
import re
from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

# As proxies write an address: bare, or with the caller's port, which an IPv6 address needs brackets for.
WITH_PORT = re.compile(r"(?P<v4>[0-9.]+):[0-9]{1,5}|\[(?P<v6>[^\[\]]*)\](?::[0-9]{1,5})?", re.ASCII)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def caller_address(request: Request | HttpRequest) -> str:
    """The caller's address. Behind one of TRUSTED_PROXIES: the last in X-Forwarded-For that is no such proxy."""
    address = bare(str(request.META.get("REMOTE_ADDR", "")))
    forwarded = [item.strip() for item in request.headers.get("X-Forwarded-For", "").split(",") if item.strip()]
    while forwarded and is_trusted_proxy(address):
        address = bare(forwarded.pop())
    return address


def is_of_unknown_proxy(request: HttpRequest) -> bool:
    """Whether a proxy outside TRUSTED_PROXIES passes the call on: then its address says nothing about the caller."""
    sender = bare(str(request.META.get("REMOTE_ADDR", "")))
    return "X-Forwarded-For" in request.headers and not is_trusted_proxy(sender)


def bare(text: str) -> str:
    """The address without port, brackets and the zone of an interface; what is no address stays as it is."""
    found = WITH_PORT.fullmatch(text)
    address = (found["v4"] or found["v6"]) if found else text
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return text
    return address.partition("%")[0]


def is_trusted_proxy(address: str) -> bool:
    return is_within(address, settings.TRUSTED_PROXIES)


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether the address is in one of the networks; what is no address is in none."""
    found = parsed(address)
    return found is not None and any(found in network for network in networks)


def neighbourhood(address: str) -> str | None:
    """The IPv4 address, or the /64 of an IPv6 one, of which a single caller has all. None: it is no address."""
    found = parsed(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(found), 64), strict=False).network_address)
    return str(found) if found else None


def parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An IPv4 address that is written as an IPv6 one is the IPv4 address. None: it is no address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found
