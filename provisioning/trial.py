"""Tells what a change would lead to, by making it and undoing it: nothing is kept, sent or told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar
from uuid import uuid4

from django.db.models import QuerySet
from django.utils import timezone

from iam import actor
from provisioning import preview, transactions
from provisioning.models import Account, App
from provisioning.preview import Summary

# So many steps are shown; so many accounts are looked at, as their rows are locked meanwhile.
LISTED = 1_000
LOOKED_AT = 5_000
Seen = TypeVar("Seen")


@dataclass
class Trial:
    """What would be sent to which application for whom.

    `concerned` accounts would be looked at again; the summaries are about the first `looked_at`
    of them.
    """

    concerned: int = 0
    looked_at: int = 0
    summaries: list[Summary] = field(default_factory=list)


def of(change: Callable[[], object], *, see: Callable[[QuerySet[Account]], Seen]) -> Seen:
    """Make the change, have a look at the accounts that it made due, and undo it.

    All in one transaction, within which `change` acts for nobody but this trial: that is how its
    marks are told from those that others leave meanwhile. What `change` raises is raised.
    """
    with transactions.undone():
        began, name = timezone.now(), f"preview {uuid4().hex}"
        with actor.acting_as(name):
            change()
        return see(_marked(began, name))


def _marked(began: datetime, name: str) -> QuerySet[Account]:
    # The time is what the index of due accounts knows.
    return Account.objects.filter(due_at__gte=began, actor=name)


def told(accounts: QuerySet[Account]) -> Trial:
    """The next steps of these accounts, counted, and the first of them shown."""
    trial, listed = Trial(), 0
    for app in apps_of(accounts):
        concerned = accounts.filter(app=app)
        trial.concerned += concerned.count()
        steps = list(islice(preview.steps(app, concerned), LOOKED_AT - trial.looked_at))
        trial.looked_at += len(steps)
        trial.summaries.append(preview.summary(app, steps, rows=LISTED - listed))
        listed += len(trial.summaries[-1].first)
    return trial


def apps_of(accounts: QuerySet[Account]) -> QuerySet[App]:
    apps = App.objects.filter(pk__in=accounts.order_by().values("app"))
    return apps.select_related("lane")
