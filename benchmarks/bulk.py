"""A flow's whole export against the calls that it cannot do without."""

from statistics import median

from benchmarks.bare import BareProgram
from benchmarks.caller import Caller
from benchmarks.report import RUNS, Section, at_most, below, ratios, spread
from benchmarks.site import BATCH_SIZE, CONCURRENCY, Sites, body, items

GRADES = 10_000

METHOD = f"""\
One POST of {GRADES:,} grades over HTTP to gunicorn (one web process) with PostgreSQL, each time for a new flow. The
floor is a bare `requests` program that sends the same items in the same batches of {BATCH_SIZE} at the same
concurrency of {CONCURRENCY}, over kept connections, from threads of the benchmark's own process, which is idle
otherwise; it reads no body, records nothing and answers nobody. Floor and export take turns; one of each goes ahead
to open connections and fetch the token, and ANALYZE is run after it, as autovacuum would.
"""


def measure(sites: Sites) -> Section:
    whole, same = body(GRADES), items(GRADES)
    floors, exports = [], []
    with sites.site() as site:
        flows = [f"bulk-{run}" for run in range(RUNS + 1)]
        site.start_slow_learn(dict.fromkeys(flows, GRADES))
        site.start_web()
        site.map_flows(flows)
        program = BareProgram(site.learn, concurrency=CONCURRENCY)
        for flow in flows:
            floor = program.send(same, batch_size=BATCH_SIZE)
            with Caller(site.url, site.key) as caller:
                export = caller.export(flow, whole, successes=GRADES)
            if flow == flows[0]:
                site.analyze()
                continue
            floors.append(floor)
            exports.append(export)
    against = ratios(exports, floors)
    return Section(
        title="Bulk export against the floor",
        method=METHOD,
        header=["", "Seconds"],
        rows=[
            ["Floor: the bare program", spread(floors)],
            ["GradeBridge", spread(exports)],
            ["Ratio, run by run", spread(against)],
        ],
        bars=[
            at_most("Goal: bulk export against the floor", median(against), 1.3),
            below("Bulk export against the floor", median(against), 1.8),
        ],
    )
