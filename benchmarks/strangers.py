"""A flood of wrong keys beside an export."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from urllib.parse import urlsplit

from benchmarks.caller import TIMEOUT, Caller
from benchmarks.cpu import used_by
from benchmarks.report import RUNS, Bar, Section, at_most, ratios, spread
from benchmarks.site import Sites, body, web_process

GRADES = 5_000
A_SECOND = 200  # wrong keys
CONNECTIONS = 8
LEAD = 3.0  # seconds of the flood before the export beside it begins
SECONDS = 6.0  # of the flood, at least

METHOD = f"""\
One POST of {GRADES:,} grades to gunicorn (one web process) with PostgreSQL, each time for a new flow: alone, and beside
{A_SECOND} calls a second with wrong keys over {CONNECTIONS} kept connections from the same address. They take turns;
one of each goes ahead. The flood begins {LEAD:g} seconds before the export and lasts {SECONDS:g} seconds or until the
export has its answer, so {RUNS * SECONDS:g} seconds in all. Everything shares the machine's cores, the program that
floods included.
"""


class Flood:
    """Calls with wrong keys, as many a second as are asked for; `answers` counts them by status."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.answers: Counter[int] = Counter()

    @contextmanager
    def running(self) -> Iterator[None]:
        self._stop.clear()
        threads = [threading.Thread(target=self._call, args=(number,)) for number in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _call(self, number: int) -> None:
        connection = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=TIMEOUT)
        pause, due, made = CONNECTIONS / A_SECOND, time.perf_counter(), 0
        while not self._stop.wait(max(0.0, due - time.perf_counter())):
            made += 1
            due += pause
            headers = {"X-Api-Key": f"wrong-{number}-{made}"}
            connection.request("GET", "/api/wiseflow/flows/bulk/export", headers=headers)
            answer = connection.getresponse()
            answer.read()
            with self._lock:
                self.answers[answer.status] += 1
        connection.close()


def measure(sites: Sites) -> Section:
    alone, beside, cpu, rates = [], [], [], []
    names = [f"{kind}-{run}" for run in range(RUNS + 1) for kind in ("alone", "beside")]
    with sites.site() as site:
        site.start_slow_learn(dict.fromkeys(names, GRADES))
        site.map_flows(names)
        process = web_process(site.start_web().pid)
        flood, whole = Flood(site.url), body(GRADES)

        def export(flow: str) -> float:
            with Caller(site.url, site.key) as caller:  # a kept connection would be closed during the lead
                return caller.export(flow, whole, successes=GRADES)

        for run in range(RUNS + 1):
            alone.append(export(f"alone-{run}"))
            with flood.running():
                began, calls, used = time.perf_counter(), flood.answers.total(), used_by(process)
                time.sleep(LEAD)
                cpu.append((used_by(process) - used) / max(1, flood.answers.total() - calls) * 1000)
                beside.append(export(f"beside-{run}"))
                time.sleep(max(0.0, SECONDS - (time.perf_counter() - began)))
                rates.append((flood.answers.total() - calls) / (time.perf_counter() - began))
            if run == 0:
                site.analyze()
        (recorded,) = site.query("SELECT coalesce(sum(count), 0), count(*) FROM exports_refusedrequest")
    against = ratios(beside[1:], alone[1:])
    others = flood.answers.total() - flood.answers[401] - flood.answers[429]
    return Section(
        title="Wrong keys beside an export",
        method=METHOD,
        header=["", "Figure"],
        rows=[
            ["Export alone, seconds", spread(alone[1:])],
            ["Export beside wrong keys, seconds", spread(beside[1:])],
            ["Ratio, run by run", spread(against)],
            ["Wrong keys a second", spread(rates[1:], 0)],
            ["Processor time of the web process for each, milliseconds", spread(cpu[1:])],
            ["Answered 401, and 429", f"{flood.answers[401]:,}, and {flood.answers[429]:,}"],
            ["Recorded as refused, in rows", f"{recorded[0]:,}, in {recorded[1]:,}"],
        ],
        bars=[
            at_most("Export beside wrong keys against alone", median(against), 1.5),
            Bar(
                what="Wrong keys answered otherwise than 401 or 429", bound="0", figure=f"{others:,}", is_met=not others
            ),
        ],
    )
