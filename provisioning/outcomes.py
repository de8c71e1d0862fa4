"""Decides what to record after each kind of answer from an application."""

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from provisioning import wording
from provisioning.connectors.base import RemoteAccount
from provisioning.errors import (
    AlreadyExists,
    ConnectorError,
    Misconfigured,
    NotFound,
    Rejected,
    Unavailable,
)
from provisioning.mapping import Desired
from provisioning.models import Account, Origin, Outcome, Problem
from provisioning.plan import Action, Operation, State
from provisioning.record import Result, event

logger = logging.getLogger(__name__)

_LONGEST_WAIT = timedelta(hours=1)
# A value may be taken only until another account of the same batch lets go of it.
_TRIES_FOR_A_TAKEN_VALUE = 3


@dataclass(frozen=True)
class Job:
    """One claimed account and what to do with it."""

    account: Account
    wanted: bool
    action: Action
    desired: Desired
    claimed_at: datetime

    @property
    def looked_at(self) -> dict[str, Any]:
        """The fields that are written whatever came of it."""
        user = self.account.user
        identity = (
            {"identifier": user.username, "identifier_key": user.username_key} if user else {}
        )
        return {"checked_at": self.claimed_at, "granted": self.wanted, **identity}


_CLEAR: dict[str, Any] = {"problem": "", "message": "", "attempts": 0, "intent": {}}


def nothing(job: Job) -> Result:
    """Nothing to send: as it should be, waiting for its day, or a feature is switched off."""
    account, action = job.account, job.action
    if action.skipped is None:
        return Result(account, job.looked_at | _CLEAR, due_at=action.not_before)
    message = wording.switched_off(account, action.skipped)
    told = account.message == message
    return Result(
        account,
        job.looked_at | {"problem": Problem.SWITCHED_OFF, "message": message},
        event=None if told else event(account, _operation(job), Outcome.SKIPPED, message),
    )


def done(job: Job, *, created: RemoteAccount | None, seconds: float) -> Result:
    """The application did what it was asked."""
    account, operation = job.account, job.action.operation
    message = wording.done(account, operation, job.action.changes, why=wording.no_access(account))
    again = operation in {Operation.DEACTIVATE, Operation.REACTIVATE}
    return Result(
        account,
        job.looked_at | _CLEAR | _new_state(job, created),
        due_at=timezone.now() if again else None,
        event=event(account, operation, Outcome.DONE, message, seconds=seconds),
    )


def _new_state(job: Job, created: RemoteAccount | None) -> dict[str, Any]:
    match job.action.operation:
        case Operation.CREATE if created is not None:
            return {
                "remote_id": created.remote_id,
                "origin": Origin.CREATED,
                "state": State.ACTIVE,
                "applied": _present(job.desired),
                "deprovisioned_at": None,
            }
        case Operation.UPDATE:
            kept = {path: job.account.applied.get(path) for path in job.desired}
            sent = {change.path: change.new for change in job.action.changes}
            return {"applied": _present(kept | sent)}
        case Operation.DEACTIVATE:
            return {"state": State.SUSPENDED, "deprovisioned_at": timezone.now()}
        case Operation.REACTIVATE:
            applied = dict(job.account.applied)
            if job.account.app.kind.active_target in applied:
                applied[job.account.app.kind.active_target] = True
            return {"state": State.ACTIVE, "deprovisioned_at": None, "applied": applied}
        case _:
            return _gone()


def found(job: Job, account_there: RemoteAccount, *, ours: bool, origin: str) -> Result:
    """Exactly one account is there and may be linked; the next round brings it up to date."""
    account = job.account
    message = wording.got_through(account) if ours else wording.adopted(account)
    operation = Operation.CREATE if ours else Operation.ADOPT
    return Result(
        account,
        job.looked_at
        | _CLEAR
        | {
            "remote_id": account_there.remote_id,
            "origin": origin,
            "state": State.ACTIVE if account_there.active else State.SUSPENDED,
            "applied": account_there.values,
            "deprovisioned_at": None if account_there.active else timezone.now(),
        },
        due_at=timezone.now(),
        event=event(account, operation, Outcome.DONE, message),
    )


