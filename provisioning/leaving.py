"""Removes a person everywhere at once: switched off, out of every group, before everybody else."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from iam import actor
from iam.models import Membership, User
from iam.text import counted
from provisioning import guard, memberships, preview, trial
from provisioning.models import Account, App, Leaving
from provisioning.plan import Feature, Operation
from provisioning.preview import Step
from provisioning.trial import Marked

# What an operator must be allowed to do for it.
RIGHTS = ("iam.change_user", "iam.delete_membership", "provisioning.change_account")


class Outlook(StrEnum):
    """When access to one application would end."""

    AT_ONCE = "at_once"
    # Somebody has to decide or to put something right before.
    WAITS = "waits"
    # By the application's own rules it does not end.
    STAYS = "stays"
    # There is none, or it has ended already, or it is not managed here.
    NOTHING = "nothing"

    @property
    def label(self) -> str:
        return _OUTLOOKS[self]


_OUTLOOKS = {
    Outlook.AT_ONCE: "Within seconds",
    Outlook.WAITS: "Not at once",
    Outlook.STAYS: "Stays",
    Outlook.NOTHING: "Nothing to do",
}


@dataclass(frozen=True)
class Consequence:
    """What would happen in one application, and when."""

    app: App
    operation: str
    outlook: Outlook
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Consequences:
    """What would happen in the applications, and the groups the person would be taken out of."""

    person: User
    apps: tuple[Consequence, ...]
    groups: tuple[str, ...]


def remove_everywhere(user: User, *, by: str, reason: str) -> Leaving:
    """Switch the person off and take them out of every group; their accounts follow in seconds.

    Nothing is removed past the guard, and nothing is deleted earlier than the applications say.
    Accounts that were kept by a decision are let go. Raises ValueError without a name or a reason.
    """
    if not by or not reason.strip():
        raise ValueError("whoever removes somebody has a name and a reason")
    with transaction.atomic(), actor.acting_as(by):
        person = User.objects.select_for_update().get(pk=user.pk)
        held = _memberships(person)
        leaving = Leaving.objects.create(
            user=person,
            identifier=person.username,
            at=timezone.now(),
            by=by,
            reason=reason.strip(),
            was_active=person.is_active,
            groups=[name for _, name in held],
        )
        memberships.change(add=[], remove=[(person.pk, group) for group, _ in held])
        person.is_active = False
        # This marks every account of theirs, as those of a leaver.
        person.save(update_fields=["is_active", "changed_at"])
        guard.end_access(Account.objects.filter(user=person), by=by)
    return leaving


def consequences(user: User) -> Consequences:
    """What `remove_everywhere` would do now, without doing it."""
    return Consequences(
        user,
        apps=trial.of(
            lambda: remove_everywhere(user, by=actor.current(), reason="a preview"), see=_seen
        ),
        groups=tuple(name for _, name in _memberships(user)),
    )


def undoing(leaving: Leaving) -> str:
    """How to bring the person back."""
    leaving = _first(leaving)
    groups = ", ".join(f"“{name}”" for name in leaving.groups)
    into = f" and put them into their groups again: {groups}" if groups else ""
    before = "" if leaving.was_active else " They were switched off before that already."
    return (
        f"To bring {leaving.identifier} back, tick “Active” on their page{into}. What was deleted "
        f"in an application is created anew and empty.{before}"
    )


def _first(leaving: Leaving) -> Leaving:
    """The one that took something, where this has been done once more."""
    if leaving.groups or leaving.was_active:
        return leaving
    left = Q(user=None, identifier_key=leaving.identifier_key)
    theirs = Leaving.objects.filter(Q(user=leaving.user_id) if leaving.user_id else left)
    took = theirs.exclude(groups=[], was_active=False)
    return took.filter(pk__lte=leaving.pk).first() or leaving


def _memberships(user: User) -> list[tuple[int, str]]:
    held = Membership.objects.filter(user=user).order_by("group__name_key")
    return list(held.values_list("group", "group__name"))


def _seen(marked: Marked) -> tuple[Consequence, ...]:
    return tuple(
        _consequence(app, step)
        for app in trial.apps_of(marked.accounts)
        for step in preview.steps(app, marked.accounts)
    )


def _consequence(app: App, step: Step) -> Consequence:
    outlook, hindered = _outlook(step), tuple(preview.hindrances(app))
    sentences = (preview.in_words(step), *_afterwards(app, step))
    if hindered and outlook in {Outlook.AT_ONCE, Outlook.WAITS}:
        outlook, sentences = Outlook.WAITS, (*sentences, *hindered)
    return Consequence(app, step.kind, outlook, sentences)


def _outlook(step: Step) -> Outlook:
    if step.action.skipped is not None:
        return Outlook.STAYS
    if step.action.operation is Operation.NOTHING:
        return Outlook.NOTHING
    return Outlook.WAITS if step.held else Outlook.AT_ONCE


def _afterwards(app: App, step: Step) -> Iterator[str]:
    deletes = Feature.DELETE_USERS in app.features and app.rules.removes
    if deletes and step.action.operation is Operation.DEACTIVATE:
        days = counted(app.delete_after_days, "day")
        yield f"It would be deleted {days} later."
