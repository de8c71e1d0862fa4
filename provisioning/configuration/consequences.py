"""What a configuration does to people's accounts: how it stood before, and how it stands after."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from iam.text import counted
from provisioning import access, guard, losses
from provisioning.configuration.differences import Change
from provisioning.configuration.document import Document
from provisioning.configuration.shape import APPS, POLICIES
from provisioning.models import Account, App, PushedGroup
from provisioning.plan import State

# Changes of these can take something away in the application.
_REMOVING = {"features", "delete_after_days", "groups_to_push", "chosen_groups"}


@dataclass(frozen=True)
class Standing:
    """How it stands with the accounts of an app, by their keys and those of people and groups."""

    without: frozenset[int] = frozenset()
    removals: frozenset[int] = frozenset()
    entitled: frozenset[int] = frozenset()
    pushed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Counts:
    """How many people of an app lose and get an account, and how much else is removed there."""

    losing: int
    gaining: int
    removed: int
    groups: int


def touched(changes: Iterable[Change], *documents: Document) -> set[str]:
    """The names of the apps in which people may get or lose something by these changes."""
    found: set[str] = set()
    for change in changes:
        if change.section == POLICIES:
            policies = (document.sections[POLICIES].get(change.name, {}) for document in documents)
            found |= {policy["app"] for policy in policies if "app" in policy}
        elif change.section == APPS and _REMOVING & {field.name for field in change.fields}:
            found.add(change.name)
    return found


def standing(names: Iterable[str]) -> dict[str, Standing]:
    """Of the apps with these names, as far as they exist."""
    return {app.name: _standing(app) for app in App.objects.filter(name__in=names)}


def _standing(app: App) -> Standing:
    active = Account.objects.filter(app=app, state=State.ACTIVE)
    pushed = PushedGroup.objects.filter(app=app, remote_id__isnull=False)
    return Standing(
        without=frozenset(active.filter(~Q(access.granted())).values_list("pk", flat=True)),
        removals=frozenset(
            guard.removals(app, now=timezone.now()).order_by().values_list("pk", flat=True)
        ),
        entitled=frozenset(access.entitled(app).order_by().values_list("pk", flat=True)),
        pushed=frozenset(pushed.filter(Q(access.pushed())).values_list("pk", flat=True)),
    )


def compared(before: dict[str, Standing], after: dict[str, Standing]) -> dict[str, Counts]:
    """What changed in each app that is still there."""
    counts: dict[str, Counts] = {}
    for name, now in sorted(after.items()):
        then = before.get(name, Standing())
        without = now.without - then.without
        counts[name] = Counts(
            losing=len(without),
            gaining=len(now.entitled - then.entitled),
            removed=len(now.removals - then.removals - without),
            groups=len(then.pushed - now.pushed),
        )
    return counts


def sentences(counts: dict[str, Counts]) -> Iterator[str]:
    """The same in words, with what the guard would do."""
    for app in App.objects.filter(name__in=counts):
        count = counts[app.name]
        if count.losing:
            yield from losses.sentences([(app, count.losing, access.what_becomes(app))])
        if count.removed:
            yield (
                f"{counted(count.removed, 'account')} whose people are not to have {app} will be "
                f"switched off or deleted there.{losses.held_first(app, count.removed)}"
            )
        if count.groups:
            are = counted(count.groups, "group is", "groups are")
            yield (
                f"{are} not kept in {app} any more: deleted there if “Delete group” is on, and "
                "left as it is otherwise."
            )
        if count.gaining:
            get = counted(count.gaining, "person gets", "people get")
            when = ", once it is not paused any more" if app.paused else ""
            yield f"{get} an account in {app}{when}."
