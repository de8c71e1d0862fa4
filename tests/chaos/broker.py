"""Celery as the driver: a queue of the run's own on the broker for tests, and a worker on it."""

import os
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import redis
from celery import signals
from django.conf import settings

from tests.chaos import processes

# As in tests/support/needs.py, which would read Django's settings too early.
_SERVER = "redis://127.0.0.1:6379/0"


@dataclass(frozen=True)
class Queue:
    url: str
    name: str

    @property
    def own(self) -> dict[str, Any]:
        """What keeps this run apart from others that use the broker at the same time."""
        prefix = {"global_keyprefix": self.name}
        return {"task_default_queue": self.name, "broker_transport_options": prefix}


@contextmanager
def own_queue() -> Iterator[Queue]:
    """Whatever is left of it is deleted at the end. Raises redis.ConnectionError."""
    queue = Queue(
        os.environ.get("GATEHOUSE_TEST_REDIS", _SERVER), f"gatehouse-run-{uuid.uuid4().hex}"
    )
    with closing(redis.Redis.from_url(queue.url)) as server:
        server.ping()
        try:
            yield queue
        finally:
            for key in server.scan_iter(f"{queue.name}*"):
                server.delete(key)


def import_early() -> None:
    """So that no process that is forked from this one needs a second for it when it starts."""
    for name in ("celery.bin.celery", "celery.apps.worker", "kombu.transport.redis"):
        import_module(name)


def use(queue: Queue) -> None:
    """For this process, which has not spoken to a broker yet."""
    settings.BROKER_URL = queue.url
    configure(queue.own)


def configure(own: dict[str, Any]) -> None:
    # Not before it is clear which broker there is.
    from provisioning.celery_app import app

    options = {**app.conf.broker_transport_options, **own.get("broker_transport_options", {})}
    app.conf.update({**own, "broker_transport_options": options})


def work(*more: str) -> None:
    """Work as `celery worker` does, with the times that the embedded worker has in this process."""
    from provisioning import worker
    from provisioning.celery_app import app

    app.conf.beat_schedule["sweep"]["schedule"] = worker.SWEEP_EVERY
    signals.beat_embedded_init.connect(processes.die_with_parent)
    app.worker_main(["worker", *more])
