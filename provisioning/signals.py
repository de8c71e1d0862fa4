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

from iam import nesting
from iam.models import Group, GroupNesting, Membership, User
from provisioning import access, group_queue, lanes, queue
from provisioning.models import Account, App, Mapping, Policy, Resource, Trigger


def connect() -> None:
    pre_save.connect(membership_changing, sender=Membership)
    post_save.connect(membership_changed, sender=Membership)
    post_delete.connect(membership_changed, sender=Membership)
    m2m_changed.connect(members_added, sender=Membership)
    post_save.connect(user_saved, sender=User)
    pre_delete.connect(user_deleted, sender=User)
    post_save.connect(group_saved, sender=Group)
    pre_delete.connect(group_deleted, sender=Group)
    pre_save.connect(nesting_changing, sender=GroupNesting)
    post_save.connect(nesting_changed, sender=GroupNesting)
    pre_delete.connect(nesting_going, sender=GroupNesting)
    # After, not before: where several go at once, none of them is there any more by then.
    post_delete.connect(nesting_changed, sender=GroupNesting)
    pre_save.connect(policy_changing, sender=Policy)
    post_save.connect(policy_changed, sender=Policy)
    # After, not before: only then can it be told who leaves, and leavers go first.
    post_delete.connect(policy_changed, sender=Policy)
    post_save.connect(mapping_changed, sender=Mapping)
    # Before, not after: its app may be going too, and its accounts must not be added again.
    pre_delete.connect(mapping_changed, sender=Mapping)
    post_save.connect(app_saved, sender=App)
    m2m_changed.connect(chosen_groups_changed, sender=App.chosen_groups.through)


def membership_changing(instance: Membership, **_: Any) -> None:
    """Whom the membership was for until now, if it is turned into another one."""
    if instance.pk is None:
        return
    before = Membership.objects.filter(pk=instance.pk)
    queue.mark_members(before.values("user"), before.values("group"), leaving=True)


def membership_changed(instance: Membership, raw: bool = False, **_: Any) -> None:
    if not raw:
        queue.mark_members([instance.user_id], [instance.group_id])


def members_added(
    instance: Group | User, action: str, reverse: bool, pk_set: set[int] | None, **_: Any
) -> None:
    """`add` and `set` insert in bulk and send only this; removals delete row by row."""
    if action != "post_add" or not pk_set:
        return
    if isinstance(instance, Group):
        queue.mark_members(pk_set, [instance.pk])
    else:
        queue.mark_members([instance.pk], pk_set)


def user_saved(instance: User, created: bool, raw: bool = False, **_: Any) -> None:
    # Somebody new is in no group yet, and nobody's manager.
    if not raw and not created:
        queue.mark(users=[instance.pk], trigger=Trigger.PERSON)
        _manager_changed(instance)


def user_deleted(instance: User, **_: Any) -> None:
    queue.mark(users=[instance.pk], trigger=Trigger.PERSON, leaving=True)
    _manager_changed(instance)


def _manager_changed(manager: User) -> None:
    """Where something of the manager is mapped, it is a value of those who report to them."""
    apps = Mapping.objects.reading("manager").values("app")
    showing = Account.objects.filter(user__manager=manager, app__in=apps)
    queue.mark_accounts(showing, trigger=Trigger.PERSON)


def group_saved(instance: Group, raw: bool = False, **_: Any) -> None:
    """It has a name where it is pushed, and formulas ask for a group by its name."""
    if not raw:
        group_queue.mark([instance.pk], trigger=Trigger.MEMBERSHIP)
        apps = Mapping.objects.reading("is_member_of").values("app")
        members = access.belonging_to([instance.pk])
        showing = Account.objects.filter(user__in=members, app__in=apps)
        queue.mark_accounts(showing, trigger=Trigger.MEMBERSHIP)


def group_deleted(instance: Group, **_: Any) -> None:
    nesting.lock()
    queue.mark_members(access.belonging_to([instance.pk]), [instance.pk], leaving=True)


def nesting_changing(instance: GroupNesting, **_: Any) -> None:
    """What the nesting meant until now, if it is turned into another one."""
    nesting.lock()
    for before in GroupNesting.objects.filter(pk=instance.pk):
        nesting.renew(before.child_id, without=before.pk)
        _mark_below(before)


def nesting_changed(instance: GroupNesting, raw: bool = False, **_: Any) -> None:
    """Who is in the group below, or in one that it holds, belongs to what is above, or no more."""
    if not raw:
        nesting.renew(instance.child_id)
        _mark_below(instance)


def nesting_going(**_: Any) -> None:
    """Before the row is locked by its deletion."""
    nesting.lock()


def _mark_below(nested: GroupNesting) -> None:
    queue.mark_members(access.belonging_to([nested.child_id]), [nested.parent_id])


def policy_changing(instance: Policy, **_: Any) -> None:
    """The app that the policy was for until now."""
    before = Policy.objects.filter(pk=instance.pk).values("app")
    queue.mark_apps(before, trigger=Trigger.POLICY)


def policy_changed(instance: Policy, raw: bool = False, **_: Any) -> None:
    if not raw:
        queue.mark_apps([instance.app_id], trigger=Trigger.POLICY)


def mapping_changed(instance: Mapping, raw: bool = False, **_: Any) -> None:
    if raw:
        return
    if instance.resource == Resource.GROUP:
        group_queue.mark_apps([instance.app_id], trigger=Trigger.MAPPING)
    else:
        queue.mark(apps=[instance.app_id], trigger=Trigger.MAPPING)


def app_saved(instance: App, raw: bool = False, **_: Any) -> None:
    if not raw:
        lanes.resume(instance.pk)
        queue.mark_apps([instance.pk], trigger=Trigger.APP)


def chosen_groups_changed(
    instance: App | Group, action: str, reverse: bool, pk_set: set[int] | None, **_: Any
) -> None:
    """Said by the app's page; a clearing tells before it happens of whom."""
    if action not in {"post_add", "post_remove", "pre_clear"}:
        return
    if isinstance(instance, App):
        apps = {instance.pk}
    elif pk_set is not None:
        apps = pk_set
    else:
        apps = set(App.objects.filter(chosen_groups=instance).values_list("pk", flat=True))
    group_queue.mark_apps(apps, trigger=Trigger.APP)
