"""One worker process: the product's own or Celery's, with shorter times and points to die at."""

import functools
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from provisioning import breaker, exchange, http, lanes, pace, queue, record, retrying, worker
from provisioning.connectors.base import Connector
from provisioning.outcomes import Job
from provisioning.plan import Operation
from tests.chaos import broker, mutants
from tests.chaos.points import Orders

# Where a worker can be ordered to die or to freeze, besides the server's "effect".
POINTS = (
    *("acquired", "looked-up", "intent", "create", "send", "answer"),
    *("record", "confirmed", "recorded"),
)


def run(
    orders: Orders, losses: Path, *, mutant: str, lease: float, sweeps: bool, celery: bool
) -> None:
    """Work until SIGTERM. A line is added to `losses` for each lease that ran out."""
    random.seed()
    shorten(lease)
    if not sweeps:
        _replace(worker, "SWEEP_EVERY", 1e9)
    mutants.apply(mutant)
    # Around what the mutant has left.
    _place_points(orders)
    _note_losses(losses)
    # The journal says which process sent a request.
    _replace(http, "_user_agent", lambda: f"Gatehouse/chaos {os.getpid()}")
    if celery:
        # Each with a schedule of its own, as docs/guides/scaling.md says.
        broker.work("--beat", "--hostname", f"{os.getpid()}@chaos")
    else:
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        worker.run(stop.is_set)


def shorten(lease: float) -> None:
    """The product's times in the proportions of the real ones, so that minutes pass in seconds.

    A lease outlasts any request by far more than the margin, and the longest request ends within
    the margin: 120, 40 and 30 s there, with a lease of 3 s here 3, 1.2 and 1 s.
    """
    _replace(lanes, "LEASE", type(lanes.LEASE)(seconds=lease))
    _replace(lanes, "_MARGIN", lease * 0.4)
    waits = http.Session.__init__.__kwdefaults__
    assert {"connect_timeout", "read_timeout", "deadline"} <= waits.keys()
    waits |= {"connect_timeout": lease / 4, "read_timeout": lease / 4, "deadline": lease / 3}
    # An account waits at most this long before it is tried again, an app that fails likewise.
    _replace(retrying, "_LONGEST_WAIT", type(retrying._LONGEST_WAIT)(seconds=2))
    _replace(breaker, "_FIRST_REST", 0.5)
    _replace(breaker, "_LONGEST_REST", 1.0)
    # A rate that was halved is back within a second.
    _replace(pace, "_SLOWEST", 20.0)
    _replace(pace, "_GROWTH", 1.0)
    _replace(worker, "SWEEP_EVERY", 2.0)
    _replace(worker, "_LOOK_EVERY", 0.1)


def _place_points(orders: Orders) -> None:
    _wrap(lanes, "acquire", after=lambda: orders.reached("acquired"))
    _wrap(exchange, "look_up", after=lambda: orders.reached("looked-up"))
    _wrap(record, "save_intents", after=lambda: orders.reached("intent"))
    # Before the lease is looked at: what freezes after that has as good as sent its request.
    _wrap(lanes.Lease, "check", before=lambda _: orders.reached("send"))
    _wrap(exchange, "write", before=_if_create(orders), after=lambda: orders.reached("answer"))
    _wrap(
        record,
        "save",
        before=lambda *_, **__: orders.reached("record"),
        after=lambda: orders.reached("recorded"),
    )
    # Within the transaction that records.
    _wrap(lanes.Lease, "confirm", after=lambda: orders.reached("confirmed"))
    _wrap(queue, "sweep", after=lambda: orders.reached("swept"))


def _note_losses(losses: Path) -> None:
    """On a busy machine a worker can be too slow for its lease without having been frozen."""
    file = os.open(losses, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for name in ("check", "renew", "confirm"):
        original = getattr(lanes.Lease, name)

        def noting(self: lanes.Lease, original: Callable[..., None] = original) -> None:
            try:
                original(self)
            except lanes.LeaseLost:
                os.write(file, f"{os.getpid()} {time.time()}\n".encode())
                raise

        setattr(lanes.Lease, name, noting)


def _if_create(orders: Orders) -> Callable[..., None]:
    """Where a freeze does most harm: somebody else makes the account meanwhile."""

    def before(_: Connector, job: Job) -> None:
        if job.action.operation is Operation.CREATE:
            orders.reached("create")

    return before


def _nothing(*_: Any, **__: Any) -> None:
    """No point here."""


def _wrap(
    where: Any,
    name: str,
    *,
    before: Callable[..., None] = _nothing,
    after: Callable[[], None] = _nothing,
) -> None:
    original = getattr(where, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **options: Any) -> Any:
        before(*args, **options)
        result = original(*args, **options)
        after()
        return result

    setattr(where, name, wrapped)


def _replace(where: Any, name: str, value: Any) -> None:
    # A name that the product no longer has must not go unnoticed: the run would be toothless.
    assert hasattr(where, name), f"{where.__name__} has no {name}"
    setattr(where, name, value)
