"""A worker drains what is due, wakes up for more, outlives what goes wrong and stops cleanly."""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import transaction

from iam.models import Group, Membership, User
from provisioning import nudge, queue
from provisioning.models import Account, App, Lane
from tests.conftest import MakeApp, person
from tests.support.draining import drain_all
from tests.support.faulty import FaultyScim, answer
from tests.support.looks import account, agree, happened
from tests.support.servers import Reply
from tests.support.threads import WITHIN, WorkerThread, eventually, shared_database


@pytest.fixture(autouse=True)
def _shared(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    with shared_database(tmp_path):
        yield


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


class Gate:
    """A fault that holds a request, which has arrived, until it is let through."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.open = threading.Event()

    def __call__(self, serve: Callable[[], Reply]) -> Reply:
        self.arrived.set()
        assert self.open.wait(WITHIN)
        return serve()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def nothing_due() -> bool:
    return not Account.objects.exclude(due_at=None).exists()


# ------------------------------------------------------------------------------------- working


def test_a_worker_does_what_was_due_before_it_started(
    app: App, ann: User, faulty: FaultyScim
) -> None:
    with WorkerThread():
        assert eventually(nothing_due)
    assert faulty.active_names() == [ann.username]
    agree(app, faulty)


def test_a_running_worker_does_what_becomes_due(
    app: App, ann: User, bob: User, sales: Group, faulty: FaultyScim
) -> None:
    with WorkerThread():
        assert eventually(lambda: faulty.active_names() == [ann.username])
        sales.users.add(bob)
        assert eventually(lambda: faulty.active_names() == [ann.username, bob.username])
        sales.users.remove(ann)
        assert eventually(lambda: faulty.active_names() == [bob.username] and nothing_due())
    agree(app, faulty)


def test_a_worker_sweeps_when_it_starts(
    app: App, bob: User, sales: Group, faulty: FaultyScim
) -> None:
    Membership.objects.bulk_create([Membership(user=bob, group=sales)])
    with WorkerThread():
        assert eventually(lambda: faulty.active_names() == [bob.username] and nothing_due())
    agree(app, faulty)


def test_every_app_is_worked_through(
    make_app: MakeApp, ann: User, sales: Group, faulty: FaultyScim
) -> None:
    apps = [make_app(faulty, name=f"App {number}", group=sales) for number in range(3)]
    with WorkerThread():
        assert eventually(nothing_due)
    assert all(happened(app) for app in apps)


def test_an_app_that_does_not_answer_holds_up_no_other(
    make_app: MakeApp, ann: User, sales: Group, faulty: FaultyScim, gate: Gate
) -> None:
    faulty.on("*", gate)
    with FaultyScim() as healthy, WorkerThread():
        slow = make_app(faulty, name="Slow", group=sales)
        assert gate.arrived.wait(WITHIN)
        other = make_app(healthy, name="Healthy", group=sales)
        assert eventually(lambda: not other.accounts.exclude(due_at=None).exists())
        assert healthy.active_names() == [ann.username]
        # The slow one is still being asked, and was not given up first.
        assert happened(slow) == []
        gate.open.set()
        assert eventually(nothing_due)


def test_a_large_app_gives_way_to_the_others_before_it_has_ended(
    make_app: MakeApp, sales: Group, faulty: FaultyScim
) -> None:
    reached = threading.Event()

    def wait_for_the_other(serve: Callable[[], Reply]) -> Reply:
        reached.wait(0.2)
        return serve()

    def reach(serve: Callable[[], Reply]) -> Reply:
        reached.set()
        return serve()

    sales.users.add(*(person(f"p{number:03}") for number in range(100)))
    large = make_app(faulty, name="Large", group=sales)
    faulty.on("POST", wait_for_the_other)
    with FaultyScim() as other, WorkerThread(at_once=1, turn=0.5):
        other.on("POST", reach)
        assert eventually(lambda: bool(faulty.writes))
        make_app(other, name="Small", group=sales)
        assert reached.wait(WITHIN)
        assert large.accounts.exclude(due_at=None).exists()
        assert eventually(nothing_due)
    assert len(faulty.names()) == len(other.names()) == 100


# -------------------------------------------------------------------------------------- waking


def test_a_worker_is_woken_by_the_commit_and_not_before(app: App, ann: User) -> None:
    nudge.wake.clear()
    with transaction.atomic():
        ann.save()
        assert not nudge.wake.is_set()
    assert nudge.wake.is_set()


def test_a_new_account_wakes_the_worker(app: App, bob: User, sales: Group) -> None:
    nudge.wake.clear()
    sales.users.add(bob)
    assert nudge.wake.is_set()


def test_what_is_undone_wakes_nobody(app: App, ann: User) -> None:
    nudge.wake.clear()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        ann.save()
        raise ZeroDivisionError
    assert not nudge.wake.is_set()


def test_a_change_that_makes_nothing_due_wakes_nobody(app: App, bob: User) -> None:
    nudge.wake.clear()
    bob.save()
    queue.sweep()
    assert not nudge.wake.is_set()


# ---------------------------------------------------------------------------------- going wrong


def test_a_worker_outlives_an_app_that_breaks_it(
    make_app: MakeApp,
    app: App,
    ann: User,
    sales: Group,
    faulty: FaultyScim,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = make_app(faulty, name="Broken", group=sales)
    App.objects.filter(pk=broken.pk).update(connector="a-connector-that-was-removed")
    with caplog.at_level(logging.CRITICAL + 1), WorkerThread() as running:
        assert eventually(lambda: happened(app) == [("create", "done")])
        assert running.running
        App.objects.filter(pk=broken.pk).update(connector="scim")
        assert eventually(nothing_due)
    assert happened(broken)
    agree(app, faulty)


def test_an_application_that_asks_for_less_is_left_alone_for_a_while(
    app: App, ann: User, faulty: FaultyScim
) -> None:
    faulty.on("*", answer(429, Retry_After="0"))
    drain_all(rounds=3)
    assert not nothing_due()
    assert len(faulty.requests) == 1


# ------------------------------------------------------------------------------------- stopping


def test_an_idle_worker_stops_and_leaves_every_lane_free(app: App, ann: User) -> None:
    with WorkerThread() as running:
        assert eventually(nothing_due)
        assert running.running
        running.stop()
    assert not Lane.objects.exclude(owner="").exists()


def test_what_is_on_the_wire_is_finished_and_recorded_before_a_worker_stops(
    app: App, ann: User, faulty: FaultyScim, gate: Gate
) -> None:
    faulty.on("POST", gate)
    with WorkerThread() as running:
        assert gate.arrived.wait(WITHIN)
        running.stopping.set()
        assert account(app, ann).intent["operations"] == ["create"]
        gate.open.set()
        running.stop()
    assert happened(app) == [("create", "done")]
    assert account(app, ann).intent == {}
    assert Lane.objects.get().owner == ""
    agree(app, faulty)


def test_a_stopping_worker_begins_nothing_new(
    app: App, ann: User, sales: Group, faulty: FaultyScim, gate: Gate
) -> None:
    faulty.on("POST", gate)
    with WorkerThread() as running:
        assert gate.arrived.wait(WITHIN)
        sales.users.add(*(person(f"p{number}") for number in range(3)))
        running.stopping.set()
        gate.open.set()
        running.stop()
    assert faulty.names() == [ann.username]
    assert Account.objects.exclude(due_at=None).count() == 3


# ------------------------------------------------------------------------------- in all at once


def test_changes_while_the_worker_runs_all_arrive(
    app: App, ann: User, sales: Group, faulty: FaultyScim
) -> None:
    with WorkerThread():
        for number in range(20):
            ann.first_name = f"Ann {number}"
            ann.save()
            sales.users.add(person(f"p{number:02}"))
        assert eventually(nothing_due)
    assert faulty.user(ann.username)["name"]["givenName"] == "Ann 19"
    assert len(faulty.active_names()) == 21
    assert faulty.writes.count("POST /Users") == 21
    agree(app, faulty)
