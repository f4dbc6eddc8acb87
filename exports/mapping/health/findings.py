"""What a look at Learn can find before an exam: codes and parameters, as they are stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from exports.mapping.health.problems import Severity

MAX_PEOPLE = 500  # that a finding names; all are counted


class Code(models.TextChoices):
    """What was found. The parameters of each are named in its comment; all have `course`, as Learn's batch uid."""

    COURSE_UNKNOWN = "COURSE_UNKNOWN", _("Course not in Learn")
    COURSE_MERGED = "COURSE_MERGED", _("Course merged into another")  # parent: its batch uid, name or own id
    COURSE_COMPLETED = "COURSE_COMPLETED", _("Course completed")
    COURSE_DISABLED = "COURSE_DISABLED", _("Course disabled")
    COURSE_NOT_AVAILABLE = "COURSE_NOT_AVAILABLE", _("Course not available")

    # of a column: column, name
    COLUMN_UNKNOWN = "COLUMN_UNKNOWN", _("Column not in Learn")  # similar: a name that is nearly the same, or ""
    COLUMN_TWICE = "COLUMN_TWICE", _("Several columns of one name")  # number
    COLUMN_CALCULATED = "COLUMN_CALCULATED", _("Column calculated by Learn")
    COLUMN_ANONYMOUS = "COLUMN_ANONYMOUS", _("Column marked anonymously")
    COLUMN_KIND_UNKNOWN = "COLUMN_KIND_UNKNOWN", _("Kind of column not known")  # kind
    POINTS_DIFFER = "POINTS_DIFFER", _("Other points in Learn")  # here, there
    NUMBERS_ONLY = "NUMBERS_ONLY", _("Column shows numbers in Learn")  # symbols
    SYMBOLS_MISSING = "SYMBOLS_MISSING", _("Symbols not in Learn's schema")  # symbols, schema
    SCHEMA_DIFFERS = "SCHEMA_DIFFERS", _("Other grade schema in Learn")  # here (may be ""), there
    SYMBOLS_DIFFER = "SYMBOLS_DIFFER", _("Schema with other symbols in Learn")  # schema, here, there
    SCHEMA_NOT_NAMED = "SCHEMA_NOT_NAMED", _("Schema not named by Learn")

    # of people: people (primary keys of participants), count
    NOT_ENROLLED = "NOT_ENROLLED", _("Not enrolled")
    MEMBER_DISABLED = "MEMBER_DISABLED", _("Enrolment not active")
    USERS_HIDDEN = "USERS_HIDDEN", _("Students hidden by Learn")

    NOT_READ = "NOT_READ", _("Could not be read")  # part: COURSE, COLUMNS, SCHEMAS or MEMBERS; reason
    NO_COLUMN = "NO_COLUMN", _("No grade column")  # without a course


WARNINGS = {
    Code.COURSE_NOT_AVAILABLE,
    Code.COLUMN_ANONYMOUS,
    Code.SCHEMA_DIFFERS,
    Code.SYMBOLS_DIFFER,
}
NOTES = {Code.COLUMN_KIND_UNKNOWN, Code.SCHEMA_NOT_NAMED, Code.USERS_HIDDEN, Code.NOT_READ, Code.NO_COLUMN}


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    code: Code
    severity: Severity
    params: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code.value, "severity": self.severity.value, **self.params}


def finding(code: Code, *, severity: Severity | None = None, **params: Any) -> Finding:
    """With the severity that the code usually has, unless another one is given."""
    return Finding(code=code, severity=severity or usual_severity(code), params=params)


def usual_severity(code: Code) -> Severity:
    if code in NOTES:
        return Severity.NOTE
    return Severity.WARNING if code in WARNINGS else Severity.ERROR


def about_people(code: Code, people: Sequence[int], **params: Any) -> Finding:
    return finding(code, people=sorted(people)[:MAX_PEOPLE], count=len(people), **params)


def read(stored: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """What was stored, the worst first. What another version has stored and this one does not know is left out."""
    found = [
        Finding(
            code=Code(row["code"]),
            severity=Severity(row["severity"]),
            params={name: value for name, value in row.items() if name not in ("code", "severity")},
        )
        for row in stored
        if row.get("code") in Code.values and row.get("severity") in Severity.values
    ]
    return sorted(found, key=lambda each: SEVEREST_FIRST.index(each.severity))


SEVEREST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
