"""Puts the questions and writes of one batch to an application, several at a time. No database."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from provisioning.connectors.base import Connector, RemoteAccount
from provisioning.errors import Misconfigured, Unavailable
from provisioning.lanes import LeaseLost
from provisioning.outcomes import Job
from provisioning.plan import Operation


@dataclass(frozen=True)
class Answer:
    """What came of one job: an account created, accounts found, or an error."""

    job: Job
    seconds: float
    created: RemoteAccount | None = None
    found: Sequence[RemoteAccount] = ()
    error: Exception | None = None

    @property
    def stops_the_app(self) -> bool:
        """Nothing else may be sent to the application after this."""
        if isinstance(self.error, Unavailable):
            return self.error.retry_after is not None
        return isinstance(self.error, Misconfigured | LeaseLost)


def look_up(connector: Connector, job: Job) -> Answer:
    """Whether the person's account is there already."""
    return _timed(job, lambda: {"found": _find(connector, job)})


def write(connector: Connector, job: Job) -> Answer:
    """Send what the plan says."""
    return _timed(job, lambda: {"created": _write(connector, job)})


def each(
    step: Callable[[Connector, Job], Answer],
    connector: Connector,
    jobs: Sequence[Job],
    *,
    resting: threading.Event,
) -> Iterator[Answer]:
    """The answers as they come.

    One that stops the app sets `resting` before another request begins; jobs that have not begun
    by then get no answer.
    """

    def unless_resting(job: Job) -> Answer | None:
        if resting.is_set():
            return None
        answer = step(connector, job)
        if answer.stops_the_app:
            resting.set()
        return answer

    if len(jobs) == 1:
        # In this thread: a pool for one request would cost more than the request.
        yield from filter(None, [unless_resting(jobs[0])])
        return
    with ThreadPoolExecutor(connector.concurrency) as pool:
        for future in as_completed([pool.submit(unless_resting, job) for job in jobs]):
            answer = future.result()
            if answer is not None:
                yield answer


def _timed(job: Job, ask: Callable[[], dict[str, Any]]) -> Answer:
    began = time.monotonic()
    try:
        result = ask()
    except Exception as error:
        # Every kind is judged in one place, outcomes.failed: one bad account never stops another.
        return Answer(job, time.monotonic() - began, error=error)
    return Answer(job, time.monotonic() - began, **result)


def _find(connector: Connector, job: Job) -> Sequence[RemoteAccount]:
    external_id = str(job.account.external_id)
    tried = job.account.intent.get("values")
    if tried:
        found = connector.find(tried, external_id=external_id, made_by_us=True)
        if found or tried.items() <= job.desired.items() or not job.wanted:
            return found
    return connector.find(job.desired, external_id=external_id, made_by_us=False)


def _write(connector: Connector, job: Job) -> RemoteAccount | None:
    account = job.account
    remote_id = account.remote_id or ""
    match job.action.operation:
        case Operation.CREATE:
            return connector.create(job.desired, external_id=str(account.external_id))
        case Operation.UPDATE:
            connector.update(remote_id, job.action.changes, held=account.applied)
        case Operation.DEACTIVATE:
            connector.deactivate(remote_id)
        case Operation.REACTIVATE:
            connector.reactivate(remote_id)
        case Operation.DELETE:
            connector.delete(remote_id)
        case other:
            raise ValueError(f"{other} is not a write")
    return None
