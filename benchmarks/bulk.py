"""A flow's whole export against the calls that it cannot do without."""

from contextlib import ExitStack
from statistics import median
from typing import Self

from benchmarks.bare import BareProgram
from benchmarks.caller import Caller
from benchmarks.cpu import DatabaseCpu, used_by
from benchmarks.report import RUNS, Section, at_most, ratios, spread
from benchmarks.site import BATCH_SIZE, CONCURRENCY, Site, Sites, body, items, web_process

GRADES = 10_000

METHOD = f"""\
One POST of {GRADES:,} grades over HTTP to gunicorn (one web process) with PostgreSQL, each time for a new flow. The
floor is a bare `requests` program that sends the same items in the same batches of {BATCH_SIZE} at the same
concurrency of {CONCURRENCY}, over kept connections, from threads of the benchmark's own process, which is idle
otherwise; it reads no body, records nothing and answers no one. Floor and export take turns; one of each goes ahead
to open connections and fetch the token, and ANALYZE is run after it, as autovacuum would. Of the seconds of an export,
those that the web process and the server's processes for this database spend on a processor are read from /proc.
"""


class Exporter:
    """One web process that exports flows of so many grades, and what each export has taken, in seconds.

    `database_cpu` stays empty where the server's processes are not to be seen.
    """

    def __init__(self, site: Site, *options: str) -> None:
        self._site, self._body = site, body(GRADES)
        self._process = web_process(site.start_web(*options).pid)
        self._open = ExitStack()
        self._database = self._open.enter_context(DatabaseCpu(site.database))
        self.seconds: list[float] = []
        self.web_cpu: list[float] = []
        self.database_cpu: list[float] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def warm_up(self, flow: str) -> None:
        """One export that does not count."""
        self.export(flow)
        self._site.analyze()
        for taken in (self.seconds, self.web_cpu, self.database_cpu):
            taken.clear()

    def export(self, flow: str) -> None:
        web = used_by(self._process)
        database = self._database.read() if self._database.is_known else None
        with Caller(self._site.url, self._site.key) as caller:
            self.seconds.append(caller.export(flow, self._body, successes=GRADES))
        self.web_cpu.append(used_by(self._process) - web)
        if database:
            self.database_cpu.append(self._database.used_since(database))


def measure(sites: Sites) -> Section:
    same, floors = items(GRADES), []
    with sites.site() as site:
        flows = [f"bulk-{run}" for run in range(RUNS + 1)]
        site.start_slow_learn(dict.fromkeys(flows, GRADES))
        site.map_flows(flows)
        program = BareProgram(site.learn, concurrency=CONCURRENCY)
        with Exporter(site) as exporter:
            program.send(same, batch_size=BATCH_SIZE)
            exporter.warm_up(flows[0])
            for flow in flows[1:]:
                floors.append(program.send(same, batch_size=BATCH_SIZE))
                exporter.export(flow)
    against = ratios(exporter.seconds, floors)
    return Section(
        title="Bulk export against the floor",
        method=METHOD,
        header=["", "Seconds"],
        rows=[
            ["Floor: the bare program", spread(floors)],
            ["GradeBridge", spread(exporter.seconds)],
            ["Ratio, run by run", spread(against)],
            ["Processor time of the web process", spread(exporter.web_cpu)],
            ["Processor time of PostgreSQL", spread(exporter.database_cpu) if exporter.database_cpu else NOT_SEEN],
        ],
        bars=[
            at_most("Goal: bulk export against the floor", median(against), 1.3),
            at_most("Bulk export against the floor", median(against), 1.4),
        ],
    )


NOT_SEEN = "(the server's processes are not to be seen)"
