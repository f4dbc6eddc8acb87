"""The admin's pages over ten thousand participants and over a million."""

import time
from dataclasses import dataclass, field
from statistics import median

import requests

from benchmarks.bare import TIMEOUT
from benchmarks.caller import Caller
from benchmarks.report import RUNS, Bar, Section, at_most, ratios, spread
from benchmarks.site import COUNTING, Site, Sites, body

SMALL, LARGE = 10_000, 1_000_000  # participants
PEOPLE, ATTEMPTS = 100, 10  # in a flow
NOT_ASSESSED = 2  # in every other flow
PAGES = {
    "Dashboard": "/admin/",
    "Dashboard, a tick": "/admin/dashboard/",
    "Flows": "/admin/exports/flow/",
    "Flows that need attention": "/admin/exports/flow/?attention=yes",
    "Flows, failed": "/admin/exports/flow/?state__exact=FAILED",
    "Participants": "/admin/exports/participant/",
    "Participants, failed": "/admin/exports/participant/?state__exact=FAILED",
    "Participants, missing": "/admin/exports/participant/?missing=yes",
    "One flow": "/admin/exports/flow/1/change/",
    "What happened to a flow": "/admin/exports/flow/1/timeline/",
    "Evidence of a flow": "/admin/exports/flow/1/evidence/",
    "Retries": "/admin/exports/retryrun/",
    "Holds": "/admin/exports/hold/",
    "Refused requests": "/admin/exports/refusedrequest/",
    "Attempts": "/admin/exports/exportattempt/",
    "Attempts, failed": "/admin/exports/exportattempt/?state__exact=FAILED",
    "Deliveries": "/admin/exports/delivery/",
    "Deliveries, refused": "/admin/exports/delivery/?state__exact=REFUSED",
    "Calls to Learn": "/admin/courses/servicecall/",
}

METHOD = f"""\
Each page over HTTP, whole and rendered, at {SMALL:,} participants and at {LARGE:,} in turns, on PostgreSQL, with
{PEOPLE} participants and {ATTEMPTS} attempts in a flow, so {LARGE // PEOPLE * ATTEMPTS:,} attempts at the larger
size. Two flows are exported for real, in one of them people without an assessment; SQL multiplies them, so that every
other flow and one participant in a hundred has failed. Of a flow's deliveries those of its first attempt are
multiplied along, one a participant, and the call that carried them. VACUUM ANALYZE is run, as autovacuum would.
Statements are counted in the web process. The first look at each page does not count.
"""

# The rows of the two flows once more, for each flow from the third to the last. Every other is like the failed one.
COPY = """
    INSERT INTO {table}
    SELECT new.*
    FROM {table} AS old
        CROSS JOIN generate_series(3, %s) AS copy
        CROSS JOIN LATERAL jsonb_populate_record(old, jsonb_build_object('id', copy * 1000 + old.id, {changes})) AS new
    WHERE (copy %% 2 = 0) = ({flow} = (SELECT id FROM exports_flow WHERE flow_id = 'failed')) AND {which}
    ORDER BY new.id
"""
FIRST_ATTEMPTS = "(SELECT min(id) FROM exports_exportattempt GROUP BY flow_id)"


def copying(table: str, *references: str, flow: str, changes: str = "", which: str = "true") -> str:
    """SQL that multiplies the rows of `table`; `references` are its columns that lead to other rows of the copy."""
    followed = ", ".join(f"'{column}', copy * 1000 + old.{column}" for column in references)
    return COPY.format(table=table, flow=flow, changes=changes or followed, which=which)


def flow_of(attempt: str) -> str:
    return f"(SELECT flow_id FROM exports_exportattempt WHERE id = {attempt})"  # noqa: S608  names of our own


