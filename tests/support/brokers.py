"""Message brokers seen through a wire that can be cut, and the processes of Celery behind it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from amqp import ChannelError
from celery import Celery

from iam.settings import BASE_DIR
from tests.support.needs import BROKERS
from tests.support.threads import WITHIN, database_address


class Wire:
    """Forwards a port of its own to a server; while it is cut, nobody who connects is served."""

    def __init__(self, host: str, port: int) -> None:
        self._there = (host, port)
        self._open: set[socket.socket] = set()
        # Held while somebody is let through, so that a cut misses nobody.
        self._lock = threading.Lock()
        self._cut = False
        # How often somebody has connected in vain.
        self.refused = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        with self._lock:
            self._cut = True
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._cut = False

    def close(self) -> None:
        self.cut()
        # A thread that waits in `accept` would keep a closed socket alive.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._let_through(here)

    def _let_through(self, here: socket.socket) -> None:
        if self._cut:
            self.refused += 1
            here.close()
            return
        try:
            there = socket.create_connection(self._there)
        except OSError:
            # The server is busy: so it looks to the client as well, who comes again.
            here.close()
            return
        self._open |= {here, there}
        for one, other in ((here, there), (there, here)):
            threading.Thread(target=self._carry, args=[one, other], daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
        with self._lock:
            one.close()
            self._open.discard(one)


class Broker:
    """A real broker, with a queue of the test's own, behind a wire."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._queue = f"gatehouse-test-{uuid.uuid4().hex}"
        parts = urlsplit(BROKERS[name])
        self.wire = Wire(parts.hostname or "127.0.0.1", parts.port or 5672)
        user = f"{parts.username}:{parts.password}@" if parts.username else ""
        self.url = urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{self.wire.port}"))
        self._app = Celery(broker=BROKERS[name], set_as_current=False)
        self._app.conf.update(self.own)

    @property
    def own(self) -> dict[str, Any]:
        """What keeps this test apart from others that use the broker at the same time."""
        prefix = {"global_keyprefix": self._queue} if self.name == "redis" else {}
        return {"task_default_queue": self._queue, "broker_transport_options": prefix}

    def send(self, task: str, *arguments: Any) -> None:
        self._app.send_task(f"provisioning.tasks.{task}", arguments)

    def purge(self) -> int:
        """Throw away what waits; how many messages there were."""
        with self._app.connection_for_write() as connection:
            purged = connection.default_channel.queue_purge(self._queue)
        return int(getattr(purged, "message_count", purged) or 0)

    def waiting(self) -> int:
        """How many messages wait."""
        with self._app.connection_for_write() as connection:
            try:
                declared = connection.default_channel.queue_declare(self._queue, passive=True)
            except ChannelError:
                # Redis has no queue that is empty.
                return 0
        return int(declared.message_count)

    def close(self) -> None:
        if self.name == "redis":
            with closing(redis.Redis.from_url(BROKERS["redis"])) as client:
                for key in client.scan_iter(f"{self._queue}*"):
                    client.delete(key)
        else:
            with self._app.connection_for_write() as connection:
                connection.default_channel.queue_delete(self._queue)
                connection.default_channel.exchange_delete(self._queue)
        self._app.close()
        self.wire.close()


def celery_worker(broker: Broker, *more: str, **settings: Any) -> Any:
    """`celery worker`, killed at the end of `with` if it still runs; see celery_process.py."""
    return _process("work", broker.url, own=broker.own, more=more, **settings)


@contextmanager
def writer(url: str, *, own: Any = None) -> Iterator["subprocess.Popen[str]"]:
    """A process that puts `bob` into every group and says so when it is committed, then waits."""
    with _process("write", url, own=own or {}) as process:
        yield process


@contextmanager
def _process(what: str, url: str, **settings: Any) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.celery_process", what, json.dumps(settings)],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "iam.settings",
            "GATEHOUSE_DATABASE_URL": database_address(),
            "GATEHOUSE_BROKER_URL": url,
        },
        cwd=BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # With the process that beats for it, which would live on.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        kill(process)
        process.communicate(timeout=WITHIN)


def kill(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
