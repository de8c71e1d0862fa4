"""Puts one question or one write about a group to an application. No database.

A write is followed by a look, where it costs little and the answer does not show what came of it.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from provisioning import correlation, doubt, evidence
from provisioning.connectors.base import Connector, RemoteGroup
from provisioning.effects import Differing, Effect, group_changed
from provisioning.errors import ConnectorError, NotFound, Rejected, Throttled
from provisioning.exchange import stops_the_app
from provisioning.group_mapping import Desired
from provisioning.models import PushedGroup, PushedMember
from provisioning.plan import Action, Operation

logger = logging.getLogger(__name__)

OF_MEMBERS = {Operation.ADD_MEMBER, Operation.REMOVE_MEMBER}


@dataclass(frozen=True)
class GroupJob:
    """One claimed group and the next step for it; `members` are those that the step is about."""

    pushed: PushedGroup
    wanted: bool
    action: Action
    desired: Desired
    claimed_at: datetime
    # What was in doubt before this job sent anything.
    doubt: doubt.Doubt
    members: Sequence[PushedMember] = ()
    # Whether so few are in it that the whole group may be read to see what came of the step.
    is_small: bool = False
    # How it came about; the same one whatever becomes of the job.
    kept: evidence.Kept = field(default_factory=evidence.Kept)
    correlation_id: str = field(default_factory=correlation.new)

    @property
    def about(self) -> dict[str, Any]:
        """What the log says of it."""
        app, group = self.pushed.app.name, self.pushed.pk
        return {"correlation_id": self.correlation_id, "app": app, "group": group}


@dataclass(frozen=True)
class GroupAnswer:
    """What came of one job: a group created, groups found, one group read, or an error.

    `effect` is of a write to the group itself; `inside` are those of the step's members who are
    seen in the group after it, None if nobody could look. `throttled` is what was answered to the
    look.
    """

    job: GroupJob
    seconds: float
    created: RemoteGroup | None = None
    found: Sequence[RemoteGroup] = ()
    there: RemoteGroup | None = None
    effect: Effect = Effect.ACCEPTED
    different: Differing = field(default_factory=Differing)
    inside: frozenset[str] | None = None
    throttled: Throttled | None = None
    error: Exception | None = None

    @property
    def stops_the_app(self) -> bool:
        return self.throttled is not None or stops_the_app(self.error)


def sending(job: GroupJob, identifying: Sequence[str]) -> doubt.Doubt:
    """What will be in doubt about the group while the answer to this write has not come."""
    operation = job.action.operation
    if operation in OF_MEMBERS or operation is Operation.RESOLVE:
        # The rows of the members say it.
        return job.doubt
    grown = {**job.doubt, "operations": sorted(doubt.operations(job.doubt) | {operation})}
    if operation is Operation.CREATE_GROUP:
        grown["values"] = {target: job.desired[target] for target in identifying}
    if job.action.changes:
        paths = {change.path for change in job.action.changes}
        grown["paths"] = sorted({*doubt.paths(job.doubt), *paths})
    return grown


def look_up(connector: Connector, job: GroupJob) -> GroupAnswer:
    """Whether the group is there already."""
    answer = _timed(connector, job, lambda: {"found": _find(connector, job)})
    if answer.error is None:
        job.kept.looked(
            answer.found,
            asked=connector.required_group_targets,
            desired=job.desired,
            external_id=str(job.pushed.external_id),
        )
    return answer


def write(connector: Connector, job: GroupJob) -> GroupAnswer:
    """Send what the plan says, and find out whether it had its effect."""
    return _timed(connector, job, lambda: _write(connector, job))


def reading(remote_id: str) -> Callable[[Connector, GroupJob], GroupAnswer]:
    """What the group with this id holds there, with its members."""

    def read(connector: Connector, job: GroupJob) -> GroupAnswer:
        return _timed(
            connector, job, lambda: {"there": connector.get_group(remote_id, job.desired)}
        )

    return read


def _timed(connector: Connector, job: GroupJob, ask: Callable[[], dict[str, Any]]) -> GroupAnswer:
    began = time.monotonic()
    try:
        with correlation.working_on(job.about), job.kept.watching(connector):
            result = ask()
    except Exception as error:
        # Every kind is judged in one place, group_failures.failed.
        return GroupAnswer(job, time.monotonic() - began, error=error)
    return GroupAnswer(job, time.monotonic() - began, **result)


def _find(connector: Connector, job: GroupJob) -> Sequence[RemoteGroup]:
    external_id = str(job.pushed.external_id)
    tried = doubt.tried(job.doubt)
    if tried:
        # Under its name of then, which may be another one now.
        asked = job.desired | tried
        found = connector.find_group(asked, external_id=external_id, made_by_us=True)
        if found or tried.items() <= job.desired.items() or not job.wanted:
            return found
    return connector.find_group(job.desired, external_id=external_id, made_by_us=False)


def _write(connector: Connector, job: GroupJob) -> dict[str, Any]:
    remote_id = job.pushed.remote_id or ""
    match job.action.operation:
        case Operation.CREATE_GROUP:
            external_id = str(job.pushed.external_id)
            made = connector.create_group(job.desired, external_id=external_id)
            return {"created": made, "effect": Effect.VERIFIED}
        case Operation.UPDATE_GROUP:
            changes = job.action.changes
            shown = connector.update_group(remote_id, changes, held=job.pushed.applied)
            effect, different = group_changed(changes, shown)
            return {"effect": effect, "different": different}
        case Operation.DELETE_GROUP:
            connector.delete_group(remote_id)
            return _read_back(job, lambda: {"effect": _deleted(connector, remote_id)})
        case Operation.ADD_MEMBER:
            return _members(connector, connector.add_members, remote_id, job)
        case Operation.REMOVE_MEMBER:
            return _members(connector, connector.remove_members, remote_id, job)
        case Operation.RESOLVE:
            return {"there": connector.get_group(remote_id, job.desired)}
        case other:
            raise ValueError(f"{other} is not a write to a group")


def _members(
    connector: Connector,
    send: Callable[[str, Sequence[str]], RemoteGroup | None],
    remote_id: str,
    job: GroupJob,
) -> dict[str, Any]:
    """Some applications answer “not found” for a member; the group itself tells which it was."""
    members = [member.remote_id for member in job.members]
    try:
        shown = send(remote_id, members)
    except NotFound as error:
        connector.get_group(remote_id, ())
        raise Rejected(str(error), http_status=error.http_status) from error
    if shown is not None and shown.members is not None:
        return {"inside": shown.members.intersection(members)}
    return _read_back(job, lambda: {"inside": _inside(connector, remote_id, members, job)})


def _inside(
    connector: Connector, remote_id: str, members: Sequence[str], job: GroupJob
) -> frozenset[str] | None:
    """Which of these the group has in it; None where that is not shown, or costs too much."""
    if connector.finds_members and len(members) == 1:
        is_in = connector.has_member(remote_id, members[0])
        return None if is_in is None else frozenset(members if is_in else ())
    if connector.hides_members or not job.is_small:
        return None
    there = connector.get_group(remote_id, ()).members
    return None if there is None else there.intersection(members)


def _deleted(connector: Connector, remote_id: str) -> Effect:
    try:
        connector.get_group(remote_id, ())
    except NotFound:
        return Effect.VERIFIED
    return Effect.WITHOUT


def _read_back(job: GroupJob, look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a look right after the write shows. It never undoes what was accepted."""
    try:
        return look()
    except Throttled as error:
        return {"throttled": error}
    except Exception as error:
        if not isinstance(error, ConnectorError):
            logger.error("Unexpected failure of a look", exc_info=error, extra=job.about)
        return {}
