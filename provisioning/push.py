"""Works through an app's lane: what is due is planned, sent, and recorded with its event."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from provisioning import connections, exchange, lanes, linking, mapping, outcomes, queue, record
from provisioning.connectors.base import Connector
from provisioning.errors import AlreadyExists, Misconfigured, Rejected, Unavailable
from provisioning.exchange import Answer
from provisioning.lanes import Lease, LeaseLost
from provisioning.models import Account, App, Lane, Mapping
from provisioning.outcomes import Job
from provisioning.plan import NOTHING, Action, Operation, Recorded, State, plan
from provisioning.record import Result

# Results are written together, but none waits longer than this (seconds, rows).
_FLUSH_AFTER = 0.25
_FLUSH_AT = 50
# "Retry-After: 0" (seconds): some services answer it while they still refuse.
_SHORTEST_REST = 1.0
_LOOKED_UP_FIRST = {Operation.CREATE, Operation.RESOLVE}


def drain(app: App, *, owner: str, stopped: Callable[[], bool] = lambda: False) -> int:
    """Work until nothing in the app is due; how many accounts were looked at.

    Returns at once if another worker owns the lane.
    """
    lease = lanes.acquire(app.pk, owner=owner)
    if lease is None:
        return 0
    try:
        connector = connections.for_lane(app, before_write=lease.check)
        return _Round(app, connector, lease, list(app.mappings.all())).until_empty(stopped)
    except Misconfigured as error:
        lanes.rest(lease.lane, problem=str(error))
        return 0
    except LeaseLost:
        # Another worker goes on; what was sent and not recorded is looked up there.
        return 0
    finally:
        lease.release()


@dataclass
class _Round:
    """One stretch of work in one lane."""

    app: App
    connector: Connector
    lease: Lease
    mappings: list[Mapping]
    resting: threading.Event = field(default_factory=threading.Event)

    def until_empty(self, stopped: Callable[[], bool]) -> int:
        worked = 0
        while not self.resting.is_set() and not stopped():
            # After a failure of the whole app one account is the probe.
            batch = queue.claim(self.app, limit=1 if self._troubled() else 200)
            if not batch:
                break
            self._work(batch)
            worked += len(batch)
        return worked

    def _troubled(self) -> bool:
        return Lane.objects.filter(pk=self.lease.lane).exclude(problem="").exists()

    def _work(self, batch: list[Account]) -> None:
        jobs = self._plan(batch)
        uncertain = [job for job in jobs if job.action.operation in _LOOKED_UP_FIRST]
        certain = [job for job in jobs if job.action.operation not in _LOOKED_UP_FIRST]
        # Leavers are among these. Also before the look-ups, so that nobody is given an account
        # that is about to be switched off for its former owner.
        self._send(certain)
        self._send(self._look_up(uncertain))

    def _plan(self, batch: list[Account]) -> list[Job]:
        """The jobs with something to send; all others are recorded as they are."""
        jobs: list[Job] = []
        results: list[Result] = []
        for account in batch:
            account.app = self.app
            job = _bare(account)
            try:
                job = self._planned(job)
            except Rejected as error:
                results.append(outcomes.failed(job, error))
                continue
            if job.action.operation is Operation.NOTHING:
                results.append(outcomes.nothing(job))
            else:
                jobs.append(job)
        self._save(results)
        return jobs

    def _planned(self, job: Job) -> Job:
        account = job.account
        desired: mapping.Desired = {}
        if job.wanted and account.user is not None:
            desired = mapping.render(
                self.mappings, account.user, kind=self.app.kind, app=self.app.name
            )
        action = plan(
            _recorded(account),
            wanted=job.wanted,
            desired=desired,
            rules=self.app.rules,
            now=job.claimed_at,
        )
        return Job(account, job.wanted, action, desired, job.claimed_at)

    def _look_up(self, jobs: list[Job]) -> list[Job]:
        """Link what is there already; the jobs whose account is certainly absent remain."""
        absent: list[Job] = []
        for answer in exchange.each(exchange.look_up, self.connector, jobs, resting=self.resting):
            if answer.error is not None:
                self._save([self._failed(answer)])
            elif answer.found:
                # Saved before the next one is judged, which may have found the same account.
                with transaction.atomic():
                    self._save([linking.link(answer.job, answer.found)])
            elif answer.job.action.operation is Operation.RESOLVE:
                self._save([outcomes.never_got_through(answer.job)])
            else:
                absent.append(answer.job)
        return absent

    def _send(self, jobs: list[Job]) -> None:
        if not jobs or self.resting.is_set():
            return
        for job in jobs:
            job.account.intent = _intent(job)
        record.save_intents([job.account for job in jobs], lease=self.lease)
        taken = [answer.job for answer in self._write(jobs)]
        # A create that met an account: somebody else made it a moment ago, or the search hides it.
        # Looked up only now, when everything else of the batch is recorded and owners are known.
        for job in self._look_up(taken):
            self._save([outcomes.failed(job, _hidden(self.app))])

    def _write(self, jobs: list[Job]) -> list[Answer]:
        """Send and record; the answers of creates that met an existing account are returned."""
        met: list[Answer] = []
        results: list[Result] = []
        flushed = time.monotonic()
        for answer in exchange.each(exchange.write, self.connector, jobs, resting=self.resting):
            creating = answer.job.action.operation is Operation.CREATE
            if creating and isinstance(answer.error, AlreadyExists):
                answer.job.account.intent = {}
                met.append(answer)
                continue
            results.append(self._failed(answer) if answer.error else _done(answer))
            if len(results) >= _FLUSH_AT or time.monotonic() - flushed > _FLUSH_AFTER:
                self._save(results)
                results, flushed = [], time.monotonic()
        self._save(results)
        return met

    def _failed(self, answer: Answer) -> Result:
        error = answer.error
        match error:
            case None | LeaseLost():
                raise error or LeaseLost
            case Misconfigured():
                lanes.rest(self.lease.lane, problem=str(error))
            case Unavailable() if error.retry_after is not None:
                lanes.rest(self.lease.lane, seconds=max(error.retry_after, _SHORTEST_REST))
        return outcomes.failed(answer.job, error, seconds=answer.seconds)

    def _save(self, results: Iterable[Result]) -> None:
        results = list(results)
        if not results:
            return
        self.lease.renew()
        record.save(results, lease=self.lease)
        if any(result.proves_the_app_works for result in results) and self._troubled():
            lanes.resume(self.app.pk)


def _bare(account: Account) -> Job:
    wanted = bool(account.wanted)  # type: ignore[attr-defined] # annotated by queue.claim
    return Job(account, wanted, NOTHING, {}, claimed_at=timezone.now())


def _recorded(account: Account) -> Recorded:
    intent = account.intent
    return Recorded(
        state=State(account.state),
        has_remote=account.remote_id is not None,
        applied=account.applied,
        intent=Operation(intent["operation"]) if intent else None,
        doubtful=intent.get("paths", ()),
        deprovisioned_at=account.deprovisioned_at,
    )


def _intent(job: Job) -> dict[str, object]:
    """Word of what is about to be sent, enough to find out afterwards whether it happened."""
    action: Action = job.action
    intent: dict[str, object] = {"operation": action.operation.value}
    if action.changes:
        intent["paths"] = [change.path for change in action.changes]
    if action.operation is Operation.CREATE:
        needed = job.account.app.kind.required_targets
        intent["values"] = {target: job.desired[target] for target in needed}
    return intent


def _done(answer: Answer) -> Result:
    return outcomes.done(answer.job, created=answer.created, seconds=answer.seconds)


def _hidden(app: App) -> Rejected:
    return Rejected(
        f"{app.name} says that this account exists already, but does not show it. Look for it "
        "there, perhaps among deleted or invited people, and remove or restore it."
    )
