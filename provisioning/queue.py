"""Marks accounts due in the transaction of the change, and hands out what is due.

The account row is the queue: there is no job that could be lost or fall out of step with it.
"""

from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When
from django.utils import timezone

from iam import actor, nesting
from provisioning import access, group_queue, nudge
from provisioning.access import Keys
from provisioning.inserting import insert
from provisioning.models import Account, App, Mapping, Policy, Priority, PushedGroup, Trigger
from provisioning.plan import State
from provisioning.transactions import giving_way

Row = TypeVar("Row", Account, PushedGroup)

# A write without signals may be committed this much later than the time it carries.
_COMMIT_LAG = timedelta(minutes=2)


def mark(
    *,
    users: Keys | None = None,
    apps: Keys | None = None,
    trigger: Trigger,
    leaving: bool = False,
) -> None:
    """Make the accounts of these users in these apps due; None stands for all.

    Accounts that should exist and do not yet are added. A few statements, however many there are.
    `leaving` puts them first where the change itself is not in the database yet.
    """
    now = timezone.now()
    accounts = Account.objects.all()
    if users is not None:
        accounts = accounts.filter(user__in=users)
    if apps is not None:
        accounts = accounts.filter(app__in=apps)
    with transaction.atomic():
        _make_due(accounts, now=now, trigger=trigger, leaving=leaving)
        _add_missing(users=users, apps=apps, now=now, trigger=trigger)


def mark_accounts(accounts: QuerySet[Account], *, trigger: Trigger) -> int:
    """Make just these accounts due; how many there were."""
    return _make_due(accounts, now=timezone.now(), trigger=trigger, leaving=False)


def mark_members(users: Keys, groups: Keys, *, leaving: bool = False) -> None:
    """These users have come into these groups or left them; what that means for both is due."""
    # To have an account, or to a formula.
    given = Policy.objects.filter(group__in=access.holding(groups)).values("app")
    asked = Mapping.objects.reading("is_member_of").values("app")
    apps = App.objects.filter(Q(pk__in=given) | Q(pk__in=asked)).values("pk")
    mark(users=users, apps=apps, trigger=Trigger.MEMBERSHIP, leaving=leaving)
    group_queue.mark(groups, trigger=Trigger.MEMBERSHIP)


def mark_apps(apps: Keys, *, trigger: Trigger) -> None:
    """What these apps give, or may do, has changed: all accounts and groups there are due."""
    mark(apps=apps, trigger=trigger)
    group_queue.mark_apps(apps, trigger=trigger)


def push_now(app: App) -> int:
    """Look at everything of the app again; how many of its accounts are due."""
    mark_apps([app.pk], trigger=Trigger.MANUAL)
    return Account.objects.filter(app=app, due_at__isnull=False).count()


