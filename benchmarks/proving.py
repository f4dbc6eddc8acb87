"""Proving grades from Learn's gradebook against the calls that it cannot do without."""

import csv
import json
import tempfile
import time
from statistics import median
from typing import Any

import requests

from benchmarks.bare import TIMEOUT
from benchmarks.caller import Caller
from benchmarks.report import Section, at_most, below, ratios, spread
from benchmarks.site import Site, Sites, body, user_ids

COURSE = "proving"
COLUMNS, PEOPLE = 20, 500
RUNS = 3
MEMORY_MIB = 200
UNCHANGED = 500  # columns of the nightly look
PAGES_OF_GRADES, PAGES_OF_MEMBERS = -(-PEOPLE // 100), -(-PEOPLE // 200)
MAX_CALLS = COLUMNS * (PAGES_OF_GRADES + 2) + PAGES_OF_MEMBERS

METHOD = f"""\
{COLUMNS * PEOPLE:,} grades in {COLUMNS} columns of a course of {PEOPLE} people, read back by a process of its own with
PostgreSQL: the seconds of the run, without the start of Python, and the most memory that the process held. The bare
program is `requests` over a kept connection: it makes the same calls, follows the same pages and reads the same JSON,
and compares and records nothing. Both take turns, {RUNS} times; the proofs are deleted in between. The calls are those
that Learn has counted; at most ceil(n/100) + 2 a column and ceil(m/200) for the course are allowed. The nightly look is
at {UNCHANGED} columns in which nothing has changed.
"""

PROVE = """
import json, resource, time
from exports.models import GradeInLearn
from exports.proving.runs import prove
began = time.perf_counter()
proved = prove(GradeInLearn.objects.all(), only_changes={only_changes})
seconds = time.perf_counter() - began
mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([seconds, mib, dict(proved.verdicts), dict(proved.stopped)]))
"""


def measure(sites: Sites) -> Section:
    seconds, floors, calls, memory = [], [], [], []
    with sites.site() as site:
        prepare(site)
        for _ in range(RUNS):
            floors.append(read_bare(site))
            forget_proofs(site)
            before = calls_counted(site)
            taken, mib, verdicts = prove(site)
            if verdicts != {"PROVEN": COLUMNS * PEOPLE}:
                raise RuntimeError(f"Not all is proven: {verdicts}")
            calls.append(calls_counted(site) - before)
            seconds.append(taken)
            memory.append(mib)
    nightly = look_at_what_has_not_changed(sites)
    against = ratios(seconds, floors)
    return Section(
        title="Proving from Learn's gradebook",
        method=METHOD,
        header=["", f"{COLUMNS * PEOPLE:,} grades"],
        rows=[
            ["The bare program, seconds", spread(floors)],
            ["GradeBridge, seconds", spread(seconds)],
            ["Ratio, run by run", spread(against)],
            ["Calls", f"{max(calls):,}"],
            ["Peak memory, MiB", spread(memory, 0)],
            [f"Calls of a look at {UNCHANGED} unchanged columns", f"{nightly:,}"],
        ],
        bars=[
            at_most("Proving against the bare program", median(against), 1.3),
            at_most("Calls to prove", max(calls), MAX_CALLS),
            below("Peak memory of proving", max(memory), MEMORY_MIB, unit=" MiB"),
            at_most("Calls of the nightly look", nightly, UNCHANGED),
        ],
    )


def prepare(site: Site) -> None:
    """A course with all columns, and every grade exported to it."""
    columns = {f"Exam-{number}": {"points": None} for number in range(COLUMNS)}
    site.start_slow_learn({"unused": 1})
    start(site, {COURSE: {"users": user_ids(PEOPLE), "columns": columns}})
    export(site, list(columns), PEOPLE)
    site.analyze()


def start(site: Site, courses: dict[str, Any]) -> None:
    site.ask_learn("PUT", "state", json={"courses": courses})
    site.start_web()


def export(site: Site, columns: list[str], people: int) -> None:
    """Export a flow to each of the columns."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["flow_id", "course_id", "column_name", "synchronised_at"])
        rows.writerows([f"flow-{name}", COURSE, name, "2026-01-01"] for name in columns)
        file.flush()
        site.manage("import_mappings", file.name)
    with Caller(site.url, site.key) as caller:
        for name in columns:
            caller.export(f"flow-{name}", body(people), successes=people)


def look_at_what_has_not_changed(sites: Sites) -> int:
    """The calls of a nightly look at columns that have been read before."""
    columns = {f"Exam-{number}": {"points": None} for number in range(UNCHANGED)}
    with sites.site() as site:
        site.start_learn("--empty")
        site.ask_learn("PUT", "settings", json={"daily_calls": 10_000_000})
        start(site, {COURSE: {"users": user_ids(3), "columns": columns}})
        export(site, list(columns), 3)
        prove(site)
        before = calls_counted(site)
        prove(site, only_changes=True)
        return calls_counted(site) - before


def prove(site: Site, *, only_changes: bool = False) -> tuple[float, float, dict[str, int]]:
    """Seconds, MiB, and the number of grades by verdict."""
    seconds, mib, verdicts, stopped = json.loads(
        site.manage("shell", "--no-imports", "-c", PROVE.format(only_changes=only_changes))
    )
    if stopped:
        raise RuntimeError(f"Proving ended early: {stopped}")
    return seconds, mib, verdicts


def forget_proofs(site: Site) -> None:
    site.query("UPDATE exports_gradeinlearn SET proof_id = NULL")
    site.query("DELETE FROM exports_proof")
    site.query("DELETE FROM courses_columnreading")


def calls_counted(site: Site) -> int:
    used: int = site.ask_learn("GET", "settings")["calls_used"]
    return used


def read_bare(site: Site) -> float:
    """Seconds of the same calls without GradeBridge."""
    session = requests.Session()
    token = session.post(
        f"{site.learn}/learn/api/public/v1/oauth2/token",
        auth=("key", "secret"),
        data={"grant_type": "client_credentials"},
        timeout=TIMEOUT,
    ).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"

    def get(path: str) -> Any:
        answer = session.get(f"{site.learn}{path}", timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()

    def rows(path: str) -> list[Any]:
        found, following = [], path
        while following:
            page = get(following)
            found += page["results"]
            following = page.get("paging", {}).get("nextPage", "")
        return found

    root = "/learn/api/public"
    began = time.perf_counter()
    course = get(f"{root}/v3/courses/externalId:{COURSE}")["id"]
    rows(f"{root}/v1/courses/{course}/users?expand=user&limit=200")
    for column in rows(f"{root}/v2/courses/{course}/gradebook/columns?limit=200"):
        rows(f"{root}/v2/courses/{course}/gradebook/columns/{column['id']}/users?limit=100")
    return time.perf_counter() - began
