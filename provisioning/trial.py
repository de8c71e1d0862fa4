"""Tells what a change would lead to, by making it and undoing it: nothing is kept, sent or told."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar
from uuid import uuid4

from django.db.models import CharField, Count, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from iam import actor
from provisioning import group_preview, group_queue, preview, transactions
from provisioning.group_preview import GroupSummary
from provisioning.models import Account, App, Guard, PushedGroup
from provisioning.plan import Operation, State
from provisioning.preview import Step, Summary

# So many steps are shown; so many accounts are looked at, as their rows are locked meanwhile.
LISTED = 1_000
LOOKED_AT = 5_000
Seen = TypeVar("Seen")

# What is recorded of an account once its step is done, as far as groups depend on it.
_AFTERWARDS: dict[str, dict[str, Any]] = {
    Operation.CREATE: {
        "state": State.ACTIVE,
        "remote_id": Concat(Value("preview "), Cast("pk", CharField())),
    },
    Operation.REACTIVATE: {"state": State.ACTIVE},
    Operation.DEACTIVATE: {"state": State.SUSPENDED},
    Operation.DELETE: {"state": State.GONE, "remote_id": None},
}


@dataclass(frozen=True)
class Marked:
    """What a change has made due, told from what others leave meanwhile by a name of its own."""

    since: datetime
    name: str

    # The time is what the index of due rows knows.
    @property
    def accounts(self) -> QuerySet[Account]:
        return Account.objects.filter(due_at__gte=self.since, actor=self.name)

    @property
    def groups(self) -> QuerySet[PushedGroup]:
        return PushedGroup.objects.filter(due_at__gte=self.since, actor=self.name)


@dataclass
class InApp:
    """What would be done in one application: to accounts, and to groups once that is done."""

    app: App
    accounts: Summary
    groups: GroupSummary = field(default_factory=GroupSummary)


@dataclass
class Trial:
    """What would be sent to which application for whom.

    `concerned` accounts would be looked at again; what is told of each application is about the
    first `looked_at` of them.
    """

    concerned: int = 0
    looked_at: int = 0
    apps: list[InApp] = field(default_factory=list)


def of(change: Callable[[], object], *, see: Callable[[Marked], Seen]) -> Seen:
    """Make the change, have a look at what it made due, and undo it.

    All in one transaction, within which `change` acts for nobody but this trial. What `change`
    raises is raised.
    """
    with transactions.undone():
        marked = Marked(timezone.now(), f"preview {uuid4().hex}")
        with actor.acting_as(marked.name):
            change()
        return see(marked)


def told(change: Callable[[], object]) -> Trial:
    """The next steps that the change would lead to, counted, and the first of them shown."""
    return of(change, see=partial(_seen, stood=_standing()))


def as_things_stand(app: App) -> Trial:
    """The same without a change: what is due in the app."""
    trial = Trial()
    found, _ = _accounts(trial, app, preview.due(app))
    found.groups = group_preview.summary(app, group_preview.due(app), rows=LISTED)
    return trial


def _seen(marked: Marked, *, stood: Counter[App]) -> Trial:
    trial = Trial()
    forgotten = _forgotten(marked, stood)
    for app in _apps(Q(pk__in=_of(marked.accounts)) | Q(pk__in=_of(marked.groups))):
        found, steps = _accounts(trial, app, marked.accounts.filter(app=app))
        if PushedGroup.objects.filter(app=app).exists():
            _pretend(steps)
            found.groups = group_preview.summary(app, marked.groups.filter(app=app), rows=LISTED)
        found.accounts.counts += Counter({Operation.FORGET.value: forgotten.pop(app, 0)})
    for app, count in forgotten.items():
        trial.apps.append(InApp(app, Summary(app, Counter({Operation.FORGET.value: count}))))
    return trial


def _accounts(trial: Trial, app: App, concerned: QuerySet[Account]) -> tuple[InApp, list[Step]]:
    """What would be done to these accounts, added to the trial."""
    trial.concerned += concerned.count()
    steps = list(islice(preview.steps(app, concerned), LOOKED_AT - trial.looked_at))
    trial.looked_at += len(steps)
    listed = sum(len(each.accounts.first) for each in trial.apps)
    found = InApp(app, preview.summary(app, steps, rows=LISTED - listed))
    trial.apps.append(found)
    return found, steps


def _pretend(steps: Sequence[Step]) -> None:
    """Record these steps as done, so that the groups are looked at as the worker will find them."""
    by_kind: dict[str, list[Account]] = {}
    for step in steps:
        by_kind.setdefault(step.kind, []).append(step.account)
    # Whose removal waits stays in their groups.
    _update(by_kind.get("held", []), guard=Guard.HELD)
    for operation, fields in _AFTERWARDS.items():
        done = by_kind.get(operation, [])
        _update(done, **fields)
        group_queue.accounts_gone([account.pk for account in done])
        group_queue.accounts_changed(done)


def _update(accounts: Sequence[Account], **fields: Any) -> None:
    Account.objects.filter(pk__in=[account.pk for account in accounts]).update(**fields)


def _standing() -> Counter[App]:
    """How many accounts are kept in each application."""
    return _counted(Account.objects.filter(state=State.ACTIVE, forgotten_at=None))


def _forgotten(marked: Marked, stood: Counter[App]) -> Counter[App]:
    """How many accounts the change leaves in each application as they are, kept by nobody."""
    left = App.objects.in_bulk([app.pk for app in stood])
    with_app = Counter({app: count for app, count in stood.items() if app.pk not in left})
    return with_app + _counted(Account.objects.filter(forgotten_at__gte=marked.since))


def _counted(accounts: QuerySet[Account]) -> Counter[App]:
    counts = dict(accounts.order_by().values_list("app").annotate(Count("pk")))
    return Counter({app: counts[app.pk] for app in _apps(Q(pk__in=counts))})


def apps_of(accounts: QuerySet[Account]) -> QuerySet[App]:
    return _apps(Q(pk__in=_of(accounts)))


def _of(rows: QuerySet[Any]) -> QuerySet[Any, Any]:
    return rows.order_by().values("app")


def _apps(which: Q) -> QuerySet[App]:
    return App.objects.filter(which).select_related("lane")
