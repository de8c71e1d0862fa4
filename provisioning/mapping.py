"""Turns a person into what an application should hold, by the rows of the app's mapping."""

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Values
from dataclasses import dataclass, field, replace

from iam import attributes, text
from iam.attributes import Attribute
from iam.models import Membership, User
from provisioning.connectors.base import Connector
from provisioning.errors import Rejected
from provisioning.expressions.evaluation import evaluate
from provisioning.expressions.grammar import parse
from provisioning.expressions.values import EvaluationError, ExpressionError
from provisioning.models import Account, App, Apply, Mapping, Policy, SourceKind, WhenEmpty
from provisioning.plan import Value

Desired = dict[str, Value | None]

# What the policy says, and not the person: only here is it an attribute like any other.
LOGIN_METHOD = Attribute("login_method", "Login method of the policy")
# What their account in this very application is called there (RFC 7643 section 4.3).
MANAGER_ACCOUNT = Attribute("manager_account", "Manager's account in the application")

# How many values a formula with unique() gives one person to choose from.
MOST_NUMBERS = 1_000


@dataclass(frozen=True)
class Person:
    """A user, and what else the rows of an app may ask about them."""

    user: User
    # The comparable forms of the names of their groups.
    groups: frozenset[str] = frozenset()
    login_method: str | None = None
    # The id in the application; None while the manager has no account there.
    manager_account: str | None = None
    # By target, which of the values that a formula with unique() may give is theirs.
    numbers: Values[str, int] = field(default_factory=dict)

    def attribute(self, name: str) -> attributes.Value | None:
        if name == LOGIN_METHOD.key:
            return self.login_method
        if name == MANAGER_ACCOUNT.key:
            return self.manager_account
        return attributes.value(self.user, name)

    def attribute_of_manager(self, name: str) -> attributes.Value | None:
        manager = self.user.manager
        return None if manager is None else attributes.value(manager, name)

    def is_member_of(self, group: str) -> bool:
        return text.normalise(group) in self.groups


def catalogue() -> list[Attribute]:
    """Every attribute that a row can be filled from."""
    return [*attributes.BUILT_IN, LOGIN_METHOD, MANAGER_ACCOUNT, *attributes.custom()]


def people(rows: Iterable[Mapping], users: Sequence[User], *, app: App) -> dict[int, Person]:
    """By key, each with what the rows ask about them: three queries at most, for however many."""
    rows = list(rows)
    found = {user.pk: Person(user) for user in users}
    if any(_asks_about_groups(row) for row in rows):
        found = _in_groups(users, app)
    if refers_to_managers(rows):
        known = _manager_accounts(users, app)
        found = {
            key: replace(person, manager_account=known.get(person.user.manager_id))
            for key, person in found.items()
        }
    return found


def refers_to_managers(rows: Iterable[Mapping]) -> bool:
    """Whether what an account holds depends on the account of somebody else."""
    return any(_reads(row, MANAGER_ACCOUNT) for row in rows)


def _manager_accounts(users: Sequence[User], app: App) -> dict[int | None, str]:
    """By the manager's key. Nobody is their own manager, whatever an import says."""
    managers = {user.manager_id for user in users if user.manager_id != user.pk}
    accounts = Account.objects.filter(app=app, user__in=managers - {None}, remote_id__isnull=False)
    return {user: str(key) for user, key in accounts.values_list("user", "remote_id")}


def _in_groups(users: Sequence[User], app: App) -> dict[int, Person]:
    """Of several policies that give a person the app, the oldest says how they sign in."""
    policies = Policy.objects.filter(app=app, enabled=True).order_by("pk")
    methods = dict(policies.values_list("group", "login_method"))
    groups: dict[int, dict[int, str]] = {user.pk: {} for user in users}
    held = Membership.objects.filter(user__in=groups).order_by()
    direct = held.values_list("user", "group", "group__name_key")
    above = "group__paths_up__ancestor"
    through = held.filter(group__paths_up__isnull=False)
    nested = through.values_list("user", above, f"{above}__name_key")
    for user, group, name in direct.union(nested):
        groups[user][group] = name
    return {
        user.pk: Person(
            user,
            groups=frozenset(groups[user.pk].values()),
            login_method=next((methods[key] for key in methods if key in groups[user.pk]), None),
        )
        for user in users
    }


def _asks_about_groups(row: Mapping) -> bool:
    """Also for the login method, which a person has through a group."""
    asks = row.kind == SourceKind.EXPRESSION and "is_member_of" in row.source
    return asks or _reads(row, LOGIN_METHOD)


def _reads(row: Mapping, attribute: Attribute) -> bool:
    if row.kind == SourceKind.EXPRESSION:
        return attribute.key in row.source
    return row.kind == SourceKind.ATTRIBUTE and row.source == attribute.key


