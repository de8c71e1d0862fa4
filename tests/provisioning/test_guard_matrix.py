"""What the guard counts in the database is exactly what the planner would do to each account."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations, product
from typing import Any

import pytest
from django.utils import timezone

from iam.models import Group, Membership, User
from provisioning import access, guard
from provisioning.access import Reason
from provisioning.models import Account, App
from provisioning.plan import REMOVALS, Feature, Operation, State, plan
from tests.conftest import MakeApp
from tests.support.faulty import FaultyScim

SWITCHES = (Feature.UPDATE_USERS, Feature.DEACTIVATE_USERS, Feature.DELETE_USERS)
FEATURES = [chosen for size in range(4) for chosen in combinations(SWITCHES, size)]
# Of accounts, not of groups.
OPERATIONS = [each for each in Operation if not each.value.endswith(("_group", "_member"))]
DOUBTS: list[dict[str, Any]] = [
    {},
    *[{"operations": [operation.value]} for operation in OPERATIONS],
    {"operations": ["deactivate", "update"], "paths": ["title"]},
    {"operations": ["delete", "reactivate"]},
]
# name: (is active, is in the group, the reason against an account)
PEOPLE: dict[str, tuple[bool, bool, str]] = {
    "member": (True, True, ""),
    "outsider": (True, False, Reason.NO_POLICY),
    "switched off": (False, True, Reason.INACTIVE),
    "deleted": (False, False, Reason.DELETED),
}
ON = {Operation.DEACTIVATE.value, Operation.REACTIVATE.value}


def rows(app: App, person: Callable[[int], User | None]) -> Iterator[Account]:
    """An account for each combination of what its row can hold."""
    now = timezone.now()
    left = [None, now - timedelta(days=29), now - timedelta(days=31)]
    everything = product(State, (True, False), DOUBTS, left, ["", *Reason.values])
    for number, (state, there, intent, deprovisioned, kept) in enumerate(everything):
        yield Account(
            app=app,
            user=person(number),
            identifier=f"p{number}",
            external_id="00000000-0000-0000-0000-000000000000",
            remote_id=str(number) if there else None,
            state=state,
            intent=intent,
            deprovisioned_at=deprovisioned,
            kept_because=kept,
        )


@pytest.fixture(params=PEOPLE.keys())
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, request: pytest.FixtureRequest) -> App:
    """An app with all these accounts, of one kind of person."""
    app = make_app(faulty, group=sales)
    active, member, reason = PEOPLE[request.param]
    people = User.objects.bulk_create(
        User(username=f"p{number}", is_active=active) for number in range(1_500)
    )
    if member:
        Membership.objects.bulk_create(Membership(user=user, group=sales) for user in people)
    deleted = reason == Reason.DELETED
    Account.objects.bulk_create(rows(app, lambda number: None if deleted else people[number]))
    app.reason = reason
    return app


def removed(app: App, account: Account, *, now: datetime) -> bool:
    """What the worker would do, as the planner says it."""
    kept = account.remote_id is not None and account.kept_because == app.reason != ""
    on = account.state == State.ACTIVE or bool(ON & {*account.intent.get("operations", ())})
    recorded = replace(account.recorded, kept=kept)
    wanted = not app.reason or (kept and on)
    action = plan(recorded, wanted=wanted, desired={}, rules=app.rules, now=now)
    return action.operation in REMOVALS


def test_what_is_counted_is_what_would_be_removed(app: App) -> None:
    now = timezone.now()
    accounts = list(Account.objects.all())
    assert len(accounts) > 1_000
    for features, days, deletion in product(FEATURES, (0, 30), ("removes", "deactivates")):
        app.learned = {"delete": {"value": deletion}}
        app.features = [feature.value for feature in features]
        app.delete_after_days = days
        counted = set(guard.removals(app, now=now).values_list("pk", flat=True))
        planned = {each.pk for each in accounts if removed(app, each, now=now)}
        assert counted == planned, f"{features}, {days} days, DELETE {deletion}"


def test_the_reason_against_an_account_is_the_one_of_today(app: App) -> None:
    reasons = set(Account.objects.annotate(now=access.reason()).values_list("now", flat=True))
    assert reasons == {app.reason or Reason.NO_POLICY}


def test_a_kept_account_is_granted_only_where_it_is_on(app: App) -> None:
    granted = Account.objects.filter(access.granted())
    if not app.reason:
        assert granted.count() == Account.objects.count()
        return
    assert granted.exists()
    assert not granted.exclude(kept_because=app.reason).exists()
    assert not granted.filter(state=State.SUSPENDED, intent={}).exists()
    assert not granted.filter(remote_id=None).exists()