def never_got_through(job: Job) -> Result:
    """The create whose answer was lost left nothing behind, and nobody wants it any more."""
    return Result(job.account, job.looked_at | _CLEAR | _gone())


def conflict(job: Job, message: str) -> Result:
    return Result(
        job.account,
        job.looked_at | {"problem": Problem.CONFLICT, "message": message, "intent": {}},
        event=event(job.account, job.action.operation, Outcome.FAILED, message),
    )


def failed(job: Job, error: Exception, *, seconds: float = 0) -> Result:
    """What to do next is told by the class of the error."""
    match error:
        case NotFound():
            return _missing(job, seconds)
        case AlreadyExists() if job.account.attempts < _TRIES_FOR_A_TAKEN_VALUE:
            return _retry(job, error, seconds, certain=True)
        case AlreadyExists() | Rejected():
            return _park(job, error, seconds)
        case Misconfigured():
            return _retry(job, error, seconds, certain=True)
        case Unavailable():
            return _retry(job, error, seconds, certain=False)
        case _:
            logger.error("Unexpected failure with %s", job.account, exc_info=error)
            ours = Unavailable("Gatehouse itself failed. It tries again; its log says more.")
            return _retry(job, ours, seconds, certain=False)


def _missing(job: Job, seconds: float) -> Result:
    account, operation = job.account, job.action.operation
    if job.wanted:
        message, due, outcome = wording.removed_there(account), timezone.now(), Outcome.RETRYING
    else:
        message, due, outcome = wording.already_gone(account), None, Outcome.DONE
    return Result(
        account,
        job.looked_at | _CLEAR | _gone(),
        due_at=due,
        event=event(account, operation, outcome, message, seconds=seconds, http_status=404),
    )


def _park(job: Job, error: ConnectorError, seconds: float) -> Result:
    message = wording.failed(_operation(job), str(error))
    fields = {"problem": Problem.REJECTED, "message": message, "intent": {}}
    return Result(
        job.account,
        job.looked_at | fields | {"attempts": job.account.attempts + 1},
        event=_failure(job, error, Outcome.FAILED, message, seconds),
    )


def _retry(job: Job, error: ConnectorError, seconds: float, *, certain: bool) -> Result:
    """Try again; `certain` says that the write did not happen, so no doubt need be kept."""
    account = job.account
    message = wording.failed(job.action.operation, str(error))
    fields: dict[str, Any] = {"problem": Problem.UNAVAILABLE, "message": message}
    if certain:
        fields["intent"] = {}
    # The whole app rests then, and no attempt of this account was used up.
    resting = isinstance(error, Misconfigured) or _told_to_wait(error)
    attempts = account.attempts + (not resting)
    return Result(
        account,
        job.looked_at | fields | {"attempts": attempts},
        due_at=timezone.now() if resting else timezone.now() + backoff(attempts),
        event=_failure(job, error, Outcome.RETRYING, message, seconds),
    )


def _told_to_wait(error: ConnectorError) -> bool:
    return isinstance(error, Unavailable) and error.retry_after is not None


def backoff(attempts: int) -> timedelta:
    """Up to twice as long each time, at most an hour, spread so that retries do not bunch up."""
    longest = min(_LONGEST_WAIT, timedelta(seconds=2 ** min(attempts, 12)))
    return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing


def _failure(
    job: Job, error: ConnectorError, outcome: Outcome, message: str, seconds: float
) -> Any:
    return event(
        job.account,
        _operation(job),
        outcome,
        message,
        seconds=seconds,
        http_status=error.http_status,
    )


def _operation(job: Job) -> Operation:
    """What was planned, or would have been had nothing stood in its way."""
    if job.action.operation is not Operation.NOTHING:
        return job.action.operation
    if not job.wanted:
        return Operation.DEACTIVATE
    return Operation.UPDATE if job.account.remote_id else Operation.CREATE


def _gone() -> dict[str, Any]:
    return {"remote_id": None, "origin": "", "state": State.GONE, "applied": {}}


def _present(values: Desired) -> Desired:
    return {path: value for path, value in values.items() if value is not None}
