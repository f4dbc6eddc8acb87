"""deploy/systemd: what each unit runs exists, and systemd itself understands it."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from common import stopping

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deploy/systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
LASTING = [unit for unit in SERVICES if "purge" not in unit.stem]
PLACE = "/srv/gradebridge"


def values(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


def test_there_is_a_unit_for_each_process():
    assert {unit.name.removeprefix("gradebridge-") for unit in UNITS} == {
        *("web.service", "web.socket", "worker.service", "clock.service", "purge.service", "purge.timer"),
        "gradebridge.target",
    }


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_what_a_service_runs_is_there(unit: Path):
    for line in values(unit, "ExecStart"):
        program, *arguments = line.split()
        assert (ROOT / program.removeprefix(f"{PLACE}/")).exists(), program
        if arguments[0] == "manage.py":
            name, *options = arguments[1:]
            app = get_commands()[name]
            command = load_command_class(app, name) if isinstance(app, str) else app
            command.create_parser("manage.py", name).parse_args(options)  # raises for what it does not know


def test_the_timer_purges_by_the_settings_of_the_site():
    [purge, _sessions] = values(ROOT / "deploy/systemd/gradebridge-purge.service", "ExecStart")

    assert purge.endswith("manage.py purge --apply")


@pytest.mark.parametrize("unit", LASTING, ids=lambda unit: unit.name)
def test_a_process_has_the_time_to_end_what_it_has_begun_and_begins_anew(unit: Path):
    [seconds] = values(unit, "TimeoutStopSec")
    assert int(seconds) > stopping.KILLED_AFTER_SECONDS
    assert values(unit, "Restart") == ["always"]
    assert values(unit, "PartOf") == ["gradebridge.target"]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_has_no_right_that_it_does_not_need(unit: Path):
    assert values(unit, "User") == ["gradebridge"]
    for key, value in (("NoNewPrivileges", "yes"), ("ProtectSystem", "strict"), ("CapabilityBoundingSet", "")):
        assert values(unit, key) == [value], key


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_can_be_read(unit: Path):
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(unit.read_text())
    assert parser["Unit"]["Description"].startswith("GradeBridge: ")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_understands_all_of_it(tmp_path: Path):
    for unit in UNITS:
        text = unit.read_text().replace(f"{PLACE}/.venv/bin/", f"{ROOT}/.venv/bin/")
        (tmp_path / unit.name).write_text(text)
    checked = subprocess.run(
        ["systemd-analyze", "verify", *(tmp_path / unit.name for unit in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in checked.stderr.splitlines() if str(tmp_path) in line or "gradebridge" in line]
    assert (complaints, checked.returncode) == ([], 0)
