"""Works through an app's lane: what is due is planned, sent, and recorded with its event."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from django.db import IntegrityError
from django.utils import timezone

from provisioning import (
    connections,
    doubt,
    evidence,
    exchange,
    failures,
    group_push,
    group_queue,
    guard,
    handing_on,
    lanes,
    linking,
    mapping,
    outcomes,
    preview,
    queue,
    record,
    scope,
    transactions,
    uniqueness,
)
from provisioning.connectors.base import Connector
from provisioning.errors import AlreadyExists, Misconfigured, Rejected
from provisioning.exchange import Answer
from provisioning.lanes import Lease, LeaseLost
from provisioning.models import Account, App, Lane, Mapping, Trigger
from provisioning.outcomes import Job
from provisioning.plan import NOTHING, Operation
from provisioning.record import Result
from provisioning.trouble import Trouble

# Results are written together, but none waits longer than this (seconds, rows).
_FLUSH_AFTER = 0.25
_FLUSH_AT = 200
# Leavers are seen at the next claim, so what is claimed at once should not take longer (seconds).
_PORTION = 10.0
_FIRST, _LEAST, _MOST = 50, 10, 200
_LOOKED_UP_FIRST = {Operation.CREATE, Operation.RESOLVE}


def drain(app: App, *, owner: str, stopped: Callable[[], bool] = lambda: False) -> int:
    """Work until nothing in the app is due; how many accounts were looked at.

    Returns at once if another worker owns the lane.
    """
    lease = lanes.acquire(app.pk, owner=owner)
    if lease is None:
        return 0
    try:
        trouble = Trouble(Lane.objects.get(pk=lease.lane))
        if trouble.lane.is_resting:
            # Since a moment ago: the former owner was told to wait.
            return 0
        connector = connections.for_lane(app, before_write=lease.check)
        mappings = list(app.mappings.of_people())
        return _Round(app, connector, lease, trouble, mappings).until_empty(stopped)
    except Misconfigured as error:
        lanes.rest(Lane.objects.get(pk=lease.lane), problem=str(error))
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
    trouble: Trouble
    mappings: list[Mapping]

    def until_empty(self, stopped: Callable[[], bool]) -> int:
        worked, portion = 0, _FIRST
        groups = group_push.Groups(self.app, self.connector, self.lease, self.trouble)
        while not self.trouble.resting.is_set() and not stopped():
            began = time.monotonic()
            # After a failure of the whole app one account is the probe. After it asked for less as
            # well: the look-ups of many could use up what it allows, for ever.
            lane = self.trouble.lane
            batch = queue.claim(self.app, limit=1 if lane.problem or lane.paused_until else portion)
            if not batch:
                # Groups, one step each, while no account is due.
                if not group_queue.is_due(self.app) or not self._refresh():
                    break
                worked += self._work_on(groups)
                continue
            if not self._refresh():
                break
            try:
                self._work(guard.hold_back(batch, app=self.app, lease=self.lease))
            finally:
                connections.remember(self.app, self.connector.lessons)
            worked += len(batch)
            portion = _portion(len(batch), seconds=time.monotonic() - began)
        return worked

    def _work_on(self, groups: group_push.Groups) -> int:
        try:
            return groups.work(self.app, self.connector)
        finally:
            connections.remember(self.app, self.connector.lessons)

    def _refresh(self) -> bool:
        """Go by what the app is set to now; whether it may still be worked on.

        After the claim, not before: a change that is not seen here makes its accounts due anew,
        under a generation that the claim has not seen either.
        """
        app = App.objects.filter(pk=self.app.pk, paused=False).first()
        if app is None:
            return False
        self.app = app
        self.trouble.refresh()
        self.mappings = list(app.mappings.of_people())
        self.connector = connections.for_lane(app, before_write=self.lease.check)
        return True

    def _work(self, batch: list[Account]) -> None:
        jobs = self._plan(batch)
        uncertain = [job for job in jobs if job.action.operation in _LOOKED_UP_FIRST]
        certain = [job for job in jobs if job.action.operation not in _LOOKED_UP_FIRST]
        # Leavers are among these. Also before the look-ups, so that nobody is given an account
        # that is about to be switched off for its former owner.
        for wave in handing_on.waves(certain, self.app.kind.required_targets[0]):
            self._send(wave)
        self._send(self._look_up(uncertain))

    def _plan(self, batch: list[Account]) -> list[Job]:
        """The jobs with something to send; all others are recorded as they are."""
        jobs: list[Job] = []
        results: list[Result] = []
        wanted = [row.user for row in batch if row.user is not None and row.wanted]
        people = uniqueness.numbered(
            self.mappings,
            mapping.people(self.mappings, wanted, app=self.app),
            {row.user_id: row.pk for row in batch if row.user_id and row.wanted},
            app=self.app,
            take=True,
        )
        for account in batch:
            account.app = self.app
        masking = evidence.masking(self.mappings)
        scopes = scope.of(batch, app=self.app)
        for account in batch:
            job = _bare(account, evidence.Kept(masking, scopes[account.pk]))
            try:
                job = self._planned(job, people.get(account.user_id or 0))
            except Rejected as error:
                results.append(failures.failed(job, error))
                continue
            if job.action.operation is Operation.NOTHING:
                results.append(outcomes.nothing(job))
            else:
                jobs.append(job)
        self._save(results)
        return jobs

    def _planned(self, job: Job, person: mapping.Person | None) -> Job:
        action, desired = preview.planned(
            job.account,
            person,
            self.mappings,
            app=self.app,
            wanted=job.wanted,
            now=job.claimed_at,
        )
        untouched = {row.target for row in self.mappings} - desired.keys()
        job.kept.masking = job.kept.masking.knowing(desired, job.account.applied)
        return replace(
            job,
            action=action,
            desired=desired,
            untouched=untouched,
            matching=mapping.matching(self.mappings),
        )

    def _look_up(self, jobs: list[Job], *, by: exchange.Step = exchange.look_up) -> list[Job]:
        """Link what is there already; the jobs whose account is certainly absent remain."""
        absent: list[Job] = []
        for answer in self._each(by, jobs):
            # Nothing is saved for those that are absent, and many slow answers outlast the lease.
            self.lease.renew()
            if answer.error is not None:
                self._save([self.trouble.failed(answer)])
            elif answer.found:
                # Saved before the next one is judged, which may have found the same account.
                self._link(answer)
            elif answer.job.action.operation is Operation.RESOLVE:
                self._save([outcomes.never_got_through(answer.job)])
            else:
                absent.append(answer.job)
        return absent

    def _link(self, answer: Answer) -> None:
        """In one transaction with the row of the former owner, if there is one."""
        transactions.giving_way(lambda: self._save([linking.link(answer.job, answer.found)]))

    def _send(self, jobs: list[Job]) -> None:
        if not jobs or self.trouble.resting.is_set():
            return
        for job in jobs:
            job.account.intent = doubt.sending(
                job.doubt,
                job.action,
                desired=job.desired,
                identifying=self.app.kind.asked_by(job.desired, job.matching),
            )
        record.save_intents([job.account for job in jobs], lease=self.lease)
        taken = [answer.job for answer in self._write(jobs)]
        # A create that met an account: somebody else made it a moment ago, or the search hides it.
        # Looked up only now, when everything else of the batch is recorded and owners are known.
        hidden = self._look_up(taken)
        for job in self._look_up(hidden, by=exchange.look_through):
            if uniqueness.let_go(job, self.mappings):
                self._save([failures.another_value(job)])
            else:
                self._save([failures.failed(job, _hidden(job))])

    def _write(self, jobs: list[Job]) -> list[Answer]:
        """Send and record; the answers of creates that met an existing account are returned."""
        met: list[Answer] = []
        results: list[Result] = []
        lost: LeaseLost | None = None
        flushed = time.monotonic()
        for answer in self._each(exchange.write, jobs):
            creating = answer.job.action.operation is Operation.CREATE
            if creating and isinstance(answer.error, AlreadyExists):
                answer.job.account.intent = answer.job.doubt
                met.append(answer)
                continue
            if isinstance(answer.error, LeaseLost):
                # Too late to send more, but perhaps not to record what was answered before.
                lost = answer.error
                continue
            results.append(self._failed(answer) if answer.error else self._done(answer))
            if len(results) >= _FLUSH_AT or time.monotonic() - flushed > _FLUSH_AFTER:
                self._save(results)
                results, flushed = [], time.monotonic()
        self._save(results)
        if lost is not None:
            raise lost
        return met

    def _done(self, answer: Answer) -> Result:
        written = answer.written
        assert written is not None  # noqa: S101 - for the type checker: no error, so a write
        if written.throttled is not None:
            self.trouble.rest(written.throttled)
        return outcomes.written(answer.job, written, seconds=answer.seconds)

    def _failed(self, answer: Answer) -> Result:
        taken = isinstance(answer.error, AlreadyExists)
        if taken and uniqueness.let_go(answer.job, self.mappings):
            return failures.another_value(answer.job)
        return self.trouble.failed(answer)

    def _each(self, step: exchange.Step, jobs: list[Job]) -> Iterator[Answer]:
        trouble = self.trouble
        return exchange.each(
            step,
            self.connector,
            jobs,
            at_once=self.app.at_once,
            resting=trouble.resting,
            ends=trouble.ends,
        )

    def _save(self, results: Iterable[Result]) -> None:
        results = list(results)
        if not results:
            return
        self.lease.renew()
        try:
            self._record(results)
        except IntegrityError:
            # One of them cannot be true, and the others are not to be forgotten for it.
            results = [self._save_alone(result) for result in results]
        self.trouble.note(results)

    def _record(self, results: list[Result]) -> None:
        """Those who report to somebody with a new id there are due in the same transaction."""
        moved = [
            result.account.user_id
            for result in results
            if result.fields.get("remote_id", result.account.remote_id) != result.account.remote_id
        ]
        if not moved or not mapping.refers_to_managers(self.mappings):
            record.save(results, lease=self.lease)
            return
        reports = Account.objects.filter(app=self.app, user__manager__in=set(moved) - {None})

        def write() -> None:
            record.save(results, lease=self.lease)
            queue.mark_accounts(reports, trigger=Trigger.PERSON)

        transactions.giving_way(write)

    def _save_alone(self, result: Result) -> Result:
        try:
            self._record([result])
        except IntegrityError:
            if not result.fields.get("remote_id"):
                raise
            result = outcomes.id_is_taken(result)
            record.save([result], lease=self.lease)
        return result


def _portion(count: int, *, seconds: float) -> int:
    """How many to claim next, if so many took so long."""
    return max(_LEAST, min(_MOST, round(count * _PORTION / max(seconds, 0.001))))


def _bare(account: Account, kept: evidence.Kept) -> Job:
    wanted, now = account.wanted, timezone.now()
    return Job(account, wanted, NOTHING, {}, claimed_at=now, doubt=account.intent, kept=kept)


def _hidden(job: Job) -> Rejected:
    app = job.account.app
    if job.matching and app.kind.required_targets[0] not in job.matching:
        return Rejected(
            f"{app.name} says that another account uses one of these values already, and none is "
            f"found by {', '.join(job.matching)}. Look there whose account it is, and change it "
            "there, or this person's data."
        )
    return Rejected(
        f"{app.name} says that this account exists already, but does not show it. Look for it "
        "there, perhaps among deleted or invited people, and remove or restore it."
    )
