"""Removes events and answers that are older than they need to be kept, a little at a time."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from iam.models import KeptAnswer
from provisioning.models import App, Event
from provisioning.transactions import giving_way

# The guard counts the removals of the last day, and a person may want to know about the last weeks.
LEAST = timedelta(days=7)
# So long a program may send a request again, and gets the answer that it was given at first.
ANSWERS = timedelta(hours=24)
_BATCH = 500


def older(*, than: timedelta, app: App | None = None) -> QuerySet[Event]:
    """The events from before that, of one application or of all, those that are gone included."""
    if than < LEAST:
        raise ValueError(f"events are kept for {LEAST.days} days at least")
    before: datetime = timezone.now() - than
    events = Event.objects.filter(at__lt=before)
    return events if app is None else events.filter(app=app)


def old_answers() -> QuerySet[KeptAnswer]:
    """The answers of the API that nobody can ask for again."""
    return KeptAnswer.objects.filter(created_at__lte=timezone.now() - ANSWERS)


def purge(
    rows: QuerySet[Any],
    *,
    stopped: Callable[[], bool] = lambda: False,
    told: Callable[[int], object] = lambda _: None,
) -> int:
    """Remove these events or answers, oldest first; how many there were.

    In transactions of a moment, and with as much time between two as they take: whoever wants to
    write meanwhile never waits for more than one of them.
    """
    kind = rows.model
    order = ["at", "pk"] if kind is Event else ["pk"]
    oldest = rows.order_by(*order).values_list("pk", flat=True)
    removed = 0
    while not stopped() and (keys := list(oldest[:_BATCH])):
        began = time.monotonic()
        giving_way(lambda keys=keys: kind.objects.filter(pk__in=keys).delete())  # type: ignore[misc]
        removed += len(keys)
        told(removed)
        time.sleep(time.monotonic() - began)
    return removed
