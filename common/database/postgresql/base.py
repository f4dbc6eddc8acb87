"""Django's PostgreSQL backend, whose pool recovers at once when the server was restarted."""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """A dead connection gives up all that rest in the pool: whatever broke it broke them too.

    The pool's own check (Django's `CONN_HEALTH_CHECKS`) tries them one by one and waits longer after each, 0, 1, 2 and
    4 seconds, so that six dead connections keep a thread waiting until the pool's time is up.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        connection: Connection[Any] = super().get_new_connection(conn_params)
        if self.pool and not is_alive(connection):
            self.pool.putconn(connection)
            self.pool.drain()
            connection = super().get_new_connection(conn_params)
        return connection


def is_alive(connection: Connection[Any]) -> bool:
    try:
        ConnectionPool.check_connection(connection)
    except OperationalError:
        return False
    return True
