"""Tells what an account or a group that is shown after a write proves about the write. Pure.

A yes of an application is a promise; only what it shows afterwards is a fact.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from provisioning.connectors.base import Connector, RemoteAccount, RemoteGroup
from provisioning.errors import Throttled
from provisioning.plan import Change, Operation, Value

# So often is looked for an effect before a person is told; deletions that are slow count as well.
LOOKS = 4


class Effect(StrEnum):
    """How far it is known that a write to which the application said yes has happened."""

    ACCEPTED = "accepted"
    VERIFIED = "verified"
    WITHOUT = "without_effect"


@dataclass(frozen=True)
class Written:
    """What came of a write to which the application said yes.

    `shown` is the account as it was seen afterwards. `unproven` says that its yes is not enough:
    it promised to do it later, or has said yes before and done nothing. `throttled` is what it
    answered to the look.
    """

    effect: Effect
    shown: RemoteAccount | None = None
    unproven: bool = False
    throttled: Throttled | None = None

    @property
    def counts(self) -> bool:
        """Whether the write is taken for done."""
        return self.effect is Effect.VERIFIED or (
            self.effect is Effect.ACCEPTED and not self.unproven
        )


@dataclass(frozen=True)
class Differing:
    """The changes after which something else is shown than was sent, each with what is shown.

    `ignored` hold the old value still; `rewritten` hold a third one, written in a way of the
    application's own.
    """

    ignored: dict[str, Value | None] = field(default_factory=dict)
    rewritten: dict[str, Value | None] = field(default_factory=dict)


def judged(
    operation: Operation,
    changes: Sequence[Change],
    shown: RemoteAccount,
    *,
    kind: type[Connector],
) -> Effect:
    """What this account, seen after the write, proves. A DELETE left it there, so it proves none.

    What is not shown proves nothing, neither way.
    """
    match operation:
        case Operation.UPDATE:
            return _updated(changes, shown, kind)
        case Operation.DEACTIVATE | Operation.REACTIVATE if not shown.tells_active:
            return Effect.ACCEPTED
        case Operation.DEACTIVATE:
            return Effect.WITHOUT if shown.active else Effect.VERIFIED
        case Operation.REACTIVATE:
            return Effect.VERIFIED if shown.active else Effect.WITHOUT
        case Operation.DELETE:
            return Effect.WITHOUT
        case _:
            return Effect.VERIFIED


def differing(
    changes: Sequence[Change], shown: RemoteAccount, *, kind: type[Connector]
) -> Differing:
    found = Differing()
    for change in changes:
        there = _value(shown, change.path)
        if there == change.new or _may_be_hidden(change, there, kind):
            continue
        side = found.ignored if there == change.old else found.rewritten
        side[change.path] = there
    return found


def group_changed(changes: Sequence[Change], shown: RemoteGroup | None) -> tuple[Effect, Differing]:
    """The same of a change of a group: what of it is not shown proves nothing."""
    values = shown.values if shown is not None else {}
    found, proven = Differing(), False
    for change in changes:
        there = values.get(change.path)
        if there is None or there == "":
            continue
        proven = True
        if there != change.new:
            side = found.ignored if there == change.old else found.rewritten
            side[change.path] = there
    if found.ignored:
        return Effect.WITHOUT, found
    return (Effect.VERIFIED if proven else Effect.ACCEPTED), found


def of_member(operation: Operation, member: str, inside: Collection[str] | None) -> Effect:
    """Whether this one is in the group now, or out of it; None is that nobody could look."""
    if inside is None:
        return Effect.ACCEPTED
    is_as_asked = (member in inside) == (operation is Operation.ADD_MEMBER)
    return Effect.VERIFIED if is_as_asked else Effect.WITHOUT


def _updated(changes: Sequence[Change], shown: RemoteAccount, kind: type[Connector]) -> Effect:
    if differing(changes, shown, kind=kind).ignored:
        return Effect.WITHOUT
    if all(_may_be_hidden(change, _value(shown, change.path), kind) for change in changes):
        return Effect.ACCEPTED
    return Effect.VERIFIED


def _may_be_hidden(change: Change, there: Value | None, kind: type[Connector]) -> bool:
    """Whether nothing is shown under a target that the application need not show."""
    return there is None and not kind.lists(change.path)


def _value(shown: RemoteAccount, path: str) -> Value | None:
    # An empty text is no value, as in drift.storable.
    value = shown.values.get(path)
    return None if value == "" else value
