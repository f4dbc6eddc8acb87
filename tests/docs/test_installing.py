"""docs/installing.md and docs/upgrading.md. What needs root, a server or the internet is read, all else is run."""

import re
import subprocess
from pathlib import Path

import pytest
from django.db import connection

from exports.models import ApiClient
from sandbox.server import SandboxLearn
from tests.databases import address_of, empty_database
from tests.docs.papers import ROOT, block, run

UNITS = {path.name for path in (ROOT / "deploy/systemd").iterdir()}
SETTINGS = {"ALLOWED_HOSTS": "grades.example.edu", "CSRF_TRUSTED_ORIGINS": "https://grades.example.edu"}


def shell_reads(commands: str) -> None:
    subprocess.run(["bash", "-n", "-c", commands], check=True)


def files_are_there(commands: str) -> None:
    """Whatever is named of the release is part of it."""
    named = re.findall(r"/srv/gradebridge(?:-[\d.]+)?/([\w./*-]+)", commands)
    named += re.findall(r"(?:--requirement|--file) (\S+)", commands)
    for name in named:
        assert name == ".env" or list(ROOT.glob(name)), name


def units_are_there(commands: str) -> None:
    for line in re.findall(r"^ *systemctl (?:enable --now|restart|reload) (.+)$", commands, re.MULTILINE):
        for name in line.split():
            assert name == "nginx" or {name, f"{name}.service"} & UNITS, name


@pytest.mark.parametrize(
    "commands",
    [
        block("installing.md", "packages"),
        block("installing.md", "libraries"),
        block("installing.md", "database"),
        block("installing.md", "settings"),
        block("installing.md", "processes"),
        block("installing.md", "proxy"),
        block("installing.md", "look"),
        block("installing.md", "compose"),
        block("upgrading.md", "prepare"),
        block("upgrading.md", "take-over"),
    ],
)
def test_what_cannot_be_run_here_names_nothing_that_is_not_there(commands: str):
    shell_reads(commands)
    files_are_there(commands)
    units_are_there(commands)


def test_every_library_has_a_hash():
    """As `--require-hashes` wants it; the image of `deploy/container` is built by the same command."""
    text = (ROOT / "requirements.txt").read_text()
    pinned = re.findall(r"^[\w.\[\],-]+==[^\\]+", text, re.MULTILINE)
    assert len(pinned) > 30
    assert len(re.findall(r"^[\w.\[\],-]+==.*\\\n +--hash=sha256:", text, re.MULTILINE)) == len(pinned)


def test_a_secret_key_is_long_enough():
    assert len(run(block("installing.md", "secret-key")).strip()) >= 50


def test_the_secrets_of_containers_are_those_that_compose_reads(tmp_path: Path):
    run(block("installing.md", "secrets"), instead={"deploy/secrets": str(tmp_path / "secrets")})

    compose = (ROOT / "deploy/compose.yaml").read_text()
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert made == set(re.findall(r"\{file: secrets/(\w+)\}", compose))
    password = (tmp_path / "secrets/database_password").read_text().strip()
    assert f":{password}@database:" in (tmp_path / "secrets/database_url").read_text()


@pytest.mark.migrates
@pytest.mark.timeout(300)
def test_a_new_site_is_ready_after_the_first_steps(learn: SandboxLearn, tmp_path: Path):
    with empty_database(tmp_path, "gradebridge_installed") as name:
        own = address_of(connection)
        address = f"sqlite:///{name}" if connection.vendor == "sqlite" else own.rpartition("/")[0] + f"/{name}"

        told = run(block("installing.md", "first-steps"), DATABASE_URL=address, LEARN_URL=learn.url, **SETTINGS)

        assert len(told.splitlines()[-1]) >= 32  # the key alone is on the last line
        again = run(block("upgrading.md", "migrate"), DATABASE_URL=address, LEARN_URL=learn.url, **SETTINGS)
        assert "No migrations to apply" in again
    assert not ApiClient.objects.exists()  # nothing of it came here
