"""Decides what to record after each kind of answer about a group."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from iam import batches
from provisioning import doubt, evidence, group_members, group_wording
from provisioning.connectors.base import RemoteGroup
from provisioning.effects import LOOKS, Effect, of_member
from provisioning.group_exchange import OF_MEMBERS, GroupAnswer, GroupJob
from provisioning.group_record import GroupResult, event
from provisioning.models import (
    Event,
    GroupGuard,
    MemberState,
    Origin,
    Outcome,
    Problem,
    PushedGroup,
    PushedMember,
    Trigger,
)
from provisioning.outcomes import CERTAIN, CLEAR, began, present, problem_fields
from provisioning.plan import Change, Feature, Operation, State
from provisioning.retrying import next_day, next_look

_BATCH = 500
_UNGUARDED: dict[str, Any] = {
    "guard": "",
    "guard_about": "",
    "guard_people": 0,
    "released_by": "",
}


# ------------------------------------------------------------------------------------ nothing to do


def settled(job: GroupJob) -> GroupResult:
    """Nothing is left to send now: as it should be, or something stands in the way."""
    pushed, skipped = job.pushed, job.action.skipped
    waits = group_members.next_try(pushed, now=job.claimed_at)
    if skipped is not None:
        return _switched_off(job, skipped, waits)
    if pushed.guard == GroupGuard.HELD:
        problem = problem_fields(pushed, Problem.HELD, group_wording.waits(pushed))
        return _at_rest(job, problem | {"attempts": 0}, waits)
    if not job.wanted:
        return _out_of_use(job, waits)
    count = group_members.stuck(pushed)
    if count:
        problem = problem_fields(pushed, Problem.REJECTED, group_wording.stuck(pushed, count))
        return _at_rest(job, problem, waits, events=_decided(job))
    return _at_rest(job, CLEAR | CERTAIN, waits, events=_decided(job))


def _at_rest(
    job: GroupJob,
    fields: dict[str, Any],
    due_at: datetime | None,
    *,
    events: Sequence[Event] = (),
) -> GroupResult:
    going = job.pushed.members.filter(state=MemberState.REMOVING)
    if job.pushed.guard == GroupGuard.RELEASED and not going.exists():
        # What was allowed has been done.
        fields = fields | _UNGUARDED
    return GroupResult(job.pushed, looked_at(job) | fields, due_at, events, settles=True)


def _switched_off(job: GroupJob, feature: Feature, due_at: datetime | None) -> GroupResult:
    message = group_wording.switched_off(job.pushed, feature, wanted=job.wanted)
    told = job.pushed.message == message
    operation = _OPERATIONS[feature]
    events = [] if told else [event_of(job, operation, Outcome.SKIPPED, message)]
    problem = problem_fields(job.pushed, Problem.SWITCHED_OFF, message)
    return _at_rest(job, problem, due_at, events=events)


_OPERATIONS = {
    Feature.CREATE_GROUPS: Operation.CREATE_GROUP,
    Feature.UPDATE_GROUPS: Operation.UPDATE_GROUP,
    Feature.DELETE_GROUPS: Operation.DELETE_GROUP,
    Feature.GROUP_MEMBERS: Operation.ADD_MEMBER,
}


def _out_of_use(job: GroupJob, due_at: datetime | None) -> GroupResult:
    """The group is not pushed any more, and nothing can be done about it now."""
    pushed = job.pushed
    if pushed.remote_id is None:
        return _at_rest(job, CLEAR | CERTAIN | gone(), None)
    if pushed.members.exists() or pushed.origin != Origin.ADOPTED:
        return _at_rest(job, CLEAR, due_at, events=_decided(job))
    message = group_wording.let_go(pushed)
    events = [event_of(job, Operation.DELETE_GROUP, Outcome.SKIPPED, message)]
    return _at_rest(job, CLEAR | CERTAIN | gone() | {"message": message}, None, events=events)


def _decided(job: GroupJob) -> list[Event]:
    """That it stays as it is, once."""
    if job.pushed.guard != GroupGuard.KEPT or job.pushed.trigger != Trigger.DECISION:
        return []
    message = group_wording.kept(job.pushed)
    return [event_of(job, Operation.REMOVE_MEMBER, Outcome.SKIPPED, message)]


# -------------------------------------------------------------------------------------------- done


def done(answer: GroupAnswer) -> GroupResult:
    """The application said yes to what it was asked; the next look says whether more is to do."""
    job, pushed = answer.job, answer.job.pushed
    operation = job.action.operation
    if operation in OF_MEMBERS:
        return _members_done(answer)
    if operation is Operation.RESOLVE:
        # It is there still: the deletion had not got through.
        return go_on(job, CERTAIN)
    if answer.created is not None and owner(pushed, answer.created.remote_id) is not None:
        return conflict(job, group_wording.id_is_taken(pushed, answer.created.remote_id))
    if operation is Operation.DELETE_GROUP and answer.effect is Effect.WITHOUT:
        return _still_there(answer)
    masking = job.kept.masking
    message = group_wording.done(
        pushed, operation, masking.changes(job.action.changes), answer.different
    )
    told = [_done_event(answer, message, effect=answer.effect)]
    fields = CLEAR | CERTAIN | _new_state(answer)
    emptied = operation is not Operation.UPDATE_GROUP
    return go_on(job, fields, events=told, emptied=emptied)


def _new_state(answer: GroupAnswer) -> dict[str, Any]:
    job, pushed = answer.job, answer.job.pushed
    match job.action.operation:
        case Operation.CREATE_GROUP if answer.created is not None:
            return {
                "remote_id": answer.created.remote_id,
                "origin": Origin.CREATED,
                "state": State.ACTIVE,
                "applied": present(job.desired),
            }
        case Operation.UPDATE_GROUP:
            kept = {path: pushed.applied.get(path) for path in (*pushed.applied, *job.desired)}
            sent = {change.path: change.new for change in job.action.changes}
            return {"applied": present(kept | sent)}
        case _:
            asked = bool(pushed.released_by)
            lost = 0 if asked else max(1, group_members.losing(pushed.members.all()).count())
            return gone() | {"lost_people": lost, "lost_at": timezone.now()}


def _members_done(answer: GroupAnswer) -> GroupResult:
    job, operation = answer.job, answer.job.action.operation
    did: list[PushedMember] = []
    in_vain: list[PushedMember] = []
    told = []
    for member in job.members:
        effect = of_member(operation, member.remote_id, answer.inside)
        if effect is Effect.WITHOUT:
            in_vain.append(member)
            told.append(_unseen(answer, member))
        else:
            did.append(member)
            message = group_wording.member_done(member, job.pushed, operation)
            told.append(_done_event(answer, message, effect=effect, member=member))
    side = "joined" if operation is Operation.ADD_MEMBER else "left"
    return go_on(job, {}, events=told, refused=in_vain, **{side: did})


def _done_event(answer: GroupAnswer, message: str, **more: Any) -> Event:
    operation = answer.job.action.operation
    return event_of(answer.job, operation, Outcome.DONE, message, seconds=answer.seconds, **more)


def _unseen(answer: GroupAnswer, member: PushedMember) -> Event:
    """Accepted, and the group is shown as before: sent again soon, a few times, then once a day.

    Its state stays, so that who leaves meanwhile is taken out, should it happen late.
    """
    job = answer.job
    member.looks += 1
    member.problem_since = member.problem_since or timezone.now()
    trying = member.looks < LOOKS
    member.try_at = next_look(member.looks) if trying else next_day(member.problem_since)
    member.message = group_wording.member_unseen(member, job.pushed)
    outcome = Outcome.RETRYING if trying else Outcome.FAILED
    return event_of(
        job,
        job.action.operation,
        outcome,
        member.message,
        seconds=answer.seconds,
        member=member,
        effect=Effect.WITHOUT,
    )


def _still_there(answer: GroupAnswer) -> GroupResult:
    """The deletion was accepted, and the group is there: sent again, and then a person is told."""
    job, pushed, operation = answer.job, answer.job.pushed, answer.job.action.operation
    intent = doubt.not_seen(pushed.intent, operation)
    times = doubt.unseen(intent, operation)
    trying = times < LOOKS
    message = group_wording.still_there(pushed, times=times, trying=trying)
    problem = Problem.UNAVAILABLE if trying else Problem.WITHOUT_EFFECT
    fields = problem_fields(pushed, problem, message)
    return GroupResult(
        pushed,
        looked_at(job) | fields | {"intent": intent, "attempts": pushed.attempts + 1},
        next_look(times) if trying else next_day(fields["problem_since"]),
        [
            event_of(
                job,
                operation,
                Outcome.RETRYING if trying else Outcome.FAILED,
                message,
                seconds=answer.seconds,
                effect=Effect.WITHOUT,
            )
        ],
    )


def found(
    job: GroupJob, there: RemoteGroup, *, ours: bool, former: PushedGroup | None
) -> GroupResult:
    """Exactly one group is there and may be linked; the next look brings it up to date."""
    pushed = job.pushed
    if former is not None:
        message, operation = group_wording.taken_over(pushed), Operation.ADOPT_GROUP
        origin = former.origin
    elif ours:
        message, operation = group_wording.got_through(pushed), Operation.CREATE_GROUP
        origin = Origin.CREATED
    else:
        known = None if there.members is None else _known(pushed, there.members)
        message, operation = group_wording.adopted(pushed, known), Operation.ADOPT_GROUP
        origin = Origin.ADOPTED
    fields: dict[str, Any] = {
        "remote_id": there.remote_id,
        "origin": origin,
        "state": State.ACTIVE,
        "applied": there.values,
    }
    if former is not None:
        # It carries that id there.
        fields["external_id"] = former.external_id
    told = [event_of(job, operation, Outcome.DONE, message, effect=Effect.VERIFIED)]
    result = go_on(job, CLEAR | CERTAIN | fields, events=told, found=there)
    return replace(result, former=former)


def _known(pushed: PushedGroup, members: frozenset[str]) -> int:
    accounts = pushed.app.accounts
    chunks = batches.of(sorted(members), _BATCH)
    return sum(accounts.filter(remote_id__in=chunk).count() for chunk in chunks)


def never_got_through(job: GroupJob) -> GroupResult:
    """The create whose answer was lost left nothing behind, and nobody wants it any more."""
    return go_on(job, CLEAR | CERTAIN | gone())


def again(job: GroupJob) -> GroupResult:
    """Nothing of it happened; it is sent anew in smaller portions."""
    return go_on(job, {})


def conflict(job: GroupJob, message: str) -> GroupResult:
    pushed = job.pushed
    operation = operation_of(job)
    fields = problem_fields(pushed, Problem.CONFLICT, message) | {"intent": job.doubt}
    told = [event_of(job, operation, Outcome.FAILED, message)]
    due_at = next_day(began(pushed, Problem.CONFLICT))
    return GroupResult(pushed, looked_at(job) | fields, due_at, told)


# ------------------------------------------------------------------------------------------- parts


def go_on(job: GroupJob, fields: dict[str, Any], **more: Any) -> GroupResult:
    """Recorded, and looked at once more: behind all others that are due."""
    return GroupResult(job.pushed, looked_at(job) | fields, timezone.now(), **more)


def looked_at(job: GroupJob) -> dict[str, Any]:
    """The fields that are written whatever came of it."""
    pushed = job.pushed
    name = {"name": pushed.name, "name_key": pushed.name_key}
    return {"checked_at": job.claimed_at, "granted": job.wanted, **name}


def gone() -> dict[str, Any]:
    """The group is not there, or not ours, any more."""
    there: dict[str, Any] = {"remote_id": None, "origin": "", "state": State.GONE, "applied": {}}
    return there | _UNGUARDED


def operation_of(job: GroupJob) -> Operation:
    """What was planned, or would have been had nothing stood in its way."""
    operation = job.action.operation
    if operation in {Operation.NOTHING, Operation.RESOLVE}:
        return Operation.CREATE_GROUP if job.wanted else Operation.DELETE_GROUP
    return operation


def owner(pushed: PushedGroup, remote_id: str) -> PushedGroup | None:
    """The other row that this group there belongs to."""
    others = PushedGroup.objects.filter(app=pushed.app_id, remote_id=remote_id)
    return others.exclude(pk=pushed.pk).first()


def event_of(
    job: GroupJob,
    operation: Operation,
    outcome: Outcome,
    message: str,
    *,
    member: PushedMember | None = None,
    **more: Any,
) -> Event:
    found = event(
        job.pushed,
        operation,
        outcome,
        job.kept.masking.text(message),
        correlation_id=job.correlation_id,
        account=member.account if member else None,
        **more,
    )
    evidence.attach(
        found,
        job.kept,
        app=job.pushed.app,
        changes=[] if member else _planned(job, operation),
        values={} if member else job.desired,
        remote_id=job.pushed.remote_id,
        one_of_several=member is not None,
    )
    return found


def _planned(job: GroupJob, operation: Operation) -> Sequence[Change]:
    if operation is Operation.CREATE_GROUP:
        return [Change(path, None, new) for path, new in present(job.desired).items()]
    return job.action.changes
