"""(h) Two Celery workers against one, on several applications that take their time to answer."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import psycopg
import redis

from tests.bench.figures import Figure
from tests.bench.server import Server
from tests.chaos.broker import Queue, own_queue
from tests.chaos.database import own_database

_APPS = 8
# Lanes that a worker has at once: fewer than there are apps, and what Celery's begins with.
_SCARCE, _PLENTY = 4, 16
_TURNS = 3

# Lanes, workers, and the creates per second of one turn.
Turn = tuple[int, int, float]


def two_workers(server: Server, folder: Path, *, size: float) -> Iterator[Figure]:
    people = round(200 * max(size, 0.25))
    with ExitStack() as stack:
        try:
            database = stack.enter_context(own_database())
            queue = stack.enter_context(own_queue())
        except (psycopg.OperationalError, redis.ConnectionError) as error:
            sys.stderr.write(f"(h) needs PostgreSQL and Redis and is left out: {error}\n")
            return
        found = _measured(server, database, queue, people)
    yield Figure(
        "h",
        f"two workers of {_SCARCE} lanes against one, {_APPS} apps with {people} creates each",
        *_rates(found, lanes=_SCARCE),
        at_least=1.2,
    )
    yield Figure("h", f"… of {_PLENTY} lanes", *_rates(found, lanes=_PLENTY))


def _measured(server: Server, database: str, queue: Queue, people: int) -> list[Turn]:
    """In a process of its own, whose database is not that of the other figures."""
    turns = [
        # In turn, so that whatever else the machine does meets both.
        (lanes, workers)
        for _ in range(_TURNS)
        for lanes in (_SCARCE, _PLENTY)
        for workers in (1, 2)
    ]
    told = json.dumps({"apps": _APPS, "people": people, "turns": turns})
    own = {"GATEHOUSE_DATABASE_URL": database, "GATEHOUSE_BROKER_URL": queue.url}
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.celery_workers", server.url, queue.name, told],
        env={**os.environ, **own},
        check=True,
        stdout=subprocess.PIPE,
    )
    return [(*turn, rate) for turn, rate in zip(turns, json.loads(done.stdout), strict=True)]


def _rates(found: list[Turn], *, lanes: int) -> tuple[float, str, float]:
    one, two = (
        median(rate for had, workers, rate in found if (had, workers) == (lanes, number))
        for number in (1, 2)
    )
    return two, "/s", one
