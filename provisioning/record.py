"""Writes down what happened to accounts: the new state and its event in one transaction."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from iam.models import User
from provisioning import (
    correlation,
    evidence,
    group_queue,
    hourly,
    tally,
    transactions,
    webhook_queue,
)
from provisioning.effects import Effect
from provisioning.inserting import column
from provisioning.lanes import Lease
from provisioning.models import Account, App, Event, GroupsToPush, Lane, Outcome
from provisioning.plan import Operation

logger = logging.getLogger(__name__)

_FAILURES = {Outcome.RETRYING, Outcome.FAILED}


@dataclass(frozen=True)
class Result:
    """What to write for one claimed account.

    `due_at` counts only if nothing changed meanwhile: a newer generation stays due.
    """

    account: Account
    fields: dict[str, Any] = field(default_factory=dict)
    due_at: datetime | None = None
    event: Event | None = None

    @property
    def proves_the_app_works(self) -> bool:
        """It did what it was asked, or said that it would."""
        done = self.event is not None and self.event.outcome == Outcome.DONE
        return done or (self.event is not None and bool(self.event.effect))

    @property
    def settles(self) -> bool:
        """Whether the change that the account was due for has now arrived, or needs nothing."""
        again = self.event is not None and self.event.outcome == Outcome.RETRYING
        return self.fields.get("problem") == "" and not again

    @property
    def latency(self) -> float | None:
        """Seconds from the commit of the change to this effect of it."""
        marked_at = self.account.marked_at
        if self.event is None or self.event.outcome != Outcome.DONE or marked_at is None:
            return None
        return (self.event.at - marked_at).total_seconds()


def event(
    account: Account,
    operation: Operation,
    outcome: Outcome,
    message: str,
    *,
    seconds: float = 0.0,
    http_status: int | None = None,
    correlation_id: str = "",
    effect: str = "",
) -> Event:
    return Event(
        at=timezone.now(),
        app_id=account.app_id,
        app_name=account.app.name,
        user_id=account.user_id,
        identifier=account.identifier,
        operation=operation.value,
        outcome=outcome,
        effect=effect,
        message=message,
        trigger=account.trigger,
        actor=account.actor,
        attempt=account.attempts + 1,
        duration_ms=round(seconds * 1000),
        http_status=http_status,
        approved_by=account.released_by,
        correlation_id=correlation_id or correlation.new(),
    )


def save(results: Iterable[Result], *, lease: Lease) -> None:
    """Record results under the lease they were made under.

    Raises, having recorded nothing, LeaseLost, and IntegrityError if the application gave the id
    of another account.
    """
    results = list(results)

    def write() -> None:
        lease.confirm()
        _update(results)
        _let_groups_follow(results)
        _tell(results, Lane.objects.filter(pk=lease.lane))

    transactions.giving_way(write)


def tell(results: Iterable[Result], *, app: App) -> None:
    """Write their events alone: the accounts are changed in another way, in this transaction.

    The lease on the app's lane has been confirmed in it.
    """
    _tell(list(results), Lane.objects.filter(app=app))


def save_intents(accounts: Iterable[Account], *, lease: Lease) -> None:
    """Commit what is about to be sent, so that a crash leaves word of it."""
    rows = [[_stored("intent", row.intent), row.pk] for row in accounts]

    def write() -> None:
        lease.confirm()
        _each(["intent = %s"], rows)

    transactions.giving_way(write)


def _update(results: list[Result]) -> None:
    alike: dict[tuple[tuple[str, ...], bool], list[Result]] = {}
    for result in results:
        alike.setdefault((tuple(sorted(result.fields)), result.settles), []).append(result)
    for (names, settles), rows in alike.items():
        _each(_assignments(names, settles), [_parameters(names, settles, row) for row in rows])


def _let_groups_follow(results: list[Result]) -> None:
    """Who is in which group there depends on what has just been recorded of the accounts."""
    gone = [row.account.pk for row in results if row.fields.get("remote_id", "") is None]
    group_queue.accounts_gone(gone)
    group_queue.accounts_changed(
        row.account
        for row in results
        if (row.proves_the_app_works or "state" in row.fields or _granted_anew(row))
        and row.account.app.groups_to_push != GroupsToPush.NONE
    )


def _granted_anew(result: Result) -> bool:
    granted = result.account.granted
    return bool(result.fields.get("granted", granted)) != granted


def _assignments(names: Sequence[str], settles: bool) -> list[str]:
    unchanged = "CASE WHEN generation = %s THEN"
    found = [f"{column(Account, name).column} = %s" for name in names]
    found += ["done_generation = %s", f"due_at = {unchanged} %s ELSE due_at END"]
    if settles:
        # The time of a change that has arrived, by which a later look must not be timed.
        found.append(f"marked_at = {unchanged} NULL ELSE marked_at END")
    return found


def _parameters(names: Sequence[str], settles: bool, result: Result) -> list[Any]:
    account, generation = result.account, result.account.generation
    values = [_stored(name, result.fields[name]) for name in names]
    values += [generation, generation, _stored("due_at", result.due_at)]
    return [*values, *([generation] if settles else []), account.pk]


def _each(assignments: Iterable[str], rows: Sequence[Sequence[Any]]) -> None:
    """One statement, prepared once, for many accounts; the last value of a row is its key.

    An `update()` for each, or `bulk_update`, builds so much SQL that it costs more than the
    requests to the application (docs/guides/benchmarks.md).
    """
    table = Account._meta.db_table
    with connection.cursor() as cursor:
        # Names come from the model, values go in as parameters.
        cursor.executemany(
            f"UPDATE {table} SET {', '.join(assignments)} WHERE id = %s",  # noqa: S608
            rows,
        )


def _stored(name: str, value: Any) -> Any:
    return column(Account, name).get_db_prep_save(value, connection)


def _tell(results: list[Result], lane: QuerySet[Lane]) -> None:
    """The events, and the lane's tally, whose row `Lease.confirm` has locked for us."""
    events = [result.event for result in results if result.event]
    if not events:
        return
    publish(events, lane, latencies=[row.latency for row in results if row.latency is not None])
    # Not before it is true: an outer transaction may still undo it.
    transaction.on_commit(lambda: _log(results))


