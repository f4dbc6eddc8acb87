"""The client of Learn's public gradebook API: reading back. It only reads, and it knows no Django."""

from courses.gradebook.client import SERVICES, Gradebook, column_named
from courses.gradebook.comparing import Comparison, Verdict, compare
from courses.gradebook.errors import (
    ColumnAnonymous,
    ColumnTwice,
    ColumnUnknown,
    CourseUnknown,
    NotEnrolled,
    NotReadable,
    Unreadable,
)
from courses.gradebook.records import Change, Column, Course, Grade, Member, Schema, Shown, Symbol

__all__ = [
    "SERVICES",
    "Change",
    "Column",
    "ColumnAnonymous",
    "ColumnTwice",
    "ColumnUnknown",
    "Comparison",
    "Course",
    "CourseUnknown",
    "Grade",
    "Gradebook",
    "Member",
    "NotEnrolled",
    "NotReadable",
    "Schema",
    "Shown",
    "Symbol",
    "Unreadable",
    "Verdict",
    "column_named",
    "compare",
]
