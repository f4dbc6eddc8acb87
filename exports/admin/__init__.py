"""The pages of managers and administrators. One file a page; importing a page registers it."""

from exports.admin import flows, pills
from exports.admin.clients import api_clients, request_profiles, webhooks
from exports.admin.desk import digests, evidence, holds, refused_requests, subscriptions
from exports.admin.grades import (
    attempts,
    corrections,
    decisions,
    deliveries,
    exemptions,
    in_learn,
    participants,
    retry_runs,
)
from exports.admin.mapping import learn, translations

__all__ = [
    "api_clients",
    "attempts",
    "corrections",
    "decisions",
    "deliveries",
    "digests",
    "evidence",
    "exemptions",
    "flows",
    "holds",
    "in_learn",
    "learn",
    "participants",
    "pills",
    "refused_requests",
    "request_profiles",
    "retry_runs",
    "subscriptions",
    "translations",
    "webhooks",
]
