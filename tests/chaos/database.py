"""A PostgreSQL database of the run's own, made before Django is told about it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

# As in tests/settings.py, which would read Django's settings too early.
_SERVER = "postgres://postgres@127.0.0.1:5432/postgres"


@contextmanager
def own_database() -> Iterator[str]:
    """The address of a new database on the server for tests, dropped at the end."""
    server = os.environ.get("GATEHOUSE_TEST_POSTGRESQL", _SERVER)
    base, _, _ = server.rpartition("/")
    name = f"chaos_{time.time_ns():x}"
    with psycopg.connect(server, autocommit=True) as maintenance:
        maintenance.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"{base}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as maintenance:
            maintenance.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
