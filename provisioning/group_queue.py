"""Marks groups due in the transaction of the change, and hands out what is due.

The row of a pushed group is its queue, as an account's row is (provisioning/queue.py).
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from iam import actor, batches
from iam.models import Group, Membership
from provisioning import access, group_members, nudge
from provisioning.access import Keys
from provisioning.models import (
    Account,
    App,
    GroupGuard,
    Problem,
    PushedGroup,
    PushedMember,
    Trigger,
)
from provisioning.plan import Feature, State

_BATCH = 500
# What is due within this time is not looked at by the routine check.
_SOON = timedelta(minutes=2)
# What waits for its next try is not for the routine check either.
_WAITS = [
    Problem.UNAVAILABLE,
    Problem.REJECTED,
    Problem.CONFLICT,
    Problem.WITHOUT_EFFECT,
]


def mark(groups: Keys, *, trigger: Trigger) -> int:
    """Somebody joined or left these groups, or they have another name; how many rows are due."""
    rows = PushedGroup.objects.filter(group__in=access.holding(groups))
    return mark_rows(rows, trigger=trigger)


def mark_apps(apps: Keys, *, trigger: Trigger) -> None:
    """What these apps get, or may do, has changed: every group of theirs, and those to come."""
    mark_rows(PushedGroup.objects.filter(app__in=apps), trigger=trigger)
    _add_missing(apps=apps, now=timezone.now(), trigger=trigger)


def mark_rows(
    rows: QuerySet[PushedGroup], *, trigger: Trigger, by: str | None = None, waits: bool = True
) -> int:
    """Make just these due; without `waits`, those that somebody is writing are left out."""
    if not rows.exists():
        # As where no app gets groups: building the statement below takes longer than this question.
        return 0
    now = timezone.now()
    # Always in the same order, so that two that mark do not wait for each other.
    found = rows.order_by("pk").select_for_update(of=("self",), skip_locked=not waits)
    with transaction.atomic(savepoint=False):
        marked = PushedGroup.objects.filter(pk__in=found.values("pk")).update(
            generation=F("generation") + 1,
            due_at=now,
            marked_at=now,
            attempts=0,
            trigger=trigger,
            actor=actor.current() if by is None else by,
        )
    if marked:
        transaction.on_commit(nudge.everybody, robust=True)
    return marked


def push_now(rows: QuerySet[PushedGroup]) -> int:
    """Look at just these again, and send anew whoever was refused; how many groups there were."""
    again = PushedMember.objects.filter(pushed_group__in=rows.values("pk")).exclude(message="")
    with transaction.atomic():
        count = mark_rows(rows, trigger=Trigger.MANUAL)
        again.update(try_at=timezone.now())
    return count


def accounts_changed(accounts: Iterable[Account]) -> None:
    """Accounts came, went, or were brought up to date: their groups follow.

    In the transaction that records it. One that is gone was taken out of its groups by the
    application itself; one that was refused may be taken now.
    """
    changed: dict[tuple[str, str], list[Account]] = {}
    for account in accounts:
        changed.setdefault((account.trigger, account.actor), []).append(account)
    for (trigger, by), rows in changed.items():
        keys = [row.pk for row in rows]
        members = PushedMember.objects.filter(account__in=keys)
        members.exclude(message="").update(try_at=timezone.now())
        users = [row.user_id for row in rows if row.user_id is not None]
        theirs = access.holding(Membership.objects.filter(user__in=users).values("group"))
        groups = Q(group__in=theirs) | Q(pk__in=members.values("pushed_group"))
        apps = {row.app_id for row in rows}
        concerned = PushedGroup.objects.filter(groups, app__in=apps)
        mark_rows(concerned, trigger=Trigger(trigger), by=by)


def accounts_gone(accounts: Collection[int]) -> None:
    """They are not there any more, so the application has dropped them from its groups."""
    if accounts:
        PushedMember.objects.filter(account__in=accounts, account__remote_id=None).delete()


def is_due(app: App) -> bool:
    return PushedGroup.objects.filter(app=app, due_at__lte=timezone.now()).exists()


def claim(app: App, *, limit: int) -> list[PushedGroup]:
    """What is due in an app, longest first, with its group and `wanted`: whether it should be."""
    due = PushedGroup.objects.filter(app=app, due_at__lte=timezone.now())
    rows = access.with_wanted_groups(due).select_related("group")
    return list(rows.order_by("due_at", "pk")[:limit])


def sweep() -> int:
    """Mark what the signals missed, as bulk writes send none. No HTTP. How many were found."""
    now = timezone.now()
    idle = PushedGroup.objects.exclude(due_at__lte=now + _SOON)
    calm = idle.exclude(problem__in=_WAITS)
    keeping = calm.filter(state=State.ACTIVE, granted=True, app__in=_with_members())
    unheld = keeping.exclude(guard__in=[GroupGuard.HELD, GroupGuard.KEPT])
    leaving = group_members.leaving().filter(
        group_members.unhindered(), pushed_group=OuterRef("pk")
    )
    missed = [
        idle.exclude(granted=access.pushed()),
        calm.filter(app__changed_at__gt=F("checked_at")),
        calm.filter(granted=True).exclude(name=F("group__name")),
        keeping.filter(Exists(group_members.missing_anywhere())),
        unheld.filter(Exists(leaving)),
    ]
    # Each for itself: nothing is held while the next one waits.
    marked = sum(mark_rows(rows, trigger=Trigger.SWEEP, waits=False) for rows in missed)
    return marked + _add_missing(apps=None, now=now, trigger=Trigger.SWEEP)


def _with_members() -> list[int]:
    """The apps in which the members of groups are kept right."""
    apps = access.pushing().values_list("pk", "features")
    return [pk for pk, features in apps if Feature.GROUP_MEMBERS in features]


def _add_missing(*, apps: Keys | None, now: datetime, trigger: Trigger) -> int:
    """The rows of groups that are to be pushed and have none yet."""
    if not access.pushing(apps).exists():
        return 0
    there = PushedGroup.objects.filter(app=OuterRef("app"), group=OuterRef("group"))
    added = 0
    for pairs in access.group_pairs(apps=apps):
        for batch in batches.of(list(pairs.filter(~Exists(there))), _BATCH):
            added += _add(batch, now=now, trigger=trigger)
    if added:
        transaction.on_commit(nudge.everybody, robust=True)
    return added


def _add(pairs: Collection[tuple[int, int]], *, now: datetime, trigger: Trigger) -> int:
    groups = Group.objects.in_bulk({group for _, group in pairs})
    rows = [
        PushedGroup(
            app_id=app,
            group=groups[group],
            name=groups[group].name,
            due_at=now,
            marked_at=now,
            trigger=trigger,
            actor=actor.current(),
        )
        for app, group in pairs
        if group in groups
    ]
    # Somebody else may be adding the same.
    PushedGroup.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)
