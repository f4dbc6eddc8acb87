"""A running sandbox Learn with one course, and a caller that has a token."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.server import SandboxLearn
from sandbox.services import SERVICES
from sandbox.world import World

SECRET = "secret"
STATE: dict[str, Any] = {
    "schemas": {"Letters": {"symbols": "A=90:B=80:F=0:U"}, "Verdict": {"symbols": "Pass:Fail"}},
    "courses": {
        "BIO": {
            "users": ["s1", "s2", "s3"],
            "columns": {
                "Exam": {"points": 100},
                "Essay": {"points": 20, "schema": "Letters"},
                "Oral": {"schema": "Verdict"},
                "Notes": {"points": None},
            },
        },
        "MED": {"experience": "ORIGINAL", "users": ["s1"], "columns": {"Exam": {}, "Oral": {}}},
    },
}


@pytest.fixture
def learn() -> Iterator[SandboxLearn]:
    with SandboxLearn(World(STATE)) as running:
        yield running


class Caller:
    """An application that calls the sandbox over HTTP, with a connection that is kept."""

    def __init__(self, learn: SandboxLearn) -> None:
        self.learn = learn
        self.session = requests.Session()

    def ask_token(self, *, secret: str = SECRET, grant_type: str = "client_credentials") -> requests.Response:
        return self.session.post(
            self.address("token"),
            auth=("key", secret),
            data={"grant_type": grant_type},
            timeout=5,
            allow_redirects=False,
        )

    def take_token(self) -> str:
        token = self.ask_token().json()["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"
        return token

    def send(self, *items: Any, **options: Any) -> requests.Response:
        return self.call("gradeValueAPI", *items, **options)

    def call(self, service: str, *items: Any, timeout: float = 5, **options: Any) -> requests.Response:
        return self.session.post(
            self.address(service), json=list(items), timeout=timeout, allow_redirects=False, **options
        )

    def version(self) -> requests.Response:
        return self.session.get(self.address("version"), timeout=5)

    def control(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, f"{self.learn.url}/sandbox/{path}", timeout=5, **options)

    def address(self, service: str) -> str:
        return self.learn.url + SERVICES[service].path


@pytest.fixture
def caller(learn: SandboxLearn) -> Iterator[Caller]:
    calling = Caller(learn)
    calling.take_token()
    with calling.session:
        yield calling


def column(name: str = "Lab", *, course: str = "BIO", **fields: Any) -> dict[str, Any]:
    return {"courseId": course, "name": name, "itemType": "MANUAL_COLUMN", **fields}


def item(user: str = "s1", value: Any = "75.0", *, column: str = "Exam", course: str = "BIO") -> dict[str, Any]:
    return {"courseId": course, "userId": user, "name": column, "value": value}
