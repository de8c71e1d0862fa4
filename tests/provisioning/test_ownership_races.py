"""A decision about an account and a worker that has it in hand never write over each other."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.db import transaction

from iam.models import Group, User
from provisioning import lanes, ownership
from provisioning.models import App
from provisioning.ownership import Refused
from tests.conftest import MakeApp
from tests.support.faulty import FaultyScim
from tests.support.looks import account, agree
from tests.support.servers import Reply
from tests.support.threads import (
    WITHIN,
    WorkerThread,
    eventually,
    meanwhile,
    shared_database,
    waits,
)


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


@pytest.mark.django_db(transaction=True)
def test_while_a_request_is_on_its_way_nothing_is_decided(
    app: App, ann: User, faulty: FaultyScim, tmp_path: Path
) -> None:
    arrived, go = threading.Event(), threading.Event()

    def slowly(serve: Callable[[], Reply]) -> Reply:
        arrived.set()
        assert go.wait(WITHIN)
        return serve()

    faulty.on("POST", slowly)
    with shared_database(tmp_path), WorkerThread():
        assert arrived.wait(WITHIN)
        try:
            with pytest.raises(Refused, match="is being worked on"):
                ownership.forget(account(app, ann), by="chief")
        finally:
            go.set()
        assert eventually(lambda: account(app, ann).due_at is None)
        assert account(app, ann).remote_id is not None
        agree(app, faulty)
        ownership.forget(account(app, ann), by="chief")
    assert account(app, ann).remote_id is None
    assert len(faulty.users()) == 1


@pytest.mark.django_db(transaction=True)
def test_until_a_decision_is_committed_no_worker_takes_the_lane(
    app: App, ann: User, tmp_path: Path
) -> None:
    taken: list[lanes.Lease | None] = []
    with shared_database(tmp_path), ExitStack() as ends:
        lanes.of(app.pk)
        with transaction.atomic():
            ownership.forget(account(app, ann), by="chief")
            take = meanwhile(lambda: taken.append(lanes.acquire(app.pk, owner="worker")))
            assert waits(ends.enter_context(take))
        ends.close()
        assert len(taken) == 1
