"""Puts one question or one write about a group to an application. No database."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from provisioning import correlation, doubt
from provisioning.connectors.base import Connector, RemoteGroup
from provisioning.errors import NotFound, Rejected
from provisioning.exchange import stops_the_app
from provisioning.group_mapping import Desired
from provisioning.models import PushedGroup, PushedMember
from provisioning.plan import Action, Operation

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
    correlation_id: str = field(default_factory=correlation.new)

    @property
    def about(self) -> dict[str, Any]:
        """What the log says of it."""
        app, group = self.pushed.app.name, self.pushed.pk
        return {"correlation_id": self.correlation_id, "app": app, "group": group}


@dataclass(frozen=True)
class GroupAnswer:
    """What came of one job: a group created, groups found, one group read, or an error."""

    job: GroupJob
    seconds: float
    created: RemoteGroup | None = None
    found: Sequence[RemoteGroup] = ()
    there: RemoteGroup | None = None
    error: Exception | None = None

    @property
    def stops_the_app(self) -> bool:
        return stops_the_app(self.error)


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
    return _timed(job, lambda: {"found": _find(connector, job)})


def write(connector: Connector, job: GroupJob) -> GroupAnswer:
    """Send what the plan says."""
    return _timed(job, lambda: _write(connector, job))


def reading(remote_id: str) -> Callable[[Connector, GroupJob], GroupAnswer]:
    """What the group with this id holds there, with its members."""

    def read(connector: Connector, job: GroupJob) -> GroupAnswer:
        return _timed(job, lambda: {"there": connector.get_group(remote_id, job.desired)})

    return read


def _timed(job: GroupJob, ask: Callable[[], dict[str, Any]]) -> GroupAnswer:
    began = time.monotonic()
    try:
        with correlation.working_on(job.about):
            result = ask()
    except Exception as error:
        # Every kind is judged in one place, group_outcomes.failed.
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
            return {"created": connector.create_group(job.desired, external_id=external_id)}
        case Operation.UPDATE_GROUP:
            connector.update_group(remote_id, job.action.changes, held=job.pushed.applied)
        case Operation.DELETE_GROUP:
            connector.delete_group(remote_id)
        case Operation.ADD_MEMBER:
            _members(connector, connector.add_members, remote_id, job)
        case Operation.REMOVE_MEMBER:
            _members(connector, connector.remove_members, remote_id, job)
        case Operation.RESOLVE:
            return {"there": connector.get_group(remote_id, job.desired)}
        case other:
            raise ValueError(f"{other} is not a write to a group")
    return {}


def _members(
    connector: Connector, send: Callable[[str, Sequence[str]], Any], remote_id: str, job: GroupJob
) -> None:
    """Some applications answer “not found” for a member; the group itself tells which it was."""
    try:
        send(remote_id, [member.remote_id for member in job.members])
    except NotFound as error:
        connector.get_group(remote_id, ())
        raise Rejected(str(error), http_status=error.http_status) from error
