"""Whatever is sent to the API of a whole site: no failure of its own, no traceback, and no entry lost.

A short run. `make fuzz` sends 10,000 inputs, or as many as FUZZ_INPUTS says.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from tests.end_to_end.conftest import Site, running_site
from tests.fuzz.fuzzing import Figures, send_bodies, send_described
from tests.fuzz.requests_of_any_kind import COLUMN, COURSE, FLOWS, PEOPLE

INPUTS = int(os.environ.get("FUZZ_INPUTS", "200"))

STORED = """
import json
from django.db.models import Count
from exports.models import ExportAttempt
attempts = ExportAttempt.objects.annotate(people=Count("deliveries")).order_by("pk")
print(json.dumps([
    [made.number_of_success + made.number_of_errors, len(made.unreadable_entries), made.people, bool(made.finished_at)]
    for made in attempts
]))
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Two flows that are mapped, and people in Learn."""
    with running_site(tmp_path, "--empty") as site:
        mappings = tmp_path / "mappings.csv"
        rows = "".join(f"{flow_id},{COURSE},{COLUMN},2026-05-01\n" for flow_id in FLOWS)
        mappings.write_text(f"flow_id,course_id,column_name,synchronised_at\n{rows}")
        site.manage("import_mappings", str(mappings))
        world = {"courses": {COURSE: {"users": PEOPLE, "columns": {COLUMN: {"points": None}}}}}
        requests.patch(f"{site.learn}/sandbox/state", json=world, timeout=10).raise_for_status()
        settings = {"daily_calls": 10_000_000}
        requests.put(f"{site.learn}/sandbox/settings", json=settings, timeout=10).raise_for_status()
        yield site


@pytest.mark.timeout(300 + INPUTS)
def test_nothing_that_is_sent_makes_the_site_fail_or_lose_an_entry(site: Site, tmp_path: Path) -> None:
    key = site.manage("create_api_client", "fuzz").strip()
    document = yaml.safe_load(requests.get(f"{site.url}/api/schema/", timeout=30).text)
    bodies, described = Figures(), Figures()

    send_bodies(site.url, key, bodies, inputs=INPUTS // 2)
    send_described(site.url, key, document, described, inputs=INPUTS - INPUTS // 2)

    stored = json.loads(site.manage("shell", "--verbosity", "0", "--command", STORED))
    print(f"\nBodies:    {bodies}\nDescribed: {described}\nStored:    {figures_of(stored)}")
    exports = [*bodies.exports, *described.exports]
    assert "Traceback" not in (tmp_path / "site.log").read_text(errors="replace")
    assert bodies.inputs >= INPUTS // 3
    assert bodies.exports
    assert [entries for entries, *_rest in stored] == [entries for entries, _people in exports]
    for (entries, unreadable, deliveries, is_finished), (_entries, people) in zip(stored, exports, strict=True):
        assert is_finished
        assert deliveries + unreadable <= entries  # less where a person is named twice
        assert (deliveries > 0) == (entries > unreadable)
        assert people in (None, deliveries)


def figures_of(stored: list[list[int]]) -> str:
    entries, unreadable, deliveries, _finished = (sum(column) for column in zip(*stored, strict=True))
    return f"{len(stored)} attempts: {entries} entries, {unreadable} of them unreadable, {deliveries} deliveries"
