"""Many people whose accounts are as they should be, without a request for each."""

from typing import Any

from django.utils import timezone

from iam.models import Group, Membership, User
from provisioning import mapping
from provisioning.models import Account, App, Decision, Guard, Hold, Origin, Problem
from provisioning.plan import State


def crowd(app: App, group: Group, server: Any, count: int, *, prefix: str = "p") -> list[User]:
    """New people in the group, which gets the app, each with an account that is up to date.

    `server` is a FaultyScim.
    """
    users = User.objects.bulk_create(
        User(username=f"{prefix}{number:04}@example.org") for number in range(count)
    )
    Membership.objects.bulk_create(Membership(user=user, group=group) for user in users)
    rows = list(app.mappings.of_people())
    accounts = []
    for user in users:
        person = mapping.Person(user)
        desired = mapping.render(rows, person, kind=app.kind, app=app.name, creating=True)
        there = server.add(user.username, externalId=str(user.external_id))
        accounts.append(
            Account(
                app=app,
                user=user,
                identifier=user.username,
                external_id=user.external_id,
                remote_id=there["id"],
                origin=Origin.CREATED,
                state=State.ACTIVE,
                granted=True,
                done_generation=1,
                applied={path: value for path, value in desired.items() if value is not None},
                checked_at=timezone.now(),
            )
        )
    Account.objects.bulk_create(accounts)
    return users


def leave(group: Group, users: list[User]) -> None:
    """Take them out of the group one by one."""
    for user in users:
        group.users.remove(user)


def held(app: App) -> int:
    """How many accounts the guard holds back, the rows of accounts and of holds agreeing."""
    rows = Account.objects.filter(app=app, guard=Guard.HELD, problem=Problem.HELD, due_at=None)
    waiting = Hold.objects.filter(app=app, decision=Decision.WAITING)
    assert set(rows.values_list("pk")) == set(waiting.values_list("account"))
    return rows.count()
