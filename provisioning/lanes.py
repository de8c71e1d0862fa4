"""The lease on a lane, an app's or a webhook's: one owner at a time, and proof of it."""

import time
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from provisioning import breaker
from provisioning.models import Lane, Leased

LEASE = timedelta(seconds=120)
# Seconds after which a lane gives its thread to another, so that large or slow apps keep nobody
# waiting. What is left is due still.
TURN = 20.0
# No request lives longer than 30 s (provisioning/http.py), so one that begins with this much left
# is over before anybody else can own the lane.
_MARGIN = 40.0

# What a lane holds while it neither rests nor fails.
AT_WORK = {"paused_until": None, "problem": "", "problem_since": None, "rests": 0}


class LeaseLost(Exception):
    """The lane may belong to another worker by now: send and record nothing more."""


@dataclass
class Lease:
    lane: int
    token: int
    _deadline: float = field(repr=False)
    kind: type[Leased] = Lane

    def check(self) -> None:
        """Raise LeaseLost unless a request begun now is sure to end within the lease.

        Asks this process's own clock, which went on while the process was frozen.
        """
        if time.monotonic() > self._deadline - _MARGIN:
            raise LeaseLost

    def renew(self) -> None:
        """Extend the lease when half of it is gone. Raises LeaseLost if it is not ours any more."""
        if time.monotonic() < self._deadline - LEASE.total_seconds() / 2:
            return
        deadline = time.monotonic() + LEASE.total_seconds()
        if not _ours(self).update(lease_until=timezone.now() + LEASE):
            raise LeaseLost
        self._deadline = deadline

    def confirm(self) -> None:
        """Within the transaction that records results: raise LeaseLost if the lane moved on."""
        if not _ours(self).select_for_update().exists():
            raise LeaseLost

    def release(self) -> None:
        _ours(self).update(owner="", lease_until=None)


def of(app: int) -> Lane:
    """The lane of an app, which has none before anything was ever due in it."""
    lane, _ = Lane.objects.get_or_create(app_id=app)
    return lane


def acquire(app: int, *, owner: str) -> Lease | None:
    """The lease on an app's lane; None while another worker holds it."""
    return take(of(app), owner=owner)


def take(lane: Leased, *, owner: str) -> Lease | None:
    """The lease on a lane that was just read; None while another worker holds it."""
    rows = type(lane)._default_manager
    # The clock is read before the row is written, so ours never runs out later than the row says.
    deadline = time.monotonic() + LEASE.total_seconds()
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    # The token is chosen here: read afterwards it might be the one of the next owner already, if
    # this process was frozen in between.
    token = lane.token + 1
    taken = rows.filter(free, pk=lane.pk, token=lane.token).update(
        owner=owner, token=token, lease_until=now + LEASE
    )
    return Lease(lane.pk, token, deadline, type(lane)) if taken else None


def rest(lane: Leased, *, problem: str = "", seconds: float | None = None) -> None:
    """Send nothing for so many seconds, or else for longer each time.

    With `problem`, say why until something works again. Saving the app ends it at once.
    """
    now = timezone.now()
    if seconds is None:
        seconds = breaker.rest(lane.rests)
        lane.rests += 1
    lane.paused_until = now + timedelta(seconds=seconds)
    if problem:
        lane.problem = problem
        lane.problem_since = lane.problem_since or now
    lane.save(update_fields=list(AT_WORK))


def remember(lane: Lane) -> None:
    """Keep the outcomes of the last requests for whoever owns the lane next."""
    lane.save(update_fields=["recent"])


def resume(app: int) -> None:
    """Forget what was wrong: the settings have changed, or something has worked again."""
    Lane.objects.filter(app=app).update(**AT_WORK, recent="")


def _ours(lease: Lease) -> QuerySet[Leased]:
    return lease.kind._default_manager.filter(pk=lease.lane, token=lease.token)
