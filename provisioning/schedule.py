"""Says which application is to be compared now: by its own hours, or because somebody asked."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from provisioning import connectors, reconcile
from provisioning.models import Account, App, Run

# One that an error ended is begun anew after this.
TRY_AGAIN = timedelta(hours=1)
# The push comes first, so that what it is about to change is compared as well, but a push that does
# not come to an end is not waited for.
_PUSH_FIRST = timedelta(minutes=5)


class Refused(Exception):
    """No comparison was begun; the text says why, and what would help."""


def ask_for(app: App, *, dry: bool = False, by: str) -> Run:
    """For somebody: a new comparison, or one of the kind that is under way. Raises Refused."""
    run = reconcile.start(app, dry=dry, actor=by)
    if run.dry != dry:
        other = "one that only looks" if run.dry else "one that acts"
        raise Refused(
            f"Another comparison of {app} is under way, {other}. Wait until it has ended."
        )
    return run


def next_run() -> Run | None:
    """What a worker should see to now: a comparison that waits, or one whose time has come."""
    now = timezone.now()
    due = Account.objects.filter(app=OuterRef("app"), due_at__lte=now)
    in_turn = ~Exists(due) | Q(started_at__lt=now - _PUSH_FIRST)
    waiting = Run.objects.filter(reconcile.free(now), in_turn, ended_at=None, app__paused=False)
    run = waiting.order_by("started_at", "pk").first()
    if run is not None:
        return run
    return next((reconcile.start(app) for app in _regular(now) if _is_time(app, now)), None)


def _regular(now: datetime) -> QuerySet[App]:
    """The apps that are compared by themselves and have nothing that stands in the way."""
    runs = Run.objects.filter(app=OuterRef("pk"))
    last = runs.order_by("-started_at", "-pk")
    linked = Account.objects.filter(app=OuterRef("pk"), remote_id__isnull=False)
    apps = App.objects.filter(
        ~Exists(runs.filter(ended_at=None)), Exists(linked), paused=False, compare_hours__gt=0
    )
    apps = apps.exclude(lane__paused_until__gt=now).exclude(lane__problem__gt="")
    return apps.annotate(
        last_started=Subquery(last.values("started_at")[:1]),
        last_position=Subquery(last.values("position")[:1]),
    )


def _is_time(app: Any, now: datetime) -> bool:
    kind = connectors.catalogue().get(app.connector)
    if kind is None or not kind.lists_accounts:
        return False
    pause = timedelta(hours=app.compare_hours)
    if (app.last_position or {}).get("failed"):
        pause = min(pause, TRY_AGAIN)
    return bool((app.last_started or app.created_at) + pause <= now)
