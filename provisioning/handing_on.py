"""Orders changes of a name so that nobody asks for one that somebody else is still to give up.

An application refuses a name that another account has. Where it is handed on in one batch, who has
it goes first; where two or more exchange theirs, one steps aside for a moment.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from iam import text
from provisioning.outcomes import Job
from provisioning.plan import Action, Change, Operation


def waves(jobs: Sequence[Job], target: str) -> Iterator[list[Job]]:
    """The jobs, in groups of which each is sent when the one before has been answered."""
    holders = {_key(job.account.applied[target]): job for job in jobs if _gives_up(job, target)}
    if not holders:
        yield list(jobs)
        return
    waiting = {job.account.pk: job for job in jobs}
    while waiting:
        ready = [job for job in waiting.values() if not _blocked(job, target, holders, waiting)]
        aside: list[Job] = []
        if not ready:
            # All that are left wait for each other, or for those who do.
            first = _in_circle(next(iter(waiting.values())), target, holders)
            aside, ready = [_aside(first, target)], [first]
        for job in ready:
            del waiting[job.account.pk]
        yield aside or ready


def _gives_up(job: Job, target: str) -> bool:
    held = job.account.applied.get(target) is not None
    return held and any(change.path == target for change in _updates(job))


def _updates(job: Job) -> Iterable[Change]:
    return job.action.changes if job.action.operation is Operation.UPDATE else ()


def _holder(job: Job, target: str, holders: Mapping[str, Job]) -> Job | None:
    """Who has what this one is to get."""
    wanted = next((each.new for each in _updates(job) if each.path == target), None)
    holder = holders.get(_key(wanted)) if wanted is not None else None
    return holder if holder is not None and holder.account.pk != job.account.pk else None


def _blocked(job: Job, target: str, holders: Mapping[str, Job], waiting: Mapping[int, Job]) -> bool:
    holder = _holder(job, target, holders)
    return holder is not None and holder.account.pk in waiting


def _in_circle(job: Job, target: str, holders: Mapping[str, Job]) -> Job:
    """One of those who wait for each other, found from one who waits."""
    seen: set[int] = set()
    while job.account.pk not in seen:
        seen.add(job.account.pk)
        job = _holder(job, target, holders) or job
    return job


def _aside(job: Job, target: str) -> Job:
    """Let the account have another name until the one it is to get is free."""
    held = job.account.applied[target]
    change = Change(target, held, f"{job.account.external_id.hex[:8]}-{held}")
    return replace(job, action=Action(Operation.UPDATE, (change,)), steps_aside=True)


def _key(value: object) -> str:
    return text.normalise(str(value))
