"""Tells the workers that something is due: of this process, and Celery's where a broker is set.

Nobody waits for that. Only a nudge: a message that is lost costs the second until Celery's beat
sends the next one.
"""

import importlib.util
import logging
import threading
import time
from typing import Any

from django.conf import settings
from django.core import checks

logger = logging.getLogger(__name__)

# Set after a commit that made something due, so that a worker in this process need not wait for
# its next look. Only a nudge: the rows are the truth.
wake = threading.Event()

# What is committed within this time after a message needs none of its own.
_PAUSE = 0.1
# A broker that is away is left alone for so long.
_LEAVE_ALONE = 10.0
# So long one is waited for where a person has asked whether it is there.
_PATIENCE = 5.0


class _Messenger:
    """A thread that sends the messages, so that no page waits for a broker, however it fails."""

    def __init__(self) -> None:
        self._due = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def tell(self) -> None:
        self._due.set()
        with self._lock:
            # A process that was forked does not have its parent's thread.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nudge", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while self._due.wait():
            self._due.clear()
            time.sleep(_PAUSE if _sent() else _LEAVE_ALONE)


_messenger = _Messenger()


def everybody() -> None:
    """Have somebody look at once for what is due. Called after the commit."""
    wake.set()
    workers()


def workers() -> None:
    """Have some worker look at once for what is due. Called after the commit."""
    if settings.BROKER_URL:
        _messenger.tell()


def broker_trouble() -> str:
    """Why the message broker that is set cannot be reached; "" if it can, or if none is set."""
    if not settings.BROKER_URL:
        return ""
    try:
        from provisioning.celery_app import app

        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=_PATIENCE)
    except Exception as error:
        # As below: brokers fail in many ways.
        return str(error) or type(error).__name__
    return ""


def _sent() -> bool:
    try:
        from provisioning.celery_app import EXPIRES, app

        app.send_task("provisioning.tasks.dispatch", expires=EXPIRES)
    except Exception as error:
        # No traceback: the kinds of brokers fail in many ways, and it is told every few seconds.
        logger.warning(
            "The message broker did not answer; workers find what is due by themselves: %s", error
        )
        return False
    return True


def check_installed(**_: Any) -> list[checks.CheckMessage]:
    """For `manage.py check`, which `serve` and `worker` begin with."""
    if not settings.BROKER_URL or importlib.util.find_spec("celery"):
        return []
    return [
        checks.Error(
            "GATEHOUSE_BROKER_URL is set, but Celery is not installed.",
            hint='Give .venv/bin/pip install "celery[redis]>=5.7", or take the setting away.',
            id="provisioning.E001",
        )
    ]
