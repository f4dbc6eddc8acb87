"""Who may read figures about the site."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from common.addresses import caller_address


def may_watch(request: HttpRequest) -> bool:
    """Everyone, unless METRICS_NETWORKS names who: these are counts, and nothing of a person."""
    if not settings.METRICS_NETWORKS:
        return True
    try:
        address = ipaddress.ip_address(caller_address(request))
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in settings.METRICS_NETWORKS)
