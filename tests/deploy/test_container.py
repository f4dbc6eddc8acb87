"""deploy/container and deploy/compose.yaml: every file, command and variable that they name is there.

`.ci/run` builds the image where the machine can; this is what can be seen without a builder.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands
from django.db import connection

from common import stopping
from sandbox.processes import Processes, free_port
from tests.databases import address_of

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy/container/Dockerfile").read_text()
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if name != "database"}
VARIABLES = set(re.findall(r"^(?:# )?(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def instructions(name: str) -> list[str]:
    whole = re.sub(r"\\\n\s*", "", DOCKERFILE)
    return re.findall(rf"^{name} (.*)$", whole, re.MULTILINE)


def test_the_image_holds_what_runs_and_no_more():
    taken = {line[1:] for line in IGNORED if line.startswith("!")}
    assert all((ROOT / name).exists() for name in taken)
    assert not taken & {"tests", "sandbox", "benchmarks", ".env", "requirements-dev.txt", ".git", "."}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "sandbox", "benchmarks"}
    assert packages <= taken


def test_every_package_is_installed_by_its_hash_and_none_of_the_development():
    [installs] = [line for line in instructions("RUN") if "pip install" in line]
    assert "--require-hashes" in installs
    assert "requirements-dev" not in DOCKERFILE


def test_the_image_does_not_run_as_root():
    assert instructions("USER") == ["10001:10001"]


def test_what_the_image_copies_is_there():
    for line in instructions("COPY"):
        if not line.startswith("--from"):
            assert all((ROOT / name).exists() for name in line.split()[:-1]), line


def test_the_image_listens_where_compose_reaches_it():
    [command] = map(json.loads, instructions("CMD")[-1:])
    assert command[:2] == ["gunicorn", "gradebridge.wsgi"]
    [port] = instructions("EXPOSE")
    assert command[command.index("--bind") + 1] == f"0.0.0.0:{port}"
    assert COMPOSE["services"]["web"]["ports"] == [f"127.0.0.1:{port}:{port}"]


@pytest.mark.parametrize("name", [name for name in OURS if name != "web"])
def test_a_service_runs_a_command_that_there_is(name: str):
    program, script, command, *_ = OURS[name]["command"]
    assert (program, script) == ("python", "manage.py")
    assert command in get_commands()


@pytest.mark.parametrize("name", OURS)
def test_a_service_reads_variables_that_there_are_from_secrets_that_there_are(name: str):
    for variable, place in OURS[name]["environment"].items():
        assert variable.removesuffix("_FILE") in VARIABLES
        assert place.removeprefix("/run/secrets/") in OURS[name]["secrets"]
    assert set(OURS[name]["secrets"]) <= set(COMPOSE["secrets"])


@pytest.mark.parametrize("name", OURS)
def test_a_service_may_end_what_it_has_begun(name: str):
    assert int(OURS[name]["stop_grace_period"].removesuffix("s")) > stopping.KILLED_AFTER_SECONDS


def test_nothing_runs_before_the_database_is_migrated():
    assert COMPOSE["services"]["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    for name in OURS.keys() - {"migrate"}:
        assert OURS[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


@pytest.mark.django_db(transaction=True)
def test_the_health_of_the_image_is_asked_by_a_name_that_it_answers_to():
    hosts = "grades.example.edu,10.0.0.5"
    script = ROOT / "deploy/container/healthy.py"
    port = free_port()
    environment = {"ALLOWED_HOSTS": f"{hosts},127.0.0.1", "DATABASE_URL": address_of(connection)}
    with Processes(port=port, learn_port=9, environment=environment) as processes:
        command = [sys.executable, script, str(port)]
        assert subprocess.run(command, env={"ALLOWED_HOSTS": hosts}, check=False).returncode == 1
        processes.start_web()
        assert subprocess.run(command, env={"ALLOWED_HOSTS": hosts}, check=False).returncode == 0
