"""People who are held back, and what an operator decides about them."""

from collections.abc import Callable

from django.db.models import QuerySet

from iam.models import Group, User
from provisioning import guard
from provisioning.models import App, Decision, Hold
from tests.support.crowd import crowd
from tests.support.faulty import FaultyScim


def twelve_held(app: App, group: Group, server: FaultyScim, push: Callable[[], None]) -> list[User]:
    """Twelve who were taken out of the group at once, and are held."""
    users = crowd(app, group, server, 12)
    group.users.clear()
    push()
    assert Hold.objects.filter(decision=Decision.WAITING).count() == 12
    return users


def holds(*users: User) -> "QuerySet[Hold]":
    """Those about these people; all of them if none is named."""
    found = Hold.objects.all()
    return found.filter(account__user__in=users) if users else found


def release(*users: User, by: str = "olga") -> int:
    return guard.release(holds(*users), by=by, reason="They have left.")


def reject(*users: User, by: str = "olga") -> int:
    return guard.reject(holds(*users), by=by, reason="A mistake.")
