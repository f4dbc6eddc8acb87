"""Time, SQL statements and memory from a hundred grades to fifty thousand."""

from pathlib import Path
from statistics import median

from benchmarks.caller import Caller
from benchmarks.report import RUNS, Section, at_most, below, spread
from benchmarks.site import BATCH_SIZE, CONCURRENCY, COUNTING, LEARN_MS, Site, Sites, body, web_process
from sandbox.processes import free_port

SIZES = (100, 1_000, 5_000, 10_000, 50_000)
MEMORY_MIB = 300

METHOD = f"""\
Flows of each size, in turns; every size has a web process of its own, started afresh, on one database. Memory is the
most that the process ever held (VmHWM). Statements are counted in the web process, in all its threads, by a wrapper
around each execution, BEGIN and COMMIT apart; among them are looks at whether another process has finished what is
waited for, up to twenty a second. The calls' own time is what Learn takes for them, {CONCURRENCY} at a time. The
first export of each process opens connections and fetches the token, and does not count; ANALYZE is run after it, as
autovacuum would. EXPORT_DEADLINE is raised to 300 seconds.
"""


class Node:
    """A web process that exports flows of one size only."""

    def __init__(self, site: Site, grades: int) -> None:
        port = free_port()
        self.url, self.key, self.grades = f"http://127.0.0.1:{port}", site.key, grades
        self.body = body(grades)
        config = (*COUNTING, "--bind", f"127.0.0.1:{port}")
        self._process = web_process(site.start_web(*config, url=self.url).pid)
        self.seconds: list[float] = []
        self.statements: list[int] = []

    def export(self, flow: str) -> None:
        with Caller(self.url, self.key) as caller:
            before = caller.statements()
            self.seconds.append(caller.export(flow, self.body, successes=self.grades))
            self.statements.append(caller.statements() - before)

    @property
    def milliseconds_a_grade(self) -> float:
        return 1000 * median(self.seconds) / self.grades

    @property
    def peak_mib(self) -> float:
        """The most memory the web process has had (VmHWM)."""
        status = dict(line.split(":", 1) for line in Path(f"/proc/{self._process}/status").read_text().splitlines())
        return int(status["VmHWM"].split()[0]) / 1024

    def row(self) -> list[str]:
        calls = -(-self.grades // BATCH_SIZE)
        rounds = -(-calls // CONCURRENCY)
        return [
            f"{self.grades:,}",
            spread(self.seconds),
            f"{rounds * LEARN_MS / 1000:.1f}",
            f"{self.milliseconds_a_grade:.3f}",
            str(calls),
            spread(self.statements, 0),
            f"{self.peak_mib:.0f}",
        ]


def measure(sites: Sites) -> Section:
    with sites.site() as site:
        flows = {(grades, run): f"growth-{grades}-{run}" for grades in SIZES for run in range(RUNS + 1)}
        site.start_slow_learn({flow: grades for (grades, _), flow in flows.items()})
        nodes = {grades: Node(site, grades) for grades in SIZES}
        site.map_flows(flows.values())
        for run in range(RUNS + 1):
            for grades, node in nodes.items():
                node.export(flows[grades, run])
            if run == 0:
                site.analyze()
                for node in nodes.values():
                    node.seconds.clear()
                    node.statements.clear()
        rows = [node.row() for node in nodes.values()]
        slower = nodes[50_000].milliseconds_a_grade / nodes[5_000].milliseconds_a_grade
        peak = max(node.peak_mib for node in nodes.values())
    return Section(
        title="Growth",
        method=METHOD,
        header=[
            "Grades",
            "Seconds",
            "of which calls",
            "Milliseconds a grade",
            "Calls",
            "SQL statements",
            "Peak memory, MiB",
        ],
        rows=rows,
        bars=[
            at_most("Time a grade of 50,000 against that of 5,000", slower, 1.2),
            below("Peak memory of the web process", peak, MEMORY_MIB, unit=" MiB"),
        ],
    )
