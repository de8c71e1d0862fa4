"""What may have happened in an application although no answer told of it. Pure.

It is kept on the account row as {"operations": […], "paths": […], "values": {…}}: the writes of
which nobody knows whether they happened, the targets that they were to change, and under which
values a lost create must be looked for. It is committed before a write is sent, so that a crash
leaves word of it. {"unseen": {"operation": …, "times": …}} stands there as well while the
application has said yes to that operation and, so many times, its effect was not seen.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from provisioning.plan import Action, Operation, Value

Doubt = dict[str, Any]

_ACTIVE = {Operation.DEACTIVATE, Operation.REACTIVATE}
# What is certain again once an operation is known to have happened.
_SETTLES: dict[Operation, set[Operation]] = {
    Operation.CREATE: set(Operation),
    Operation.DELETE: set(Operation),
    Operation.DEACTIVATE: _ACTIVE,
    Operation.REACTIVATE: _ACTIVE | {Operation.DELETE},
    # It sends every target in doubt anew.
    Operation.UPDATE: {Operation.UPDATE},
}


def operations(doubt: Doubt) -> set[Operation]:
    return {Operation(operation) for operation in doubt.get("operations", ())}


def paths(doubt: Doubt) -> list[str]:
    found: list[str] = doubt.get("paths", [])
    return found


def tried(doubt: Doubt) -> dict[str, Value | None]:
    """The values by which a lost create can be found."""
    found: dict[str, Value | None] = doubt.get("values", {})
    return found


def sending(
    doubt: Doubt,
    action: Action,
    *,
    desired: Mapping[str, Value | None],
    identifying: Sequence[str],
) -> Doubt:
    """What will be in doubt while the answer to this write has not come."""
    kept = doubt if unseen(doubt, action.operation) else _without_unseen(doubt)
    grown = {**kept, "operations": sorted(operations(doubt) | {action.operation})}
    changed = [change.path for change in action.changes]
    if action.operation is Operation.CREATE:
        # Just what it was looked for by before: any other value may have been somebody else's.
        grown["values"] = {target: desired[target] for target in identifying}
        changed = list(desired)
    if changed:
        grown["paths"] = sorted({*paths(doubt), *changed})
    return grown


def unseen(doubt: Doubt, operation: Operation) -> int:
    """How often the effect of this operation was looked for in vain since the first yes to it."""
    found = doubt.get("unseen", {})
    return int(found["times"]) if found.get("operation") == operation else 0


def not_seen(doubt: Doubt, operation: Operation) -> Doubt:
    """The same after one more look in vain."""
    times = unseen(doubt, operation) + 1
    return {**doubt, "unseen": {"operation": operation.value, "times": times}}


def _without_unseen(doubt: Doubt) -> Doubt:
    return {key: value for key, value in doubt.items() if key != "unseen"}


def settled(doubt: Doubt, operation: Operation) -> Doubt:
    """What is still in doubt when this write is known to have happened."""
    left = operations(doubt) - _SETTLES[operation]
    if not left:
        return {}
    kept: Doubt = {"operations": sorted(left)}
    if Operation.UPDATE in left and paths(doubt):
        kept["paths"] = paths(doubt)
    return kept
