"""The shape of the log: one line an event, one clock, nothing that a stranger could forge."""

import json
import logging
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog

from gradebridge import logs

ROOT = Path(__file__).resolve().parents[3]

TALKS = """
import logging
import django
django.setup()
import structlog
structlog.get_logger("ours").warning("it_happened", flow="77\\nforged=1", number=3)
logging.getLogger("theirs").warning("with %s", "arguments\\x1b[31m")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("ours").exception("it_crashed")
"""


def lines_with(**changes):
    """What a process of the site writes to stderr."""
    found = subprocess.run(
        [sys.executable, "-c", TALKS],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "gradebridge.settings", **changes},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return found.stderr.splitlines()


def test_json_has_one_line_an_event_whoever_logs():
    ours, theirs, crash = (json.loads(line) for line in lines_with(LOG_FORMAT="json"))

    assert (ours["event"], ours["flow"], ours["number"]) == ("it_happened", "77\nforged=1", 3)
    assert (theirs["event"], theirs["logger"]) == ("with arguments\x1b[31m", "theirs")
    assert "ZeroDivisionError" in crash["exception"]
    assert {event["level"] for event in (ours, theirs)} == {"warning"}


def test_lines_for_people_cannot_be_forged_and_show_a_traceback_below():
    ours, theirs, crash, *traceback = lines_with(LOG_FORMAT="line")

    assert "event='it_happened' flow='77\\nforged=1' number=3" in ours
    assert "\x1b" not in theirs
    assert "event='it_crashed'" in crash
    assert all(line.startswith("    ") for line in traceback)
    assert "ZeroDivisionError" in traceback[-1]


@pytest.mark.parametrize(("zone", "hours"), [("Asia/Kolkata", 5.5), ("UTC", 0)])
def test_all_lines_have_the_sites_time_with_its_offset(zone, hours):
    moments = [
        datetime.fromisoformat(json.loads(line)["timestamp"]) for line in lines_with(LOG_FORMAT="json", TIME_ZONE=zone)
    ]

    assert {moment.utcoffset() for moment in moments} == {timedelta(hours=hours)}
    assert moments == sorted(moments)


def test_gunicorn_writes_lines_of_the_same_shape_and_clock(tmp_path):
    gunicorn = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "gradebridge.wsgi", "--bind", f"unix:{tmp_path / 'socket'}"],
        cwd=ROOT,
        env=os.environ | {"TIME_ZONE": "Asia/Kolkata", "LOG_FORMAT": "json", "WEB_CONCURRENCY": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        first = json.loads(gunicorn.stderr.readline())
    finally:
        gunicorn.terminate()
        rest = [json.loads(line) for line in gunicorn.communicate(timeout=30)[1].splitlines()]

    assert first["event"].startswith("Starting gunicorn")
    assert {event["logger"] for event in (first, *rest)} == {"gunicorn.error"}
    assert {event["timestamp"][-6:] for event in (first, *rest)} == {"+05:30"}


def test_what_django_says_of_a_request_has_no_path(logged, client, settings):
    settings.ALLOWED_HOSTS = ["localhost"]
    client.get("/welcome/4711/token/", headers={"host": "elsewhere.example"})

    [refused, finished] = logged()
    assert refused["logger"] == "django.security.DisallowedHost"
    assert "exception" not in refused
    assert finished["code"] == 400
    assert "4711" not in str([refused, finished])


def test_polls_are_dropped_only_where_all_is_well():
    poll = {"event": "request_finished", "request": "GET /health/ready", "code": 200}

    with pytest.raises(structlog.DropEvent):
        logs.drop_polls(None, "info", dict(poll))
    assert logs.drop_polls(None, "info", poll | {"code": 503})
    assert logs.drop_polls(None, "info", poll | {"request": "POST /health/ready"})


def test_libraries_that_would_write_secrets_stay_above_debug():
    assert not [
        name
        for name in ("oauthlib", "requests_oauthlib", "urllib3")
        if logging.getLogger(name).isEnabledFor(logging.DEBUG)
    ]