COPIES = (
    copying("exports_flow", flow="old.id", changes="'flow_id', 'F' || copy"),
    copying("exports_participant", "flow_id", flow="old.flow_id"),
    copying("exports_exportattempt", "flow_id", flow="old.flow_id"),
    copying(
        "exports_delivery",
        "attempt_id",
        "participant_id",
        flow=flow_of("old.attempt_id"),
        which=f"old.attempt_id IN {FIRST_ATTEMPTS}",
    ),
    copying(
        "courses_servicecall",
        flow=flow_of(
            "(SELECT exportattempt_id FROM exports_exportattempt_calls WHERE servicecall_id = old.id LIMIT 1)"
        ),
        changes="'items', old.items",
    ),
    copying("exports_exportattempt_calls", "exportattempt_id", "servicecall_id", flow=flow_of("old.exportattempt_id")),
)


@dataclass
class Page:
    """What one page has taken at both sizes, by participants."""

    statements: dict[int, int] = field(default_factory=dict)
    seconds: dict[int, list[float]] = field(default_factory=lambda: {SMALL: [], LARGE: []})

    @property
    def ratio(self) -> float:
        return median(ratios(self.seconds[LARGE], self.seconds[SMALL]))


class Admin:
    """A superuser in front of a site with so many participants."""

    def __init__(self, site: Site, participants: int) -> None:
        self.participants = participants
        site.start_slow_learn({"exported": PEOPLE, "failed": PEOPLE})
        site.start_web(*COUNTING)
        site.map_flows(["exported", "failed"])
        with Caller(site.url, site.key) as caller:
            for _ in range(ATTEMPTS):
                caller.export("exported", body(PEOPLE), successes=PEOPLE)
                caller.export("failed", body(PEOPLE, not_assessed=NOT_ASSESSED), successes=PEOPLE - NOT_ASSESSED)
        for sql in COPIES:
            site.query(sql, participants // PEOPLE)
        site.query("VACUUM ANALYZE")
        self._url, self._session = site.url, site.sign_in()

    def open(self, path: str) -> tuple[float, int]:
        """Seconds until the page is there, and the SQL statements it took."""
        before = self._get("/health/live")
        began = time.perf_counter()
        after = self._get(path)
        return time.perf_counter() - began, after - before

    def _get(self, path: str) -> int:
        answer = self._session.get(self._url + path, timeout=TIMEOUT, allow_redirects=False)
        if answer.status_code != requests.codes.ok:
            raise RuntimeError(f"{path} was answered with {answer.status_code}")
        return int(answer.headers["X-Statements"])


def measure(sites: Sites) -> Section:
    pages = {name: Page() for name in PAGES}
    with sites.site() as small, sites.site() as large:
        admins = [Admin(small, SMALL), Admin(large, LARGE)]
        for run in range(RUNS + 1):
            for name, path in PAGES.items():
                for admin in admins:
                    seconds, statements = admin.open(path)
                    if run:
                        pages[name].seconds[admin.participants].append(seconds)
                        pages[name].statements[admin.participants] = statements
    slowest = max(pages, key=lambda name: pages[name].ratio)
    same = sum(page.statements[SMALL] == page.statements[LARGE] for page in pages.values())
    return Section(
        title="The admin",
        method=METHOD,
        header=["Page", "Statements", "Milliseconds, small", "Milliseconds, large", "Ratio"],
        rows=[
            [
                name,
                " and ".join(str(page.statements[size]) for size in (SMALL, LARGE)),
                *(spread([1000 * seconds for seconds in page.seconds[size]], 0) for size in (SMALL, LARGE)),
                f"{page.ratio:.2f}",
            ]
            for name, page in pages.items()
        ],
        bars=[
            Bar(
                what="Pages that take the same number of statements at both sizes",
                bound=f"all {len(pages)}",
                figure=str(same),
                is_met=same == len(pages),
            ),
            at_most(
                f"Time at the larger size against the smaller: the worst page ({slowest})", pages[slowest].ratio, 2
            ),
        ],
    )
