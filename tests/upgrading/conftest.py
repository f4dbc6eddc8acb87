"""A checkout without the history (an archive, a shallow clone) has no old code to run."""

import subprocess

from sandbox.processes import ROOT
from tests.upgrading.fill import RELEASES

_last = max(RELEASES.items())[1]
_has_code = subprocess.run(["git", "cat-file", "-e", f"{_last}^{{commit}}"], cwd=ROOT, capture_output=True, check=False)
collect_ignore = ["test_without_downtime.py"] if _has_code.returncode else []
