"""A worker shows that it is alive for as long as its loop turns, and whatever else goes wrong."""

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from iam.models import Group, User
from provisioning import heartbeat
from provisioning.heartbeat import Heartbeat
from provisioning.models import App, Worker
from tests.conftest import MakeApp
from tests.support.faulty import FaultyScim
from tests.support.looks import happened
from tests.support.servers import Reply
from tests.support.threads import WITHIN, WorkerThread, eventually, shared_database, worker_process

Later = Callable[..., None]


@pytest.fixture
def _shared(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    with shared_database(tmp_path):
        yield


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


def there() -> bool:
    return Worker.objects.exists()


# ------------------------------------------------------------------------------------ one beat


def test_a_worker_is_seen_when_it_says_so(db: None) -> None:
    assert heartbeat.last_seen() is None
    Heartbeat("one").beat()
    row = Worker.objects.get()
    assert row.name == "one"
    assert row.started_at <= row.seen_at <= timezone.now()
    assert heartbeat.last_seen() == row.seen_at


def test_a_worker_has_one_row_that_keeps_its_beginning(db: None, later: Later) -> None:
    beating = Heartbeat("one")
    beating.beat()
    before = Worker.objects.get()
    later(minutes=1)
    beating.beat()
    after = Worker.objects.get()
    assert after.started_at == before.started_at
    assert after.seen_at >= before.seen_at + timedelta(minutes=1)


@pytest.mark.parametrize(("every", "due"), [(60.0, False), (0.0, True)])
def test_a_beat_is_due_at_once_and_then_from_time_to_time(
    db: None, every: float, due: bool
) -> None:
    beating = Heartbeat("one", every=every)
    assert beating.is_due
    beating.beat()
    assert beating.is_due is due


def test_a_worker_counts_for_a_minute_after_it_was_seen(db: None, later: Later) -> None:
    Heartbeat("one").beat()
    later(seconds=50)
    Heartbeat("two").beat()
    assert heartbeat.alive() == 2
    later(seconds=15)
    assert heartbeat.alive() == 1


def test_a_worker_that_died_long_ago_is_forgotten(db: None, later: Later) -> None:
    Heartbeat("dead").beat()
    later(hours=23)
    Heartbeat("alive").beat()
    assert Worker.objects.filter(name="dead").exists()
    later(hours=2)
    Heartbeat("alive").beat()
    assert list(Worker.objects.values_list("name", flat=True)) == ["alive"]


def test_a_worker_that_was_taken_for_dead_comes_back(db: None, later: Later) -> None:
    frozen = Heartbeat("frozen")
    frozen.beat()
    later(days=2)
    Heartbeat("other").beat()
    frozen.beat()
    assert heartbeat.alive() == 2


def test_a_worker_takes_only_its_own_row_away(db: None) -> None:
    one, two = Heartbeat("one"), Heartbeat("two")
    one.beat()
    two.beat()
    one.stop()
    assert Worker.objects.get().name == "two"


# ------------------------------------------------------------------------------ a whole worker


def test_a_worker_is_seen_from_its_start_to_its_end(_shared: None) -> None:
    with WorkerThread() as running:
        assert eventually(there)
        running.stop()
    assert not there()


def test_a_worker_goes_on_being_seen_while_it_waits_for_an_application(
    _shared: None, app: App, ann: User, faulty: FaultyScim
) -> None:
    arrived, answered = threading.Event(), threading.Event()

    def wait(serve: Callable[[], Reply]) -> Reply:
        arrived.set()
        answered.wait(WITHIN)
        return serve()

    faulty.on("POST", wait)
    with WorkerThread():
        assert arrived.wait(WITHIN)
        before = timezone.now()
        try:
            assert eventually(lambda: Worker.objects.filter(seen_at__gt=before).exists())
        finally:
            answered.set()


def test_a_worker_that_cannot_be_seen_works_on(
    _shared: None, app: App, ann: User, caplog: pytest.LogCaptureFixture
) -> None:
    table = Worker._meta.db_table
    rename(table, "away")
    try:
        with caplog.at_level(logging.CRITICAL + 1), WorkerThread():
            assert eventually(lambda: happened(app) == [("create", "done")])
    finally:
        rename("away", table)


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{name}"')


def test_a_worker_that_was_killed_leaves_its_row(_shared: None) -> None:
    with worker_process() as process:
        assert eventually(there)
        process.kill()
    assert heartbeat.alive() == 1
