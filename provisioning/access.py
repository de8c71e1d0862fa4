"""Who should have an account where, and be in which groups there.

Told by group membership, policies, the person being active, and the groups that an app gets.
"""

from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    TextChoices,
    Value,
    When,
)

from iam.models import Membership, User
from provisioning.models import Account, App, GroupsToPush, Policy
from provisioning.plan import Feature, Operation, State

Keys = Collection[int] | QuerySet[Any, Any]
# (application, how many accounts, what becomes of them)
Loss = list[tuple[App, int, str]]


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


_CHOSEN = App.chosen_groups.through
_ACTIVE_USER = User.objects.filter(pk=OuterRef("user"), is_active=True)


class Reason(TextChoices):
    """Why a person should not have an account, as written down when it is kept all the same."""

    DELETED = "deleted", "The person was deleted"
    INACTIVE = "inactive", "The person was switched off"
    NO_POLICY = "no_policy", "No group of theirs has a policy"


def by_policy() -> Exists:
    """For a query over accounts: whether a policy gives the account's user the account."""
    return Exists(_WAYS)


def reason() -> Case:
    """For a query over accounts: the reason against it, if no policy gives it."""
    return Case(
        When(user__isnull=True, then=Value(Reason.DELETED)),
        When(Exists(_ACTIVE_USER), then=Value(Reason.NO_POLICY)),
        default=Value(Reason.INACTIVE),
        output_field=CharField(),
    )


def kept() -> Case:
    """For a query over accounts: whether somebody decided to keep it, for the reason of today."""
    for_this_reason = Q(remote_id__isnull=False, kept_because=reason())
    return _yes(~Q(kept_because="") & for_this_reason)


def granted() -> Case:
    """For a query over accounts: whether the account's user should have it.

    One that is kept stays as it is: somebody who was switched off is not switched on by that.
    """
    return _yes(Q(by_policy()) | Q(kept()) & Q(could_be_on()))


def could_be_on() -> Case:
    """For a query over accounts: whether the account is active there, as far as is known."""
    lost = in_doubt(Operation.DEACTIVATE) | in_doubt(Operation.REACTIVATE)
    return _yes(Q(state=State.ACTIVE) | lost)


# ------------------------------------------------------------------------- groups that are pushed


def belonging(group: Any) -> QuerySet[Membership]:
    """Through what people belong to a group, a key or an OuterRef, with the person as `user`.

    The one place that says who belongs to a group that is kept in an application.
    """
    return Membership.objects.filter(group=group)


def groups_of(users: Keys) -> QuerySet[Membership, Any]:
    """The keys of the groups to which any of these people belong."""
    return Membership.objects.filter(user__in=users).values("group")


def concerned_by(groups: Keys) -> Keys:
    """The keys of the groups to which somebody may belong through one of these."""
    return groups


def may_be_in_groups() -> Q:
    """For a query over accounts: whether the account may be in groups of its application.

    One that is switched off there, or is about to be, is not.
    """
    there = Q(state=State.ACTIVE, remote_id__isnull=False, user__is_active=True)
    return there & Q(granted())


def pushed() -> Case:
    """For a query over pushed groups: whether the group is to be kept in the application."""
    policies = Policy.objects.filter(app=OuterRef("app"), group=OuterRef("group"), enabled=True)
    chosen = _CHOSEN.objects.filter(app=OuterRef("app"), group=OuterRef("group"))
    return _yes(
        Q(app__groups_to_push=GroupsToPush.POLICIES) & Q(Exists(policies))
        | Q(app__groups_to_push=GroupsToPush.CHOSEN) & Q(Exists(chosen))
    )


def group_pairs(*, apps: Keys | None = None) -> list[QuerySet[Any, tuple[int, int]]]:
    """The (app, group) of every group that is to be kept in an application."""
    policies = Policy.objects.filter(enabled=True, app__groups_to_push=GroupsToPush.POLICIES)
    chosen = _CHOSEN.objects.filter(app__groups_to_push=GroupsToPush.CHOSEN)
    return [
        rows.filter(**({} if apps is None else {"app__in": apps}))
        .order_by("app", "group")
        .values_list("app", "group")
        for rows in (policies, chosen)
    ]


# --------------------------------------------------------------------------------------- parts


def in_doubt(operation: Operation) -> Q:
    """For a query over accounts: whether this was sent and no answer came (doubt.operations)."""
    return Q(intent__operations__icontains=f'"{operation.value}"')


def _yes(condition: Q) -> Case:
    """The condition as an expression that is never NULL, so that it can be negated."""
    return Case(When(condition, then=True), default=False, output_field=BooleanField())


# ---------------------------------------------------------------------------- what would be lost


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
    return [(app, counts[app.pk], what_becomes(app)) for app in apps]


def what_becomes(app: App) -> str:
    """Of an account whose person loses access."""
    if Feature.DELETE_USERS in app.features and not app.delete_after_days:
        return "deleted"
    if Feature.DEACTIVATE_USERS in app.features:
        return "deactivated"
    return "left as they are, because “Deactivate users” is off,"
