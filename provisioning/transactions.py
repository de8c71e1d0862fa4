"""The transactions of the workers, which give way to those of people, and those that are undone.

A worker that waited for a row while it holds others could close a circle, and PostgreSQL may end
one at the cost of the page that an administrator is saving. So a worker does not wait: it lets go
of everything and begins anew.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import OperationalError, connection, transaction

T = TypeVar("T")

# Far below the second after which PostgreSQL looks for circles.
_WAIT_MS = 10
_PAUSE = 0.1
# An import may hold its rows for long; the lease outlasts this (provisioning/lanes.py).
_PATIENCE = 60.0
# lock_not_available and deadlock_detected of PostgreSQL (errcodes-appendix.html), and SQLite's.
_IN_THE_WAY = {"55P03", "40P01", "SQLITE_BUSY"}


def giving_way(work: Callable[[], T]) -> T:
    """What `work` returns, in a transaction; called anew until nobody else has its rows.

    So it changes nothing but the database. Within a transaction it is called once. Raises
    OperationalError if the rows are not free within a minute, or the database is away.
    """
    if connection.in_atomic_block:
        with transaction.atomic():
            return work()
    give_up = time.monotonic() + _PATIENCE
    while True:
        try:
            with _impatient():
                return work()
        except OperationalError as error:
            if not _in_the_way(error) or time.monotonic() > give_up:
                raise
        time.sleep(_PAUSE * random.random())  # noqa: S311 - spreads load, guards nothing


@contextmanager
def _impatient() -> Iterator[None]:
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{_WAIT_MS}ms"])
        yield


@contextmanager
def undone() -> Iterator[None]:
    """A transaction of which nothing stays, to see what would follow."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _in_the_way(error: OperationalError) -> bool:
    cause = error.__cause__
    name = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return name in _IN_THE_WAY
