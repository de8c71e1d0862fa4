"""Writes down what happened to accounts: the new state and its event in one transaction."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.utils import timezone

from iam.models import User
from provisioning.lanes import Lease
from provisioning.models import Account, App, Event, Outcome
from provisioning.plan import Operation


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
        return self.event is not None and self.event.outcome == Outcome.DONE


def event(
    account: Account,
    operation: Operation,
    outcome: Outcome,
    message: str,
    *,
    seconds: float = 0.0,
    http_status: int | None = None,
) -> Event:
    return Event(
        at=timezone.now(),
        app_id=account.app_id,
        app_name=account.app.name,
        user_id=account.user_id,
        identifier=account.identifier,
        operation=operation.value,
        outcome=outcome,
        message=message,
        trigger=account.trigger,
        actor=account.actor,
        attempt=account.attempts + 1,
        duration_ms=round(seconds * 1000),
        http_status=http_status,
        correlation_id=uuid.uuid4().hex,
    )


def save(results: Iterable[Result], *, lease: Lease) -> None:
    """Record results under the lease they were made under. Raises LeaseLost, recording nothing."""
    results = list(results)
    with transaction.atomic():
        lease.confirm()
        for result in results:
            _update(result)
        Event.objects.bulk_create(_storable([r.event for r in results if r.event]))


def save_intents(accounts: Iterable[Account], *, lease: Lease) -> None:
    """Commit what is about to be sent, so that a crash leaves word of it."""
    with transaction.atomic():
        lease.confirm()
        Account.objects.bulk_update(accounts, ["intent"], batch_size=200)


def _update(result: Result) -> None:
    account = result.account
    unchanged = When(generation=account.generation, then=Value(result.due_at))
    Account.objects.filter(pk=account.pk).update(
        **result.fields,
        done_generation=account.generation,
        due_at=Case(unchanged, default=F("due_at")),
    )


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
