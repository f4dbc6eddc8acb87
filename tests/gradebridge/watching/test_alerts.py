"""The alert rules and the dashboard use what /metrics has, and Prometheus' own tool accepts the rules."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from tests.factories import (
    DeliveryFactory,
    ExportAttemptFactory,
    ParticipantFactory,
    RefusedRequestFactory,
    ServiceCallFactory,
)

ROOT = Path(__file__).resolve().parents[3]
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
TESTS = ROOT / "deploy/prometheus/alerts_test.yml"
DASHBOARD = ROOT / "deploy/grafana/gradebridge.json"
GUIDE = ROOT / "docs/watching.md"
NAME = re.compile(r"\bgradebridge_\w+")
SERIES = re.compile(r"\b(gradebridge_\w+)(?:\{([^}]*)\})?")


@pytest.fixture
def families(client, db):
    """Of a site on which everything has happened."""
    now = timezone.now()
    person = ParticipantFactory(failed=True)
    attempt = ExportAttemptFactory(flow=person.flow, finished_at=now)
    DeliveryFactory(attempt=attempt, participant=person, failed=True)
    ServiceCallFactory()
    RefusedRequestFactory(last_at=now)
    return list(text_string_to_metric_families(client.get("/metrics").text))


def labels_by_sample(families):
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


@pytest.mark.parametrize("path", [ALERTS, TESTS, DASHBOARD], ids=lambda path: path.name)
def test_every_series_that_is_used_is_there_with_its_labels(families, path):
    known = labels_by_sample(families)
    used = SERIES.findall(path.read_text().replace('\\"', '"'))

    assert used
    for name, labels in used:
        assert name in known
        assert set(re.findall(r"(\w+)\s*(?:=~|!=|=)", labels)) <= known[name]


def test_the_dashboard_shows_every_metric(families):
    shown = set(NAME.findall(DASHBOARD.read_text()))

    assert [family.name for family in families if not any(sample.name in shown for sample in family.samples)] == []


def test_the_dashboard_has_no_two_panels_at_one_place():
    places = [
        (x, y)
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for position in [panel["gridPos"]]
        for x in range(position["x"], position["x"] + position["w"])
        for y in range(position["y"], position["y"] + position["h"])
    ]

    assert len(places) == len(set(places))


def test_the_guide_explains_every_metric_with_its_labels_and_no_other(families):
    rows = dict(re.findall(r"^\| `(gradebridge_\w+)` \|([^|]*)\|", GUIDE.read_text(), re.MULTILINE))
    bare = ("_gcount", "_gsum")  # the guide names them with their histogram

    found = {
        family.name: {label for sample in family.samples for label in sample.labels} - {"le"}
        for family in families
        if not family.name.endswith(bare)
    }
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows.items()} == found


def test_the_guide_names_every_alert():
    alerts = re.findall(r"- alert: (\w+)", ALERTS.read_text())

    assert re.findall(r"^\| `(GradeBridge\w+)`", GUIDE.read_text(), re.MULTILINE) == alerts


@pytest.mark.parametrize("arguments", [("check", "rules", ALERTS), ("test", "rules", TESTS)], ids=["check", "test"])
def test_prometheus_accepts_the_rules(arguments):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")

    done = subprocess.run([promtool, *arguments], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
