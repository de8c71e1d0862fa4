"""Drains every lane that has something due, and sweeps for what the signals missed."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from django.db import Error, close_old_connections, connections
from django.db.models import QuerySet

from provisioning import (
    lanes,
    nudge,
    push,
    queue,
    reconcile,
    schedule,
    webhook_delivery,
    webhook_queue,
)
from provisioning.heartbeat import Heartbeat, new_name
from provisioning.models import App, Webhook

logger = logging.getLogger(__name__)

Stopped = Callable[[], bool]
Row = TypeVar("Row", App, Webhook)

SWEEP_EVERY = 60.0
_LOOK_EVERY = 0.5
_LANES_AT_ONCE = 16
# In threads of their own, so that receivers which do not answer keep no app waiting.
_WEBHOOKS_AT_ONCE = 4
_COMPARE_EVERY = 5.0


def run(stopped: Stopped, *, at_once: int = _LANES_AT_ONCE, turn: float = lanes.TURN) -> None:
    """Work until `stopped`; what is on the wire then is finished and recorded first.

    `at_once` lanes have a thread, and each for so many seconds at a time if others wait.
    """
    owner = new_name()
    heartbeat = Heartbeat(owner)
    with (
        ThreadPoolExecutor(at_once, thread_name_prefix="lane") as pool,
        ThreadPoolExecutor(_WEBHOOKS_AT_ONCE, thread_name_prefix="webhook") as others,
    ):
        apps = _Lanes(pool, queue.due_apps, push.drain, owner, stopped, turn)
        webhooks = _Lanes(others, webhook_queue.due, webhook_delivery.drain, owner, stopped, turn)
        comparisons = _Comparisons(stopped)
        sweep_at = 0.0
        while not stopped():
            # In this loop, so that a loop that hangs shows no life.
            if heartbeat.is_due:
                _guarded(heartbeat.beat)
            if time.monotonic() >= sweep_at:
                _guarded(queue.sweep)
                sweep_at = time.monotonic() + SWEEP_EVERY
            _guarded(apps.start_due)
            _guarded(webhooks.start_due)
            comparisons.look()
            nudge.wake.wait(_LOOK_EVERY)
            nudge.wake.clear()
        comparisons.end()
    _guarded(heartbeat.stop)
    connections.close_all()


class _Lanes(Generic[Row]):
    """The lanes of apps, or of webhooks, that this process drains, each in a thread of its own."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        due: Callable[[], QuerySet[Row]],
        drain: Callable[..., int],
        owner: str,
        stopped: Stopped,
        turn: float,
    ) -> None:
        self._pool = pool
        self._due: Callable[[], QuerySet[Row]] = due
        self._drain = drain
        self._owner = owner
        self._stopped = stopped
        self._turn = turn
        self._busy: set[int] = set()

    def start_due(self) -> None:
        for row in self._due():
            if row.pk not in self._busy:
                self._busy.add(row.pk)
                self._pool.submit(self._work, row)

    def _work(self, row: Row) -> None:
        ends = time.monotonic() + self._turn

        def stopped() -> bool:
            return self._stopped() or time.monotonic() > ends

        worked = _guarded(lambda: self._drain(row, owner=self._owner, stopped=stopped))
        connections.close_all()
        self._busy.discard(row.pk)
        if worked:
            # Something may have become due while the lane was ending.
            nudge.wake.set()


class _Comparisons:
    """The comparison with an application that this process is at: one, in a thread of its own."""

    def __init__(self, stopped: Stopped) -> None:
        self._stopped = stopped
        self._thread: threading.Thread | None = None
        self._look_at = 0.0

    def look(self) -> None:
        """Begin or go on with what is to be compared now."""
        busy = self._thread is not None and self._thread.is_alive()
        if busy or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _COMPARE_EVERY
        self._thread = threading.Thread(target=self._compare, name="comparison")
        self._thread.start()

    def _compare(self) -> None:
        _guarded(self._next)
        connections.close_all()

    def _next(self) -> None:
        run = schedule.next_run()
        if run is not None:
            reconcile.work(run, stopped=self._stopped)

    def end(self) -> None:
        if self._thread is not None:
            self._thread.join()


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
