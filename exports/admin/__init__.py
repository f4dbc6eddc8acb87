"""The pages of managers and administrators. One file a page; importing a page registers it."""

from exports.admin import (
    api_clients,
    attempts,
    corrections,
    deliveries,
    flows,
    grades,
    learn,
    participants,
    pills,
    request_profiles,
    translations,
)

__all__ = [
    "api_clients",
    "attempts",
    "corrections",
    "deliveries",
    "flows",
    "grades",
    "learn",
    "participants",
    "pills",
    "request_profiles",
    "translations",
]
