"""What the application may read at Learn, and how much at a time. Both can be made less."""

from collections.abc import Mapping

GRADEBOOK = "course.gradebook.MODIFY"
GRADES = "course.gradebook-grades.VIEW"
GRADES_CHANGE = "course.gradebook-grades.EXECUTE"
COURSES = "system.course.VIEW"
PROPERTIES = "course.configure-properties.EXECUTE"  # shows external ids
MEMBERS = "system.courseuserlist.VIEW"
ENROLMENTS = "system.user.course.enrollment.VIEW"
USERS = "system.user.VIEW"

PRIVILEGES = (GRADEBOOK, GRADES, GRADES_CHANGE, COURSES, PROPERTIES, MEMBERS, ENROLMENTS, USERS)
PAGES = {"members": 200, "columns": 200, "grades": 100, "schemas": 200, "changes": 100}  # the largest page of each
LARGEST_PAGE = 10_000  # that a trainer can set


class Privileges:
    """All of them at the beginning."""

    def __init__(self) -> None:
        self._taken: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        return name not in self._taken

    def take_away(self, *names: str) -> None:
        """Raises KeyError for a privilege that there is not."""
        self.change(dict.fromkeys(names, False))

    def give_back(self, *names: str) -> None:
        """All of them where none is named."""
        self.change(dict.fromkeys(names or PRIVILEGES, True))

    def change(self, held: Mapping[str, bool]) -> None:
        if strange := sorted(set(held) - set(PRIVILEGES)):
            raise KeyError(strange[0])
        self._taken = frozenset(name for name in PRIVILEGES if not held.get(name, self.has(name)))

    def as_json(self) -> dict[str, bool]:
        return {name: self.has(name) for name in PRIVILEGES}
