"""Several workers, threads or processes, on one database send each account once."""

import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from iam.models import Group, Membership, User
from provisioning import lanes, push, queue
from provisioning.lanes import Lease
from provisioning.models import Account, App, Lane, Trigger
from tests.conftest import MakeApp, person
from tests.support.draining import drain_all
from tests.support.faulty import FaultyScim
from tests.support.looks import account, agree, happened
from tests.support.servers import Reply
from tests.support.threads import (
    WorkerThread,
    eventually,
    meanwhile,
    parallel,
    shared_database,
    stopped,
    waits,
    worker_process,
)


@pytest.fixture(autouse=True)
def _shared(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    with shared_database(tmp_path):
        yield


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


@pytest.fixture
def crowd(sales: Group) -> list[User]:
    crowd = [person(f"p{number:02}") for number in range(40)]
    sales.users.add(*crowd)
    return crowd


def nothing_due() -> bool:
    return not Account.objects.exclude(due_at=None).exists()


def created(server: FaultyScim) -> Counter[str]:
    """How often each name was sent to be created."""
    posts = [request for request in server.requests if request.method == "POST"]
    return Counter(json.loads(request.body)["userName"] for request in posts)


def each_once(server: FaultyScim, people: list[User]) -> bool:
    return created(server) == Counter(user.username for user in people)


# ------------------------------------------------------------------------------------- threads


def test_two_workers_in_threads_send_each_account_once(
    app: App, crowd: list[User], sales: Group, faulty: FaultyScim
) -> None:
    with WorkerThread(), WorkerThread():
        more = [person(f"q{number}") for number in range(5)]
        for user in more:
            sales.users.add(user)
        assert eventually(nothing_due)
    assert each_once(faulty, crowd + more)
    assert Counter(happened(app)) == {("create", "done"): 45}
    agree(app, faulty)


def test_one_app_has_one_owner_among_many_who_ask_at_once(app: App) -> None:
    got: list[Lease | None] = []
    parallel(*[lambda: got.append(lanes.acquire(app.pk, owner="any"))] * 5)
    (lease,) = [lease for lease in got if lease is not None]
    assert Lane.objects.get().token == lease.token == 1


def test_who_drains_a_lane_that_somebody_else_drains_sends_nothing(
    app: App, crowd: list[User], faulty: FaultyScim
) -> None:
    parallel(*[lambda: push.drain(App.objects.get(), owner="any")] * 3)
    drain_all()
    assert each_once(faulty, crowd)
    agree(app, faulty)


def test_two_that_mark_the_same_people_at_once_make_one_row_each(
    app: App, crowd: list[User]
) -> None:
    Account.objects.all().delete()
    parallel(*[lambda: queue.mark(trigger=Trigger.MANUAL)] * 4)
    assert Account.objects.count() == len(crowd)
    assert not Account.objects.filter(due_at=None).exists()


def test_a_mark_that_meets_an_uncommitted_one_waits_and_makes_no_second_row(
    app: App, crowd: list[User]
) -> None:
    Account.objects.all().delete()
    with ExitStack() as stack, transaction.atomic():
        queue.mark(trigger=Trigger.MEMBERSHIP)
        other = stack.enter_context(meanwhile(lambda: queue.mark(trigger=Trigger.MANUAL)))
        assert waits(other)
    assert Account.objects.count() == len(crowd)


def test_a_lane_is_not_taken_over_while_its_owner_records(app: App, ann: User) -> None:
    lease = lanes.acquire(app.pk, owner="one")
    assert lease is not None
    Lane.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    got: list[Lease | None] = []
    with ExitStack() as stack, transaction.atomic():
        lease.confirm()
        other = stack.enter_context(
            meanwhile(lambda: got.append(lanes.acquire(app.pk, owner="two")))
        )
        assert waits(other)
    assert None not in got
    assert Lane.objects.get().owner == "two"


def test_two_sweeps_at_once_make_one_row_each(app: App, sales: Group) -> None:
    users = User.objects.bulk_create(User(username=f"p{number}") for number in range(50))
    Membership.objects.bulk_create(Membership(user=user, group=sales) for user in users)
    parallel(queue.sweep, queue.sweep, queue.sweep)
    assert Account.objects.count() == 50


# ------------------------------------------------------------------------------------ processes


def test_two_worker_processes_send_each_account_once(
    app: App, crowd: list[User], faulty: FaultyScim
) -> None:
    with worker_process() as one, worker_process() as two:
        assert eventually(nothing_due)
        assert (one.poll(), two.poll()) == (None, None)
    assert each_once(faulty, crowd)
    assert Counter(happened(app)) == {("create", "done"): 40}
    agree(app, faulty)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_process_stops_when_it_is_asked_to(
    app: App, ann: User, faulty: FaultyScim, number: int
) -> None:
    with worker_process() as process:
        assert eventually(nothing_due)
        status, output = stopped(process, number)
    assert status == 0
    assert output.splitlines() == [
        "The worker is running. Press Ctrl-C to stop it.",
        "The worker has stopped; nothing was left half done.",
    ]
    assert Lane.objects.get().owner == ""
    agree(app, faulty)


def test_a_worker_process_does_what_another_program_makes_due(
    app: App, ann: User, bob: User, sales: Group, faulty: FaultyScim
) -> None:
    with worker_process() as process:
        assert eventually(lambda: faulty.active_names() == [ann.username])
        sales.users.set([bob])
        assert eventually(lambda: faulty.active_names() == [bob.username] and nothing_due())
        assert process.poll() is None
    agree(app, faulty)


def test_what_a_killed_worker_left_behind_is_looked_up_and_not_done_again(
    app: App, ann: User, faulty: FaultyScim
) -> None:
    with worker_process() as process:

        def kill_before_the_answer(serve: Callable[[], Reply]) -> Reply:
            reply = serve()
            process.kill()
            process.wait()
            return reply

        faulty.on("POST", kill_before_the_answer)
        assert eventually(lambda: process.poll() is not None)
    assert account(app, ann).intent["operations"] == ["create"]
    drain_all()
    assert len(created(faulty)) == 1
    Lane.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    drain_all()
    assert each_once(faulty, [ann])
    assert happened(app)[0] == ("create", "done")
    agree(app, faulty)
