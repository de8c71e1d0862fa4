"""Removes events, evidence and what else is older than it is kept, a little at a time."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from iam.models import KeptAnswer
from provisioning import hourly
from provisioning.models import EVIDENCE_DAYS, LEAST_EVENT_DAYS, App, Event, Evidence, Leaving
from provisioning.transactions import giving_way

LEAST = timedelta(days=LEAST_EVENT_DAYS)
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


def older_leavings(*, days: int) -> QuerySet[Leaving]:
    """Who was removed everywhere before that, by whom and why."""
    return Leaving.objects.filter(at__lt=_before(days))


def expired_leavings(apps: Iterable[App]) -> QuerySet[Leaving]:
    """Those of which no application keeps the events any more: they are about all of them."""
    limits = [app.keep_events_days for app in apps]
    known = [days for days in limits if days is not None]
    if not known or len(known) < len(limits):
        return Leaving.objects.none()
    return older_leavings(days=max(known))


def old_answers() -> QuerySet[KeptAnswer]:
    """The answers of the API that nobody can ask for again."""
    return KeptAnswer.objects.filter(created_at__lte=timezone.now() - ANSWERS)


def expired_events(apps: Iterable[App]) -> list[tuple[App, QuerySet[Event]]]:
    """Of each application that has a limit of its own, the events beyond it."""
    return [
        (app, older(than=timedelta(days=app.keep_events_days), app=app))
        for app in apps
        if app.keep_events_days is not None
    ]


def expired_evidence(apps: Iterable[App], *, deleted: bool) -> QuerySet[Evidence]:
    """The evidence that is older than each of these applications keeps its own.

    `deleted` is whether also that of applications that are not there any more.
    """
    limits = {app: app.keep_evidence_days for app in apps}
    old = Q(pk__in=())
    for app, days in limits.items():
        old |= Q(event__app=app, event__at__lt=_before(days))
    if deleted:
        old |= Q(event__app=None, event__at__lt=_before(EVIDENCE_DAYS))
    # Keys grow with time: nothing is looked at that is younger than all that may go. Should one
    # have come late, its turn comes with those after it.
    least = min([*limits.values(), EVIDENCE_DAYS])
    latest = Event.objects.filter(at__lt=_before(least)).order_by("-at", "-pk")
    return Evidence.objects.filter(old, pk__lte=latest.values_list("pk", flat=True).first() or 0)


def _before(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def purge(
    rows: QuerySet[Any],
    *,
    stopped: Callable[[], bool] = lambda: False,
    told: Callable[[int], object] = lambda _: None,
) -> int:
    """Remove these rows, oldest first; how many there were.

    In transactions of a moment, and with as much time between two as they take: whoever wants to
    write meanwhile never waits for more than one of them.
    """
    kind = rows.model
    is_event = kind is Event
    oldest = rows.order_by(*["at", "pk"] if is_event else ["pk"]).values_list("pk", flat=True)
    removed = 0
    while not stopped() and (keys := list(oldest[:_BATCH])):
        began = time.monotonic()
        giving_way(partial(_remove, kind, keys))
        removed += len(keys)
        if not is_event:
            # What is kept longer is not looked at again and again.
            oldest = oldest.filter(pk__gt=keys[-1])
        told(removed)
        time.sleep(time.monotonic() - began)
    return removed


def _remove(kind: type[Model], keys: list[int]) -> None:
    """These rows; of events also what the counts of their hours say of them."""
    rows = kind._default_manager.filter(pk__in=keys)
    of = list(rows.values_list("app", "at")) if kind is Event else []
    rows.only("pk").delete()
    if of:
        apps, moments = zip(*of, strict=True)
        hourly.recount(set(apps), first=min(moments), last=max(moments))
