"""Planted faults of the product, each of which the matrix has to show as FAIL."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from django.utils import timezone

from provisioning import mapping, outcomes, preview
from provisioning.connectors.scim import Scim
from provisioning.outcomes import Job
from provisioning.plan import NOTHING, Action, Change, Operation
from provisioning.record import Result


def apply(name: str) -> None:
    """Plant it in this process; "" plants nothing."""
    if name:
        MUTANTS[name]()


def _never_clear() -> None:
    """A value that a person has lost is left there."""
    right = mapping.render

    def render(*args: Any, **kwargs: Any) -> mapping.Desired:
        held = right(*args, **kwargs)
        return {target: value for target, value in held.items() if value is not None}

    mapping.render = render


def _forget_leaver() -> None:
    """Every second account that is to be switched off is taken for settled."""
    right, leavers = preview.plan, []

    def plan(*args: Any, **kwargs: Any) -> Action:
        action = right(*args, **kwargs)
        if action.operation is not Operation.DEACTIVATE:
            return action
        leavers.append(action)
        return action if len(leavers) % 2 else NOTHING

    preview.plan = plan


def _wrong_account() -> None:
    """A change of one account is sent to the one that was changed before."""
    right, last = Scim.update, [""]

    def update(
        self: Scim, remote_id: str, changes: Sequence[Change], *, held: Collection[str]
    ) -> None:
        last[0], there = remote_id, last[0] or remote_id
        right(self, there, changes, held=held)

    Scim.update = update  # type: ignore[method-assign]


def _never_settled() -> None:
    """What was updated is due again at once, for ever."""
    right = outcomes.written

    def written(job: Job, *answer: Any, **more: Any) -> Result:
        result = right(job, *answer, **more)
        if job.action.operation is not Operation.UPDATE:
            return result
        kept = {key: value for key, value in result.fields.items() if key != "applied"}
        return replace(result, fields=kept, due_at=timezone.now())

    outcomes.written = written


MUTANTS: dict[str, Callable[[], None]] = {
    "never-clear": _never_clear,
    "forget-leaver": _forget_leaver,
    "wrong-account": _wrong_account,
    "never-settled": _never_settled,
}
