"""Decides what to record after an application did what was asked for an account, or nothing was."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from provisioning import correlation, doubt, drift, effect_wording, evidence, wording
from provisioning.connectors.base import RemoteAccount
from provisioning.effects import LOOKS, Differing, Effect, Written, differing
from provisioning.mapping import Desired
from provisioning.models import Account, Event, Origin, Outcome, Problem, PushedGroup, Trigger
from provisioning.plan import Action, Change, Operation, State, Value
from provisioning.record import Result, event
from provisioning.retrying import next_day, next_look


@dataclass(frozen=True)
class Job:
    """One claimed account and what to do with it."""

    account: Account
    wanted: bool
    action: Action
    desired: Desired
    claimed_at: datetime
    # What was in doubt before this job sent anything.
    doubt: doubt.Doubt
    # Mapped targets that are neither filled in nor cleared now (mapping.render).
    untouched: Collection[str] = ()
    # The targets that its account is looked for by, in their order.
    matching: Sequence[str] = ()
    # It gets a name for a moment only (provisioning/handing_on.py).
    steps_aside: bool = False
    # How it came about; the same one whatever becomes of the job.
    kept: evidence.Kept = field(default_factory=evidence.Kept)
    # In the header of each of its requests, in its event and in the log.
    correlation_id: str = field(default_factory=correlation.new)

    @property
    def about(self) -> dict[str, Any]:
        """What the log says of it. The user name is not part of it: it is personal data."""
        app, account = self.account.app.name, self.account.pk
        return {"correlation_id": self.correlation_id, "app": app, "account": account}

    @property
    def looked_at(self) -> dict[str, Any]:
        """The fields that are written whatever came of it."""
        user = self.account.user
        identity = (
            {"identifier": user.username, "identifier_key": user.username_key} if user else {}
        )
        return {"checked_at": self.claimed_at, "granted": self.wanted, **identity}


CLEAR: dict[str, Any] = {"problem": "", "message": "", "problem_since": None, "attempts": 0}
CERTAIN: dict[str, Any] = {"intent": {}}
# A decision is used up by the removal that it was about.
_UNGUARDED: dict[str, Any] = {"guard": "", "released_by": ""}


def nothing(job: Job) -> Result:
    """Nothing to send: as it should be, waiting for its day, or a feature is switched off."""
    account, action = job.account, job.action
    if action.skipped is None:
        # What a leaver's account holds stays in doubt until the person returns.
        known = CERTAIN if job.wanted else {}
        # A question that only a person answers stays open.
        asked = account.problem == Problem.CHANGED_THERE
        return Result(
            account,
            job.looked_at | ({} if asked else CLEAR) | known,
            due_at=action.not_before,
            event=_kept(job) if _just_decided(account) else None,
        )
    message = wording.switched_off(account, action.skipped)
    told = account.message == message
    return Result(
        account,
        job.looked_at | problem_of(job, Problem.SWITCHED_OFF, message),
        event=None if told else event_of(job, operation_of(job), Outcome.SKIPPED, message),
    )


def _just_decided(account: Account) -> bool:
    return bool(account.kept_because) and account.trigger == Trigger.DECISION


def _kept(job: Job) -> Event:
    active = job.account.state == State.ACTIVE
    leaving = Operation.DEACTIVATE if active else Operation.DELETE
    return event_of(job, leaving, Outcome.SKIPPED, wording.kept(job.account))


def written(job: Job, answer: Written, *, seconds: float) -> Result:
    """The application said yes to what it was asked."""
    # Of an update, what it ignores is known and left; nothing is gained by sending it again.
    ignored = job.action.operation is Operation.UPDATE and not answer.unproven
    if answer.counts or ignored:
        return _done(job, answer, seconds)
    return unseen(job, answer.effect, seconds=seconds)


def _done(job: Job, answer: Written, seconds: float) -> Result:
    account, operation = job.account, job.action.operation
    again = job.steps_aside or operation in {Operation.DEACTIVATE, Operation.REACTIVATE}
    different = _differing(job, answer)
    changes = job.kept.masking.changes(job.action.changes)
    done = wording.done(account, operation, changes, why=wording.no_access(account))
    if job.steps_aside:
        done = f"{done} {wording.STEPS_ASIDE}"
    kept = operation is Operation.DELETE and answer.shown is not None
    message = effect_wording.kept_there(account) if kept else done
    proof = effect_wording.seen(
        account,
        operation,
        _without_sensitive(job, different),
        verified=answer.effect is Effect.VERIFIED,
    )
    return Result(
        account,
        job.looked_at
        | CLEAR
        | {"intent": doubt.settled(account.intent, operation)}
        | _new_state(job, answer.shown, different),
        due_at=timezone.now() if again else None,
        event=event_of(
            job,
            operation,
            Outcome.DONE,
            message if kept else f"{message} {proof}".strip(),
            seconds=seconds,
            effect=answer.effect,
        ),
    )


def unseen(job: Job, effect: Effect, *, seconds: float = 0) -> Result:
    """Accepted, and nothing to be seen of it: looked for again, and then a person is told."""
    account, operation = job.account, operation_of(job)
    if job.action.operation is Operation.RESOLVE:
        operation = Operation.CREATE
    intent = doubt.not_seen(account.intent, operation)
    times = doubt.unseen(intent, operation)
    shown = effect is Effect.WITHOUT
    fields = job.looked_at | {"intent": intent, "attempts": account.attempts + 1}
    due: datetime | None
    if times < LOOKS:
        message = effect_wording.not_seen_yet(account, operation, shown=shown)
        fields |= problem_of(job, Problem.UNAVAILABLE, message)
        outcome, due = Outcome.RETRYING, next_look(times)
    else:
        message = effect_wording.without_effect(account, operation, times=times, shown=shown)
        fields |= problem_of(job, Problem.WITHOUT_EFFECT, message)
        outcome, due = Outcome.FAILED, next_day(began(account, Problem.WITHOUT_EFFECT))
    told = event_of(job, operation, outcome, message, seconds=seconds, effect=effect)
    return Result(account, fields, due_at=due, event=told)


def _differing(job: Job, answer: Written) -> Differing:
    if job.action.operation is not Operation.UPDATE or answer.shown is None:
        return Differing()
    return differing(job.action.changes, answer.shown, kind=job.account.app.kind)


def _without_sensitive(job: Job, different: Differing) -> Differing:
    held = job.kept.masking.held
    return Differing(held(different.ignored), held(different.rewritten))


def _new_state(job: Job, shown: RemoteAccount | None, different: Differing) -> dict[str, Any]:
    match job.action.operation:
        case Operation.CREATE if shown is not None:
            return {
                "remote_id": shown.remote_id,
                "origin": Origin.CREATED,
                "state": State.ACTIVE,
                "applied": present(job.desired),
                "seen": _written_differently(job.desired, shown.values),
                "deprovisioned_at": None,
            }
        case Operation.UPDATE:
            mapped = {*job.desired, *job.untouched}
            kept = {path: job.account.applied.get(path) for path in mapped}
            sent = {change.path: change.new for change in job.action.changes}
            there = different.ignored | different.rewritten
            seen = {path: [sent[path], drift.storable(it), True] for path, it in there.items()}
            known = {"seen": job.account.seen | seen} if seen else {}
            return {"applied": present(kept | sent)} | known
        case Operation.DEACTIVATE:
            return {"state": State.SUSPENDED, "deprovisioned_at": timezone.now()} | _UNGUARDED
        case Operation.REACTIVATE:
            applied = dict(job.account.applied)
            if job.account.app.kind.active_target in applied:
                applied[job.account.app.kind.active_target] = True
            return {"state": State.ACTIVE, "deprovisioned_at": None, "applied": applied}
        case Operation.DELETE if shown is not None:
            since = job.account.deprovisioned_at or timezone.now()
            return {"state": State.SUSPENDED, "deprovisioned_at": since} | _UNGUARDED
        case _:
            return gone()


def found(job: Job, account_there: RemoteAccount, *, ours: bool, origin: str) -> Result:
    """Exactly one account is there and may be linked; the next round brings it up to date."""
    account = job.account
    message = wording.got_through(account) if ours else wording.adopted(account)
    operation = Operation.CREATE if ours else Operation.ADOPT
    return Result(
        account,
        job.looked_at
        | CLEAR
        | CERTAIN
        | {
            "remote_id": account_there.remote_id,
            "origin": origin,
            "state": State.ACTIVE if account_there.active else State.SUSPENDED,
            "applied": present(
                {path: drift.storable(value) for path, value in account_there.values.items()}
            ),
            "seen": {},
            "deprovisioned_at": None if account_there.active else timezone.now(),
        },
        due_at=timezone.now(),
        event=event_of(job, operation, Outcome.DONE, message, effect=Effect.VERIFIED),
    )


def never_got_through(job: Job) -> Result:
    """The create whose answer was lost left nothing behind, and nobody wants it any more."""
    if 0 < doubt.unseen(job.account.intent, Operation.CREATE) < LOOKS:
        # It was promised, and may still come.
        return unseen(job, Effect.ACCEPTED)
    return Result(job.account, job.looked_at | CLEAR | CERTAIN | gone())


def conflict(job: Job, message: str) -> Result:
    return Result(
        job.account,
        job.looked_at | problem_of(job, Problem.CONFLICT, message) | {"intent": job.doubt},
        due_at=next_day(began(job.account, Problem.CONFLICT)),
        event=event_of(job, job.action.operation, Outcome.FAILED, message),
    )


def id_is_taken(result: Result) -> Result:
    """The application gave the id of another account of ours: only a look tells whose it is.

    What was in doubt before the answer is in doubt still.
    """
    account = result.account
    message = wording.id_is_taken(account, str(result.fields["remote_id"]))
    told = result.event
    if told is not None:
        told.outcome, told.message = Outcome.FAILED, message
    fields = {
        "problem": Problem.CONFLICT,
        "message": message,
        "problem_since": account.problem_since or timezone.now(),
        "checked_at": result.fields["checked_at"],
    }
    return Result(account, fields, due_at=next_day(None), event=told)


def problem_of(job: Job, problem: Problem, message: str) -> dict[str, Any]:
    return problem_fields(job.account, problem, job.kept.masking.text(message))


def problem_fields(row: Account | PushedGroup, problem: Problem, message: str) -> dict[str, Any]:
    """What stands in the way of an account or a group there, and since when."""
    since = began(row, problem) or timezone.now()
    return {"problem": problem, "message": message, "problem_since": since}


def began(row: Account | PushedGroup, problem: Problem) -> datetime | None:
    """Since when it has had just this problem, if it has."""
    return row.problem_since if row.problem == problem else None


def event_of(job: Job, operation: Operation, outcome: Outcome, message: str, **more: Any) -> Event:
    account, told = job.account, job.kept.masking.text(message)
    found = event(account, operation, outcome, told, correlation_id=job.correlation_id, **more)
    evidence.attach(
        found,
        job.kept,
        app=account.app,
        changes=_planned(job, operation),
        values=job.desired,
        remote_id=account.remote_id,
    )
    return found


def _planned(job: Job, operation: Operation) -> Sequence[Change]:
    """What the event was to change, attribute by attribute."""
    if operation is Operation.CREATE:
        return [Change(path, None, new) for path, new in present(job.desired).items()]
    return job.action.changes


def operation_of(job: Job) -> Operation:
    """What was planned, or would have been had nothing stood in its way."""
    if job.action.operation is not Operation.NOTHING:
        return job.action.operation
    if not job.wanted:
        return Operation.DEACTIVATE
    return Operation.UPDATE if job.account.remote_id else Operation.CREATE


def gone() -> dict[str, Any]:
    gone: dict[str, Any] = {
        "remote_id": None,
        "origin": "",
        "state": State.GONE,
        "applied": {},
        "seen": {},
    }
    return _UNGUARDED | gone


def unlinked() -> dict[str, Any]:
    """The fields of an account that is linked to none there, whatever was the matter before."""
    return (
        CLEAR
        | CERTAIN
        | gone()
        | {"state": State.ABSENT, "deprovisioned_at": None, "kept_because": ""}
    )


def _written_differently(sent: Desired, there: Mapping[str, Value]) -> dict[str, list[Any]]:
    """What the application took and writes in its own way, which is nobody's change."""
    return {
        path: [value, drift.storable(there[path]), True]
        for path, value in sent.items()
        if path in there and there[path] != value
    }


def present(values: Desired) -> Desired:
    return {path: value for path, value in values.items() if value is not None}
