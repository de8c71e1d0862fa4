"""Decides what to do with one account, from what should be and what is. Pure: no side effects.

Preview, guard, report and execution all use the same plan.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# A list is sorted and holds each text once: the order of several values means nothing.
Value = str | bool | int | float | list[str]


class Feature(StrEnum):
    """What an app's switches allow Gatehouse to do in the application."""

    CREATE_USERS = "create_users"
    UPDATE_USERS = "update_users"
    DEACTIVATE_USERS = "deactivate_users"
    DELETE_USERS = "delete_users"
    CREATE_GROUPS = "create_groups"
    UPDATE_GROUPS = "update_groups"
    DELETE_GROUPS = "delete_groups"
    # Who is in them: adding and removing alike.
    GROUP_MEMBERS = "group_members"


GROUP_FEATURES = (
    Feature.CREATE_GROUPS,
    Feature.UPDATE_GROUPS,
    Feature.DELETE_GROUPS,
    Feature.GROUP_MEMBERS,
)


class State(StrEnum):
    """What is known of the account in the application."""

    ABSENT = "absent"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    GONE = "gone"


class Operation(StrEnum):
    CREATE = "create"
    ADOPT = "adopt"
    UPDATE = "update"
    DEACTIVATE = "deactivate"
    REACTIVATE = "reactivate"
    DELETE = "delete"
    # Find out whether a create whose answer was lost got through.
    RESOLVE = "resolve"
    # Nothing is sent: from now on the account is not managed here.
    FORGET = "forget"
    CREATE_GROUP = "create_group"
    ADOPT_GROUP = "adopt_group"
    UPDATE_GROUP = "update_group"
    DELETE_GROUP = "delete_group"
    ADD_MEMBER = "add_member"
    REMOVE_MEMBER = "remove_member"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Change:
    """One mapped target: what was sent last, and what should be there. None is no value."""

    path: str
    old: Value | None
    new: Value | None


@dataclass(frozen=True)
class Recorded:
    """What the portal knows of the account.

    `applied` holds what was last sent, or seen at adoption, per mapped target. `doubts` are writes
    whose answers never came, so that they may or may not have happened; `doubtful` are the targets
    that they were to change. `kept` says that somebody decided against a removal, `forgotten` that
    the account is not managed any more.
    """

    state: State
    has_remote: bool
    applied: Mapping[str, Value]
    doubts: Collection[Operation] = ()
    doubtful: Collection[str] = ()
    deprovisioned_at: datetime | None = None
    kept: bool = False
    forgotten: bool = False


@dataclass(frozen=True)
class Action:
    """What to do now.

    `skipped` is the switched-off feature that stands in the way; `not_before` when to look again.
    """

    operation: Operation
    changes: tuple[Change, ...] = ()
    skipped: Feature | None = None
    not_before: datetime | None = None


NOTHING = Action(Operation.NOTHING)
# What takes access away.
REMOVALS = frozenset({Operation.DEACTIVATE, Operation.DELETE})
# A deactivation as well: it is sent again until it is known to have happened.
_COULD_BE_ON = {Operation.REACTIVATE, Operation.DEACTIVATE}
_COULD_BE_OFF = {Operation.DEACTIVATE, Operation.REACTIVATE, Operation.DELETE}


@dataclass(frozen=True)
class Rules:
    """What the app allows: the features that are switched on, and when a leaver is deleted.

    `removes` is whether deleting an account there does more than switching it off.
    """

    features: Collection[Feature]
    delete_after: timedelta
    removes: bool = True


def plan(
    account: Recorded,
    *,
    wanted: bool,
    desired: Mapping[str, Value | None],
    rules: Rules,
    now: datetime,
) -> Action:
    """The one next step that brings the account closer to what should be.

    `desired` has every mapped target, with None where the person has no value. A target that is
    not mapped is not in it and is never touched.
    """
    if account.forgotten:
        return NOTHING
    if wanted:
        return _towards_access(account, desired, rules)
    return _towards_no_access(account, rules, now)


def _towards_access(account: Recorded, desired: Mapping[str, Value | None], rules: Rules) -> Action:
    if not account.has_remote:
        return if_on(rules.features, Feature.CREATE_USERS, Action(Operation.CREATE))
    if account.state is State.SUSPENDED or _COULD_BE_OFF.intersection(account.doubts):
        # No feature switches this off: what Gatehouse took away, it gives back.
        return Action(Operation.REACTIVATE)
    changes = difference(account.applied, desired, doubtful=account.doubtful)
    if not changes:
        return NOTHING
    return if_on(rules.features, Feature.UPDATE_USERS, Action(Operation.UPDATE, changes))


def _towards_no_access(account: Recorded, rules: Rules, now: datetime) -> Action:
    if not account.has_remote:
        created = Operation.CREATE in account.doubts
        return Action(Operation.RESOLVE) if created else NOTHING
    if account.state is State.ACTIVE or _COULD_BE_ON.intersection(account.doubts):
        return _first_step_out(rules)
    if account.kept or Feature.DELETE_USERS not in rules.features or not rules.removes:
        return NOTHING
    due = (account.deprovisioned_at or now) + rules.delete_after
    if due > now:
        return Action(Operation.NOTHING, not_before=due)
    return Action(Operation.DELETE)


def _first_step_out(rules: Rules) -> Action:
    if Feature.DELETE_USERS in rules.features and not rules.delete_after:
        return Action(Operation.DELETE)
    return if_on(rules.features, Feature.DEACTIVATE_USERS, Action(Operation.DEACTIVATE))


def if_on(features: Collection[Feature], feature: Feature, action: Action) -> Action:
    """The action, or nothing where the feature that it needs is switched off."""
    if feature in features:
        return action
    return Action(Operation.NOTHING, skipped=feature)


def difference(
    applied: Mapping[str, Value],
    desired: Mapping[str, Value | None],
    *,
    doubtful: Collection[str] = (),
) -> tuple[Change, ...]:
    """The mapped targets whose value should change, removals included."""
    return tuple(
        Change(path, applied.get(path), new)
        for path, new in desired.items()
        if applied.get(path) != new or path in doubtful
    )
