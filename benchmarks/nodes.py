"""Two of everything on one database: is it faster, and is any grade sent twice?"""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import requests

from benchmarks.caller import Caller
from benchmarks.report import RUNS, Bar, Section, spread
from benchmarks.site import COLUMN, Site, Sites, body
from sandbox.processes import free_port

AT_ONCE = 4  # exports, or retries
GRADES = 3_000  # in each
MAX_SECONDS = 120

METHOD = f"""\
{AT_ONCE} flows of {GRADES:,} grades at once, each with a course of its own, on one database. Exports go to one
gunicorn (one web process), or by halves to two; one and two take turns. Retries are started in the admin, of flows
that were exported before they were mapped, and carried out by one task worker, then by two; the time is that from the
request to the end of the last attempt. The first run of each does not count; ANALYZE is run after that of the
exports, as autovacuum would. In the end Learn is asked how often each value was set. All this shares the machine's
cores with Learn and PostgreSQL.
"""


def measure(sites: Sites) -> Section:
    names = [f"{kind}-{run}" for run in range(RUNS + 1) for kind in ("web-1", "web-2", "task-1", "task-2")]
    flows = {name: [f"{name}-{number}" for number in range(AT_ONCE)] for name in names}
    every = [flow for some in flows.values() for flow in some]
    with sites.site() as site:
        site.start_slow_learn(dict.fromkeys(every, GRADES))
        second = f"http://127.0.0.1:{free_port()}"
        site.start_web()
        site.start_web("--bind", second.removeprefix("http://"), url=second)
        refuse([site.url, second], site.key, [flow for name in names if "task" in name for flow in flows[name]])
        site.map_flows(every)
        web: dict[int, list[float]] = {1: [], 2: []}
        for run in range(RUNS + 1):
            for nodes, urls in ((1, [site.url]), (2, [site.url, second])):
                web[nodes].append(export(urls, site.key, flows[f"web-{nodes}-{run}"]))
            if run == 0:
                site.analyze()
        admin = site.sign_in()
        tasks: dict[int, list[float]] = {}
        for workers in (1, 2):
            site.start_worker()
            tasks[workers] = [retry(site, admin, flows[f"task-{workers}-{run}"]) for run in range(RUNS + 1)]
        sent, twice = times_sent(site, every)
    warm_web, warm_tasks = ({number: rates[1:] for number, rates in kind.items()} for kind in (web, tasks))
    return Section(
        title="Two nodes",
        method=METHOD,
        header=["Grades a second", "One", "Two", "Two against one"],
        rows=[row("Exports, by web nodes", warm_web), row("Retries, by task workers", warm_tasks)],
        bars=[
            Bar(
                what=f"Grades sent more than once, of {sent:,}",
                bound="0",
                figure=f"{twice:,}",
                is_met=twice == 0 and sent == len(every) * GRADES,
            )
        ],
    )


def row(what: str, rates: dict[int, list[float]]) -> list[str]:
    return [what, spread(rates[1], 0), spread(rates[2], 0), f"{median(rates[2]) / median(rates[1]):.2f}"]


def export(urls: Sequence[str], key: str, flows: Sequence[str]) -> float:
    """Export all flows at once, by turns to each of `urls`. Returns grades a second."""
    whole = body(GRADES)

    def post(place: int) -> None:
        with Caller(urls[place % len(urls)], key) as caller:
            caller.export(flows[place], whole, successes=GRADES)

    began = time.perf_counter()
    with ThreadPoolExecutor(len(flows)) as threads:
        list(threads.map(post, range(len(flows))))
    return len(flows) * GRADES / (time.perf_counter() - began)


def refuse(urls: Sequence[str], key: str, flows: Sequence[str]) -> None:
    """Export flows that are not mapped yet: all their grades become FAILED."""
    for place, flow in enumerate(flows):
        answer = requests.post(
            f"{urls[place % len(urls)]}/api/wiseflow/flows/{flow}/export",
            data=body(GRADES),
            headers={"X-Api-Key": key, "Content-Type": "application/json"},
            timeout=MAX_SECONDS,
        )
        if answer.status_code != requests.codes.ok or answer.json()["numberOfErrors"] != GRADES:
            raise RuntimeError(f"An export without a mapping was answered with {answer.status_code}")


def retry(site: Site, admin: requests.Session, flows: Sequence[str]) -> float:
    """Retry all flows by the admin's action. Returns grades a second."""
    pks = [pk for (pk,) in site.query("SELECT id FROM exports_flow WHERE flow_id = ANY(%s)", list(flows))]
    site.submit(admin, "/admin/exports/flow/", action="retry_failed", _selected_action=pks, post="yes")
    end = time.monotonic() + MAX_SECONDS
    while time.monotonic() < end:
        attempts, finished, grades, seconds = site.query(
            "SELECT count(*), count(finished_at), sum(number_of_success),"
            " extract(epoch FROM max(finished_at) - min(started_at))::float"
            " FROM exports_exportattempt WHERE trigger = 'RETRY' AND flow_id = ANY(%s)",
            pks,
        )[0]
        if attempts == finished == len(flows):
            if grades != len(flows) * GRADES:
                raise RuntimeError(f"The retry delivered {grades} grades of {len(flows) * GRADES}")
            return float(grades / seconds)
        time.sleep(0.1)
    raise RuntimeError(f"The retries were not done after {MAX_SECONDS} seconds")


def times_sent(site: Site, courses: Iterable[str]) -> tuple[int, int]:
    """How many grades Learn has been sent, and how many of them more than once."""
    sent = [
        len(values)
        for course in courses
        for values in site.ask_learn("GET", "values", params={"course": course, "column": COLUMN})["sent"].values()
    ]
    return len(sent), sum(times > 1 for times in sent)