def unsettled(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Those of accounts, or of groups there, that wait for a worker since they were marked."""
    return rows.filter(generation__gt=F("done_generation"))


def sweep() -> int:
    """Mark what the signals missed, as bulk writes send none. No HTTP. How many were found.

    Of a person, an app and a mapping the time of the change tells; who belongs where is compared.
    """
    if nesting.differ():
        giving_way(nesting.renew)
    now = timezone.now()
    changed = Q(user__changed_at__gt=F("checked_at")) | Q(app__changed_at__gt=F("checked_at"))
    shown = set(Mapping.objects.reading("manager").values_list("app", flat=True))
    if shown:
        changed |= Q(user__manager__changed_at__gt=F("checked_at"), app__in=shown)
    # Not for what waits for a person: it would be refused, and reported, once more.
    changed |= Q(user__changed_at__gt=F("checked_at") - _COMMIT_LAG, problem="")
    # What waits for a day to come (a deletion, a daily try) is not being looked at either.
    idle = Account.objects.exclude(due_at__lte=now + _COMMIT_LAG)
    missed = idle.exclude(granted=access.granted())
    stale = idle.filter(changed)
    # Each for itself: nothing is held while the next one waits.
    return (
        _make_due(missed, now=now, trigger=Trigger.SWEEP, leaving=False, waits=False)
        + _make_due(stale, now=now, trigger=Trigger.SWEEP, leaving=False, waits=False)
        + _add_missing(users=None, apps=None, now=now, trigger=Trigger.SWEEP)
        + group_queue.sweep()
    )


def claim(app: App, *, limit: int = 200) -> list[Account]:
    """What is due in an app, leavers first, with its user and `wanted`: whether it should be."""
    due = Account.objects.filter(app=app, due_at__lte=timezone.now())
    if not due.exists():
        return []
    return list(
        access.with_wanted(due)
        .select_related("user__manager")
        .order_by("priority", "due_at", "pk")[:limit]
    )


def due_apps() -> QuerySet[App]:
    """The apps whose lanes have something to do and may do it."""
    now = timezone.now()
    accounts = Account.objects.filter(app=OuterRef("pk"), due_at__lte=now)
    groups = PushedGroup.objects.filter(app=OuterRef("pk"), due_at__lte=now)
    apps = App.objects.filter(Q(Exists(accounts)) | Q(Exists(groups)), paused=False)
    return apps.exclude(lane__paused_until__gt=now).exclude(lane__lease_until__gt=now)


def _make_due(
    accounts: QuerySet[Account],
    *,
    now: datetime,
    trigger: Trigger,
    leaving: bool,
    waits: bool = True,
) -> int:
    """How many were made due; without `waits`, those that somebody is writing are left out."""
    if not accounts.exists():
        # As for every new app: building the statements below takes longer than this question.
        return 0
    stays = Case(When(access.granted(), then=Priority.NORMAL), default=Priority.LEAVER)
    # Always in the same order, so that two that mark do not wait for each other.
    found = accounts.order_by("pk").select_for_update(of=("self",), skip_locked=not waits)
    with transaction.atomic(savepoint=False):
        # Through the primary key, as an update cannot join the user's table.
        marked = Account.objects.filter(pk__in=found.values("pk")).update(
            generation=F("generation") + 1,
            due_at=now,
            marked_at=now,
            attempts=0,
            priority=Priority.LEAVER if leaving else stays,
            trigger=trigger,
            actor=actor.current(),
        )
    if marked:
        transaction.on_commit(nudge.everybody, robust=True)
    return marked


def _add_missing(*, users: Keys | None, apps: Keys | None, now: datetime, trigger: Trigger) -> int:
    """Insert the accounts that policies ask for: an INSERT … SELECT for each way to belong."""
    if not access.perhaps(users=users, apps=apps):
        return 0
    added = sum(
        _add(way, users=users, apps=apps, now=now, trigger=trigger) for way in access.ways()
    )
    if added:
        transaction.on_commit(nudge.everybody, robust=True)
    return added


def _add(
    way: str, *, users: Keys | None, apps: Keys | None, now: datetime, trigger: Trigger
) -> int:
    person = f"group__{way}"
    # The name takes the very membership that is looked at: a path of its own in another `filter`
    # would stand for any member of the group, and every one of them be compared with every other.
    ways = access.pairs(way, users=users, apps=apps).alias(member=F(f"{person}_id"))
    there = Account.objects.filter(app=OuterRef("app"), user=OuterRef("member"))
    missing = ways.filter(~Exists(there)).distinct().order_by("app_id", f"{person}_id")
    columns = {
        "app_id": F("app_id"),
        "user_id": F(f"{person}_id"),
        "identifier": F(f"{person}__username"),
        "identifier_key": F(f"{person}__username_key"),
        "external_id": F(f"{person}__external_id"),
    }
    return insert(Account, missing, columns, _fresh(now, trigger))


def _fresh(now: datetime, trigger: Trigger) -> dict[str, Any]:
    """What all new accounts have in common."""
    return {
        "origin": "",
        "state": State.ABSENT.value,
        "generation": 1,
        "done_generation": 0,
        "due_at": now,
        "priority": Priority.NORMAL.value,
        "trigger": trigger.value,
        "actor": actor.current(),
        "intent": {},
        "applied": {},
        "seen": {},
        "granted": False,
        "attempts": 0,
        "problem": "",
        "message": "",
        "guard": "",
        "released_by": "",
        "kept_because": "",
        "marked_at": now,
        "created_at": now,
    }
