"""Shows each exchange with an application to whoever keeps evidence of the job under way."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Exchange:
    """One request as it left, secrets and all, and the answer to it.

    Bodies are the values that their JSON stands for, or text. `seconds` is how long it took. Where
    no answer could be read `error` says why, and `status` is None if not even that came. Of a
    `confidential` one, such as a request for a token, no body may be kept.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: Any
    confidential: bool
    seconds: float
    status: int | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None
    error: str = ""


See = Callable[[Exchange], None]

# Who looks on in this thread; outside of a job nobody does.
_looking_on: ContextVar[See | None] = ContextVar("looking_on", default=None)


@contextmanager
def watching(see: See) -> Iterator[None]:
    """Have `see` called with every exchange of this thread, right after it."""
    token = _looking_on.set(see)
    try:
        yield
    finally:
        _looking_on.reset(token)


def show(exchange: Exchange) -> None:
    see = _looking_on.get()
    if see is not None:
        see(exchange)
