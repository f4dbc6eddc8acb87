"""The site behind a real HTTP server, for what no test client can do."""

import threading
from contextlib import contextmanager

from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from werkzeug.serving import make_server


@contextmanager
def site(*, threaded=False):
    """Address of the site, served by an HTTP server in a thread, or one for each connection."""
    server = make_server("127.0.0.1", 0, served_and_closed, threaded=threaded)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield server.server_address
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def served_and_closed(environ, start_response):
    try:
        return [b"".join(WSGIHandler()(environ, start_response))]
    finally:
        connections.close_all()