def render(
    rows: Iterable[Mapping], person: Person, *, kind: type[Connector], app: str, creating: bool
) -> Desired:
    """Every mapped target with the person's value, None where it is to be empty.

    What is not to be touched is missing: what is filled in only when an account is created, unless
    `creating`, and what is left as it is while the person has no value for it.

    Raises Rejected, before anything is sent, when a target that the application needs is empty or
    a row has no value for this person.
    """
    rows = [row for row in rows if creating or row.apply == Apply.ALWAYS]
    desired: Desired = {}
    for row in rows:
        found = shaped(value(row, person, app=app), kind, row.target)
        if found is not None or row.when_empty != WhenEmpty.LEAVE:
            desired[row.target] = found
    if kind.active_target in desired:
        # No mapping switches an account off: that is for the planner, past the guard.
        desired[kind.active_target] = True
    for target in kind.required_targets:
        if desired.get(target) is None and (creating or target in desired):
            raise Rejected(_needed(target, rows, person, app))
    return desired


def _needed(target: str, rows: Iterable[Mapping], person: Person, app: str) -> str:
    row = next((row for row in rows if row.target == target), None)
    if row is None:
        return (
            f"{app} needs “{target}”, and no row of the attribute mapping fills it. "
            f"Add one under Apps > {app} > Attribute mapping."
        )
    return (
        f"{app} needs “{target}”, which comes from {described(row)}, and that is empty for "
        f"{person.user}. Fill it in on the person's page."
    )


def described(row: Mapping) -> str:
    """What the row is filled from, in words."""
    if row.kind != SourceKind.ATTRIBUTE:
        return f"the {SourceKind(row.kind).label.lower()} {row.source}"
    custom = attributes.custom() if row.source.startswith(attributes.CUSTOM) else []
    known = (*attributes.BUILT_IN, *custom, LOGIN_METHOD, MANAGER_ACCOUNT)
    labels = {attribute.key: attribute.label for attribute in known}
    return labels.get(row.source, row.source)


def shaped(found: Value | None, kind: type[Connector], target: str) -> Value | None:
    """One value as the list of itself, where the target holds a list."""
    if found is None or isinstance(found, list) or not kind.takes_list(target):
        return found
    return [str(found)]


def value(row: Mapping, person: Person, *, app: str) -> Value | None:
    """What the row gives for this person, None for nothing. Raises Rejected."""
    if person.numbers.get(row.target, 1) > MOST_NUMBERS:
        raise Rejected(
            f"More than {MOST_NUMBERS:,} values that the formula for “{row.target}” gives "
            f"{person.user} belong to other accounts. Let it use more of the person under Apps > "
            f"{app} > Attribute mapping."
        )
    try:
        found = _found(row, person)
    except KeyError as error:
        raise Rejected(
            f"“{row.target}” is filled from “{error.args[0]}”, and people have no such attribute. "
            f"Choose another one under Apps > {app} > Attribute mapping."
        ) from error
    except (ExpressionError, EvaluationError) as error:
        raise Rejected(
            f"The formula for “{row.target}” has no value for {person.user}: "
            # It may quote the value.
            f"{'as the row is sensitive, no more is said.' if row.sensitive else error} Correct it "
            f"under Apps > {app} > Attribute mapping, or the person's data."
        ) from error
    if found is None and row.when_empty == WhenEmpty.DEFAULT:
        return row.default or None
    return found


def _found(row: Mapping, person: Person) -> Value | None:
    match row.kind:
        case SourceKind.CONSTANT:
            return row.source
        case SourceKind.EXPRESSION:
            number = person.numbers.get(row.target, 1)
            found = evaluate(parse(row.source), person, number=number)
            return sorted(set(found)) if isinstance(found, tuple) else found
        case _:
            return person.attribute(row.source)


def is_unique(row: Mapping) -> bool:
    """Whether the row gives a value of which every account has another one."""
    if row.kind != SourceKind.EXPRESSION:
        return False
    try:
        return parse(row.source).is_unique
    except ExpressionError:
        return False


def matching(rows: Iterable[Mapping]) -> list[str]:
    """The targets that existing accounts are looked for by, in their order."""
    chosen = [row for row in rows if row.match is not None]
    return [row.target for row in sorted(chosen, key=lambda row: row.match or 0)]


def left_alone(
    rows: Iterable[Mapping], accounts: Sequence[Account], *, app: App
) -> dict[int, set[str]]:
    """By account, the targets that stay as they are there, as the person has no value for them."""
    leaving = [row for row in rows if row.when_empty == WhenEmpty.LEAVE]
    if not leaving:
        return {}
    keys = [account.user_id for account in accounts if account.user_id is not None]
    users = list(User.objects.filter(pk__in=keys).select_related("manager"))
    known = people(leaving, users, app=app)
    return {
        account.pk: {row.target for row in leaving if _is_empty(row, known[account.user_id], app)}
        for account in accounts
        if account.user_id in known
    }


def _is_empty(row: Mapping, person: Person, app: App) -> bool:
    try:
        return value(row, person, app=app.name) is None
    except Rejected:
        # Nobody knows what should be there.
        return True
