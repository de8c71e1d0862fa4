"""Tells who is to be added to a group there, and who is to be taken out of it, in portions."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum

from provisioning import access
from provisioning.effects import LOOKS
from provisioning.models import Account, Guard, MemberState, PushedGroup, PushedMember
from provisioning.plan import State

# Those of whom it is known, or may be, that they are in it.
_MAY_BE_IN = [MemberState.IN, MemberState.ADDING, MemberState.REMOVING]
_PAUSE = timedelta(minutes=1)


# ------------------------------------------------------------------------------------ who is not


def missing(pushed: PushedGroup, *, after: int, limit: int) -> list[Account]:
    """The next of those who should be in it and are not, or not for certain, by their keys.

    Those who were refused, or accepted in vain, are not among them.
    """
    rows = _members(pushed).filter(remote_id=OuterRef("remote_id"))
    in_vain = Q(state=MemberState.ADDING) & ~Q(message="")
    settled = rows.filter(Q(state__in=[MemberState.IN, MemberState.REFUSED]) | in_vain)
    wanted = _should_be_in(pushed).filter(~Exists(settled), pk__gt=after)
    return list(wanted.order_by("pk")[:limit])


def refused(pushed: PushedGroup, *, now: datetime, limit: int) -> list[Account]:
    """Those who were refused, or accepted in vain, and are to be tried again now."""
    states = [MemberState.REFUSED, MemberState.ADDING]
    again = _members(pushed).filter(state__in=states, try_at__lte=now)
    wanted = _should_be_in(pushed).filter(remote_id__in=again.values("remote_id"))
    return list(wanted.order_by("pk")[:limit])


def missing_anywhere() -> QuerySet[Account]:
    """For a query over pushed groups: those who should be in the group and have no row in it."""
    rows = PushedMember.objects.filter(
        pushed_group=OuterRef(OuterRef("pk")), remote_id=OuterRef("remote_id")
    )
    belongs = access.belonging(group=OuterRef("group"), user="user")
    accounts = Account.objects.filter(app=OuterRef("app"))
    return accounts.filter(belongs, access.may_be_in_groups(), ~Exists(rows))


def _should_be_in(pushed: PushedGroup) -> QuerySet[Account]:
    people = access.belonging_to([pushed.group_id] if pushed.group_id else [])
    accounts = Account.objects.filter(app=pushed.app_id, user__in=people)
    return accounts.filter(access.may_be_in_groups())


# --------------------------------------------------------------------------------- who is too many


def leaving() -> QuerySet[PushedMember]:
    """Those who may be in a group there and should not be, for whatever group.

    Whose account the guard holds, or somebody decided to keep, stays in what it is in.
    """
    belongs = access.belonging(group="pushed_group__group", user="account__user")
    may_be = Account.objects.filter(
        access.may_be_in_groups(), pk=OuterRef("account"), remote_id=OuterRef("remote_id")
    )
    return _removable().exclude(belongs & Q(Exists(may_be)))


def leaving_group(pushed: PushedGroup) -> QuerySet[PushedMember]:
    """The same of one group; of one that is not pushed any more, everybody leaves."""
    return of_group(pushed, leaving() if pushed.wanted else _removable())


def of_group(pushed: PushedGroup, rows: QuerySet[PushedMember]) -> QuerySet[PushedMember]:
    return rows.filter(pushed_group=pushed)


def next_leaving(
    pushed: PushedGroup, *, after: int, now: datetime, limit: int, may_lose: bool
) -> list[PushedMember]:
    """The next who are to be taken out; whom the application would not let go, at their time.

    Without `may_lose` only those for whom it is no loss any more.
    """
    rows = leaving_group(pushed).filter(pk__gt=after)
    if not may_lose:
        rows = rows.exclude(account__state=State.ACTIVE)
    rows = rows.filter(unhindered() | Q(try_at__lte=now))
    return list(rows.select_related("account__user").order_by("pk")[:limit])


def unhindered() -> Q:
    """Those who have not been sent away in vain. What kept one from getting in does not count."""
    return Q(message="") | ~Q(state=MemberState.REMOVING)


def losing(rows: QuerySet[PushedMember]) -> QuerySet[PushedMember]:
    """Those of the leaving for whom it is a loss of its own: their account is switched on still.

    Whose account is off or gone has lost more, and the guard has looked at that.
    """
    return rows.filter(account__state=State.ACTIVE)


def is_losing(row: PushedMember) -> bool:
    """The same of one row."""
    return row.account.state == State.ACTIVE


def fingerprint(rows: QuerySet[PushedMember]) -> tuple[str, int]:
    """Tells these rows from others, and how many they are."""
    found = rows.order_by().aggregate(
        count=Count("pk"), least=Min("pk"), most=Max("pk"), sum=Sum("pk")
    )
    return ".".join(str(found[key] or 0) for key in ("least", "most", "sum")), found["count"]


def _removable() -> QuerySet[PushedMember]:
    rows = PushedMember.objects.filter(state__in=_MAY_BE_IN)
    return rows.exclude(account__guard=Guard.HELD).filter(account__kept_because="")


# ---------------------------------------------------------------------------------------- counted


def changes(groups: Sequence[PushedGroup]) -> tuple[dict[int, int], dict[int, int]]:
    """How many are to be added to each of these groups, and how many to be taken out, by its key.

    Of those to be added, whoever was tried before does not count. In three queries.
    """
    wanted = [pushed.pk for pushed in groups if pushed.wanted]
    others = [pushed.pk for pushed in groups if not pushed.wanted]
    missing = missing_anywhere().order_by().values("app").annotate(count=Count("pk"))
    counted = PushedGroup.objects.filter(pk__in=wanted).annotate(
        missing=Subquery(missing.values("count"))
    )
    joining = {pk: count or 0 for pk, count in counted.values_list("pk", "missing")}
    too_many: dict[int, int] = {}
    for rows, keys in ((leaving(), wanted), (_removable(), others)):
        of_these = rows.filter(pushed_group__in=keys).order_by().values_list("pushed_group")
        too_many |= dict(of_these.annotate(count=Count("pk")))
    return joining, too_many


# ------------------------------------------------------------------------------------- next look


def next_try(pushed: PushedGroup, *, now: datetime) -> datetime | None:
    """When somebody who was refused, or accepted in vain, is to be tried again.

    Whose time has come and who could not be sent, as the guard holds the group, is looked at again.
    """
    found: datetime | None = _members(pushed).aggregate(first=Min("try_at"))["first"]
    return max(found, now + _PAUSE) if found else None


def stuck(pushed: PushedGroup) -> int:
    """How many were not added, or not let go, and are tried no more than once a day."""
    trying = Q(looks__gt=0, looks__lt=LOOKS)
    return _members(pushed).exclude(message="").exclude(trying).count()


def drop_pointless(pushed: PushedGroup) -> None:
    """Forget those who were refused and are not to be in it any more: nothing is there of them."""
    rows = _members(pushed).filter(state=MemberState.REFUSED)
    if not rows.exists():
        return
    wanted = _should_be_in(pushed) if pushed.wanted else Account.objects.none()
    rows.exclude(remote_id__in=wanted.values("remote_id")).delete()


def rows_of(pushed: PushedGroup, accounts: Sequence[Account]) -> list[PushedMember]:
    """The rows of these accounts in the group, made where there are none, about to be added."""
    keys = [account.remote_id for account in accounts]
    known = {row.remote_id: row for row in _members(pushed).filter(remote_id__in=keys)}
    rows = []
    for account in accounts:
        remote_id = str(account.remote_id)
        row = known.get(remote_id) or PushedMember(pushed_group=pushed, remote_id=remote_id)
        row.account = account
        about_to(row, MemberState.ADDING)
        rows.append(row)
    return rows


def about_to(row: PushedMember, state: MemberState) -> None:
    """What was looked for in vain is over once the opposite is sent."""
    if row.state != state:
        row.looks = 0
    row.state = state


def _members(pushed: PushedGroup) -> QuerySet[PushedMember]:
    return PushedMember.objects.filter(pushed_group=pushed)
