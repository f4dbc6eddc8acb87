"""The client of Blackboard Learn's Grades Journey. It knows HTTP and OAuth2; it knows no Django."""

from courses.grades_journey.calls import Call, Observe
from courses.grades_journey.client import VERSION_SERVICE, GradesJourney
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
from courses.grades_journey.items import (
    ColumnToDelete,
    EnrolmentData,
    ExternalGradeColumn,
    GradableItem,
    GradeValue,
    Item,
    ItemType,
    SchemaItem,
)
from courses.grades_journey.tokens import TOKEN_SERVICE

__all__ = [
    "TOKEN_SERVICE",
    "VERSION_SERVICE",
    "Call",
    "CertificateRefused",
    "ColumnToDelete",
    "CredentialsRefused",
    "EnrolmentData",
    "ExternalGradeColumn",
    "GradableItem",
    "GradeValue",
    "GradesJourney",
    "HostUnknown",
    "InvalidItem",
    "Item",
    "ItemRejected",
    "ItemType",
    "LearnError",
    "NotInstalled",
    "Observe",
    "PermissionMissing",
    "QuotaUsedUp",
    "RequestRefused",
    "SchemaItem",
    "Unavailable",
    "Unconfirmed",
]
