"""Holds removals back when there are too many of them, until a person has decided.

Only the worker that owns an app's lane holds anything back, and it judges all removals of the app
that are due, not only those it has just claimed, before it sends the first one.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from iam import actor, batches
from provisioning import (
    access,
    evidence,
    lanes,
    queue,
    record,
    scope,
    transactions,
    wording,
)
from provisioning.lanes import Lease
from provisioning.models import (
    Account,
    App,
    Decision,
    Event,
    Guard,
    Hold,
    Outcome,
    Priority,
    Problem,
    Trigger,
)
from provisioning.plan import REMOVALS, Feature, Operation, plan
from provisioning.record import Result

_DAY = timedelta(hours=24)
_BATCH = 500
_WAITING = Hold.objects.filter(account=OuterRef("pk"), decision=Decision.WAITING)


# ----------------------------------------------------------------------------- what is counted


def removals(app: App, *, now: datetime) -> QuerySet[Account]:
    """The accounts that lose access now: what `plan` answers for each, as one query."""
    rules = app.rules
    deletes = Feature.DELETE_USERS in rules.features
    ways_out = Q(pk__in=[])
    if Feature.DEACTIVATE_USERS in rules.features or (deletes and not rules.delete_after):
        ways_out |= Q(access.could_be_on())
    if deletes and rules.removes:
        over = Q(deprovisioned_at__lte=now - rules.delete_after)
        if not rules.delete_after:
            over |= Q(deprovisioned_at=None)
        ways_out |= over & ~Q(access.could_be_on()) & ~Q(access.kept())
    linked = Account.objects.filter(app=app, remote_id__isnull=False)
    return linked.filter(ways_out & ~Q(access.granted()))


def limit(app: App) -> int:
    """How many accounts may lose access within 24 hours without anybody being asked."""
    there = Account.objects.filter(app=app, remote_id__isnull=False).count()
    return max(app.guard_count, there * app.guard_percent // 100)


def would_hold(app: App, *, removed: int) -> bool:
    """Whether so many more removals would wait for a decision."""
    return _done(app) + removed > limit(app)


def due_removals(app: App) -> int:
    """How many removals are to be done now that nobody has decided about, as the worker counts."""
    return _due(app, now=timezone.now() + lanes.LEASE).filter(guard="").count()


def waiting() -> QuerySet[Hold]:
    """What waits for a decision. By way of the apps, for the sake of their index."""
    return Hold.objects.filter(app__in=App.objects.values("pk"), decision=Decision.WAITING)


def waiting_by_app() -> list[tuple[int, str, int]]:
    """The key and the name of each app for which something waits, and how much."""
    counts = waiting().order_by("app__name").values_list("app", "app__name")
    return list(counts.annotate(count=Count("pk")))


def _done(app: App) -> int:
    """Removals of the last 24 hours that nobody was asked about."""
    done = Event.objects.filter(app=app, at__gt=timezone.now() - _DAY, outcome=Outcome.DONE)
    return done.filter(operation__in=REMOVALS, approved_by="").count()


def _due(app: App, *, now: datetime) -> QuerySet[Account]:
    """The removals that are to be done now, and those that may have been done already."""
    lost = access.in_doubt(Operation.DEACTIVATE) | access.in_doubt(Operation.DELETE)
    # What was looked for in vain again and again has not been done.
    lost &= ~Q(problem=Problem.WITHOUT_EFFECT)
    due = Q(due_at__lte=now) | lost & Q(due_at__isnull=False)
    return removals(app, now=now).filter(due)


# ------------------------------------------------------------------------------- holding back


def hold_back(claimed: list[Account], *, app: App, lease: Lease) -> list[Account]:
    """The claimed accounts without those that wait for a decision, or for another look.

    Raises LeaseLost if the lane moved on.
    """
    # Whatever is sent is sent within the lease: so nothing that becomes a removal only after this
    # judgement, by the end of its days of grace, is sent under it.
    now = timezone.now() + lanes.LEASE
    _settle([account for account in claimed if account.guard or account.kept_because], app, now)
    leaving = {account.pk: account for account in claimed if _leaves(account, app, now)}
    if leaving:
        _judge(leaving, app, now, lease)
    # What is left in `leaving` stays due, or has been put aside.
    return [each for each in claimed if each.pk not in leaving and each.guard != Guard.HELD]


def _leaves(account: Account, app: App, now: datetime) -> bool:
    if account.wanted:
        return False
    action = plan(account.recorded, wanted=False, desired={}, rules=app.rules, now=now)
    return action.operation in REMOVALS


def _settle(watched: list[Account], app: App, now: datetime) -> None:
    """End the decisions and holds that have become pointless, here and in the database."""
    if not watched:
        return
    rows = Account.objects.filter(pk__in=[account.pk for account in watched])

    def settle() -> dict[int, Account]:
        _lock(rows)
        stale = Q(access.by_policy()) | ~Q(access.kept())
        rows.exclude(kept_because="").filter(stale).update(kept_because="")
        still = removals(app, now=now).values("pk")
        pointless = Q(guard=Guard.HELD) & ~Q(pk__in=still)
        pointless |= Q(guard=Guard.RELEASED) & Q(access.granted())
        over(list(rows.filter(pointless).values_list("pk", flat=True)))
        return {row.pk: row for row in rows.only("guard", "released_by", "kept_because")}

    found = transactions.giving_way(settle)
    for account in watched:
        row = found.get(account.pk, account)
        account.guard, account.released_by = row.guard, row.released_by
        account.kept_because = row.kept_because


def over(accounts: Collection[int]) -> None:
    """There is nothing to decide about these accounts any more."""
    Account.objects.filter(pk__in=accounts).update(guard="", released_by="")
    Hold.objects.filter(account__in=accounts, decision=Decision.WAITING).update(
        decision=Decision.OVER, decided_at=timezone.now()
    )


def _judge(leaving: dict[int, Account], app: App, now: datetime, lease: Lease) -> None:
    """Take out of `leaving` what may go on, and hold the rest back if it is too much.

    Who was given access again since the claim is no removal any more, and is left to the next one.
    """
    due = _due(app, now=now)

    def judge() -> set[int]:
        lease.confirm()
        # One look at those that may be sent, so that whatever goes on has been counted.
        open_ = due.filter(pk__in=leaving).exclude(guard=Guard.HELD)
        found = dict(open_.values_list("pk", "guard"))
        asked = [pk for pk, guard in found.items() if not guard]
        if asked and not _within(app, due, asked):
            found = {pk: guard for pk, guard in found.items() if guard}
        if any(account.guard for pk, account in leaving.items() if pk not in found):
            _put_aside(_due(app, now=now).filter(guard=Guard.HELD))
        return set(found)

    for pk in transactions.giving_way(judge):
        del leaving[pk]


def _within(app: App, due: QuerySet[Account], asked: list[int]) -> bool:
    """Whether that many removals are within the app's limit; if not, all are held back."""
    others = due.filter(guard="").exclude(pk__in=asked).count()
    count, allowed = _done(app) + len(asked) + others, limit(app)
    if count <= allowed:
        return True
    message = wording.held(app, count=count, limit=allowed)
    _put_aside(
        due.filter(guard=""),
        guard=Guard.HELD,
        problem=Problem.HELD,
        message=message,
        problem_since=timezone.now(),
    )
    _write_down(app, message)
    return False


