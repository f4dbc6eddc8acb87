"""This process's connection to WISEflow's API."""

from functools import cache

from django.conf import settings

from exports.wiseflow import Wiseflow


def is_offered() -> bool:
    """Whether this site reads WISEflow's API at all."""
    return bool(settings.WISEFLOW_URL)


def wiseflow() -> Wiseflow:
    """One for all threads of the process, so that they share its token and its pace."""
    return _connected(
        settings.WISEFLOW_URL,
        settings.WISEFLOW_CLIENT_ID,
        settings.WISEFLOW_CLIENT_SECRET,
        settings.WISEFLOW_API_KEY,
    )


@cache
def _connected(url: str, client_id: str, client_secret: str, api_key: str) -> Wiseflow:
    return Wiseflow(
        url=url,
        client_id=client_id,
        client_secret=client_secret,
        api_key=api_key,
        version=settings.VERSION,
    )
