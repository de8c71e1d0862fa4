"""The plan, as a table: what is decided from what should be and what is known."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from provisioning import plan as planning
from provisioning.plan import NOTHING, Change, Feature, Operation, Recorded, Rules, State

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MONTH = timedelta(days=30)
AT_ONCE = timedelta(0)

CREATE, UPDATE = Feature.CREATE_USERS, Feature.UPDATE_USERS
DEACTIVATE, DELETE = Feature.DEACTIVATE_USERS, Feature.DELETE_USERS
ALL = frozenset(Feature)
ANN = {"userName": "ann", "title": "Clerk"}
PROMOTED = {"userName": "ann", "title": "Boss"}


def decide(
    account: Recorded,
    *,
    wanted: bool,
    desired: Mapping[str, Any] = ANN,
    features: Collection[Feature] = ALL,
    grace: timedelta = MONTH,
) -> planning.Action:
    rules = Rules(features=features, delete_after=grace)
    return planning.plan(account, wanted=wanted, desired=desired, rules=rules, now=NOW)


def known(state: State, **about: Any) -> Recorded:
    """An account that is linked, and that holds what it should unless said otherwise."""
    return Recorded(state, has_remote=True, **{"applied": ANN, **about})


def unknown(state: State = State.ABSENT, **about: Any) -> Recorded:
    return Recorded(state, has_remote=False, applied={}, **about)


def suspended(days_ago: float, **about: Any) -> Recorded:
    return known(State.SUSPENDED, deprovisioned_at=NOW - timedelta(days=days_ago), **about)


def without(*features: Feature) -> frozenset[Feature]:
    return ALL - set(features)


# ------------------------------------------------------------------------------------- wanted

WANTED = [
    # account, switched off, what is done, what stood in the way
    (unknown(), (), Operation.CREATE, None),
    (unknown(State.GONE), (), Operation.CREATE, None),
    (unknown(doubts={Operation.CREATE}), (), Operation.CREATE, None),
    (unknown(), (CREATE,), Operation.NOTHING, CREATE),
    (unknown(), (UPDATE, DEACTIVATE, DELETE), Operation.CREATE, None),
    (known(State.ACTIVE), (), Operation.NOTHING, None),
    (known(State.ACTIVE), (CREATE, UPDATE, DEACTIVATE, DELETE), Operation.NOTHING, None),
    (known(State.ACTIVE, applied=PROMOTED), (), Operation.UPDATE, None),
    (known(State.ACTIVE, applied=PROMOTED), (UPDATE,), Operation.NOTHING, UPDATE),
    (known(State.ACTIVE, applied=PROMOTED), (CREATE, DEACTIVATE), Operation.UPDATE, None),
    (known(State.ACTIVE, doubtful=["title"]), (), Operation.UPDATE, None),
    (suspended(1), (), Operation.REACTIVATE, None),
    (suspended(1), tuple(ALL), Operation.REACTIVATE, None),
    (suspended(99, applied=PROMOTED), (), Operation.REACTIVATE, None),
    (known(State.SUSPENDED), (), Operation.REACTIVATE, None),
    # The answer was lost, so it may be off, or gone, which the reactivation finds out.
    (known(State.ACTIVE, doubts={Operation.DEACTIVATE}), (), Operation.REACTIVATE, None),
    (known(State.ACTIVE, doubts={Operation.DELETE}), (), Operation.REACTIVATE, None),
    (suspended(31, doubts={Operation.DELETE}), (), Operation.REACTIVATE, None),
    (suspended(1, doubts={Operation.REACTIVATE}), (), Operation.REACTIVATE, None),
    (known(State.ACTIVE, doubts={Operation.UPDATE}), (), Operation.NOTHING, None),
]


@pytest.mark.parametrize(("account", "off", "operation", "skipped"), WANTED)
def test_who_should_have_the_account(
    account: Recorded, off: tuple[Feature, ...], operation: Operation, skipped: Feature | None
) -> None:
    action = decide(account, wanted=True, features=without(*off))
    assert (action.operation, action.skipped) == (operation, skipped)
    assert action.not_before is None


# --------------------------------------------------------------------------------- not wanted

UNWANTED = [
    # account, switched off, days of grace, what is done, what stood in the way
    (unknown(), (), 30, Operation.NOTHING, None),
    (unknown(State.GONE), (), 0, Operation.NOTHING, None),
    (unknown(), (CREATE, UPDATE, DEACTIVATE, DELETE), 30, Operation.NOTHING, None),
    (unknown(doubts={Operation.CREATE}), (), 30, Operation.RESOLVE, None),
    (unknown(doubts={Operation.CREATE}), tuple(ALL), 0, Operation.RESOLVE, None),
    (known(State.ACTIVE), (), 30, Operation.DEACTIVATE, None),
    (known(State.ACTIVE), (DELETE,), 0, Operation.DEACTIVATE, None),
    (known(State.ACTIVE), (), 0, Operation.DELETE, None),
    (known(State.ACTIVE), (DEACTIVATE,), 0, Operation.DELETE, None),
    (known(State.ACTIVE), (DEACTIVATE,), 30, Operation.NOTHING, DEACTIVATE),
    (known(State.ACTIVE), (DEACTIVATE, DELETE), 0, Operation.NOTHING, DEACTIVATE),
    (known(State.ACTIVE, applied=PROMOTED), (), 30, Operation.DEACTIVATE, None),
    (known(State.ACTIVE, doubts={Operation.UPDATE}), (), 30, Operation.DEACTIVATE, None),
    (known(State.ACTIVE, doubts={Operation.DEACTIVATE}), (), 30, Operation.DEACTIVATE, None),
    (known(State.ACTIVE, doubts={Operation.DELETE}), (), 0, Operation.DELETE, None),
    # It may be on again.
    (suspended(1, doubts={Operation.REACTIVATE}), (DELETE,), 30, Operation.DEACTIVATE, None),
    (suspended(99, doubts={Operation.REACTIVATE}), (), 30, Operation.DEACTIVATE, None),
    (suspended(99, doubts={Operation.DEACTIVATE}), (), 30, Operation.DEACTIVATE, None),
    (suspended(1), (DELETE,), 0, Operation.NOTHING, None),
    (suspended(99, applied=PROMOTED), (DELETE,), 30, Operation.NOTHING, None),
    (suspended(29.9), (), 30, Operation.NOTHING, None),
    (suspended(30), (), 30, Operation.DELETE, None),
    (suspended(31), (), 30, Operation.DELETE, None),
    (suspended(31), (DEACTIVATE, CREATE, UPDATE), 30, Operation.DELETE, None),
    (suspended(31, doubts={Operation.DELETE}), (), 30, Operation.DELETE, None),
    (suspended(0), (), 0, Operation.DELETE, None),
    # Nobody knows since when it is off: the grace time begins now.
    (known(State.SUSPENDED), (), 30, Operation.NOTHING, None),
]


@pytest.mark.parametrize(("account", "off", "days", "operation", "skipped"), UNWANTED)
def test_who_should_not_have_the_account(
    account: Recorded,
    off: tuple[Feature, ...],
    days: int,
    operation: Operation,
    skipped: Feature | None,
) -> None:
    grace = timedelta(days=days)
    action = decide(account, wanted=False, desired={}, features=without(*off), grace=grace)
    assert (action.operation, action.skipped) == (operation, skipped)
    assert action.changes == ()


@pytest.mark.parametrize(
    ("account", "day"),
    [
        (suspended(1), NOW + timedelta(days=29)),
        (suspended(29), NOW + timedelta(days=1)),
        (known(State.SUSPENDED), NOW + MONTH),
    ],
)
def test_what_waits_to_be_deleted_says_until_when(account: Recorded, day: datetime) -> None:
    assert decide(account, wanted=False).not_before == day


def test_what_is_never_deleted_is_not_looked_at_again() -> None:
    action = decide(suspended(1), wanted=False, features=without(DELETE))
    assert action == NOTHING


# --------------------------------------------------------------------------------- difference

DIFFERENCES: list[tuple[dict[str, Any], dict[str, Any], list[str], list[Change]]] = [
    # what was sent last, what should be there, what is in doubt, what changes
    (ANN, ANN, [], []),
    ({}, {}, [], []),
    (ANN, PROMOTED, [], [Change("title", "Clerk", "Boss")]),
    ({}, {"title": "Boss"}, [], [Change("title", None, "Boss")]),
    ({"title": "Boss"}, {"title": None}, [], [Change("title", "Boss", None)]),
    ({}, {"title": None}, [], []),
    # Not mapped any more: never touched.
    (ANN, {"userName": "ann"}, [], []),
    (ANN, {}, ["title"], []),
    (ANN, ANN, ["title"], [Change("title", "Clerk", "Clerk")]),
    (ANN, PROMOTED, ["title"], [Change("title", "Clerk", "Boss")]),
    ({}, {"title": None}, ["title"], [Change("title", None, None)]),
    ({"active": True}, {"active": False}, [], [Change("active", True, False)]),
    ({"title": ""}, {"title": None}, [], [Change("title", "", None)]),
    ({"userName": "ann"}, {"userName": "Ann"}, [], [Change("userName", "ann", "Ann")]),
    (
        {"title": "Clerk", "phone": "1", "room": "7"},
        {"title": "Boss", "phone": None, "room": "7"},
        [],
        [Change("title", "Clerk", "Boss"), Change("phone", "1", None)],
    ),
]


@pytest.mark.parametrize(("applied", "desired", "doubtful", "changes"), DIFFERENCES)
def test_only_mapped_targets_that_differ_or_are_in_doubt_change(
    applied: dict[str, Any], desired: dict[str, Any], doubtful: list[str], changes: list[Change]
) -> None:
    found = planning.difference(applied, desired, doubtful=doubtful)
    assert list(found) == changes


def test_an_update_says_what_it_changes() -> None:
    account = known(State.ACTIVE, applied={"userName": "ann", "title": "Boss"})
    action = decide(account, wanted=True, desired={"userName": "ann", "title": None})
    assert action.changes == (Change("title", "Boss", None),)


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize(
    "account", [unknown(), unknown(doubts={Operation.CREATE}), known(State.ACTIVE), suspended(99)]
)
def test_nothing_is_done_about_an_account_that_is_not_managed(
    account: Recorded, wanted: bool
) -> None:
    assert decide(replace(account, forgotten=True), wanted=wanted, desired=PROMOTED) == NOTHING
