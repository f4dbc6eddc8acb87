"""Addresses of the site that only some may reach."""

from collections.abc import Callable
from functools import wraps
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from exports.api.addresses import caller_address

View = Callable[..., HttpResponse]


def from_metrics_networks(view: View) -> View:
    """403 for whoever calls from elsewhere than METRICS_NETWORKS. Empty: anyone may."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if settings.METRICS_NETWORKS and not is_within(caller_address(request), settings.METRICS_NETWORKS):
            return HttpResponse("Not from this address: see METRICS_NETWORKS.\n", status=403, content_type="text/plain")
        return view(request, *args, **kwargs)

    return guarded


def is_within(address: str, networks: Any) -> bool:
    try:
        found = ip_address(address)
    except ValueError:  # a socket of the machine has none
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network for network in networks)
