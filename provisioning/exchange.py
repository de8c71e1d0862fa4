"""Puts the questions and writes of one batch to an application, several at a time. No database."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any, TypeVar

from provisioning import correlation, doubt
from provisioning.connectors.base import Connector, RemoteAccount
from provisioning.effects import LOOKS, Effect, Written, judged
from provisioning.errors import (
    ConnectorError,
    Misconfigured,
    NotFound,
    Promised,
    Rejected,
    Throttled,
)
from provisioning.lanes import LeaseLost
from provisioning.outcomes import Job
from provisioning.plan import Operation
from provisioning.scim.dialect import DELETE, Deletion, Lesson

logger = logging.getLogger(__name__)

# A plain update is proven by its answer, or else by the next comparison, and costs no look.
_LOOKED_AT = {Operation.DEACTIVATE, Operation.REACTIVATE, Operation.DELETE}

Step = Callable[[Connector, Job], "Answer"]
# Of accounts and of groups alike (provisioning/group_exchange.py).
AnyJob = TypeVar("AnyJob")
AnyAnswer = TypeVar("AnyAnswer")


@dataclass(frozen=True)
class Answer:
    """What came of one job: a write, accounts found, or an error."""

    job: Job
    seconds: float
    written: Written | None = None
    found: Sequence[RemoteAccount] = ()
    error: Exception | None = None

    @property
    def stops_the_app(self) -> bool:
        """Nothing else may be sent to the application after this."""
        throttled = self.written is not None and self.written.throttled is not None
        return throttled or stops_the_app(self.error)


def stops_the_app(error: Exception | None) -> bool:
    """Whether nothing else may be sent to the application after this."""
    return isinstance(error, Throttled | Misconfigured | LeaseLost)


def look_up(connector: Connector, job: Job) -> Answer:
    """Whether the person's account is there already."""
    return _looked(connector, job, lambda: _find(connector, job))


def look_through(connector: Connector, job: Job) -> Answer:
    """Whether the account is there although a search does not show it."""
    external_id = str(job.account.external_id)
    return _looked(
        connector,
        job,
        lambda: connector.look_through(job.desired, matching=job.matching, external_id=external_id),
    )


def write(connector: Connector, job: Job) -> Answer:
    """Send what the plan says, and find out whether it had its effect."""
    return _timed(connector, job, lambda: {"written": _write(connector, job)})


def each(
    step: Callable[[Connector, AnyJob], AnyAnswer],
    connector: Connector,
    jobs: Sequence[AnyJob],
    *,
    at_once: int,
    resting: threading.Event,
    ends: Callable[[AnyAnswer], bool],
) -> Iterator[AnyAnswer]:
    """The answers as they come.

    `ends` is asked about each, by the thread that got it and before it begins another, whether
    `resting` is to be set; jobs that have not begun by then get no answer.
    """

    def unless_resting(job: AnyJob) -> AnyAnswer | None:
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
    ask: Callable[[AnyJob], AnyAnswer | None], jobs: Sequence[AnyJob], *, threads: int
) -> Iterator[AnyAnswer]:
    """The answers as they come; once the caller stops listening, nothing else is begun.

    The threads help themselves, as a future for each job would cost nearly what its request costs.
    """
    waiting = deque(jobs)
    answers: SimpleQueue[AnyAnswer | None] = SimpleQueue()

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


def _first(waiting: deque[AnyJob]) -> AnyJob | None:
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _looked(connector: Connector, job: Job, ask: Callable[[], Sequence[RemoteAccount]]) -> Answer:
    answer = _timed(connector, job, lambda: {"found": ask()})
    if answer.error is None:
        job.kept.looked(
            answer.found,
            asked=connector.asked_by(job.desired, job.matching),
            desired=job.desired,
            external_id=str(job.account.external_id),
        )
    return answer


def _timed(connector: Connector, job: Job, ask: Callable[[], dict[str, Any]]) -> Answer:
    began = time.monotonic()
    try:
        with correlation.working_on(job.about), job.kept.watching(connector):
            result = ask()
    except Exception as error:
        # Every kind is judged in one place, failures.failed: one bad account never stops another.
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


