"""gunicorn's configuration for a web process that counts its SQL statements (`site.COUNTING`).

Each answer says in the header X-Statements how many the process has executed so far, in all its threads. BEGIN and
COMMIT are not among them. It is the configuration of the checkout that it is started in, which may be another commit:
nothing is imported here from the benchmarks.
"""

import runpy
import threading
from collections.abc import Callable, Iterable
from typing import Any

globals().update(runpy.run_path("gunicorn.conf.py"))

Headers = list[tuple[str, str]]


class Counted:
    """A WSGI application around the site's own."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._statements = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: Headers, *rest: Any) -> Any:
            return start_response(status, [*headers, ("X-Statements", str(self._statements))], *rest)

        answer: Iterable[bytes] = self._application(environ, start)
        return answer

    def count(self, execute: Callable[..., Any], *statement: Any) -> Any:
        with self._lock:
            self._statements += 1
        return execute(*statement)

    def watch(self, connection: Any, **_: Any) -> None:
        if self.count not in connection.execute_wrappers:
            connection.execute_wrappers.append(self.count)


def post_worker_init(worker: Any) -> None:
    """gunicorn calls this in the web process, once the site is loaded."""
    from django.db.backends.signals import connection_created

    worker.wsgi = Counted(worker.wsgi)
    connection_created.connect(worker.wsgi.watch)
