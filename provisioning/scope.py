"""Why people are to have an account in an application, or not: for many at once, to be kept."""

from collections.abc import Iterable, Sequence
from typing import Any

from iam import nesting
from iam.models import Group, Membership, User
from provisioning import wording
from provisioning.models import Account, App, Policy

# So many ways in which a policy gives somebody the application are kept.
_NAMED = 5

# {"wanted": yes or no, "ways": [{"policy", "groups" from theirs up to the policy's}], "others": how
# many more ways, "why": a sentence where no policy is the reason}.
Scope = dict[str, Any]
# (policy, whether it is on, the groups from the person's own up to the policy's)
_Way = tuple[str, bool, Sequence[str]]


def of(accounts: Iterable[Account], *, app: App) -> dict[int, Scope]:
    """By account, as it was claimed: with its user, and `wanted`.

    The same few queries for any number of accounts; nestings cost one more for each level.
    """
    accounts = list(accounts)
    users = [row.user for row in accounts if row.user is not None]
    ways = _ways(users, app)
    return {row.pk: _scope(row, ways.get(row.user_id or 0, []), app) for row in accounts}


def without(account: Account) -> Scope:
    """Of an account that is not to be there, without a query."""
    return {"wanted": False, "ways": [], "others": 0, "why": wording.because(account)}


def _scope(account: Account, ways: list[_Way], app: App) -> Scope:
    if not account.wanted:
        return _refused(account, ways, app)
    given = [(policy, groups) for policy, enabled, groups in ways if enabled]
    shown = [{"policy": policy, "groups": list(groups)} for policy, groups in given[:_NAMED]]
    kept = wording.kept(account) if account.kept_because and not given else ""
    others = max(0, len(given) - _NAMED)
    return {"wanted": True, "ways": shown, "others": others, "why": kept}


def _refused(account: Account, ways: list[_Way], app: App) -> Scope:
    found = without(account)
    off = [(policy, groups) for policy, enabled, groups in ways if not enabled]
    if off and account.user is not None and account.user.is_active:
        found["why"] += "".join(
            f" {wording.gives(app, policy, groups, enabled=False)}"
            for policy, groups in off[:_NAMED]
        )
    return found


def _ways(users: Sequence[User], app: App) -> dict[int, list[_Way]]:
    """By user, through which groups the policies of the app are theirs, switched off ones too."""
    policies: dict[int, list[tuple[str, bool]]] = {}
    rows = Policy.objects.filter(app=app).order_by("pk")
    for group, name, enabled in rows.values_list("group", "name", "enabled"):
        policies.setdefault(group, []).append((name, enabled))
    if not policies or not users:
        return {}
    held = list(_held(users, app))
    routes = nesting.routes_of_each({group for _, group, above in held if group != above})
    passed = {key for each in routes.values() for route in each.values() for key in route}
    named = Group.objects.filter(pk__in={*passed, *(group for _, group, _ in held)})
    names = dict(named.values_list("pk", "name"))
    found: dict[int, list[_Way]] = {}
    for user, group, above in held:
        route = [group] if group == above else routes.get(group, {}).get(above, [group, above])
        groups = [names[key] for key in route if key in names]
        found.setdefault(user, []).extend((*policy, groups) for policy in policies.get(above, ()))
    return found


def _held(users: Sequence[User], app: App) -> list[tuple[int, int, int]]:
    """(user, a group that they are in, the policy's group), the shorter ways first."""
    theirs = Membership.objects.filter(user__in=[user.pk for user in users]).order_by()
    wanted = Policy.objects.filter(app=app).order_by().values("group")
    direct = theirs.filter(group__in=wanted).values_list("user", "group", "group")
    above = "group__paths_up__ancestor"
    nested = theirs.filter(**{f"{above}__in": wanted}).values_list("user", "group", above)
    return [*direct, *nested]
