"""Who may read figures about the site."""

from django.conf import settings
from django.http import HttpRequest

from common.addresses import caller_address, is_within


def may_watch(request: HttpRequest) -> bool:
    """Everyone, unless METRICS_NETWORKS names who: these are counts, and nothing of a person."""
    return not settings.METRICS_NETWORKS or is_within(caller_address(request), settings.METRICS_NETWORKS)
