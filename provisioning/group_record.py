"""Writes down what happened to groups and their members, with the events, in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, DateTimeField, F, Value, When
from django.utils import timezone

from iam import batches
from provisioning import record, transactions
from provisioning.connectors.base import RemoteGroup
from provisioning.lanes import Lease
from provisioning.models import (
    Account,
    Event,
    Lane,
    MemberState,
    Outcome,
    PushedGroup,
    PushedMember,
)
from provisioning.plan import Operation

_BATCH = 500


@dataclass(frozen=True)
class GroupResult:
    """What to write for one claimed group.

    `due_at` counts only if nothing changed meanwhile: a newer generation stays due.
    """

    pushed: PushedGroup
    fields: dict[str, Any] = field(default_factory=dict)
    due_at: datetime | None = None
    events: Sequence[Event] = ()
    # Members that are known to be in it now, to be out of it, and that were refused or accepted in
    # vain.
    joined: Sequence[PushedMember] = ()
    left: Sequence[PushedMember] = ()
    refused: Sequence[PushedMember] = ()
    # Nobody is in it any more, as it is not there any more.
    emptied: bool = False
    # As it was found: who is in it already.
    found: RemoteGroup | None = None
    # The row that it was until now.
    former: PushedGroup | None = None
    settles: bool = False

    @property
    def proves_the_app_works(self) -> bool:
        return any(event.outcome == Outcome.DONE for event in self.events)

    @property
    def latency(self) -> float | None:
        """Seconds from the commit of the change to this effect of it."""
        if not self.proves_the_app_works or self.pushed.marked_at is None:
            return None
        return (self.events[0].at - self.pushed.marked_at).total_seconds()


def event(
    pushed: PushedGroup,
    operation: Operation,
    outcome: Outcome,
    message: str,
    *,
    correlation_id: str,
    seconds: float = 0.0,
    http_status: int | None = None,
    account: Account | None = None,
    effect: str = "",
) -> Event:
    """About the group, or with `account` about one of its people."""
    return Event(
        at=timezone.now(),
        app_id=pushed.app_id,
        app_name=pushed.app.name,
        user_id=account.user_id if account else None,
        identifier=account.identifier if account else pushed.name,
        operation=operation.value,
        outcome=outcome,
        effect=effect,
        message=message,
        trigger=pushed.trigger,
        actor=pushed.actor,
        attempt=pushed.attempts + 1,
        duration_ms=round(seconds * 1000),
        http_status=http_status,
        approved_by=pushed.released_by,
        correlation_id=correlation_id,
    )


def save(results: Iterable[GroupResult], *, lease: Lease) -> None:
    """Record results under the lease they were made under. Raises LeaseLost."""
    results = list(results)

    def write() -> None:
        lease.confirm()
        for result in results:
            _write(result)
        tell(results, lane=lease.lane)

    if results:
        transactions.giving_way(write)


def tell(results: Iterable[GroupResult], *, lane: int) -> None:
    """The events alone; the lease on the lane has been confirmed in this transaction."""
    told = [result for result in results if result.events]
    if not told:
        return
    record.publish(
        [event for result in told for event in result.events],
        Lane.objects.filter(pk=lane),
        latencies=[result.latency for result in told if result.latency is not None],
    )
    transaction.on_commit(lambda: _log(told))


def save_intents(jobs: Iterable[tuple[PushedGroup, Sequence[PushedMember]]], lease: Lease) -> None:
    """Commit what is about to be sent, so that a crash leaves word of it."""
    jobs = list(jobs)

    def write() -> None:
        lease.confirm()
        for pushed, members in jobs:
            PushedGroup.objects.filter(pk=pushed.pk).update(intent=pushed.intent)
            PushedMember.objects.bulk_create([row for row in members if row.pk is None])
            known = [row for row in members if row.pk is not None]
            PushedMember.objects.bulk_update(
                known, ["state", "account", "looks"], batch_size=_BATCH
            )

    transactions.giving_way(write)


def _write(result: GroupResult) -> None:
    pushed, generation = result.pushed, result.pushed.generation
    if result.former is not None:
        _take_over(result.former, pushed)
    PushedGroup.objects.filter(pk=pushed.pk).update(
        **result.fields,
        done_generation=generation,
        due_at=_unless_newer(generation, result.due_at, "due_at"),
        **({"marked_at": _unless_newer(generation, None, "marked_at")} if result.settles else {}),
    )
    members = PushedMember.objects.filter(pushed_group=pushed)
    if result.emptied:
        members.delete()
    calm = {"looks": 0, "message": "", "problem_since": None, "try_at": None}
    members.filter(pk__in=_keys(result.joined)).update(state=MemberState.IN, **calm)
    members.filter(pk__in=_keys(result.left)).delete()
    PushedMember.objects.bulk_update(
        result.refused,
        ["state", "looks", "message", "problem_since", "try_at"],
        batch_size=_BATCH,
    )
    if result.found is not None and result.found.members:
        _note_members(pushed, sorted(result.found.members))


def _unless_newer(generation: int, value: datetime | None, column: str) -> Case:
    then = Value(value, output_field=DateTimeField())
    return Case(When(generation=generation, then=then), default=F(column))


def _keys(rows: Sequence[PushedMember]) -> list[int]:
    return [row.pk for row in rows]


def _note_members(pushed: PushedGroup, there: list[str]) -> None:
    """Those of the members found there whose accounts are ours; all others are not our business."""
    for ids in batches.of(there, _BATCH):
        ours = Account.objects.filter(app=pushed.app_id, remote_id__in=ids)
        rows = [
            PushedMember(
                pushed_group=pushed, account_id=pk, remote_id=str(remote_id), state=MemberState.IN
            )
            for pk, remote_id in ours.values_list("pk", "remote_id")
        ]
        PushedMember.objects.bulk_create(rows, ignore_conflicts=True)


def _take_over(former: PushedGroup, pushed: PushedGroup) -> None:
    """The group there, with whom Gatehouse put into it, belongs to another row from now on."""
    PushedMember.objects.filter(pushed_group=pushed).delete()
    PushedMember.objects.filter(pushed_group=former).update(pushed_group=pushed)
    PushedGroup.objects.filter(pk=former.pk).update(
        remote_id=None, state="gone", due_at=None, intent={}, applied={}, problem="", message=""
    )


def _log(results: Iterable[GroupResult]) -> None:
    for result in results:
        for told in result.events:
            record.log(told, group=result.pushed.pk)
