"""The same job done as others do it: one call a grade."""

from statistics import median

from benchmarks.bare import BareProgram
from benchmarks.caller import Caller
from benchmarks.report import RUNS, Section, spread
from benchmarks.site import Sites, body, items

GRADES = 10_000
MEASURED = 200  # grades, in all runs together
THREADS = 8

METHOD = f"""\
{GRADES:,} grades: GradeBridge as above; and a bare `requests` program over kept connections with one call a grade,
one after another and in {THREADS} threads. Of these {MEASURED} grades were measured, in {RUNS} runs of
{MEASURED // RUNS}, and the seconds scaled to {GRADES:,}. Learn's default quota lets no more than 10,000 calls through
in a day.
"""


def measure(sites: Sites) -> Section:
    whole, some = body(GRADES), items(MEASURED // RUNS)
    scale = GRADES / len(some)
    exports, sequences, threads = [], [], []
    with sites.site() as site:
        flows = [f"peers-{run}" for run in range(RUNS + 1)]
        site.start_slow_learn(dict.fromkeys(flows, GRADES))
        site.start_web()
        site.map_flows(flows)
        one, eight = BareProgram(site.learn, concurrency=1), BareProgram(site.learn, concurrency=THREADS)
        for flow in flows:
            with Caller(site.url, site.key) as caller:
                export = caller.export(flow, whole, successes=GRADES)
            if flow == flows[0]:
                site.analyze()
                continue
            exports.append(export)
            sequences.append(scale * one.send(some, batch_size=1))
            threads.append(scale * eight.send(some, batch_size=1))
    usual = median(exports)
    return Section(
        title="Against one call a grade",
        method=METHOD,
        header=["", f"Seconds for {GRADES:,} grades", "GradeBridge is faster by", f"Calls for {GRADES:,}"],
        rows=[
            ["GradeBridge", spread(exports), "", f"{GRADES // 500}"],
            [
                "One call a grade, in sequence",
                spread(sequences, 0),
                f"{median(sequences) / usual:,.0f} times",
                "10,000",
            ],
            [
                f"One call a grade, {THREADS} threads",
                spread(threads, 0),
                f"{median(threads) / usual:,.0f} times",
                "10,000",
            ],
        ],
    )
