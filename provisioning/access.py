"""Who should have an account where, and be in which groups there.

Told by group membership, policies, the person being active, and the groups that an app gets.
Whoever is in a group belongs to each group that holds it, too, directly or through others
(`iam.nesting`). So there are two ways to belong, and every question here asks about both.
"""

from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextChoices,
    Value,
    When,
)
from django.db.models.expressions import Combinable, RawSQL

from iam import nesting
from iam.models import Group, GroupPath, Membership, User
from provisioning.models import Account, App, GroupsToPush, Policy, PushedGroup
from provisioning.plan import Feature, Operation, State

# The keys of some rows: at hand, or to be asked of the database.
Keys = Collection[int] | QuerySet[Any, Any]
# (application, how many accounts, what becomes of them)
Loss = list[tuple[App, int, str]]


# From a group to the users who belong to it: who is in it, and who is in a group that it holds.
DIRECT = "memberships__user"
NESTED = f"paths_down__descendant__{DIRECT}"


def belonging(*, group: str | OuterRef, user: str) -> Q:
    """For a query over rows that lead to a group and to a user: whether the user belongs to it.

    The names are those of the row's own fields, as for `OuterRef`: `filter(belonging(group="group",
    user="account__user"))`. Whether the user is active is not asked. An `OuterRef` stands for a
    field of the query around that one.
    """
    mine = Membership.objects.filter(user=OuterRef(user))
    direct = mine.filter(group=OuterRef(group))
    nested = mine.filter(group__paths_up__ancestor=OuterRef(group))
    return Q(Exists(direct)) | Q(Exists(nested))


def belonging_to(groups: Keys) -> QuerySet[Membership, Any]:
    """The keys of the users who belong to one of these groups; some are there more than once."""
    return Membership.objects.filter(group__in=held_by(groups)).order_by().values("user")


def held_by(groups: Keys) -> QuerySet[Any, Any]:
    """The keys of these groups and of those that they hold, directly or through others."""
    held = GroupPath.objects.filter(ancestor__in=groups).values("descendant")
    return _these(groups).union(held)


def holding(groups: Keys) -> QuerySet[Any, Any]:
    """The keys of these groups and of those that hold them, directly or through others."""
    holders = GroupPath.objects.filter(descendant__in=groups).values("ancestor")
    return _these(groups).union(holders)


def _these(groups: Keys) -> QuerySet[Any, Any]:
    return Group.objects.filter(pk__in=groups).order_by().values("pk")


def people_in(group: str) -> Combinable:
    """For a query over rows that lead to a group, as for `belonging`: how many belong to it.

    Each of two ways is looked up by an index, and whoever belongs in both is counted in the first.
    """
    direct = Membership.objects.filter(group=OuterRef(group))
    nested = Membership.objects.filter(group__paths_up__ancestor=OuterRef(group))
    both = Membership.objects.filter(group=OuterRef(OuterRef(group)), user=OuterRef("user"))
    return _people(direct) + _people(nested.filter(~Exists(both)))


def _people(memberships: QuerySet[Membership]) -> Subquery:
    count = Func("user", function="COUNT", template="%(function)s(DISTINCT %(expressions)s)")
    rows = memberships.order_by().annotate(count=count).values("count")
    return Subquery(rows, output_field=IntegerField())


def ways() -> tuple[str, ...]:
    """The ways to belong that there are now: without a nesting nobody looks for the second one."""
    return (DIRECT, NESTED) if GroupPath.objects.exists() else (DIRECT,)


def perhaps(*, users: Keys | None, apps: Keys | None) -> bool:
    """Whether there may be `pairs`: one quick question where all of somebody or of an app is asked.

    As for a new app, which has no policy, and for a person who is in no group.
    """
    if users is None:
        return Policy.objects.filter(**({} if apps is None else {"app__in": apps})).exists()
    return apps is not None or Membership.objects.filter(user__in=users).exists()


def pairs(way: str, *, users: Keys | None = None, apps: Keys | None = None) -> QuerySet[Policy]:
    """Policies joined to the active users who belong to their groups in this way.

    Use `.values_list(...)` over app and `group__` with the way, with `.distinct()`.
    """
    user = f"group__{way}"
    wanted = Q(enabled=True, **{f"{user}__is_active": True})
    if users is not None:
        wanted &= Q(**{f"{user}__in": users})
    if apps is not None:
        wanted &= Q(app__in=apps)
    return Policy.objects.filter(wanted)


