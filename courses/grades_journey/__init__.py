"""The client of Blackboard Learn's Grades Journey. It knows HTTP and OAuth2; it knows no Django."""

from courses.grades_journey.client import Call, GradesJourney, Observe
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

__all__ = [
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
