"""Holds removals from groups back when there are too many of them, until a person has decided.

Beside provisioning/guard.py, which does so for accounts: who loses an account was judged there, and
does not count here once more. All removals of the app that are due are judged before the first.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from iam import actor
from provisioning import (
    access,
    correlation,
    group_members,
    group_queue,
    group_wording,
    guard,
    transactions,
)
from provisioning import group_record as record
from provisioning.lanes import Lease
from provisioning.models import (
    App,
    Decision,
    Event,
    GroupGuard,
    Hold,
    Origin,
    Outcome,
    Problem,
    PushedGroup,
    PushedMember,
    Trigger,
)
from provisioning.plan import REMOVALS, Feature, Operation

_DAY = timedelta(hours=24)


# ----------------------------------------------------------------------------- what is counted


def limit(app: App) -> int:
    """How many people may be taken out of groups within 24 hours without anybody being asked."""
    there = PushedMember.objects.filter(pushed_group__app=app).count()
    return max(app.guard_count, there * app.guard_percent // 100)


def would_hold(app: App) -> bool:
    """Whether the removals that are due would wait for a decision."""
    return _done(app) + _due_losses(app) > limit(app)


def losses(pushed: PushedGroup) -> tuple[str, int]:
    """What the group would lose now: something that tells it from another loss, and how many."""
    rows = _losing(pushed)
    about, people = group_members.fingerprint(rows)
    if _would_be_deleted(pushed):
        return f"deletion.{about}", max(1, people)
    return about, people


def _losing(pushed: PushedGroup) -> QuerySet[PushedMember]:
    if _would_be_deleted(pushed):
        return group_members.losing(PushedMember.objects.filter(pushed_group=pushed))
    stays = not pushed.wanted and pushed.origin == Origin.CREATED
    if stays or Feature.GROUP_MEMBERS not in pushed.app.features:
        return PushedMember.objects.none()
    return group_members.losing(group_members.leaving_group(pushed))


def _would_be_deleted(pushed: PushedGroup) -> bool:
    ours = pushed.origin == Origin.CREATED and pushed.remote_id is not None
    return ours and not pushed.wanted and Feature.DELETE_GROUPS in pushed.app.features


def _done(app: App) -> int:
    """Removals of the last 24 hours that nobody was asked about, but for those of leavers."""
    since = timezone.now() - _DAY
    done = Event.objects.filter(app=app, at__gt=since, outcome=Outcome.DONE)
    lost_it = done.filter(operation__in=REMOVALS, identifier_key=OuterRef("identifier_key"))
    taken_out = done.filter(operation=Operation.REMOVE_MEMBER, approved_by="")
    deleted = PushedGroup.objects.filter(app=app, lost_at__gt=since)
    with_groups: int = deleted.aggregate(people=Sum("lost_people"))["people"] or 0
    return taken_out.filter(~Exists(lost_it)).count() + with_groups


def _due(app: App) -> QuerySet[PushedGroup]:
    """The groups that would lose somebody now and about which nobody has been asked."""
    due = PushedGroup.objects.filter(app=app, due_at__isnull=False, guard="", remote_id__gt="")
    return access.with_wanted_groups(due).select_related("group")


def _due_losses(app: App) -> int:
    """How many people all of these would lose: the same as `losses`, in a few queries."""
    due, members = _due(app), PushedMember.objects.all()
    unwanted = due.exclude(access.pushed())
    count = 0
    if Feature.GROUP_MEMBERS in app.features:
        leaving = group_members.leaving().filter(pushed_group__in=_pks(due.filter(access.pushed())))
        count += group_members.losing(leaving).count()
        adopted = members.filter(pushed_group__in=_pks(unwanted.filter(origin=Origin.ADOPTED)))
        count += group_members.losing(adopted).count()
    if Feature.DELETE_GROUPS in app.features:
        ours = unwanted.filter(origin=Origin.CREATED)
        losing = group_members.losing(members.filter(pushed_group__in=_pks(ours)))
        anybody = group_members.losing(members.filter(pushed_group=OuterRef("pk")))
        count += losing.count() + ours.filter(~Exists(anybody)).count()
    return count


def _pks(rows: QuerySet[PushedGroup]) -> QuerySet[PushedGroup, int]:
    return rows.order_by().values_list("pk", flat=True)


# ------------------------------------------------------------------------------- holding back


def judge(claimed: Sequence[PushedGroup], *, app: App, lease: Lease) -> dict[int, int | None]:
    """By group, how many may be taken out now; None for one that is held back.

    The groups get what is decided about them. Raises LeaseLost if the lane moved on.
    """

    def judged() -> dict[int, int | None]:
        lease.confirm()
        _refresh(claimed)
        found = {pushed.pk: losses(pushed) for pushed in claimed}
        for pushed in claimed:
            _settle(pushed, *found[pushed.pk])
        asked = [pushed for pushed in claimed if not pushed.guard and found[pushed.pk][1]]
        if asked:
            _hold_if_too_many(app, asked, lease)
        stays = {GroupGuard.HELD, GroupGuard.KEPT}
        return {
            pushed.pk: None if pushed.guard in stays else found[pushed.pk][1] for pushed in claimed
        }

    return transactions.giving_way(judged)


def _refresh(claimed: Sequence[PushedGroup]) -> None:
    """What was decided since the claim; whoever decides now waits for this transaction."""
    fields = ("guard", "guard_about", "guard_people", "released_by")
    rows = PushedGroup.objects.filter(pk__in=[pushed.pk for pushed in claimed]).order_by("pk")
    now = {row.pk: row for row in rows.select_for_update()}
    for pushed in claimed:
        for name in fields:
            setattr(pushed, name, getattr(now.get(pushed.pk, pushed), name))


def _settle(pushed: PushedGroup, about: str, people: int) -> None:
    """End what was decided about another loss than the one of now."""
    match pushed.guard:
        case "":
            return
        case GroupGuard.RELEASED if 0 < people <= pushed.guard_people:
            return
        case GroupGuard.KEPT if about == pushed.guard_about:
            return
        case GroupGuard.HELD if people:
            if about != pushed.guard_about:
                _put(pushed, guard=GroupGuard.HELD, guard_about=about, guard_people=people)
                _waiting([pushed.pk]).update(people=people, why=_why(pushed, people))
        case _:
            _put(pushed, guard="", guard_about="", guard_people=0, released_by="")
            _waiting([pushed.pk]).update(decision=Decision.OVER, decided_at=timezone.now())


def _hold_if_too_many(app: App, asked: Sequence[PushedGroup], lease: Lease) -> None:
    count, allowed = _done(app) + _due_losses(app), limit(app)
    if count <= allowed:
        return
    message = group_wording.held(app, count=count, limit=allowed)
    claimed = {pushed.pk: pushed for pushed in asked}
    told = []
    for row in _due(app):
        pushed = claimed.get(row.pk, row)
        pushed.app = app
        about, people = losses(pushed)
        if people:
            told.append(_hold(pushed, about, people, message))
    record.tell(told, lane=lease.lane)


def _hold(pushed: PushedGroup, about: str, people: int, message: str) -> record.GroupResult:
    _put(
        pushed,
        guard=GroupGuard.HELD,
        guard_about=about,
        guard_people=people,
        problem=Problem.HELD,
        message=message,
        problem_since=timezone.now(),
    )
    deletes = _would_be_deleted(pushed)
    operation = Operation.DELETE_GROUP if deletes else Operation.REMOVE_MEMBER
    why = _why(pushed, people)
    Hold.objects.create(
        app=pushed.app,
        pushed_group=pushed,
        people=people,
        identifier=pushed.name,
        operation=operation.value,
        why=why,
        held_at=timezone.now(),
    )
    event = record.event(
        pushed, operation, Outcome.HELD, f"{why} {message}", correlation_id=correlation.new()
    )
    return record.GroupResult(pushed, events=[event])


def _why(pushed: PushedGroup, people: int) -> str:
    return group_wording.why_held(pushed, people=people, deletes=_would_be_deleted(pushed))


def _put(pushed: PushedGroup, **fields: object) -> None:
    for name, value in fields.items():
        setattr(pushed, name, value)
    PushedGroup.objects.filter(pk=pushed.pk).update(**fields)


def _waiting(groups: Collection[int]) -> QuerySet[Hold]:
    return Hold.objects.filter(pushed_group__in=groups, decision=Decision.WAITING)


# ----------------------------------------------------------------------------------- deciding


def release(holds: QuerySet[Hold], *, by: str, reason: str) -> int:
    """Let it happen, to accounts and to groups; how many waited for it still."""
    with transaction.atomic():
        accounts = guard.release(holds.filter(pushed_group=None), by=by, reason=reason)
        fields = {"guard": GroupGuard.RELEASED, "released_by": by}
        return accounts + _decide(holds, Decision.RELEASED, by=by, reason=reason, fields=fields)


def reject(holds: QuerySet[Hold], *, by: str, reason: str) -> int:
    """Keep accounts and groups as they are for as long as nothing changes; how many waited."""
    with transaction.atomic():
        accounts = guard.reject(holds.filter(pushed_group=None), by=by, reason=reason)
        fields = {"guard": GroupGuard.KEPT, "released_by": ""}
        return accounts + _decide(holds, Decision.REJECTED, by=by, reason=reason, fields=fields)


def end_keeping(groups: QuerySet[PushedGroup], *, by: str) -> int:
    """Let people be taken out of groups that were kept as they are; how many groups there were."""
    with transaction.atomic(), actor.acting_as(by):
        keys = _locked(groups.filter(guard=GroupGuard.KEPT))
        kept = PushedGroup.objects.filter(pk__in=keys)
        group_queue.mark_rows(kept, trigger=Trigger.DECISION)
        return kept.update(guard=GroupGuard.RELEASED, released_by=by)


def _decide(
    holds: QuerySet[Hold], decision: Decision, *, by: str, reason: str, fields: dict[str, str]
) -> int:
    if not by or not reason.strip():
        raise ValueError("a decision is somebody's, and has a reason")
    waiting = Q(decision=Decision.WAITING, pushed_group__isnull=False)
    with transaction.atomic(), actor.acting_as(by):
        # Groups before holds, as in the worker, so that the two do not wait for each other.
        keys = _locked(PushedGroup.objects.filter(pk__in=holds.values("pushed_group")))
        open_ = Hold.objects.filter(waiting, pk__in=holds.values("pk"), pushed_group__in=keys)
        groups = PushedGroup.objects.filter(
            pk__in=list(open_.values_list("pushed_group", flat=True))
        )
        decided = open_.update(
            decision=decision, decided_at=timezone.now(), decided_by=by, reason=reason.strip()
        )
        group_queue.mark_rows(groups, trigger=Trigger.DECISION)
        groups.update(problem="", message="", problem_since=None, **fields)
    return decided


def _locked(groups: QuerySet[PushedGroup]) -> list[int]:
    """Their keys. The worker that is about to judge them waits, and finds what was decided."""
    return list(groups.order_by("pk").select_for_update().values_list("pk", flat=True))
