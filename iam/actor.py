"""Who is acting now: the operator of the request, for the record of what was done and by whom."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("actor", default="")


def current() -> str:
    """The operator's user name; empty for what the product does by itself."""
    return _current.get()


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    token = _current.set(name)
    try:
        yield
    finally:
        _current.reset(token)