def entitled(app: App) -> QuerySet[User]:
    """The people whom a policy gives the app."""
    found = [pairs(way, apps=[app.pk]).order_by().values(f"group__{way}") for way in ways()]
    return User.objects.filter(pk__in=found[0].union(*found[1:]))


def _policies_by(way: str) -> QuerySet[Policy]:
    """For a query inside one over accounts: the policies that give its user the account."""
    user = f"group__{way}"
    return Policy.objects.filter(
        app=OuterRef("app"),
        enabled=True,
        **{user: OuterRef("user"), f"{user}__is_active": True},
    )


_DIRECT_POLICIES = _policies_by(DIRECT)
# The name takes the very path that is looked at: in another `filter` it would stand for any.
_NESTED_POLICIES = _policies_by(NESTED).alias(path=F("group__paths_down"))

_CHOSEN = App.chosen_groups.through
_ACTIVE_USER = User.objects.filter(pk=OuterRef("user"), is_active=True)


class Reason(TextChoices):
    """Why a person should not have an account, as written down when it is kept all the same."""

    DELETED = "deleted", "The person was deleted"
    INACTIVE = "inactive", "The person was switched off"
    NO_POLICY = "no_policy", "No group of theirs has a policy"


def by_policy() -> Q:
    """For a query over accounts: whether a policy gives the account's user the account."""
    return Q(Exists(_DIRECT_POLICIES)) | Q(Exists(_NESTED_POLICIES))


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
    return _yes(by_policy() | Q(kept()) & Q(could_be_on()))


def with_wanted(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Each with `wanted`: whether its user should have it now."""
    return accounts.annotate(wanted=granted())  # type: ignore[no-redef] # declared by the model


def could_be_on() -> Case:
    """For a query over accounts: whether the account is active there, as far as is known."""
    lost = in_doubt(Operation.DEACTIVATE) | in_doubt(Operation.REACTIVATE)
    return _yes(Q(state=State.ACTIVE) | lost)


# ------------------------------------------------------------------------- groups that are pushed


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


def with_wanted_groups(groups: QuerySet[PushedGroup]) -> QuerySet[PushedGroup]:
    """Each with `wanted`: whether it is to be kept in the application now."""
    return groups.annotate(wanted=pushed())  # type: ignore[no-redef] # declared by the model


def pushing(apps: Keys | None = None) -> QuerySet[App]:
    """Those of these apps that get groups; None stands for all."""
    found = App.objects.exclude(groups_to_push=GroupsToPush.NONE)
    return found if apps is None else found.filter(pk__in=apps)


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
    return _loss(_only_through(Q(group__in=groups), paths=nesting.ending(groups=groups)))


def lost_with_nestings(nestings: Sequence[int]) -> Loss:
    """What taking groups out of the groups that hold them would take away."""
    return _loss(_only_through(_NO_POLICY, paths=nesting.ending(nestings=nestings)))


def lost_with_policies(policies: Sequence[int]) -> Loss:
    """What deleting or disabling these policies would take away."""
    return _loss(_only_through(Q(pk__in=policies)))


_NO_POLICY = Q(pk__in=())


def _only_through(chosen: Q, *, paths: Sequence[int] = ()) -> QuerySet[Account]:
    """The accounts that nobody would give without these policies and these paths."""
    left_nested = _NESTED_POLICIES.exclude(chosen)
    if paths:
        # Written into the statement: there may be more than a database takes as parameters.
        keys = ", ".join(f"({key:d})" for key in paths)
        left_nested = left_nested.exclude(path__in=RawSQL(f"VALUES {keys}", ()))  # noqa: S611
    left = Q(Exists(_DIRECT_POLICIES.exclude(chosen))) | Q(Exists(left_nested))
    return Account.objects.filter(by_policy(), ~left)


def _loss(accounts: QuerySet[Account]) -> Loss:
    active = accounts.filter(state=State.ACTIVE).order_by()
    counts = dict(active.values_list("app").annotate(Count("pk")))
    apps = App.objects.filter(pk__in=counts)
    return [(app, counts[app.pk], what_becomes(app)) for app in apps]


def what_becomes(app: App) -> str:
    """Of an account whose person loses access."""
    if Feature.DELETE_USERS in app.features and not app.delete_after_days:
        return "deleted" if app.rules.removes else "deactivated"
    if Feature.DEACTIVATE_USERS in app.features:
        return "deactivated"
    return "left as they are, because “Deactivate users” is off,"
