"""Nothing slips past the guard between two looks, in a crowd, or when a worker dies."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from iam.models import Group, User
from provisioning import guard, lanes, queue
from provisioning.models import Account, App, Event, Hold, Lane
from provisioning.plan import Feature, State
from tests.conftest import REVERSIBLE, MakeApp
from tests.support.crowd import crowd, held, leave
from tests.support.faulty import FaultyScim
from tests.support.looks import agree, happened
from tests.support.threads import (
    WorkerThread,
    eventually,
    shared_database,
    stopped,
    worker_process,
)

Push = Callable[[], None]
Later = Callable[..., None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


@pytest.fixture
def eleven(app: App, sales: Group, faulty: FaultyScim) -> list[User]:
    """One more than may go without anybody being asked."""
    return crowd(app, sales, faulty, 11)


# --------------------------------------------------------------------------- many, and at once


def test_more_than_one_batch_is_judged_before_the_first_request(
    app: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    crowd(app, sales, faulty, 450)
    App.objects.update(guard_count=300)
    sales.users.clear()
    push()
    assert faulty.writes == []
    assert held(app) == 450
    assert Event.objects.filter(outcome="held").count() == 450


def test_within_the_limit_every_batch_goes(
    app: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    crowd(app, sales, faulty, 230)
    App.objects.update(guard_count=230)
    sales.users.clear()
    push()
    assert faulty.active_names() == []
    assert held(app) == 0


def test_holding_a_crowd_takes_hardly_more_statements_than_holding_a_few(
    app: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    counts = []
    for size in (12, 190):
        crowd(app, sales, faulty, size, prefix=f"of{size}")
        sales.users.clear()
        with CaptureQueriesContext(connection) as queries:
            push()
        counts.append(len(queries))
    # SQLite takes only so many values in one statement.
    assert counts[1] - counts[0] <= 3
    assert held(app) == 202


def judged(app: App, accounts: list[Account]) -> list[Account]:
    lease = lanes.acquire(app.pk, owner="test")
    assert lease is not None
    try:
        return guard.hold_back(accounts, app=app, lease=lease)
    finally:
        lease.release()


def test_what_is_marked_between_claim_and_judgement_is_counted(
    app: App, eleven: list[User], sales: Group
) -> None:
    leave(sales, eleven[:10])
    batch = queue.claim(app)
    leave(sales, eleven[10:])
    assert judged(app, batch) == []
    assert held(app) == 11


def test_who_comes_back_between_claim_and_judgement_is_left_to_the_next_look(
    app: App, eleven: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    sales.users.clear()
    batch = queue.claim(app)
    sales.users.set(eleven)
    assert (len(batch), judged(app, batch)) == (11, [])
    push()
    assert held(app) == 0
    assert faulty.writes == []
    agree(app, faulty)


def test_what_becomes_a_removal_while_others_are_sent_is_counted_already(
    app: App, eleven: list[User], sales: Group, push: Push
) -> None:
    in_a_minute = timezone.now() - timedelta(days=30) + timedelta(minutes=1)
    Account.objects.update(state=State.SUSPENDED, deprovisioned_at=in_a_minute)
    sales.users.clear()
    app.features = [feature.value for feature in Feature]
    app.save()
    push()
    assert held(app) == 11


def test_a_worker_that_lost_its_lane_holds_nothing(
    app: App, eleven: list[User], sales: Group, later: Later
) -> None:
    sales.users.clear()
    lease = lanes.acquire(app.pk, owner="first")
    assert lease is not None
    batch = queue.claim(app)
    later(minutes=3)
    assert lanes.acquire(app.pk, owner="second") is not None
    with pytest.raises(lanes.LeaseLost):
        guard.hold_back(batch, app=app, lease=lease)
    assert held(app) == 0


def test_being_marked_again_changes_nothing_while_held(
    app: App, eleven: list[User], sales: Group, faulty: FaultyScim, push: Push, later: Later
) -> None:
    sales.users.clear()
    for _ in range(3):
        push()
        later(hours=1)
        queue.sweep()
        app.save()
    push()
    assert held(app) == 11
    assert Event.objects.count() == Hold.objects.count() == 11
    assert faulty.writes == []
    assert queue.sweep() == 0


def test_who_gets_access_again_is_not_held_any_more(
    app: App, eleven: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    sales.users.clear()
    push()
    sales.users.set(eleven)
    push()
    assert held(app) == 0
    assert set(Hold.objects.values_list("decision", flat=True)) == {"over"}
    assert set(Account.objects.values_list("guard", "problem", "message")) == {("", "", "")}
    assert faulty.writes == []
    agree(app, faulty)


def test_who_was_held_and_came_back_is_counted_anew(
    app: App, eleven: list[User], sales: Group, push: Push
) -> None:
    for _ in range(2):
        sales.users.clear()
        push()
        assert held(app) == 11
        sales.users.set(eleven)
        push()
    assert Hold.objects.count() == 22


def test_where_deactivating_is_off_nothing_waits(
    app: App, eleven: list[User], sales: Group, push: Push
) -> None:
    sales.users.clear()
    push()
    app.features = [Feature.CREATE_USERS.value]
    app.save()
    push()
    assert held(app) == 0
    app.features = [feature.value for feature in REVERSIBLE]
    app.save()
    push()
    assert held(app) == 11


def test_a_removal_that_was_refused_long_ago_is_counted_when_it_is_due(
    app: App, eleven: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    gone = timezone.now() + timedelta(hours=20)
    sales.users.clear()
    Account.objects.filter(user__in=eleven[:5]).update(due_at=gone)
    push()
    assert len(faulty.active_names()) == 5
    Account.objects.filter(user__in=eleven[:5]).update(due_at=timezone.now())
    push()
    assert held(app) == 5


# -------------------------------------------------------------------------------- workers that die


def test_what_a_killed_worker_had_on_its_way_is_not_counted_twice(
    app: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    users = crowd(app, sales, faulty, 10)
    leave(sales, users)
    Account.objects.update(intent={"operations": ["deactivate"]})
    for user in faulty.users()[:5]:
        user["active"] = False
    push()
    assert faulty.active_names() == []
    assert held(app) == 0
    agree(app, faulty)


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_and_its_successors_hold_the_same_people_once(
    app: App, eleven: list[User], sales: Group, faulty: FaultyScim, tmp_path: Path
) -> None:
    sales.users.clear()
    with shared_database(tmp_path):
        with worker_process() as process:
            assert eventually(lambda: Hold.objects.count() == 11)
            stopped(process, 9)
        app.save()
        # Its lease has run out.
        Lane.objects.update(lease_until=None)
        with WorkerThread():
            assert eventually(lambda: not Account.objects.exclude(due_at=None).exists())
        assert held(app) == 11
        assert happened(app) == [("deactivate", "held")] * 11
    assert faulty.journal == []
