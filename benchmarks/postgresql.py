"""The PostgreSQL server of the benchmarks, and the databases that are made there and dropped again."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg.sql import SQL, Identifier

DEFAULT = "postgres://postgres@127.0.0.1:5432/postgres"
CONNECT_SECONDS = 5


class Server:
    """The server that BENCH_DATABASE names by the address of any database there whose user may create others."""

    def __init__(self) -> None:
        """Ends the program with one line when there is no server."""
        self._url = os.environ.get("BENCH_DATABASE") or DEFAULT
        try:
            with psycopg.connect(self._url, connect_timeout=CONNECT_SECONDS) as connection:
                number = connection.info.server_version
        except psycopg.Error as error:
            raise SystemExit(
                f"The benchmarks need PostgreSQL: {str(error).strip().splitlines()[0]}\n"
                "Start one there, or name another by BENCH_DATABASE=postgres://USER:PASSWORD@HOST:PORT/postgres"
            ) from None
        self.version = f"{number // 10_000}.{number % 10_000}"

    @contextmanager
    def database(self, *, like: str = "") -> Iterator[str]:
        """The address of a new database, empty or a copy of the one at `like`, which nobody may use meanwhile."""
        name = Identifier(f"gradebridge_bench_{secrets.token_hex(6)}")
        template = Identifier(urlsplit(like).path[1:] if like else "template1")
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(name, template))
        try:
            yield urlsplit(self._url)._replace(path=f"/{name.as_string().strip(chr(34))}").geturl()
        finally:
            with psycopg.connect(self._url, autocommit=True) as connection:
                connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(name))
