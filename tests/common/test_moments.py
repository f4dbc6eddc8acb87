"""Days and moments, written alike on every system."""

import re
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from common import moments

WHEN = datetime(2026, 6, 3, 7, 5, tzinfo=UTC)  # 9:05 in Copenhagen


def test_a_day_has_no_zero_and_is_in_the_sites_zone() -> None:
    assert moments.day(datetime(2026, 6, 2, 22, 30, tzinfo=UTC)) == "3 June 2026"
    assert moments.moment(WHEN) == "3 June 2026, 09:05"
    assert moments.short_moment(WHEN) == "3 Jun 2026, 09:05"
    assert moments.day(datetime(2026, 12, 24, tzinfo=UTC)) == "24 December 2026"


def test_no_format_is_used_that_only_some_systems_know() -> None:
    folders = [settings.BASE_DIR / name for name in ("courses", "exports", "gradebridge")]
    used = [
        path
        for folder in folders
        for path in Path(folder).rglob("*.py")
        if re.search(r"%[-#][a-zA-Z]", path.read_text())
    ]
    assert used == []
