"""Compares what the target holds with what the policies say, without the engine's own records."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from iam.models import User
from provisioning.models import Policy

_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(frozen=True)
class Row:
    """One account as it should be and as it is; None where there is none."""

    username: str
    should_be: dict[str, Any] | None
    is_there: dict[str, Any] | None

    @property
    def agrees(self) -> bool:
        return self.should_be == self.is_there


def compare(held: Sequence[dict[str, Any]]) -> list[Row]:
    """Every person who has had access and every account of the target, side by side.

    An account that stands twice in the target stands twice here, and the second disagrees.
    """
    wanted = {user.username: _expected(user) for user in User.objects.all()}
    rows: list[Row] = []
    for account in sorted(held, key=lambda account: str(account.get("userName"))):
        name = str(account.get("userName"))
        rows.append(Row(name, wanted.pop(name, None), _seen(account)))
    rows += [Row(name, should_be, None) for name, should_be in wanted.items()]
    return rows


def _expected(user: User) -> dict[str, Any]:
    policies = Policy.objects.filter(enabled=True, group__users=user)
    return {
        "active": user.is_active and policies.exists(),
        "first": user.first_name or None,
        "last": user.last_name or None,
        "e-mail": [user.email] if user.email else [],
        "organization": user.custom.get("custom_attribute_1"),
    }


def _seen(account: dict[str, Any]) -> dict[str, Any]:
    name = account.get("name") or {}
    return {
        "active": account.get("active"),
        "first": name.get("givenName"),
        "last": name.get("familyName"),
        "e-mail": [email.get("value") for email in account.get("emails") or []],
        "organization": (account.get(_ENTERPRISE) or {}).get("organization"),
    }