def _put_aside(accounts: QuerySet[Account], **fields: Any) -> None:
    """Not due until something changes or somebody decides."""
    _lock(accounts)
    accounts.update(
        due_at=None,
        done_generation=F("generation"),
        granted=False,
        checked_at=timezone.now(),
        **fields,
    )


def _write_down(app: App, message: str) -> None:
    """A hold and an event for everybody who was put aside."""
    now = timezone.now()
    held = Account.objects.filter(~Exists(_WAITING), app=app, guard=Guard.HELD)
    for accounts in batches.by_key(held.select_related("user"), _BATCH):
        holds, told = [], []
        for account in accounts:
            account.app = app
            leave = plan(account.recorded, wanted=False, desired={}, rules=app.rules, now=now)
            # Its days of grace may end only within the lease.
            operation = leave.operation if leave.operation in REMOVALS else Operation.DELETE
            why = wording.because(account)
            holds.append(
                Hold(
                    app=app,
                    account=account,
                    identifier=account.identifier,
                    operation=operation.value,
                    why=why,
                    held_at=now,
                )
            )
            event = record.event(account, operation, Outcome.HELD, f"{why} {message}")
            evidence.attach(event, evidence.Kept(scope=scope.without(account)), app=app)
            told.append(Result(account, event=event))
        Hold.objects.bulk_create(holds)
        record.tell(told, app=app)


# ----------------------------------------------------------------------------------- deciding


def release(holds: QuerySet[Hold], *, by: str, reason: str) -> int:
    """Let these people lose access; how many waited for it still."""
    fields = {"guard": Guard.RELEASED, "released_by": by}
    return _decide(holds, Decision.RELEASED, by=by, reason=reason, fields=fields)


def reject(holds: QuerySet[Hold], *, by: str, reason: str) -> int:
    """Keep these accounts as they are for as long as nothing changes; how many waited still."""
    fields = {"guard": "", "released_by": "", "kept_because": access.reason()}
    return _decide(holds, Decision.REJECTED, by=by, reason=reason, fields=fields)


def end_access(accounts: QuerySet[Account], *, by: str) -> int:
    """Let go of accounts that were kept; how many were."""
    with transaction.atomic(), actor.acting_as(by):
        kept = Account.objects.filter(pk__in=accounts.values("pk")).exclude(kept_because="")
        _lock(kept)
        queue.mark_accounts(kept, trigger=Trigger.DECISION)
        return kept.update(
            guard=Guard.RELEASED, released_by=by, kept_because="", priority=Priority.LEAVER
        )


def _decide(
    holds: QuerySet[Hold], decision: Decision, *, by: str, reason: str, fields: dict[str, Any]
) -> int:
    """The same few statements for one hold and for a hundred thousand."""
    if not by or not reason.strip():
        raise ValueError("a decision is somebody's, and has a reason")
    now = timezone.now()
    with transaction.atomic(), actor.acting_as(by):
        # Accounts before holds, as in the worker, so that the two do not wait for each other.
        _lock(Account.objects.filter(pk__in=holds.values("account")))
        decided = Hold.objects.filter(pk__in=holds.values("pk"), decision=Decision.WAITING).update(
            decision=decision, decided_at=now, decided_by=by, reason=reason.strip()
        )
        ours = Hold.objects.filter(decision=decision, decided_at=now, decided_by=by)
        accounts = Account.objects.filter(guard=Guard.HELD, pk__in=ours.values("account"))
        queue.mark_accounts(accounts, trigger=Trigger.DECISION)
        accounts.update(problem="", message="", problem_since=None, **fields)
    return decided


def _lock(accounts: QuerySet[Account]) -> None:
    """Whoever marks these accounts waits, and then finds what this transaction left."""
    list(accounts.order_by("pk").select_for_update().values_list("pk", flat=True))
