"""Decides what to record when an application did not do what was asked of it for an account."""

import logging
from dataclasses import replace
from typing import Any

from django.utils import timezone

from provisioning import doubt, wording
from provisioning.effects import Effect
from provisioning.errors import (
    AlreadyExists,
    ConnectorError,
    Misconfigured,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
)
from provisioning.models import Event, Outcome, Problem
from provisioning.outcomes import (
    CERTAIN,
    CLEAR,
    Job,
    began,
    event_of,
    gone,
    operation_of,
    problem_of,
)
from provisioning.plan import Operation
from provisioning.record import Result
from provisioning.retrying import next_day, next_try

logger = logging.getLogger(__name__)

# A value may be taken only until another account of the same batch lets go of it.
_TRIES_FOR_A_TAKEN_VALUE = 3
# Of the values that a formula with unique() gives, before a day is waited.
_TRIES_OF_ANOTHER_VALUE = 10


def failed(job: Job, error: Exception, *, seconds: float = 0, told: bool = False) -> Result:
    """What to do next is told by the class of the error.

    `told` says that the error is the whole app's and stands in the report already.
    """
    match error:
        case NotFound():
            return _missing(job, seconds)
        case AlreadyExists() if job.account.attempts < _TRIES_FOR_A_TAKEN_VALUE:
            return _retry(job, error, seconds, certain=True)
        case AlreadyExists() | Rejected():
            return _park(job, error, seconds)
        case Misconfigured():
            return _rest(job, error, seconds, certain=True, told=told)
        case Throttled():
            return _rest(job, error, seconds, certain=False, told=told)
        case Unavailable():
            return _retry(job, error, seconds, certain=False)
        case _:
            logger.error("Unexpected failure", exc_info=error, extra=job.about)
            ours = Unavailable("Gatehouse itself failed. It tries again; its log says more.")
            return _retry(job, ours, seconds, certain=False)


def another_value(job: Job) -> Result:
    """Somebody has the value in the application, and a formula gives another one."""
    error = AlreadyExists(wording.value_is_taken(job.account))
    if job.account.attempts >= _TRIES_OF_ANOTHER_VALUE:
        return _park(job, error, seconds=0)
    return replace(_retry(job, error, seconds=0, certain=True), due_at=timezone.now())


def _missing(job: Job, seconds: float) -> Result:
    account, operation = job.account, job.action.operation
    if Operation.DELETE in doubt.operations(account.intent) and job.wanted:
        # The person came back before it was known that the deletion had worked.
        operation, message = Operation.DELETE, wording.deletion_got_through(account)
        due, outcome = timezone.now(), Outcome.DONE
    elif job.wanted and not account.kept_because:
        message, due, outcome = wording.removed_there(account), timezone.now(), Outcome.RETRYING
    else:
        message, due, outcome = wording.already_gone(account), None, Outcome.DONE
    return Result(
        account,
        job.looked_at | CLEAR | CERTAIN | gone(),
        due_at=due,
        event=event_of(
            job,
            operation,
            outcome,
            message,
            seconds=seconds,
            http_status=404,
            effect=Effect.VERIFIED if outcome == Outcome.DONE else "",
        ),
    )


def _park(job: Job, error: ConnectorError, seconds: float) -> Result:
    """Try again when something changes here, and daily for four weeks as it may change there."""
    message = wording.failed(operation_of(job), str(error))
    fields = problem_of(job, Problem.REJECTED, message) | {"intent": job.doubt}
    return Result(
        job.account,
        job.looked_at | fields | {"attempts": job.account.attempts + 1},
        due_at=next_day(began(job.account, Problem.REJECTED)),
        event=_failure(job, error, Outcome.FAILED, message, seconds),
    )


def _retry(job: Job, error: ConnectorError, seconds: float, *, certain: bool) -> Result:
    """Try this account again; `certain` says that the write did not happen."""
    message = wording.failed(job.action.operation, str(error))
    attempts = job.account.attempts + 1
    return Result(
        job.account,
        job.looked_at
        | problem_of(job, Problem.UNAVAILABLE, message)
        | _known(job, certain)
        | {"attempts": attempts},
        due_at=next_try(attempts),
        event=_failure(job, error, Outcome.RETRYING, message, seconds),
    )


def _rest(job: Job, error: ConnectorError, seconds: float, *, certain: bool, told: bool) -> Result:
    """The whole app rests, and no attempt of this account is used up."""
    message = wording.failed(job.action.operation, str(error))
    return Result(
        job.account,
        job.looked_at | problem_of(job, Problem.UNAVAILABLE, message) | _known(job, certain),
        due_at=timezone.now(),
        event=None if told else _failure(job, error, Outcome.RETRYING, message, seconds),
    )


def _known(job: Job, certain: bool) -> dict[str, Any]:
    """A write that certainly did not happen leaves the doubts that were there before it."""
    return {"intent": job.doubt} if certain else {}


def _failure(
    job: Job, error: ConnectorError, outcome: Outcome, message: str, seconds: float
) -> Event:
    return event_of(
        job,
        operation_of(job),
        outcome,
        message,
        seconds=seconds,
        http_status=error.http_status,
    )
