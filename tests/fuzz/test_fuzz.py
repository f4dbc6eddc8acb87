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

INPUTS = int(os.environ.get("FUZZ_INPUTS", "300"))

STORED = """
import json
from django.db.models import F, Sum
from exports.models import Delivery, ExportAttempt
attempts = ExportAttempt.objects.all()
print(json.dumps({
    "attempts": attempts.count(),
    "unfinished": attempts.filter(finished_at=None).count(),
    "entries": attempts.aggregate(n=Sum(F("number_of_success") + F("number_of_errors")))["n"] or 0,
    "unreadable": sum(len(found) for found in attempts.values_list("unreadable_entries", flat=True)),
    "deliveries": Delivery.objects.count(),
}))
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


@pytest.mark.timeout(60 + INPUTS)
def test_nothing_that_is_sent_makes_the_site_fail_or_lose_an_entry(site: Site, tmp_path: Path) -> None:
    key = site.manage("create_api_client", "fuzz").strip()
    document = yaml.safe_load(requests.get(f"{site.url}/api/schema/", timeout=30).text)
    bodies, described = Figures(), Figures()

    send_bodies(site.url, key, bodies, inputs=INPUTS // 2)
    send_described(site.url, key, document, described, inputs=INPUTS - INPUTS // 2)

    stored = json.loads(site.manage("shell", "--verbosity", "0", "--command", STORED))
    print(f"\nBodies:    {bodies}\nDescribed: {described}\nStored:    {stored}")
    log = (tmp_path / "site.log").read_text(errors="replace")
    assert "Traceback" not in log
    assert bodies.inputs >= INPUTS // 3
    assert bodies.accepted
    assert stored["attempts"] == bodies.accepted + described.accepted
    assert stored["entries"] == bodies.entries + described.entries
    assert stored["unfinished"] == 0
    assert stored["deliveries"] + stored["unreadable"] == stored["entries"]
