"""Says what it means to lose access, or an application, before it happens."""

from iam.text import counted
from provisioning import access, guard
from provisioning.models import Account, App
from provisioning.plan import Feature, State


def sentences(loss: access.Loss) -> list[str]:
    """What losing access means, one sentence an application."""
    return [
        f"{counted(count, 'account')} will be {what} in {app}.{held_first(app, count)}"
        for app, count, what in loss
    ]


def stay(app: App) -> str:
    """What becomes of the accounts of an application that is deleted here."""
    count = Account.objects.filter(app=app, state=State.ACTIVE).count()
    return counted(
        count,
        f"account stays in {app} as it is, and Gatehouse forgets it.",
        f"accounts stay in {app} as they are, and Gatehouse forgets them.",
    )


def held_first(app: App, count: int) -> str:
    """What is said beside so many removals that would wait for a decision; else nothing."""
    removes = {Feature.DEACTIVATE_USERS, Feature.DELETE_USERS}.intersection(app.features)
    if not removes or not guard.would_hold(app, removed=count):
        return ""
    return (
        f" Before that, they wait under Holds until somebody decides, because {app} may lose at "
        f"most {guard.limit(app)} of its accounts within 24 hours without anybody being asked."
    )
