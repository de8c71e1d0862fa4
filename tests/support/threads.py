"""A database that threads and other processes can share, workers in them, and waiting for them."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import connections

from iam.settings import BASE_DIR
from provisioning import worker

WITHIN = 60.0


@contextmanager
def shared_database(folder: Path) -> Iterator[None]:
    """Let the test use a database file instead of one in memory, which takes only one writer.

    PostgreSQL can be shared as it is.
    """
    memory = connections["default"]
    if memory.vendor != "sqlite":
        yield
        return
    memory.ensure_connection()
    with closing(sqlite3.connect(folder / "shared.sqlite3")) as file:
        memory.connection.backup(file)
        # As a file that is in use is: the first two to connect at once cannot both change it.
        file.execute("PRAGMA journal_mode=WAL")
    name = memory.settings_dict["NAME"]
    # Every thread's connection is made from these settings.
    connections.databases["default"]["NAME"] = str(folder / "shared.sqlite3")
    del connections["default"]
    try:
        yield
    finally:
        connections["default"].close()
        connections.databases["default"]["NAME"] = name
        connections["default"] = memory


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true before long."""
    give_up = time.monotonic() + WITHIN
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.01)
    return True


@contextmanager
def meanwhile(task: Callable[[], object]) -> Iterator[threading.Thread]:
    """Run the task in a thread, which has ended when `with` ends."""

    def run() -> None:
        try:
            task()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(WITHIN)
        assert not thread.is_alive()


def waits(thread: threading.Thread) -> bool:
    """Whether it is held up by what this thread has not committed yet."""
    thread.join(0.3)
    return thread.is_alive()


def parallel(*tasks: Callable[[], object]) -> None:
    """Run the tasks at the same time, each in a thread, until all have ended."""
    barrier = threading.Barrier(len(tasks))
    with ExitStack() as stack:
        for task in tasks:
            stack.enter_context(meanwhile(partial(_after, barrier, task)))


def _after(barrier: threading.Barrier, task: Callable[[], object]) -> None:
    barrier.wait(WITHIN)
    task()


class WorkerThread:
    """A worker in a thread of this process, stopped at the end of `with` if not before."""

    def __init__(self, **limits: Any) -> None:
        self.stopping = threading.Event()
        self._thread = threading.Thread(
            target=worker.run, args=[self.stopping.is_set], kwargs=limits
        )

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def __enter__(self) -> "WorkerThread":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.stopping.set()
        self._thread.join(WITHIN)
        assert not self.running


def worker_process() -> AbstractContextManager["subprocess.Popen[str]"]:
    return manage_process("worker")


@contextmanager
def manage_process(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """`manage.py` on the test's database, killed at the end of `with` if it still runs."""
    process = subprocess.Popen(
        [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "iam.settings",
            "GATEHOUSE_DATABASE_URL": database_address(),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def stopped(process: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> tuple[int, str]:
    """Exit status and output after this signal."""
    process.send_signal(number)
    output, _ = process.communicate(timeout=WITHIN)
    return process.returncode, output


def database_address() -> str:
    held = connections["default"].settings_dict
    if connections["default"].vendor == "sqlite":
        return f"sqlite:///{held['NAME']}"
    user, password = quote(held["USER"]), quote(held["PASSWORD"])
    return f"postgres://{user}:{password}@{held['HOST']}:{held['PORT']}/{held['NAME']}"
