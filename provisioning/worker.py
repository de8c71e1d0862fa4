"""Drains every lane that has something due, and sweeps for what the signals missed."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import Error, close_old_connections, connections

from provisioning import push, queue
from provisioning.models import App

logger = logging.getLogger(__name__)

SWEEP_EVERY = 60.0
_LOOK_EVERY = 0.5
_LANES_AT_ONCE = 16


def run(stop: threading.Event) -> None:
    """Work until `stop` is set; what is on the wire then is finished and recorded first."""
    owner = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    with ThreadPoolExecutor(_LANES_AT_ONCE, thread_name_prefix="lane") as pool:
        lanes = _Lanes(pool, owner, stop)
        sweep_at = 0.0
        while not stop.is_set():
            if time.monotonic() >= sweep_at:
                _guarded(queue.sweep)
                sweep_at = time.monotonic() + SWEEP_EVERY
            _guarded(lanes.start_due)
            queue.wake.wait(_LOOK_EVERY)
            queue.wake.clear()
    connections.close_all()


def drain_all(*, owner: str = "once", rounds: int = 100) -> None:
    """Work in this thread until nothing is due now: for tests, commands and the demo."""
    for _ in range(rounds):
        worked = [push.drain(app, owner=owner) for app in queue.due_apps()]
        if not any(worked):
            return


class _Lanes:
    """The lanes that this process is draining, each in a thread of its own."""

    def __init__(self, pool: ThreadPoolExecutor, owner: str, stop: threading.Event) -> None:
        self._pool = pool
        self._owner = owner
        self._stop = stop
        self._busy: set[int] = set()

    def start_due(self) -> None:
        for app in queue.due_apps():
            if app.pk not in self._busy:
                self._busy.add(app.pk)
                self._pool.submit(self._drain, app)

    def _drain(self, app: App) -> None:
        worked = _guarded(lambda: push.drain(app, owner=self._owner, stopped=self._stop.is_set))
        connections.close_all()
        self._busy.discard(app.pk)
        if worked:
            # Something may have become due while the lane was ending.
            queue.wake.set()


def _guarded(work: Callable[[], object]) -> object:
    """A worker outlives whatever goes wrong, a database that is away included."""
    try:
        close_old_connections()
        return work()
    except Error:
        logger.exception("The database did not answer; the worker tries again in a moment")
        time.sleep(1)
    except Exception:
        logger.exception("The worker met something unexpected and goes on")
        time.sleep(1)
    return None
