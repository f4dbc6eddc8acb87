"""A site in production runs on requirements.txt alone, every line of which is pinned with its hashes."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {"gradebridge", "exports", "courses", "common", "sandbox"}
# Of a pretend Learn. Its command says in one line what is missing where Flask is.
SANDBOX_ALONE = {"flask", "werkzeug"}


def pinned(name):
    """Names of the packages in a requirements file, as pip compares them."""
    lines = (ROOT / name).read_text().splitlines()
    return {normal(line.partition("==")[0].partition("[")[0]) for line in lines if re.match(r"[A-Za-z0-9]", line)}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def imported_by(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def runtime_modules():
    files = [path for room in sorted(OURS) for path in (ROOT / room).rglob("*.py")]
    return [*files, ROOT / "manage.py", ROOT / "gunicorn.conf.py"]


def test_nothing_that_runs_in_production_imports_a_package_of_the_development():
    runtime, packages = pinned("requirements.txt"), packages_distributions()
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in runtime_modules()
        for name in set(imported_by(path)) - OURS - set(sys.stdlib_module_names)
        if not {normal(package) for package in packages.get(name, [name])} & runtime
        and not (path.is_relative_to(ROOT / "sandbox") and name in SANDBOX_ALONE)
    }

    assert missing == set()


def test_every_app_and_middleware_that_is_switched_on_is_pinned_for_production(settings):
    runtime, packages = pinned("requirements.txt"), packages_distributions()
    roots = {entry.partition(".")[0] for entry in [*settings.INSTALLED_APPS, *settings.MIDDLEWARE]} - OURS

    assert {name for name in roots if not {normal(package) for package in packages[name]} & runtime} == set()


@pytest.mark.parametrize("tool", ["pytest", "schemathesis", "ruff", "mypy", "playwright", "pip-audit", "flask"])
def test_no_tool_of_the_development_is_installed_in_production(tool):
    assert tool not in pinned("requirements.txt")
    assert tool in pinned("requirements-dev.txt")


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_pinned_with_its_hashes(name):
    text = (ROOT / name).read_text()
    blocks = re.split(r"\n(?=[A-Za-z0-9])", "\n" + text)[1:]

    assert len(blocks) > 20
    assert [block.split()[0] for block in blocks if "==" not in block or "--hash=sha256:" not in block] == []
