"""Shows from outside that a worker is alive: its row, renewed by the very loop that works."""

import os
import socket
import time
import uuid
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from provisioning.models import Worker

EVERY = 10.0
# Who was not heard of for so long is taken for dead.
ALIVE_WITHIN = timedelta(seconds=60)
# How the names of Celery's workers begin, which show life only while their broker serves them.
CELERY = "celery-"
_FORGOTTEN_AFTER = timedelta(days=1)


def new_name() -> str:
    """Of a worker or whoever owns something for a while: its machine, its process, and no other."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


class Heartbeat:
    """One worker's sign of life."""

    def __init__(self, name: str, *, every: float = EVERY) -> None:
        self._name = name
        self._every = every
        self._started_at = timezone.now()
        self._next = float("-inf")

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self._next

    def beat(self) -> None:
        """Say that this worker is alive, and forget those that died long ago."""
        # First, so that a database that is away is not asked again at every turn of the loop.
        self._next = time.monotonic() + self._every
        now = timezone.now()
        Worker.objects.bulk_create(
            [Worker(name=self._name, started_at=self._started_at, seen_at=now)],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["seen_at"],
        )
        Worker.objects.filter(seen_at__lt=now - _FORGOTTEN_AFTER).delete()

    def stop(self) -> None:
        """Take the row away: this worker ends as it should, and nobody need miss it."""
        Worker.objects.filter(name=self._name).delete()


def last_seen() -> datetime | None:
    """When a worker was last heard of."""
    seen: datetime | None = Worker.objects.aggregate(seen=Max("seen_at"))["seen"]
    return seen


def alive(*, prefix: str = "") -> int:
    """How many workers there are now whose names begin with this."""
    since = timezone.now() - ALIVE_WITHIN
    return Worker.objects.filter(seen_at__gte=since, name__startswith=prefix).count()
