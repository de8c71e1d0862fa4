"""Puts the questions and writes of one batch to an application, several at a time. No database."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from provisioning import correlation, doubt
from provisioning.connectors.base import Connector, RemoteAccount
from provisioning.errors import Misconfigured, Throttled
from provisioning.lanes import LeaseLost
from provisioning.outcomes import Job
from provisioning.plan import Operation

Step = Callable[[Connector, Job], "Answer"]


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
        return isinstance(self.error, Throttled | Misconfigured | LeaseLost)


def look_up(connector: Connector, job: Job) -> Answer:
    """Whether the person's account is there already."""
    return _timed(job, lambda: {"found": _find(connector, job)})


def look_through(connector: Connector, job: Job) -> Answer:
    """Whether the account is there although a search does not show it."""
    external_id = str(job.account.external_id)
    return _timed(
        job,
        lambda: {
            "found": connector.look_through(
                job.desired, matching=job.matching, external_id=external_id
            )
        },
    )


def write(connector: Connector, job: Job) -> Answer:
    """Send what the plan says."""
    return _timed(job, lambda: {"created": _write(connector, job)})


def each(
    step: Step,
    connector: Connector,
    jobs: Sequence[Job],
    *,
    at_once: int,
    resting: threading.Event,
    ends: Callable[[Answer], bool],
) -> Iterator[Answer]:
    """The answers as they come.

    `ends` is asked about each, by the thread that got it and before it begins another, whether
    `resting` is to be set; jobs that have not begun by then get no answer.
    """

    def unless_resting(job: Job) -> Answer | None:
        if resting.is_set():
            return None
        answer = step(connector, job)
        if ends(answer):
            resting.set()
        return answer

    if len(jobs) < 2:
        # In this thread: a pool for one request would cost more than the request.
        yield from filter(None, map(unless_resting, jobs))
        return
    yield from _in_threads(unless_resting, jobs, threads=min(at_once, len(jobs)))


def _in_threads(
    ask: Callable[[Job], Answer | None], jobs: Sequence[Job], *, threads: int
) -> Iterator[Answer]:
    """The answers as they come; once the caller stops listening, nothing else is begun.

    The threads help themselves, as a future for each job would cost nearly what its request costs.
    """
    waiting = deque(jobs)
    answers: SimpleQueue[Answer | None] = SimpleQueue()

    def work() -> None:
        try:
            while (job := _first(waiting)) is not None:
                if (answer := ask(job)) is not None:
                    answers.put(answer)
        finally:
            # Says that this thread has ended.
            answers.put(None)

    with ThreadPoolExecutor(threads) as pool:
        at_work = [pool.submit(work) for _ in range(threads)]
        try:
            for _ in at_work:
                yield from iter(answers.get, None)
        finally:
            waiting.clear()
    for thread in at_work:
        thread.result()


def _first(waiting: deque[Job]) -> Job | None:
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _timed(job: Job, ask: Callable[[], dict[str, Any]]) -> Answer:
    began = time.monotonic()
    try:
        with correlation.working_on(job.about):
            result = ask()
    except Exception as error:
        # Every kind is judged in one place, outcomes.failed: one bad account never stops another.
        return Answer(job, time.monotonic() - began, error=error)
    return Answer(job, time.monotonic() - began, **result)


def _find(connector: Connector, job: Job) -> Sequence[RemoteAccount]:
    external_id = str(job.account.external_id)
    tried = doubt.tried(job.account.intent)
    if tried:
        # Whatever that create may have set is asked for, or a value that the person has lost since
        # would not be known to be there, and would stay.
        asked = dict.fromkeys(doubt.paths(job.account.intent)) | job.desired | tried
        found = connector.find(
            asked, matching=list(tried), external_id=external_id, made_by_us=True
        )
        if found or tried.items() <= job.desired.items() or not job.wanted:
            return found
    return connector.find(
        job.desired, matching=job.matching, external_id=external_id, made_by_us=False
    )


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
