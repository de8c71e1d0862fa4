"""Decides what to record when an application did not do what was asked of it for a group."""

import logging

from django.utils import timezone

from provisioning import group_wording
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
from provisioning.group_exchange import GroupJob
from provisioning.group_outcomes import (
    conflict,
    event_of,
    go_on,
    gone,
    looked_at,
    operation_of,
)
from provisioning.group_record import GroupResult
from provisioning.models import Event, MemberState, Outcome, Problem
from provisioning.outcomes import CERTAIN, CLEAR, began, problem_fields
from provisioning.plan import Operation
from provisioning.retrying import next_day, next_try

logger = logging.getLogger(__name__)


def failed(job: GroupJob, error: Exception, *, seconds: float, told: bool) -> GroupResult:
    """What to do next is told by the class of the error, as for accounts."""
    match error:
        case NotFound() if job.pushed.remote_id is not None:
            return _missing(job, seconds)
        case AlreadyExists() if job.action.operation is Operation.CREATE_GROUP:
            return conflict(job, group_wording.hidden(job.pushed))
        case AlreadyExists() | Rejected() | NotFound():
            return park(job, error, str(error), seconds=seconds)
        case Misconfigured():
            return _rest(job, error, seconds, certain=True, told=told)
        case Throttled():
            return _rest(job, error, seconds, certain=False, told=told)
        case Unavailable():
            return _retry(job, error, seconds)
        case _:
            logger.error("Unexpected failure", exc_info=error, extra=job.about)
            ours = Unavailable("Gatehouse itself failed. It tries again; its log says more.")
            return _retry(job, ours, seconds)


def refused(job: GroupJob, error: ConnectorError, *, seconds: float) -> GroupResult:
    """The application takes everybody but this one; the others go on."""
    (member,) = job.members
    message = group_wording.member_refused(member, job.pushed, str(error))
    member.problem_since = member.problem_since or timezone.now()
    member.message, member.try_at = message, next_day(member.problem_since)
    member.looks = 0
    if job.action.operation is Operation.ADD_MEMBER:
        member.state = MemberState.REFUSED
    told = event_of(
        job,
        job.action.operation,
        Outcome.FAILED,
        message,
        seconds=seconds,
        http_status=error.http_status,
        member=member,
    )
    return go_on(job, {}, events=[told], refused=[member])


def park(job: GroupJob, error: ConnectorError, reason: str, *, seconds: float) -> GroupResult:
    """Try again when something changes here, and daily for four weeks as it may change there."""
    pushed = job.pushed
    message = group_wording.failed(operation_of(job), reason)
    fields = problem_fields(pushed, Problem.REJECTED, message)
    fields |= {"intent": job.doubt, "attempts": pushed.attempts + 1}
    return GroupResult(
        pushed,
        looked_at(job) | fields,
        next_day(began(pushed, Problem.REJECTED)),
        [_failure(job, error, Outcome.FAILED, message, seconds)],
    )


def _missing(job: GroupJob, seconds: float) -> GroupResult:
    """It was removed there; members cannot be in a group that is not there."""
    pushed = job.pushed
    if job.wanted:
        message, outcome = group_wording.removed_there(pushed), Outcome.RETRYING
    else:
        message, outcome = group_wording.already_gone(pushed), Outcome.DONE
    told = event_of(
        job,
        operation_of(job),
        outcome,
        message,
        seconds=seconds,
        http_status=404,
        effect=Effect.VERIFIED if outcome == Outcome.DONE else "",
    )
    return go_on(job, CLEAR | CERTAIN | gone(), events=[told], emptied=True)


def _retry(job: GroupJob, error: ConnectorError, seconds: float) -> GroupResult:
    """Try this group again. Whether the write got through is not known."""
    message = group_wording.failed(job.action.operation, str(error))
    attempts = job.pushed.attempts + 1
    fields = problem_fields(job.pushed, Problem.UNAVAILABLE, message) | {"attempts": attempts}
    return GroupResult(
        job.pushed,
        looked_at(job) | fields,
        next_try(attempts),
        [_failure(job, error, Outcome.RETRYING, message, seconds)],
    )


def _rest(
    job: GroupJob, error: ConnectorError, seconds: float, *, certain: bool, told: bool
) -> GroupResult:
    """The whole app rests, and no attempt of this group is used up."""
    message = group_wording.failed(job.action.operation, str(error))
    fields = problem_fields(job.pushed, Problem.UNAVAILABLE, message)
    fields |= {"intent": job.doubt} if certain else {}
    events = [] if told else [_failure(job, error, Outcome.RETRYING, message, seconds)]
    return GroupResult(job.pushed, looked_at(job) | fields, timezone.now(), events)


def _failure(
    job: GroupJob, error: ConnectorError, outcome: Outcome, message: str, seconds: float
) -> Event:
    return event_of(
        job, operation_of(job), outcome, message, seconds=seconds, http_status=error.http_status
    )
