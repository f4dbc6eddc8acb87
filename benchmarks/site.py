"""A site to be measured: gunicorn, PostgreSQL and a sandbox Learn that takes its time, each a process of its own."""

import csv
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psycopg
import requests

from benchmarks.bare import TIMEOUT, Item
from benchmarks.postgresql import Server
from sandbox.processes import ROOT, Processes, free_port

LEARN_MS = 200  # Learn takes that long for a call
BATCH_SIZE, CONCURRENCY = 500, 4
COLUMN = "Final exam"  # in every course
BARE = "bare"  # the course that the bare program sends to
MARKS = "ABCDEF"
COUNTING = ("--config", f"file:{Path(__file__).with_name('counting.py')}")  # for a web process that counts statements
USER, PASSWORD = "bench", "a pass phrase of some length"

ENVIRONMENT = {
    "SECRET_KEY": "of a site that lives for a minute; long enough for the checks of Django",
    "DEBUG": "false",
    "ALLOWED_HOSTS": "127.0.0.1",
    "LEARN_KEY": "key",
    "LEARN_SECRET": "secret",
    "LEARN_TIMEOUT": "20",
    "LEARN_BATCH_SIZE": str(BATCH_SIZE),
    "LEARN_CONCURRENCY": str(CONCURRENCY),
    "LEARN_DAILY_CALLS": "10000000",
    "EXPORT_DEADLINE": "300",  # 50,000 grades need more than the default
    "EXPORT_MAX_BYTES": "8000000",
    "EXPORT_MAX_PARTICIPANTS": "50000",
    "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
}


class Site(Processes):
    """A site on the database at `database`. `key` is that of its API client.

    `root` is the checkout whose code runs. `learn_port` is that of another site whose sandbox Learn serves this one.
    """

    def __init__(
        self,
        database: str,
        *,
        output: IO[bytes],
        root: Path,
        key: str = "",
        web_processes: int = 1,
        learn_port: int | None = None,
    ) -> None:
        self.database, self.key, self.learn_port = database, key, learn_port or free_port()
        environment = {**ENVIRONMENT, "DATABASE_URL": database, "WEB_CONCURRENCY": str(web_processes)}
        super().__init__(
            port=free_port(), learn_port=self.learn_port, environment=environment, output=output, root=root
        )

    def start_slow_learn(self, flows: Mapping[str, int]) -> None:
        """A sandbox Learn with a course for each flow, where so many people are enrolled, and an endless quota."""
        self.start_learn("--empty", "--latency-ms", str(LEARN_MS))
        courses = {
            course: {"users": user_ids(people), "columns": {COLUMN: {"points": None}}}
            for course, people in {**flows, BARE: max(flows.values())}.items()
        }
        self.ask_learn("PUT", "state", json={"courses": courses})
        self.ask_learn("PUT", "settings", json={"daily_calls": 10_000_000})

    def ask_learn(self, method: str, what: str, **options: Any) -> Any:
        answer = requests.request(method, f"{self.learn}/sandbox/{what}", timeout=TIMEOUT, **options)
        answer.raise_for_status()
        return answer.json()

    def calls(self) -> int:
        """How many calls with grades Learn has had since `forget_calls`, at most 10,000."""
        return sum(call["service"] == "gradeValueAPI" for call in self.ask_learn("GET", "calls"))

    def forget_calls(self) -> None:
        self.ask_learn("DELETE", "calls")

    def map_flows(self, flows: Iterable[str], *, instant: bool = False) -> None:
        """Have each flow's grades go to the course of the same name."""
        with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["flow_id", "course_id", "column_name", "synchronised_at", "instant_export"])
            for flow in flows:
                rows.writerow([flow, flow, COLUMN, "2026-01-01", str(instant).lower()])
            file.flush()
            self.manage("import_mappings", file.name)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def analyze(self) -> None:
        """What autovacuum does within a minute of a first large export, so that no figure hangs on its moment."""
        self.query("ANALYZE")

    def sign_in(self) -> requests.Session:
        """A superuser's session in the admin."""
        session = requests.Session()
        session.get(f"{self.url}/admin/login/", timeout=TIMEOUT)
        self.submit(session, "/admin/login/", username=USER, password=PASSWORD, next="/admin/")
        return session

    def submit(self, session: requests.Session, path: str, **fields: Any) -> None:
        """Send a form of the admin."""
        fields["csrfmiddlewaretoken"] = session.cookies["csrftoken"]
        answer = session.post(f"{self.url}{path}", data=fields, timeout=TIMEOUT)
        answer.raise_for_status()
        if "errornote" in answer.text:
            raise RuntimeError(f"The admin did not take the form sent to {path}")


class Sites:
    """Makes sites whose database is a copy of one that was migrated once: migrating takes seconds.

    They run the code of the checkout at `root`. `before` makes the sites of an earlier commit, if one was named.
    """

    def __init__(
        self, server: Server, template: str, *, output: IO[bytes], root: Path = ROOT, before: "Sites | None" = None
    ) -> None:
        self._server, self._template, self._output, self._root = server, template, output, root
        self.before = before
        site = Site(template, output=output, root=root)
        site.manage("migrate", "--verbosity", "0")
        site.manage("createsuperuser", "--noinput", "--username", USER, "--email", "bench@example.org")
        self._key = site.manage("create_api_client", "WISEflow").strip()

    @contextmanager
    def site(self, *, web_processes: int = 1, beside: Site | None = None) -> Iterator[Site]:
        """A site none of whose processes runs yet. `beside` is one whose sandbox Learn serves both."""
        with (
            self._server.database(like=self._template) as database,
            Site(
                database,
                output=self._output,
                root=self._root,
                key=self._key,
                web_processes=web_processes,
                learn_port=beside.learn_port if beside else None,
            ) as site,
        ):
            yield site


def user_ids(people: int) -> list[str]:
    return [f"u{number}" for number in range(people)]


def graded(people: int) -> list[tuple[str, str]]:
    """So many people, each with a mark."""
    return [(user, MARKS[place % len(MARKS)]) for place, user in enumerate(user_ids(people))]


def bodies(people: int) -> list[bytes]:
    """What WISEflow sends for each of so many people alone."""
    return [json.dumps({"participants": [{"userId": user, "mark": mark}]}).encode() for user, mark in graded(people)]


def body(people: int, *, not_assessed: int = 0) -> bytes:
    """What WISEflow sends for so many people at once, the first of whom have no grade."""
    whole = [{"userId": user, "mark": mark} for user, mark in graded(people)]
    return json.dumps(
        {"participants": [*({"userId": entry["userId"]} for entry in whole[:not_assessed]), *whole[not_assessed:]]}
    ).encode()


def items(people: int) -> list[Item]:
    """The same grades as Learn takes them, for the course of the bare program."""
    return [{"courseId": BARE, "userId": user, "name": COLUMN, "value": mark} for user, mark in graded(people)]


def web_process(arbiter: int) -> int:
    """The process id of the one web process that this gunicorn has started."""
    children = Path(f"/proc/{arbiter}/task/{arbiter}/children").read_text().split()
    return int(children[0])
