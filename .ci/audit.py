"""Audits what requirements*.txt pin for known vulnerabilities, by pip-audit. Options are passed on to pip-audit.

Ends with 1 where there is one, with 2 where pip-audit itself fails, and with 0 and a line that says so where its data
cannot be had: one package is asked about first, so that this takes seconds.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = [ROOT / "requirements.txt", ROOT / "requirements-dev.txt"]
PIP_AUDIT = Path(sys.executable).with_name("pip-audit")
OPTIONS = ("--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "5")
PROBE_SECONDS, AUDIT_SECONDS = 12, 300
# What pip-audit says, or ends with, where the service of its data does not answer.
NO_DATA = re.compile(r"requests\.exceptions\.|vulnerability feed|PyPI is not redirecting properly")


def main(options: Sequence[str]) -> None:
    pinned = re.search(r"^django==\S+", REQUIREMENTS[0].read_text(), re.MULTILINE)
    assert pinned is not None
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as probe:
        probe.write(f"{pinned[0]}\n")
        probe.flush()
        [asked] = audit([Path(probe.name)], "--no-deps", *options, seconds=PROBE_SECONDS)
    if "skip_reason" in asked:
        skip(f"the service does not know {asked['name']}")
    packages = audit(REQUIREMENTS, "--require-hashes", *options, seconds=AUDIT_SECONDS)
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    found = [package for package in packages if "skip_reason" not in package]
    vulnerable = [package for package in found if package["vulns"]]
    for package in vulnerable:
        for vulnerability in package["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}")
    if unknown:
        print(f"Not audited, as the service does not know them: {', '.join(unknown)}")
    if vulnerable:
        sys.exit(1)
    print(f"No known vulnerability in {len(found)} packages.")


def audit(files: Sequence[Path], *options: str, seconds: int) -> list[dict[str, Any]]:
    """What pip-audit reports of each package. Ends the process where there is no report."""
    named = [option for file in files for option in ("--requirement", str(file))]
    try:
        ended = subprocess.run(  # noqa: S603
            [PIP_AUDIT, *named, *OPTIONS, *options],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        skip(f"no answer within {seconds} seconds")
    try:
        packages: list[dict[str, Any]] = json.loads(ended.stdout)["dependencies"]
    except ValueError:
        last = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        if NO_DATA.search(ended.stderr):
            skip(last)
        print(f"pip-audit failed: {ended.stderr}", file=sys.stderr)
        sys.exit(2)
    return packages


def skip(reason: str) -> NoReturn:
    print(f"NOT AUDITED for known vulnerabilities: {reason}")
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
