"""What each role of an operator may do, model by model, and which groups the help desk may fill."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from iam.models import Group, Operator, Role

SENTENCES = {
    Role.SUPERUSER: "Everything, and alone decides who the operators are and what they may do.",
    Role.PROVISIONING: "Apps, mappings, policies, people, groups, holds, comparisons and reports, "
    "but no operators.",
    Role.HELP_DESK: "Sees people, their accounts and the report, has accounts looked at again, and "
    "puts people into the groups that are open to the help desk.",
    Role.AUDITOR: "Sees everything that is not secret, and changes nothing.",
}

_COLUMNS = (Role.PROVISIONING, Role.HELP_DESK, Role.AUDITOR)
_ALL = "view add change delete"

# Each model, and what a provisioning administrator, the help desk and an auditor may do with it.
# `push` is finer than Django's own rights: to have something looked at again, and nothing else.
RIGHTS: dict[str, tuple[str, str, str]] = {
    "iam.user": (_ALL, "view", "view"),
    "iam.group": (_ALL, "view", "view"),
    "iam.membership": (_ALL, "view add delete", "view"),
    "iam.groupnesting": (_ALL, "view", "view"),
    "iam.profileattribute": (_ALL, "", "view"),
    "iam.apitoken": ("view add delete", "", "view"),
    "iam.operator": ("", "", "view"),
    "provisioning.app": (_ALL, "", "view"),
    "provisioning.mapping": (_ALL, "", "view"),
    "provisioning.policy": (_ALL, "", "view"),
    "provisioning.account": ("view change push", "view push", "view"),
    "provisioning.pushedgroup": ("view change push", "view push", "view"),
    "provisioning.pushedmember": ("view", "view", "view"),
    "provisioning.hold": ("view change", "", "view"),
    "provisioning.run": ("view add", "", "view"),
    "provisioning.finding": ("view", "", "view"),
    "provisioning.webhook": (_ALL, "", "view"),
    "provisioning.delivery": ("view", "", "view"),
    "provisioning.event": ("view", "view", "view"),
    "reports.provisioningreport": ("view", "view", "view"),
}

# No role has a right to these: they are written by the product itself, and no page shows them.
INSIDE = frozenset(
    {
        "admin.logentry",
        "auth.group",
        "auth.permission",
        "contenttypes.contenttype",
        "iam.grouppath",
        "iam.keptanswer",
        "provisioning.hourlycount",
        "provisioning.lane",
        "provisioning.sighting",
        "provisioning.takenvalue",
        "provisioning.webhooklane",
        "provisioning.worker",
        "sessions.session",
    }
)


def _permissions(column: int) -> frozenset[str]:
    return frozenset(
        model.replace(".", f".{word}_")
        for model, words in RIGHTS.items()
        for word in words[column].split()
    )


_NONE: frozenset[str] = frozenset()
PERMISSIONS = {role: _permissions(column) for column, role in enumerate(_COLUMNS)}


class RoleBackend(BaseBackend):
    """Gives operators the rights of their role; signing in is left to Django's own."""

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set(_held(user_obj)) if obj is None else set()

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return obj is None and perm in _held(user_obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return any(perm.startswith(f"{app_label}.") for perm in _held(user_obj))


def _held(user: Any) -> frozenset[str]:
    active = isinstance(user, Operator) and user.is_active
    return PERMISSIONS.get(Role(user.role), _NONE) if active and user.role else _NONE


def of(operator: Operator | AnonymousUser) -> Role | None:
    """The role; None for who has none, and at most rights that were granted one by one."""
    if not isinstance(operator, Operator):
        return None
    if operator.is_superuser:
        return Role.SUPERUSER
    return Role(operator.role) if operator.role else None


def give(operator: Operator, role: Role) -> None:
    """Let the operator sign in with this role from now on; the caller saves it."""
    operator.is_staff = True
    operator.is_superuser = role == Role.SUPERUSER
    operator.role = "" if operator.is_superuser else role.value


def is_last_superuser(operator: Operator) -> bool:
    """Whether nobody could decide about operators without this one."""
    others = Operator.objects.filter(is_superuser=True, is_active=True).exclude(pk=operator.pk)
    return operator.pk is not None and not others.exists()


def fillable(operator: Operator | AnonymousUser) -> QuerySet[Group]:
    """The groups that the operator, who may change memberships, may put people into."""
    groups = Group.objects.all()
    return groups.filter(open_to_help_desk=True) if of(operator) == Role.HELP_DESK else groups


def closed(operator: Operator | AnonymousUser, groups: Collection[int]) -> QuerySet[Group]:
    """Those of these groups of which the operator may not change who is in them."""
    return Group.objects.filter(pk__in=groups).exclude(pk__in=fillable(operator))


def refusal(operator: Operator | AnonymousUser, groups: Collection[int]) -> str:
    """Why the operator may not change who is in these groups; empty if they may."""
    refused = closed(operator, groups).first()
    if refused is None:
        return ""
    return (
        f"The group “{refused}” is not open to the help desk. A provisioning administrator can "
        "open it on its page, or change who is in it."
    )
