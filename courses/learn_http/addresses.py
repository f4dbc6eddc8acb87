"""Which addresses may be Learn's: https, or this machine's own."""

import ipaddress
import os
from urllib.parse import urlsplit


def allow_plain_http_on_loopback(url: str) -> None:
    """Lets oauthlib use plain http where `url` is this machine's own. Raises ValueError for http to any other."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" and host:
        return
    if parts.scheme != "http" or not is_loopback(host):
        raise ValueError("The address of Learn must begin with https://; plain http is for this machine alone.")
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the only switch that oauthlib has


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, can only be this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
