"""Decides whether an account found in an application may be linked to a person, and links it."""

from collections.abc import Sequence

from provisioning import doubt, guard, outcomes, wording
from provisioning.connectors.base import RemoteAccount
from provisioning.models import Account, Origin, PushedMember
from provisioning.outcomes import Job
from provisioning.plan import Operation, State
from provisioning.record import Result


def link(job: Job, hits: Sequence[RemoteAccount]) -> Result:
    """Adopt one exact hit that nobody owns; everything else is a conflict for a person.

    An account that carries our own external id, or that a lost create of ours left behind, was
    made by Gatehouse. Nothing else is touched unless the person should have it.
    """
    if len(hits) > 1:
        return outcomes.conflict(job, wording.conflict_several(job.account, len(hits)))
    hit = hits[0]
    owner = owner_of(job.account, hit.remote_id)
    if owner is not None and owner.user_id is not None:
        return outcomes.conflict(job, wording.conflict_with(job.account, owner))
    ours = _made_by_us(job, hit)
    if job.action.operation is Operation.RESOLVE and not ours:
        return outcomes.never_got_through(job)
    if owner is not None:
        return take_over(job, hit, owner)
    if hit.external_id and not ours:
        return outcomes.conflict(job, wording.conflict_foreign(job.account))
    return outcomes.found(job, hit, ours=ours, origin=Origin.CREATED if ours else Origin.ADOPTED)


def owner_of(account: Account, remote_id: str) -> Account | None:
    """The other account of ours that is linked to this one of the application."""
    others = Account.objects.filter(app_id=account.app_id, remote_id=remote_id)
    return others.exclude(pk=account.pk).select_related("user").first()


def _made_by_us(job: Job, hit: RemoteAccount) -> bool:
    if hit.external_id:
        return hit.external_id == str(job.account.external_id)
    # The intent of a create is committed only after a look-up found nothing.
    return Operation.CREATE in doubt.operations(job.account.intent)


def take_over(job: Job, hit: RemoteAccount, former: Account) -> Result:
    """The account of someone who was deleted here and has been added again."""
    origin = former.origin
    Account.objects.filter(pk=former.pk).update(
        remote_id=None, state=State.GONE, due_at=None, intent={}, applied={}
    )
    # It is the same account there, and in the same groups.
    PushedMember.objects.filter(account=former).update(account=job.account)
    guard.over([former.pk])
    return outcomes.found(job, hit, ours=False, origin=origin)
