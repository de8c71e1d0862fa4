"""Tells the queue whom to look at when something changes; never what happened or what to do.

Every receiver of the project is here. They run in the transaction of the change.
"""

from typing import Any

from django.db.models.signals import (
    m2m_changed,
    post_delete,
    post_save,
    pre_delete,
    pre_save,
)

from iam.models import Group, Membership, User
from provisioning import lanes, queue
from provisioning.models import App, Mapping, Policy, Trigger


def connect() -> None:
    post_save.connect(membership_changed, sender=Membership)
    post_delete.connect(membership_changed, sender=Membership)
    m2m_changed.connect(members_added, sender=Membership)
    post_save.connect(user_saved, sender=User)
    pre_delete.connect(user_deleted, sender=User)
    pre_delete.connect(group_deleted, sender=Group)
    pre_save.connect(policy_changing, sender=Policy)
    post_save.connect(policy_changed, sender=Policy)
    pre_delete.connect(policy_changed, sender=Policy)
    post_save.connect(mapping_changed, sender=Mapping)
    # Before, not after: its app may be going too, and its accounts must not be added again.
    pre_delete.connect(mapping_changed, sender=Mapping)
    post_save.connect(app_saved, sender=App)


def membership_changed(instance: Membership, raw: bool = False, **_: Any) -> None:
    if not raw:
        queue.mark(
            users=[instance.user_id],
            apps=_apps_of(instance.group_id),
            trigger=Trigger.MEMBERSHIP,
        )


def members_added(
    instance: Group | User, action: str, reverse: bool, pk_set: set[int] | None, **_: Any
) -> None:
    """`add` and `set` insert in bulk and send only this; removals delete row by row."""
    if action != "post_add" or not pk_set:
        return
    if isinstance(instance, Group):
        queue.mark(users=pk_set, apps=_apps_of(instance.pk), trigger=Trigger.MEMBERSHIP)
    else:
        apps = Policy.objects.filter(group__in=pk_set).values("app")
        queue.mark(users=[instance.pk], apps=apps, trigger=Trigger.MEMBERSHIP)


def user_saved(instance: User, raw: bool = False, **_: Any) -> None:
    if not raw:
        queue.mark(users=[instance.pk], trigger=Trigger.PERSON)


def user_deleted(instance: User, **_: Any) -> None:
    queue.mark(users=[instance.pk], trigger=Trigger.PERSON, leaving=True)


def group_deleted(instance: Group, **_: Any) -> None:
    members = Membership.objects.filter(group=instance).values("user")
    apps = _apps_of(instance.pk)
    queue.mark(users=members, apps=apps, trigger=Trigger.MEMBERSHIP, leaving=True)


def policy_changing(instance: Policy, **_: Any) -> None:
    """The app that the policy was for until now."""
    before = Policy.objects.filter(pk=instance.pk).values("app")
    queue.mark(apps=before, trigger=Trigger.POLICY)


def policy_changed(instance: Policy, raw: bool = False, **_: Any) -> None:
    if not raw:
        queue.mark(apps=[instance.app_id], trigger=Trigger.POLICY)


def mapping_changed(instance: Mapping, raw: bool = False, **_: Any) -> None:
    if not raw:
        queue.mark(apps=[instance.app_id], trigger=Trigger.MAPPING)


def app_saved(instance: App, raw: bool = False, **_: Any) -> None:
    if not raw:
        lanes.resume(instance.pk)
        queue.mark(apps=[instance.pk], trigger=Trigger.APP)


def _apps_of(group: int) -> Any:
    return Policy.objects.filter(group=group).values("app")
