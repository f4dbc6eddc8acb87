"""What can come of reading the gradebook, a class for each thing the caller does next.

Beside these come the errors of every call to Learn: Unavailable, CredentialsRefused, NotInstalled, QuotaUsedUp,
RequestRefused. Reading changes nothing, so nothing is ever unconfirmed. No name or id of a person is part of any.
"""

from courses.learn_http.errors import Fault, LearnError


class CourseUnknown(LearnError):
    """Learn knows no such course: correct the course id, or have the course made."""

    def __init__(self, course: str) -> None:
        super().__init__(Fault.NO_SUCH_COURSE, course=course)


class NotEnrolled(LearnError):
    """The course has no such person: correct the Learn user, or have the person enrolled."""

    def __init__(self) -> None:
        super().__init__(Fault.NOT_ENROLLED)


class ColumnUnknown(LearnError):
    """The course has no such column: correct its name, or create it."""


class ColumnTwice(LearnError):
    """Several columns of the course have the name: rename one in Learn."""

    def __init__(self, name: str) -> None:
        super().__init__(Fault.COLUMN_TWICE, name=name)


class ColumnAnonymous(LearnError):
    """Nobody may read the column while its marking is anonymous: read it later. Its grades are not missing."""

    def __init__(self) -> None:
        super().__init__(Fault.COLUMN_ANONYMOUS)


class NotReadable(LearnError):
    """The application's user lacks a privilege: have it granted in Learn."""

    def __init__(self) -> None:
        super().__init__(Fault.NOT_READABLE)


class Unreadable(LearnError):
    """Learn answered, and the answer is not what the documentation says. Nothing may be concluded from it."""
