import time
from collections.abc import Callable, Iterator

import pytest
from pytest_httpserver import HTTPServer

from courses.grades_journey import Call, GradesJourney, Item, LearnError
from tests.courses.grades_journey.pretend import PretendLearn

Send = Callable[..., list[LearnError | None]]


@pytest.fixture
def learn(server: HTTPServer) -> Iterator[PretendLearn]:
    yield PretendLearn(server)
    server.check()
    server.clear()


@pytest.fixture
def observed() -> list[Call]:
    return []


@pytest.fixture
def journey(learn: PretendLearn) -> GradesJourney:
    return GradesJourney(url=learn.url, key="key", secret="secret", timeout=5)


@pytest.fixture
def send(journey: GradesJourney, observed: list[Call]) -> Send:
    def send(*items: Item, seconds: float = 10) -> list[LearnError | None]:
        return journey.send(items, until=time.monotonic() + seconds, observe=observed.append)

    return send
