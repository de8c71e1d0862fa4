"""Removes events that are older than they need to be kept, a little at a time."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db.models import QuerySet
from django.utils import timezone

from provisioning import hourly
from provisioning.models import App, Event
from provisioning.transactions import giving_way

# The guard counts the removals of the last day, and a person may want to know about the last weeks.
LEAST = timedelta(days=7)
_BATCH = 500


def older(*, than: timedelta, app: App | None = None) -> QuerySet[Event]:
    """The events from before that, of one application or of all, those that are gone included."""
    if than < LEAST:
        raise ValueError(f"events are kept for {LEAST.days} days at least")
    before: datetime = timezone.now() - than
    events = Event.objects.filter(at__lt=before)
    return events if app is None else events.filter(app=app)


def purge(
    events: QuerySet[Event],
    *,
    stopped: Callable[[], bool] = lambda: False,
    told: Callable[[int], object] = lambda _: None,
) -> int:
    """Remove them, oldest first; how many there were.

    In transactions of a moment, and with as much time between two as they take: whoever wants to
    write meanwhile never waits for more than one of them.
    """
    oldest = events.order_by("at", "pk").values_list("pk", flat=True)
    removed = 0
    while not stopped() and (keys := list(oldest[:_BATCH])):
        began = time.monotonic()
        giving_way(partial(_remove, keys))
        removed += len(keys)
        told(removed)
        time.sleep(time.monotonic() - began)
    return removed


def _remove(keys: list[int]) -> None:
    """These events, with what the counts of their hours say of them."""
    events = Event.objects.filter(pk__in=keys)
    of = list(events.values_list("app", "at"))
    if not of:
        return
    apps, moments = zip(*of, strict=True)
    events.delete()
    hourly.recount(set(apps), first=min(moments), last=max(moments))
