"""One id for everything that belongs to one job: its requests, its event, its lines in the log."""

import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Correlation-ID"

# What is being worked on in this thread: {"correlation_id": …, "app": …, "account": …}.
_about: ContextVar[Mapping[str, object] | None] = ContextVar("about", default=None)


def new() -> str:
    return uuid.uuid4().hex


def current() -> str:
    """The id of the job that this thread works on; outside of a job a new one each time."""
    about = _about.get()
    return str(about["correlation_id"]) if about else new()


@contextmanager
def working_on(about: Mapping[str, object]) -> Iterator[None]:
    token = _about.set(about)
    try:
        yield
    finally:
        _about.reset(token)


class AddAbout(logging.Filter):
    """Lets every line of the log say which job it belongs to. Keeps what the line says itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in (_about.get() or {}).items():
            record.__dict__.setdefault(name, value)
        return True