def _write(connector: Connector, job: Job) -> Written:
    operation = job.action.operation
    if doubt.unseen(job.doubt, operation):
        # It had said yes before: perhaps it has happened meanwhile.
        seen = _meanwhile(connector, job)
        if seen is not None:
            return seen
    try:
        shown, promised = _send(connector, job), False
    except Promised:
        shown, promised = None, True
    unproven = promised or doubt.unseen(job.doubt, operation) > 0
    if shown is None:
        return replace(_read_back(connector, job, promised=promised), unproven=unproven)
    effect = judged(operation, job.action.changes, shown, kind=type(connector))
    return Written(effect, shown, unproven)


def _meanwhile(connector: Connector, job: Job) -> Written | None:
    """What makes it needless to send the write again, if anything does.

    Raises what the look raises, unless the application just does not show the account.
    """
    if job.action.operation is Operation.CREATE:
        # The look-up has just found nothing. A second request could make a second account, so the
        # first one is given time.
        waits = doubt.unseen(job.doubt, Operation.CREATE) < LOOKS
        return Written(Effect.ACCEPTED, unproven=True) if waits else None
    if not connector.lists_accounts:
        return None
    try:
        seen = _looked_at(connector, job)
    except (Misconfigured, Rejected):
        return None
    return seen if seen.effect is Effect.VERIFIED else None


def _read_back(connector: Connector, job: Job, *, promised: bool) -> Written:
    """What a look right after the write shows. It never undoes what was accepted."""
    operation = job.action.operation
    asked = operation in _LOOKED_AT or (promised and operation is Operation.UPDATE)
    if not asked or not connector.lists_accounts:
        return Written(Effect.ACCEPTED)
    try:
        return _looked_at(connector, job)
    except Throttled as error:
        return Written(Effect.ACCEPTED, throttled=error)
    except Exception as error:
        # Whatever it is: it says nothing about the write, which must not be sent again for it.
        if not isinstance(error, ConnectorError):
            logger.error("Unexpected failure of a look", exc_info=error, extra=job.about)
        return Written(Effect.ACCEPTED)


def _looked_at(connector: Connector, job: Job) -> Written:
    operation, changes = job.action.operation, job.action.changes
    try:
        shown = connector.get(job.account.remote_id or "", [change.path for change in changes])
    except NotFound:
        if operation is not Operation.DELETE:
            raise
        return Written(Effect.VERIFIED)
    if operation is Operation.DELETE and shown.tells_active and not shown.active:
        return _switched_off(connector, job, shown)
    return Written(judged(operation, changes, shown, kind=type(connector)), shown)


def _switched_off(connector: Connector, job: Job, shown: RemoteAccount) -> Written:
    """After DELETE the account is there still, but off: on its way out, or to stay."""
    times = doubt.unseen(job.doubt, Operation.DELETE) + 1
    if not connector.keeps_deleted:
        if times < LOOKS:
            return Written(Effect.WITHOUT, shown)
        evidence = f"It accepted a deletion and showed the account, switched off, {times} times."
        connector.learn(Lesson(DELETE, Deletion.DEACTIVATES, evidence))
    return Written(Effect.VERIFIED, shown)


def _send(connector: Connector, job: Job) -> RemoteAccount | None:
    """The account as the answer shows it. Raises Promised."""
    account = job.account
    remote_id = account.remote_id or ""
    match job.action.operation:
        case Operation.CREATE:
            return connector.create(job.desired, external_id=str(account.external_id))
        case Operation.UPDATE:
            return connector.update(remote_id, job.action.changes, held=account.applied)
        case Operation.DEACTIVATE:
            return connector.deactivate(remote_id)
        case Operation.REACTIVATE:
            return connector.reactivate(remote_id)
        case Operation.DELETE:
            connector.delete(remote_id)
            return None
        case other:
            raise ValueError(f"{other} is not a write")
