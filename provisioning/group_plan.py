"""Decides what to do with one group in an app, from what should be and what is. Pure.

One step at a time: after each the group is looked at again, until nothing is left to do.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from provisioning.plan import Action, Feature, Operation, State, Value, difference, if_on


@dataclass(frozen=True)
class RecordedGroup:
    """What the portal knows of the group there.

    `made_by_us` is False for one that was adopted; `doubts` and `doubtful` are as for an account.
    """

    state: State
    has_remote: bool
    made_by_us: bool
    applied: Mapping[str, Value]
    doubts: Collection[Operation] = ()
    doubtful: Collection[str] = ()


@dataclass(frozen=True)
class People:
    """Whether anybody is to be added now, or taken out.

    `held` says that some stay in only because the guard, or a person, keeps them.
    """

    missing: bool = False
    leaving: bool = False
    held: bool = False


# A group whose deletion may have got through, and one whose creation may have.
RESOLVED_FIRST = {True: Operation.DELETE_GROUP, False: Operation.CREATE_GROUP}


def plan_group(
    group: RecordedGroup,
    *,
    wanted: bool,
    desired: Mapping[str, Value | None],
    people: People,
    features: Collection[Feature],
) -> Action:
    """The one next step that brings the group there closer to what should be.

    `skipped` is a switched-off feature that stands in the way of something; a step that another
    feature allows is taken all the same.
    """
    if RESOLVED_FIRST[wanted] in group.doubts:
        return Action(Operation.RESOLVE)
    if not wanted:
        return _towards_nothing(group, people, features)
    if not group.has_remote:
        return if_on(features, Feature.CREATE_GROUPS, Action(Operation.CREATE_GROUP))
    changes = difference(group.applied, desired, doubtful=group.doubtful)
    change = Action(Operation.NOTHING)
    if changes:
        change = if_on(features, Feature.UPDATE_GROUPS, Action(Operation.UPDATE_GROUP, changes))
    if change.operation is Operation.UPDATE_GROUP:
        return change
    members = _members(people, features)
    return change if members.operation is Operation.NOTHING and change.skipped else members


def _members(people: People, features: Collection[Feature]) -> Action:
    """Removals first: who should see less comes before who should see more."""
    if people.leaving:
        return if_on(features, Feature.GROUP_MEMBERS, Action(Operation.REMOVE_MEMBER))
    if people.missing:
        return if_on(features, Feature.GROUP_MEMBERS, Action(Operation.ADD_MEMBER))
    return Action(Operation.NOTHING)


def _towards_nothing(group: RecordedGroup, people: People, features: Collection[Feature]) -> Action:
    """A group of ours is deleted; one that was there before gives back whom it got from us."""
    if not group.has_remote:
        return Action(Operation.NOTHING)
    if not group.made_by_us:
        return _members(People(leaving=people.leaving), features)
    if people.held:
        return Action(Operation.NOTHING)
    return if_on(features, Feature.DELETE_GROUPS, Action(Operation.DELETE_GROUP))
