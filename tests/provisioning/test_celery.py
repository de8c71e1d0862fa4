"""Celery drains the same lanes: whatever happens to its broker, nothing is lost or done twice."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from iam.models import Group, Membership, User
from iam.settings import BASE_DIR
from provisioning import lanes
from provisioning.models import Account, App, Delivery, Lane, Run, Worker
from tests.conftest import MakeApp, person
from tests.support.brokers import Broker, celery_worker, writer
from tests.support.faulty import FaultyScim
from tests.support.looks import agree, happened
from tests.support.receiver import Receiver, recorded, webhook
from tests.support.servers import Reply
from tests.support.threads import WITHIN, eventually, stopped

# Without it a worker looks at its start, and then only when a message says so.
BEAT = "--beat"
EITHER = [
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
]
either = pytest.mark.parametrize("broker", EITHER, indirect=True)
one = pytest.mark.parametrize("broker", EITHER[:1], indirect=True)


@pytest.fixture(autouse=True)
def _committed(transactional_db: None) -> None:
    """Other processes see what the tests do."""


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    broker = Broker(request.param)
    yield broker
    broker.close()


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


def each_once(server: FaultyScim, people: list[User]) -> bool:
    posts = [request for request in server.requests if request.method == "POST"]
    sent = Counter(json.loads(request.body)["userName"] for request in posts)
    return sent == Counter(user.username for user in people)


class Gate:
    """A fault that holds a request, which has arrived, until it is let through."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.open = threading.Event()

    def __call__(self, serve: Callable[[], Reply]) -> Reply:
        self.arrived.set()
        assert self.open.wait(WITHIN)
        return serve()


# ------------------------------------------------------------------------------------- working


@either
def test_a_change_made_by_another_process_reaches_the_application_by_its_message_alone(
    broker: Broker, app: App, bob: User, faulty: FaultyScim
) -> None:
    with celery_worker(broker):
        # It has looked once at its start, and looks by itself no more.
        assert eventually(Worker.objects.exists)
        with writer(broker.url, own=broker.own):
            assert eventually(lambda: faulty.active_names() == [bob.username] and nothing_due())
    agree(app, faulty)


@either
def test_what_was_due_before_and_what_no_signal_told_is_found(
    broker: Broker, app: App, ann: User, bob: User, sales: Group, faulty: FaultyScim
) -> None:
    with celery_worker(broker, BEAT, lease=3.0):
        assert eventually(lambda: faulty.active_names() == [ann.username])
        Membership.objects.bulk_create([Membership(user=bob, group=sales)])
        both = [ann.username, bob.username]
        assert eventually(lambda: faulty.active_names() == both and nothing_due())
    agree(app, faulty)


@one
def test_two_celery_workers_with_two_schedules_send_each_account_once(
    broker: Broker, make_app: MakeApp, crowd: list[User], sales: Group, faulty: FaultyScim
) -> None:
    with FaultyScim() as second, celery_worker(broker, BEAT), celery_worker(broker, BEAT):
        apps = [
            make_app(server, name=name, group=sales)
            for server, name in [(faulty, "One"), (second, "Two")]
        ]
        assert eventually(nothing_due)
        assert each_once(faulty, crowd)
        assert each_once(second, crowd)
        assert eventually(lambda: Worker.objects.count() == 2)
        for app, server in zip(apps, [faulty, second], strict=True):
            agree(app, server)


@one
def test_webhooks_are_told_in_order_by_one_worker_at_a_time(
    broker: Broker, receiver: Receiver
) -> None:
    webhook(receiver)
    names = [f"p{number:02}" for number in range(30)]
    recorded(*names[:15])
    with celery_worker(broker, BEAT), celery_worker(broker, BEAT):
        for name in names[15:]:
            recorded(name)
        assert eventually(lambda: not Delivery.objects.exclude(state="delivered").exists())
    assert receiver.told == names
    assert receiver.most_at_once == 1


@one
def test_a_comparison_that_waits_is_made_and_the_worker_is_seen_to_be_alive(
    broker: Broker, app: App, ann: User, bob: User, sales: Group, faulty: FaultyScim
) -> None:
    sales.users.add(bob)
    both = [ann.username, bob.username]
    with celery_worker(broker, BEAT):
        assert eventually(nothing_due)
        del faulty.stored[faulty.user(bob.username)["id"]]
        App.objects.update(compare_hours=1, created_at=timezone.now() - timedelta(hours=2))
        assert eventually(lambda: Run.objects.exclude(ended_at=None).exists())
        assert eventually(lambda: faulty.active_names() == both and nothing_due())
        (seen,) = Worker.objects.all()
    assert seen.name.startswith("celery-")
    agree(app, faulty)


# --------------------------------------------------------------------- messages lost and doubled


@either
def test_doubled_messages_send_each_account_once(
    broker: Broker, app: App, crowd: list[User], faulty: FaultyScim
) -> None:
    gate = Gate()
    faulty.on("POST", gate, times=1)
    for _ in range(20):
        broker.send("drain", app.pk)
        broker.send("dispatch")
    with celery_worker(broker):
        assert gate.arrived.wait(WITHIN)
        # All others come while the first one is on the wire, and find the lane taken.
        assert eventually(lambda: broker.waiting() == 0)
        gate.open.set()
        assert eventually(nothing_due)
    assert each_once(faulty, crowd)
    agree(app, faulty)


