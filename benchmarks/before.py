"""This checkout beside an earlier commit, in turns."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Self

from benchmarks.bulk import GRADES, NOT_SEEN, Exporter
from benchmarks.caller import Caller, burst
from benchmarks.instant import statements_repeated
from benchmarks.report import RUNS, Bar, Section, at_least, at_most, ratios, spread
from benchmarks.site import COUNTING, Site, Sites, bodies, body
from sandbox.processes import free_port

TURNS = 2 * RUNS  # a ratio near its bar needs more than five
CLIENTS = 8  # they keep both web processes busy; 64 would not leave the server connections for two sites
POSTS = 250  # in a turn
PROCESSES = 2  # web processes that answer single posts

METHOD = f"""\
Both run in the same Python environment and are driven by the same program, each on a database of its own that its own
migrations made; one sandbox Learn serves both. They take {TURNS} turns, and in every other one the other begins. One
export and one burst of posts of each go ahead, and ANALYZE is run after the export. A bulk export is one POST of
{GRADES:,} grades for a new flow to one web process. Processor time is user and system, in /proc's steps of 10 ms; that
of PostgreSQL is the time of the processes that work for this database, and of all its processes that ended during the
export, so that the server must be idle otherwise. A repeated post is one of a single grade that is exported already,
so that Learn is not called: {CLIENTS} clients post {POSTS:,} of one flow, over kept connections, to {PROCESSES} web
processes. The flow is new in each turn, and was exported by one POST just before. Statements are counted as under
Growth.
"""


class Contender:
    """One of the two: a web process for bulk exports and two for single posts, on one database."""

    def __init__(self, site: Site, flows: Iterable[str]) -> None:
        self._site = site
        site.map_flows(flows, instant=True)
        self.bulk = Exporter(site, *COUNTING)
        self._url = f"http://127.0.0.1:{free_port()}"
        address = self._url.removeprefix("http://")
        site.start_web("--workers", str(PROCESSES), "--bind", address, url=self._url)
        self.rates: list[float] = []  # repeated posts a second
        self.statements: list[int] = []  # of a repeated post

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *arguments: object) -> None:
        self.bulk.__exit__(*arguments)

    def warm_up(self, flow: str, singles: str) -> None:
        self.bulk.warm_up(flow)
        self.repeat(singles)
        self.rates.clear()

    def repeat(self, flow: str) -> None:
        """Export the grades of `flow` at once, then each of them once more."""
        site = self._site
        with Caller(self._url, site.key) as caller:
            caller.export(flow, body(POSTS), successes=POSTS)
        site.forget_calls()
        self.rates.append(burst(self._url, site.key, flow, bodies(POSTS), clients=CLIENTS).rate)
        if site.calls():
            raise RuntimeError("A grade that was exported already was sent to Learn again")

    def count(self, flow: str) -> None:
        self.statements = statements_repeated(self._site.url, self._site.key, flow)


def measure(sites: Sites) -> Section:
    if sites.before is None:
        raise ValueError("no earlier commit was named")
    singles = [f"single-{run}" for run in range(TURNS + 1)]
    bulk = [f"bulk-{run}" for run in range(TURNS + 1)]
    with ExitStack() as stack:
        here = stack.enter_context(sites.site())
        there = stack.enter_context(sites.before.site(beside=here))
        here.start_slow_learn({**dict.fromkeys(bulk, GRADES), **dict.fromkeys(singles, POSTS)})
        now, before = (stack.enter_context(Contender(site, [*bulk, *singles])) for site in (here, there))
        for contender in (now, before):
            contender.warm_up(bulk[0], singles[0])
            contender.count(singles[0])
        for turn in range(1, TURNS + 1):
            for contender in (now, before) if turn % 2 else (before, now):
                contender.bulk.export(bulk[turn])
        for turn in range(1, TURNS + 1):
            for contender in (now, before) if turn % 2 else (before, now):
                contender.repeat(singles[turn])
    return Section(
        title="Against the commit before",
        method=METHOD,
        header=["", "This checkout", "Before", "Ratio, turn by turn"],
        rows=[
            row(f"Bulk export of {GRADES:,}, seconds", now.bulk.seconds, before.bulk.seconds),
            row("its processor time of the web process, seconds", now.bulk.web_cpu, before.bulk.web_cpu),
            row("its processor time of PostgreSQL, seconds", now.bulk.database_cpu, before.bulk.database_cpu),
            row("Repeated posts a second", now.rates, before.rates, digits=0),
            row("SQL statements of a repeated post", now.statements, before.statements, digits=0),
        ],
        bars=bars(now, before),
    )


def bars(now: Contender, before: Contender) -> list[Bar]:
    posts = median(ratios(now.rates, before.rates))
    found = [at_least("Repeated posts a second, against the commit before", posts, 2)]
    if now.bulk.database_cpu:
        used = median(ratios(now.bulk.database_cpu, before.bulk.database_cpu))
        found.insert(0, at_most("PostgreSQL's processor time a grade, against the commit before", used, 0.7))
    return found


def row(what: str, now: Sequence[float], before: Sequence[float], *, digits: int = 2) -> list[str]:
    if not now:
        return [what, NOT_SEEN, NOT_SEEN, ""]
    return [what, spread(now, digits), spread(before, digits), spread(ratios(now, before))]