def publish(events: list[Event], lane: QuerySet[Lane], *, latencies: Sequence[float]) -> None:
    """Write events with their evidence, for whom they are, and count them, in one transaction.

    It has confirmed the lease on the lane.
    """
    Event.objects.bulk_create(_storable(events), batch_size=1_000)
    evidence.write(events)
    webhook_queue.enqueue([event.pk for event in events])
    hourly.add(events)
    counted = tally.counted(
        lane.values_list("tally", flat=True).get(),
        done=[(event.operation, _counted_as(event)) for event in events],
        latencies=latencies,
    )
    lane.update(tally=counted)


def _counted_as(event: Event) -> str:
    return event.effect if event.effect == Effect.WITHOUT else event.outcome


def _log(results: Iterable[Result]) -> None:
    """One line for each event. Neither who it was about nor what was said, which may tell it."""
    for result in results:
        if result.event is not None:
            log(result.event, account=result.account.pk)


def log(event: Event, **about: Any) -> None:
    """One line for an event; `about` says what of ours it was about."""
    failed = event.outcome in _FAILURES or event.effect == Effect.WITHOUT
    level = logging.WARNING if failed else logging.INFO
    if logger.isEnabledFor(level):
        logger.log(level, *_line(event), extra={**_about(event), **about})


def _line(event: Event) -> tuple[str, str, str, int, int, str]:
    status = f", status {event.http_status}" if event.http_status else ""
    text = "%s: %s (%d ms, attempt %d%s)"
    return text, event.operation, event.outcome, event.duration_ms, event.attempt, status


def _about(event: Event) -> dict[str, Any]:
    return {
        "correlation_id": event.correlation_id,
        "app": event.app_name,
        "operation": event.operation,
        "outcome": str(event.outcome),
        "effect": str(event.effect),
        "attempt": event.attempt,
        "duration_ms": event.duration_ms,
        "http_status": event.http_status,
    }


def _storable(events: list[Event]) -> list[Event]:
    """The person or the app may have been deleted while the request was on its way."""
    users = set(_keys(User.objects.filter(pk__in={row.user_id for row in events})))
    apps = set(_keys(App.objects.filter(pk__in={row.app_id for row in events})))
    for row in events:
        row.user_id = row.user_id if row.user_id in users else None
        row.app_id = row.app_id if row.app_id in apps else None
    return events


def _keys(rows: QuerySet[Any, Any]) -> QuerySet[Any, int]:
    return rows.values_list("pk", flat=True)
