"""The admin's pages over ten thousand participants and over a million."""

import time
from dataclasses import dataclass, field
from statistics import median

import requests

from benchmarks.bare import TIMEOUT
from benchmarks.report import RUNS, Bar, Section, at_most, ratios, spread
from benchmarks.site import Site, Sites

SMALL, LARGE = 10_000, 1_000_000  # participants
IN_A_FLOW, IN_AN_ATTEMPT = 100, 10
PAGES = {
    "Dashboard": "/admin/",
    "Flows": "/admin/exports/flow/",
    "Flows, failed": "/admin/exports/flow/?state__exact=FAILED",
    "Participants": "/admin/exports/participant/",
    "Participants, failed": "/admin/exports/participant/?state__exact=FAILED",
    "Attempts": "/admin/exports/exportattempt/",
    "Attempts, failed": "/admin/exports/exportattempt/?state__exact=FAILED",
}

METHOD = f"""\
Each page over HTTP, whole and rendered, at {SMALL:,} participants and at {LARGE:,} in turns, on PostgreSQL;
{IN_A_FLOW} participants and {IN_A_FLOW // IN_AN_ATTEMPT} attempts in a flow, so {LARGE // IN_AN_ATTEMPT:,} attempts
at the larger size; one participant in a hundred has failed. The tables are filled by SQL, then VACUUM ANALYZE is run,
as autovacuum would; no page shown here reads deliveries, so there are none. Statements are counted in the web
process. The first look at each page does not count.
"""

# In every 20th flow every fifth participant has failed, which is one in a hundred of all.
FLOWS = """
    INSERT INTO exports_flow (flow_id, title, state, synchronised_at, instant_export, allow_overwrite)
    SELECT 'F' || f, 'Assessment ' || f, CASE WHEN f %% 20 = 0 THEN 'FAILED' ELSE 'EXPORTED' END, now(), false, false
    FROM generate_series(1, %s) AS f
"""
PARTICIPANTS = """
    INSERT INTO exports_participant (
        flow_id, user_id, user_id_is_number, learn_user_id, source_code, on_roster, added_by, mark, alternative_grade,
        state, cause, detail, changed_since_export,
        exported_value, exported_at, exported_mark, exported_alternative_grade
    )
    SELECT
        f.id, 'u' || p, false, '', '', false, '', 'A', '',
        CASE WHEN failed THEN 'FAILED' ELSE 'EXPORTED' END,
        CASE WHEN NOT failed THEN '' WHEN p %% 2 = 0 THEN 'REJECTED_BY_LEARN' ELSE 'LEARN_UNAVAILABLE' END,
        '', p %% 1000 = 1,
        CASE WHEN failed THEN '' ELSE 'A' END, CASE WHEN failed THEN NULL ELSE now() END,
        CASE WHEN failed THEN '' ELSE 'A' END, ''
    FROM exports_flow AS f, generate_series(1, %s) AS p, LATERAL (SELECT f.state = 'FAILED' AND p %% 5 = 0) AS x(failed)
"""
ATTEMPTS = """
    INSERT INTO exports_exportattempt (
        flow_id, trigger, state, api_client_id, started_at, finished_at, ends_by, lease_ends_at,
        number_of_success, number_of_errors, unreadable_entries
    )
    SELECT
        f.id, 'EXPORT', f.state, c.id, now(), now(), now(), now(),
        CASE WHEN f.state = 'FAILED' THEN 8 ELSE 10 END, CASE WHEN f.state = 'FAILED' THEN 2 ELSE 0 END, '[]'
    FROM exports_flow AS f, exports_apiclient AS c, generate_series(1, %s)
"""


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
        site.query(FLOWS, participants // IN_A_FLOW)
        site.query(PARTICIPANTS, IN_A_FLOW)
        site.query(ATTEMPTS, IN_A_FLOW // IN_AN_ATTEMPT)
        site.query("VACUUM ANALYZE")
        site.start_web("--config", "python:benchmarks.counting")
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
