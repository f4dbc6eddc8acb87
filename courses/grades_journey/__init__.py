"""The client of Blackboard Learn's Grades Journey. It knows HTTP and OAuth2; it knows no Django."""

from courses.grades_journey.client import Call, GradesJourney
from courses.grades_journey.errors import (
    CertificateRefused,
    CredentialsRefused,
    HostUnknown,
    InvalidItem,
    ItemRejected,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    Unavailable,
    Unconfirmed,
)
from courses.grades_journey.items import GradeValue

__all__ = [
    "Call",
    "CertificateRefused",
    "CredentialsRefused",
    "GradeValue",
    "GradesJourney",
    "HostUnknown",
    "InvalidItem",
    "ItemRejected",
    "LearnError",
    "NotInstalled",
    "PermissionMissing",
    "QuotaUsedUp",
    "RequestRefused",
    "Unavailable",
    "Unconfirmed",
]
