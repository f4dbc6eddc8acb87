"""Names that differ in capitals alone. Learn's documents do not say whether it tells them apart."""

from collections.abc import Collection, Iterable

from django.utils.translation import gettext as _


def find_lookalikes(names: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """For each of `names` that differs from a known one in capitals alone, the first such one."""
    folded: dict[str, list[str]] = {}
    for name in sorted(known):
        folded.setdefault(name.casefold(), []).append(name)
    return {
        name: others[0]
        for name in names
        if (others := [other for other in folded.get(name.casefold(), ()) if other != name])
    }


def course_warning(course_id: str, other: str) -> str:
    return _(
        "Course %(course)s differs from %(other)s only in capitals. "
        "Check that both are meant: Learn may treat them as one."
    ) % {"course": course_id, "other": other}


def column_warning(course: str, name: str, other: str) -> str:
    return _(
        "In course %(course)s, column %(column)s differs from %(other)s only in capitals. "
        "Check that both are meant: Learn may treat them as one."
    ) % {"course": course, "column": name, "other": other}
