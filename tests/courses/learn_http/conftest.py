from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer

from tests.courses.learn_http.pretend import PretendSite


@pytest.fixture
def learn(server: HTTPServer) -> Iterator[PretendSite]:
    yield PretendSite(server)
    server.check()
    server.clear()
