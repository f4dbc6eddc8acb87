"""Reads environment variables, and stops the start with one clear line when a value is missing or makes no sense."""

import ipaddress
import os
import re
import zoneinfo
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import environ

T = TypeVar("T")

# What a Host header can hold, without a port; Django also takes * and a leading dot.
HOST = re.compile(r"\*|[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")


def read(name: str, cast: Callable[[str], T], *, default: str | None = None) -> T:
    """The value of `name` as `cast` makes it. `cast` raises ValueError with a reason that a reader can act on.

    Ends the process with one line that names the variable when there is no usable value.
    """
    text = os.environ.get(name, default or "").strip()
    if not text and default is None:
        raise SystemExit(f"{name} is missing. Set it in the environment or in .env; .env.example shows every variable.")
    try:
        return cast(text)
    except ValueError as reason:
        raise SystemExit(f"{name} is not usable: {reason}. Set it in the environment or in .env.") from None


def text(value: str) -> str:
    return value


def boolean(value: str) -> bool:
    if value.lower() in ("true", "1", "yes", "on"):
        return True
    if value.lower() in ("false", "0", "no", "off", ""):
        return False
    raise ValueError(f"'{value}' is neither true nor false")


def items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def hosts(value: str) -> list[str]:
    """Names and addresses as they stand in a Host header, at least one."""
    found = items(value)
    if not found:
        raise ValueError("it names no host, so every request would be refused")
    for host in found:
        if not HOST.fullmatch(host):
            raise ValueError(f"'{host}' is no host name alone, such as grades.example.edu")
    return found


def origins(value: str) -> list[str]:
    """Origins as a browser sends them: a scheme and a host, and nothing after them."""
    found = items(value)
    for origin in found:
        scheme, separator, host = origin.partition("://")
        if scheme not in ("http", "https") or not separator or not host or re.search(r"[\s/?#@]", host):
            raise ValueError(f"'{origin}' is no origin such as https://grades.example.edu")
    return found


def networks(value: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(item) for item in items(value)]


def time_zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{value}' is no time zone such as Europe/Copenhagen") from None
    return value


def whole(*, least: int, most: int) -> Callable[[str], int]:
    """A cast to a whole number between `least` and `most`."""

    def cast(value: str) -> int:
        if not value.isascii() or not value.isdigit() or len(value) > 15 or not least <= int(value) <= most:
            raise ValueError(f"'{value}' is not a whole number from {least} to {most}")
        return int(value)

    return cast


def seconds(*, least: float, most: float) -> Callable[[str], float]:
    """A cast to a number of seconds between `least` and `most`."""

    def cast(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:  # also false for NaN
            raise ValueError(f"'{value}' is not a number of seconds from {least:g} to {most:g}")
        return number

    return cast


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, can only be this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def learn_url(value: str) -> str:
    """The address of a Learn site, without a slash at its end. Plain http is for this machine alone (the sandbox)."""
    # No message repeats the value: somebody may have put a password into it.
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(map(str.isspace, value)):
        raise ValueError("it is not an address such as https://learn.example.edu")
    if parts.query or parts.fragment or parts.username or parts.password or parts.path.strip("/"):
        raise ValueError("it must be the site's address alone, such as https://learn.example.edu")
    parts.port  # noqa: B018  raises ValueError for a port that is no number
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("it would send grades unencrypted; use https")
    return value.rstrip("/")


def database(value: str) -> dict[str, object]:
    """Django's settings for a `sqlite:///path` or `postgres://user:password@host/name?sslmode=require` address."""
    scheme = value.partition("://")[0]
    if scheme not in ("sqlite", "postgres", "postgresql"):
        raise ValueError("it must begin with sqlite:/// or postgres://")
    config = environ.Env.db_url_config(value)
    if config["NAME"] in ("", ":memory:"):
        raise ValueError("it names no database")
    if scheme == "sqlite":
        # IMMEDIATE: a transaction takes the write lock at its start, so two writers queue instead of failing.
        options = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        options = {"pool": {"min_size": 0, "max_size": 20, "timeout": 10}, "connect_timeout": 5}
        config["CONN_HEALTH_CHECKS"] = True  # the pool hands out no connection that the server has closed
    return {**config, "OPTIONS": {**options, **config.get("OPTIONS", {})}}
