"""Short ways to say what the portal recorded, and whether it agrees with the application."""

from typing import Any

from iam.models import User
from provisioning.models import Account, App, Event, Origin, Problem
from provisioning.plan import State

_PARKED = {Problem.REJECTED, Problem.CONFLICT, Problem.WITHOUT_EFFECT}


def account(app: App, user: User) -> Account:
    return Account.objects.select_related("app").get(app=app, user=user)


def happened(app: App | None = None, **about: Any) -> list[tuple[str, str]]:
    """(operation, outcome) of every event, oldest first."""
    events = Event.objects.filter(**about)
    if app is not None:
        events = events.filter(app=app)
    return list(events.order_by("pk").values_list("operation", "outcome"))


def agree(app: App, server: Any) -> None:
    """Assert that every account row says what the application holds, and that nothing is due.

    `server` is a Target or a FaultyScim.
    """
    there = {user["id"]: user for user in server.users()}
    rows = Account.objects.filter(app=app)
    for row in rows:
        # Who needs a person is looked at once a day all the same.
        assert row.due_at is None or row.problem in _PARKED, f"{row} is due"
        assert row.intent == {}, f"{row} is in doubt"
        if row.state in {State.ACTIVE, State.SUSPENDED}:
            assert row.remote_id in there, f"{row} is not there"
            assert there[row.remote_id]["active"] is (row.state == State.ACTIVE)
            assert row.origin in Origin.values
        else:
            assert row.remote_id is None
    linked = [row.remote_id for row in rows if row.remote_id]
    assert len(linked) == len(set(linked))
