"""Instant exports: single grades, from one client and from many at once."""

from statistics import median

from benchmarks.bare import BareProgram
from benchmarks.caller import Burst, Caller, burst
from benchmarks.report import RUNS, Section, at_least, at_most, percentile, ratios, spread
from benchmarks.site import COUNTING, Site, Sites, bodies, items
from sandbox.processes import free_port

GRADES = {1: 20, 8: 120, 64: 1_000}  # by clients: how many in a run
MANY = max(GRADES)
LEARN_CALLS = 5  # one after another, before each burst: their median is what one call takes just then

METHOD = f"""\
One grade a POST, to one flow with instant export, over kept connections, to two web processes and PostgreSQL. A
client posts its next grade when the last one is answered. Each run has a new flow. The times of the posts are given
in calls to Learn: one is the median of {LEARN_CALLS} by a bare program just before. A lone client would need minutes
for 1,000 grades, so fewer are measured. The last row posts the same {GRADES[MANY]:,} once more: all are exported
already, and Learn is not called. The statements of such a post are counted in a web process of its own, as under
Growth.
"""


class Clients:
    """What so many clients at once have met with, a figure a run."""

    def __init__(self, clients: int) -> None:
        self.clients, self.grades = clients, GRADES[clients]
        self.calls: list[float] = []  # to Learn, per 1,000 grades
        self.rates: list[float] = []  # grades a second
        self.p50: list[float] = []  # in calls to Learn
        self.p95: list[float] = []

    def record(self, measured: Burst, *, calls: int, learn_call: float) -> None:
        self.calls.append(1000 * calls / self.grades)
        self.rates.append(measured.rate)
        self.p50.append(percentile(measured.posts, 50) / learn_call)
        self.p95.append(percentile(measured.posts, 95) / learn_call)

    def row(self) -> list[str]:
        return [
            str(self.clients),
            f"{RUNS} of {self.grades:,}",
            spread(self.calls, 0),
            spread(self.rates, 0),
            spread(self.p50),
            spread(self.p95),
        ]


def measure(sites: Sites) -> Section:
    measured = {clients: Clients(clients) for clients in GRADES}
    repeats: list[float] = []
    with sites.site(web_processes=2) as site:
        counting = f"http://127.0.0.1:{free_port()}"
        flows = {(clients, run): f"instant-{clients}-{run}" for clients in GRADES for run in range(RUNS)}
        every = ["warm-up", *flows.values()]
        site.start_slow_learn(dict.fromkeys(every, max(GRADES.values())))
        site.start_web()
        site.start_web(*COUNTING, "--workers", "1", "--bind", counting.removeprefix("http://"), url=counting)
        site.map_flows(every, instant=True)
        post(site, "warm-up", clients=MANY)
        site.analyze()
        program = BareProgram(site.learn, concurrency=1)
        for run in range(RUNS):
            for clients, found in measured.items():
                learn_call = median(program.send(items(1), batch_size=1) for _ in range(LEARN_CALLS))
                site.forget_calls()
                export = post(site, flows[clients, run], clients=clients)
                found.record(export, calls=site.calls(), learn_call=learn_call)
            site.forget_calls()
            repeats.append(post(site, flows[MANY, run], clients=MANY).rate)
            if site.calls():
                raise RuntimeError("A grade that was exported already was sent to Learn again")
        statements = statements_repeated(counting, site.key, flows[MANY, 0])
    many = measured[MANY]
    against = ratios(many.rates, repeats)
    return Section(
        title="Instant exports",
        method=METHOD,
        header=["Clients", "Grades", "Calls per 1,000 grades", "Grades a second", "p50, in calls", "p95, in calls"],
        rows=[
            *(found.row() for found in measured.values()),
            [f"{MANY}, repeated", f"{RUNS} of {GRADES[MANY]:,}", "0", spread(repeats, 0), "", ""],
        ],
        bars=[
            at_most("A lone grade, in calls to Learn (p50)", median(measured[1].p50), 1.15),
            at_most(f"Goal: calls per 1,000 grades from {MANY} clients", median(many.calls), 60),
            at_most(f"Calls per 1,000 grades from {MANY} clients", median(many.calls), 80),
            at_most("SQL statements of a repeated post", median(statements), 14),
            at_least(f"Throughput of {MANY} clients against the same posts repeated", median(against), 0.5),
        ],
    )


def post(site: Site, flow: str, *, clients: int) -> Burst:
    return burst(site.url, site.key, flow, bodies(GRADES[clients]), clients=clients)


def statements_repeated(url: str, key: str, flow: str) -> list[int]:
    """How many SQL statements a counting web process takes for a single grade that is exported already, run by run."""
    (single,) = bodies(1)
    taken = []
    with Caller(url, key) as caller:
        for _ in range(RUNS + 1):
            before = caller.statements()
            caller.export(flow, single, successes=1)
            taken.append(caller.statements() - before)
    return taken[1:]  # the first one may open connections
