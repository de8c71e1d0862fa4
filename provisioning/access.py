"""Who should have an account where: group membership, policies and the person being active."""

from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from provisioning.models import Account, App, Policy
from provisioning.plan import Feature, State

Keys = Collection[int] | QuerySet[Any, Any]
# (application, how many accounts, what becomes of them)
Loss = list[tuple[str, int, str]]


def pairs(*, users: Keys | None = None, apps: Keys | None = None) -> QuerySet[Policy]:
    """Policies joined to the active members of their groups: one row for each way to access.

    Use `.values_list(...)` over app and `group__memberships__user` with `.distinct()`.
    """
    wanted = Q(enabled=True, group__memberships__user__is_active=True)
    if users is not None:
        wanted &= Q(group__memberships__user__in=users)
    if apps is not None:
        wanted &= Q(app__in=apps)
    return Policy.objects.filter(wanted)


# For a query inside one over accounts: the policies that give the account's user the account.
_WAYS = Policy.objects.filter(
    app=OuterRef("app"),
    enabled=True,
    group__memberships__user=OuterRef("user"),
    group__memberships__user__is_active=True,
)


def granted() -> Exists:
    """For a query over accounts: whether the account's user should have it."""
    return Exists(_WAYS)


def lost_with_users(users: Sequence[int]) -> Loss:
    """What deleting these people would take away."""
    return _loss(Account.objects.filter(user__in=users))


def lost_with_groups(groups: Sequence[int]) -> Loss:
    """What deleting these groups would take away: not what another group gives as well."""
    return _loss(_only_through(Q(group__in=groups)))


def lost_with_policies(policies: Sequence[int]) -> Loss:
    """What deleting or disabling these policies would take away."""
    return _loss(_only_through(Q(pk__in=policies)))


def _only_through(chosen: Q) -> QuerySet[Account]:
    return Account.objects.filter(Exists(_WAYS.filter(chosen)), ~Exists(_WAYS.exclude(chosen)))


def _loss(accounts: QuerySet[Account]) -> Loss:
    active = accounts.filter(state=State.ACTIVE).order_by()
    counts = dict(active.values_list("app").annotate(Count("pk")))
    apps = App.objects.filter(pk__in=counts)
    return [(app.name, counts[app.pk], _what_becomes(app)) for app in apps]


def _what_becomes(app: App) -> str:
    if Feature.DELETE_USERS in app.features and not app.delete_after_days:
        return "deleted"
    if Feature.DEACTIVATE_USERS in app.features:
        return "deactivated"
    return "left as they are, because “Deactivate users” is off,"
