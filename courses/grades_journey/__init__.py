"""The client of Blackboard Learn's Grades Journey. It knows no Django."""

from courses.grades_journey.client import VERSION_SERVICE, GradesJourney
from courses.grades_journey.items import (
    ColumnToDelete,
    EnrolmentData,
    ExternalGradeColumn,
    GradableItem,
    GradeValue,
    InvalidItem,
    Item,
    ItemType,
    SchemaItem,
)
from courses.grades_journey.results import ItemRejected
from courses.learn_http.calls import Call, Observe
from courses.learn_http.errors import (
    CertificateRefused,
    CredentialsRefused,
    HostUnknown,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    Unavailable,
    Unconfirmed,
)
from courses.learn_http.tokens import TOKEN_SERVICE

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
