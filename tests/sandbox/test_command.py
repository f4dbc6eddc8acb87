"""The command, as a process of its own."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from django.conf import settings
from django.core.management import CommandError, call_command


@contextmanager
def command(*options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "sandbox_learn", *options],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def address(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline()
    found = re.fullmatch(r"Sandbox Learn is at (http://\S+:\d+) .*\n", line)
    assert found, line + process.stderr.read()
    return found[1]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_serves_the_sample_and_ends_cleanly(ending):
    with command("--port", "0", "--key", "other") as process:
        url = address(process)
        assert "BIO101-2026" in requests.get(f"{url}/sandbox/state", timeout=5).json()["courses"]
        grant = {"grant_type": "client_credentials"}
        token = requests.post(
            f"{url}/learn/api/public/v1/oauth2/token", auth=("other", "secret"), data=grant, timeout=5
        )
        assert token.status_code == 200
        process.send_signal(ending)
        out, errors = process.communicate(timeout=10)
        assert (process.returncode, out, errors) == (0, "", "")


def test_empty_holds_nothing_and_latency_is_taken_over():
    with command("--port", "0", "--empty", "--latency-ms", "7") as process:
        url = address(process)
        assert requests.get(f"{url}/sandbox/state", timeout=5).json() == {"schemas": {}, "courses": {}}
        assert requests.get(f"{url}/sandbox/settings", timeout=5).json()["latency_ms"] == 7


def test_a_taken_port_is_said_in_one_line(learn):
    port = learn.url.rpartition(":")[2]
    with command("--port", port) as process:
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use. Choose another with --port." in errors
    assert "Traceback" not in errors


def test_without_flask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sandbox.server", None)

    with pytest.raises(CommandError, match=r"pip install -r requirements-dev\.txt"):
        call_command("sandbox_learn", "--port", "0")
