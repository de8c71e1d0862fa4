"""What an account that is shown after a write proves about it."""

import pytest

from provisioning import doubt
from provisioning.connectors.base import RemoteAccount
from provisioning.connectors.gitlab import GitLab
from provisioning.connectors.scim import Scim
from provisioning.effects import Differing, Effect, Written, differing, judged
from provisioning.plan import Action, Change, Operation, Value

A, V, W = Effect.ACCEPTED, Effect.VERIFIED, Effect.WITHOUT


def shown(*, active: bool | None = True, **values: Value) -> RemoteAccount:
    return RemoteAccount(
        "7", active=active is not False, values=values, tells_active=active is not None
    )


@pytest.mark.parametrize(
    ("operation", "active", "effect"),
    [
        (Operation.DEACTIVATE, False, V),
        (Operation.DEACTIVATE, True, W),
        (Operation.DEACTIVATE, None, A),
        (Operation.REACTIVATE, True, V),
        (Operation.REACTIVATE, False, W),
        (Operation.REACTIVATE, None, A),
        (Operation.DELETE, True, W),
        (Operation.CREATE, True, V),
    ],
)
def test_a_switch_is_proven_by_what_is_shown_of_it(
    operation: Operation, active: bool | None, effect: Effect
) -> None:
    assert judged(operation, (), shown(active=active), kind=Scim) == effect


@pytest.mark.parametrize(
    ("old", "new", "there", "effect", "different"),
    [
        ("Boss", "Chief", "Chief", V, Differing()),
        ("Boss", "Chief", "Boss", W, Differing(ignored={"title": "Boss"})),
        ("Boss", "Chief", "CHIEF", V, Differing(rewritten={"title": "CHIEF"})),
        ("Boss", "Chief", None, V, Differing(rewritten={"title": None})),
        ("Boss", None, None, V, Differing()),
        ("Boss", None, "", V, Differing()),
        ("Boss", None, "Boss", W, Differing(ignored={"title": "Boss"})),
        (None, "Chief", "Chief", V, Differing()),
        (None, "Chief", None, W, Differing(ignored={"title": None})),
        # Sent again because its answer was lost.
        ("Chief", "Chief", "Chief", V, Differing()),
        ("Chief", "Chief", "Boss", V, Differing(rewritten={"title": "Boss"})),
    ],
)
def test_an_update_is_proven_by_the_new_value(
    old: str | None, new: str | None, there: str | None, effect: Effect, different: Differing
) -> None:
    changes, account = [Change("title", old, new)], shown(title=there or "")
    assert judged(Operation.UPDATE, changes, account, kind=Scim) == effect
    assert differing(changes, account, kind=Scim) == different


def test_what_the_application_need_not_show_proves_nothing() -> None:
    changes = [Change("name.givenName", None, "Ann")]
    assert judged(Operation.UPDATE, changes, shown(), kind=GitLab) == A
    assert differing(changes, shown(), kind=GitLab) == Differing()


@pytest.mark.parametrize(
    ("written", "counts"),
    [
        (Written(V), True),
        (Written(V, unproven=True), True),
        (Written(A), True),
        (Written(A, unproven=True), False),
        (Written(W), False),
    ],
)
def test_a_yes_counts_unless_it_is_known_to_be_worth_nothing(
    written: Written, counts: bool
) -> None:
    assert written.counts is counts


def test_looks_in_vain_are_counted_for_one_operation_until_another_is_sent() -> None:
    once = doubt.not_seen({"operations": ["deactivate"]}, Operation.DEACTIVATE)
    twice = doubt.not_seen(once, Operation.DEACTIVATE)
    assert doubt.unseen(twice, Operation.DEACTIVATE) == 2
    assert doubt.unseen(twice, Operation.REACTIVATE) == 0

    def sending(operation: Operation) -> doubt.Doubt:
        return doubt.sending(twice, Action(operation), desired={}, identifying=())

    assert doubt.unseen(sending(Operation.DEACTIVATE), Operation.DEACTIVATE) == 2
    other = sending(Operation.REACTIVATE)
    assert other == {"operations": ["deactivate", "reactivate"]}
    assert doubt.settled(twice, Operation.DEACTIVATE) == {}
