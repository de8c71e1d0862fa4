"""What Celery's workers do: the functions of the embedded worker, started by a message each.

A message carries nothing but the number of an app or a webhook, and may be lost or doubled: what is
to be done stands in the database, and the lane's lease lets one worker do it.
"""

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from celery import signals
from celery.worker import state

from provisioning import lanes, push, queue, reconcile, schedule, webhook_delivery, webhook_queue
from provisioning.celery_app import EXPIRES, SWEEP_EVERY, app
from provisioning.heartbeat import CELERY, Heartbeat, new_name

_name = f"{CELERY}{new_name()}"
_heartbeat = Heartbeat(_name)
_comparing = threading.Lock()


@app.task
def dispatch() -> None:
    """Have every lane drained that has something due and is free."""
    # By a task that every worker gets within seconds, over the broker: one that is cut off from
    # it works no more, and shows no life.
    if _heartbeat.is_due:
        _heartbeat.beat()
    for pk in queue.due_apps().values_list("pk", flat=True):
        drain.apply_async([pk], expires=EXPIRES)
    for pk in webhook_queue.due().values_list("pk", flat=True):
        deliver.apply_async([pk], expires=EXPIRES)


@app.task
def drain(app_id: int) -> None:
    """Work through one app's lane, if there is still something to do and nobody is at it."""
    for found in queue.due_apps().filter(pk=app_id):
        push.drain(found, owner=_owner(), stopped=_turn_ends())


@app.task
def deliver(webhook_id: int) -> None:
    """Send what waits for one webhook, if nobody is at it."""
    for found in webhook_queue.due().filter(pk=webhook_id):
        webhook_delivery.drain(found, owner=_owner(), stopped=_turn_ends())


@app.task
def sweep() -> None:
    """Mark what the signals missed."""
    queue.sweep()


@app.task
def compare() -> None:
    """Begin or go on with the comparison whose time has come: one at a time in this process."""
    if not _comparing.acquire(blocking=False):
        return
    try:
        run = schedule.next_run()
        if run is not None:
            reconcile.work(run, stopped=_stopping)
    finally:
        _comparing.release()


def _owner() -> str:
    return f"{_name}-{uuid.uuid4().hex[:8]}"


def _turn_ends() -> Callable[[], bool]:
    """Tells when to give the thread to another lane, or to stop."""
    ends = time.monotonic() + lanes.TURN
    return lambda: _stopping() or time.monotonic() > ends


def _stopping() -> bool:
    """Whether to stop: what is on the wire is finished and recorded, and nothing new begins."""
    # Looked up, not told by the signal `worker_shutting_down`. Its locks are taken in the handler
    # of SIGTERM, so a second SIGTERM in the middle of the first would wait for them for ever.
    return state.should_stop is not None or state.should_terminate is not None


@signals.setup_logging.connect
def _leave_logging_alone(**_: Any) -> None:
    """Celery sets up its own unless somebody listens to this."""


@signals.worker_ready.connect
def _look_at_once(**_: Any) -> None:
    """At the start as well, and not only when beat comes to it."""
    sweep.apply_async(expires=SWEEP_EVERY)
    dispatch.apply_async(expires=EXPIRES)


@signals.worker_shutdown.connect
def _take_leave(**_: Any) -> None:
    _heartbeat.stop()