@either
def test_when_every_message_was_thrown_away_the_work_is_found_all_the_same(
    broker: Broker, app: App, ann: User, bob: User, faulty: FaultyScim
) -> None:
    with writer(broker.url, own=broker.own):
        assert eventually(lambda: Account.objects.count() == 2)
        broker.send("drain", app.pk)
        assert eventually(lambda: broker.purge() > 0)
    with celery_worker(broker, BEAT):
        assert eventually(nothing_due)
    assert faulty.active_names() == [ann.username, bob.username]
    agree(app, faulty)


@one
def test_a_message_that_comes_too_late_does_not_disturb_an_app_at_rest(
    broker: Broker, app: App, ann: User, faulty: FaultyScim
) -> None:
    lanes.rest(Lane.objects.create(app=app), seconds=3600)
    with celery_worker(broker) as process:
        assert eventually(Worker.objects.exists)
        for _ in range(10):
            broker.send("drain", app.pk)
        assert eventually(lambda: broker.waiting() == 0)
        assert stopped(process)[0] == 0
    assert faulty.requests == []
    # Nobody has even asked for the lane.
    assert Lane.objects.get().token == 0
    assert not nothing_due()


# ------------------------------------------------------------------------------ a broker that dies


@either
def test_a_broker_that_is_away_in_the_middle_loses_and_doubles_nothing(
    broker: Broker, app: App, crowd: list[User], sales: Group, faulty: FaultyScim
) -> None:
    gate = Gate()
    faulty.on("POST", gate, times=1)
    with celery_worker(broker, BEAT), writer(broker.url, own=broker.own):
        assert gate.arrived.wait(WITHIN)
        broker.wire.cut()
        meanwhile = [person(f"q{number}") for number in range(5)]
        sales.users.add(*meanwhile)
        gate.open.set()
        # What had begun needs no broker to be finished.
        assert eventually(lambda: nothing_due() and Lane.objects.get().owner == "")
        late = person("late")
        sales.users.add(late)
        assert eventually(lambda: broker.wire.refused >= 5)
        assert not nothing_due()
        broker.wire.mend()
        assert eventually(nothing_due)
    assert each_once(faulty, [*crowd, *meanwhile, late])
    agree(app, faulty)


# --------------------------------------------------------------------------- workers that die


@either
def test_a_lane_moves_on_when_its_worker_is_killed_and_nobody_has_two_accounts(
    broker: Broker, app: App, crowd: list[User], faulty: FaultyScim
) -> None:
    killed: list[int] = []

    def kill_the_owner(serve: Callable[[], Reply]) -> Reply:
        reply = serve()
        killed.append(_process_of(Lane.objects.get()))
        connections.close_all()
        os.kill(killed[0], signal.SIGKILL)
        return reply

    # The second create, and its answer is lost.
    faulty.on("POST", kill_the_owner, about=crowd[1].username, times=1)
    with (
        celery_worker(broker, BEAT, lease=3.0) as one,
        celery_worker(broker, BEAT, lease=3.0) as two,
    ):
        assert eventually(nothing_due)
        assert [process.poll() for process in (one, two) if process.pid in killed] == [-9]
    assert sorted(faulty.names()) == [user.username for user in crowd]
    assert each_once(faulty, crowd)
    agree(app, faulty)


def _process_of(lane: Lane) -> int:
    return int(lane.owner.split("-")[-3])


@one
def test_a_worker_that_is_asked_to_stop_finishes_what_is_on_the_wire_and_begins_nothing(
    broker: Broker, app: App, ann: User, sales: Group, faulty: FaultyScim
) -> None:
    gate = Gate()
    faulty.on("POST", gate)
    with celery_worker(broker, BEAT) as process:
        assert gate.arrived.wait(WITHIN)
        sales.users.add(*(person(f"p{number}") for number in range(3)))
        process.send_signal(signal.SIGTERM)
        assert "Warm shutdown" in _line(process, "shutdown")
        gate.open.set()
        status, _ = stopped(process)
    assert status == 0
    assert faulty.names() == [ann.username]
    assert happened(app) == [("create", "done")]
    assert Account.objects.exclude(due_at=None).count() == 3
    assert Lane.objects.get().owner == ""
    assert not Worker.objects.exists()


def _line(process: "subprocess.Popen[str]", about: str) -> str:
    assert process.stdout is not None
    return next(line for line in process.stdout if about in line)


# Celery's own handler, interrupted by one more SIGTERM at every call that it makes.
_ASKED_AGAIN_AND_AGAIN = """
import os, signal, sys
from types import SimpleNamespace
import django
django.setup()
import provisioning.tasks
from celery.apps.worker import install_worker_term_handler
from celery.worker import state

def ask(*_):
    os.kill(os.getpid(), signal.SIGTERM)

install_worker_term_handler(SimpleNamespace(hostname="here"))
sys.settrace(ask)
ask()
sys.settrace(None)
assert state.should_stop == 0
"""


def test_a_worker_that_is_asked_to_stop_twice_at_once_does_not_hang() -> None:
    asked = subprocess.run(
        [sys.executable, "-c", _ASKED_AGAIN_AND_AGAIN],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "iam.settings",
            "GATEHOUSE_BROKER_URL": "redis://127.0.0.1:1/0",
        },
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=WITHIN,
    )
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.count("Warm shutdown") > 1
