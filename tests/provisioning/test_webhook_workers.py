"""Several workers deliver to one webhook: never two at once, nothing lost, no app kept waiting."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from iam.models import Group, User
from provisioning import webhook_delivery, webhook_queue
from provisioning.models import Delivery, DeliveryState, Webhook, WebhookLane
from tests.conftest import MakeApp
from tests.support.draining import drain_all
from tests.support.faulty import FaultyScim
from tests.support.receiver import Receiver, recorded, webhook
from tests.support.servers import Reply
from tests.support.threads import (
    WITHIN,
    WorkerThread,
    eventually,
    meanwhile,
    shared_database,
    worker_process,
)

NAMES = [f"p{number:03}" for number in range(60)]


@pytest.fixture(autouse=True)
def _shared(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    with shared_database(tmp_path):
        yield


@pytest.fixture
def hook(receiver: Receiver) -> Webhook:
    return webhook(receiver)


def states(hook: Webhook) -> list[str]:
    return list(hook.deliveries.order_by("pk").values_list("state", flat=True))


def all_delivered() -> bool:
    return not Delivery.objects.exclude(state=DeliveryState.DELIVERED).exists()


def test_two_workers_send_each_message_once_in_order_and_never_two_at_once(
    hook: Webhook, receiver: Receiver
) -> None:
    with WorkerThread(turn=0.05), WorkerThread(turn=0.05):
        for name in NAMES:
            recorded(name)
        assert eventually(all_delivered)
    assert receiver.told == NAMES
    assert receiver.most_at_once == 1


def test_what_was_sent_and_not_recorded_is_sent_again_under_the_same_id(
    hook: Webhook, receiver: Receiver
) -> None:
    """The worker is killed between the answer and the record of it."""
    recorded("ann", "bob")
    with worker_process() as process:

        def kill_before_the_answer() -> Reply:
            process.kill()
            process.wait()
            return Reply(204)

        receiver.on_next(kill_before_the_answer)
        assert eventually(lambda: process.poll() is not None)
    assert states(hook) == ["waiting"] * 2
    drain_all()
    assert receiver.told == ["ann"]
    WebhookLane.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    drain_all()
    assert receiver.told == ["ann", "ann", "bob"]
    assert receiver.ids[0] == receiver.ids[1]
    assert states(hook) == ["delivered"] * 2


def test_a_worker_whose_lane_was_taken_over_records_nothing_and_the_next_sends_it_again(
    hook: Webhook, receiver: Receiver
) -> None:
    """As after a freeze that outlasted the lease."""

    def taken_over() -> Reply:
        WebhookLane.objects.update(token=99)
        return Reply(410)

    receiver.on_next(taken_over)
    recorded("ann")
    webhook_delivery.drain(hook, owner="frozen")
    assert states(hook) == ["waiting"]
    hook.refresh_from_db()
    assert hook.enabled
    WebhookLane.objects.update(lease_until=None)
    drain_all()
    assert states(hook) == ["delivered"]


def test_a_webhook_that_is_switched_off_meanwhile_gets_no_more(
    hook: Webhook, receiver: Receiver
) -> None:
    def off() -> Reply:
        Webhook.objects.update(enabled=False)
        return Reply(204)

    receiver.on_next(off)
    recorded(*NAMES)
    drain_all()
    # What was claimed before may still be sent; after that nothing is.
    assert 1 <= len(receiver.told) <= 50
    assert "waiting" in states(hook)


def test_one_that_was_given_another_address_meanwhile_goes_on_there(
    hook: Webhook, receiver: Receiver
) -> None:
    def moved() -> Reply:
        hook.url = f"{receiver.url}/elsewhere"
        hook.save()
        return Reply(204)

    receiver.on_next(moved)
    recorded(*NAMES)
    drain_all()
    assert receiver.told == NAMES
    assert receiver.requests[-1].path == "/elsewhere"


def test_receivers_that_do_not_answer_keep_no_application_waiting(
    receiver: Receiver, make_app: MakeApp, faulty: FaultyScim, sales: Group, bob: User
) -> None:
    make_app(faulty, group=sales)
    for number in range(6):
        webhook(receiver, name=f"Hook {number}")
    opens = threading.Event()

    def holds() -> Reply:
        opens.wait(WITHIN)
        return Reply(204)

    receiver.always(holds)
    recorded("ann")
    with WorkerThread(at_once=1):
        assert eventually(lambda: receiver.at_once > 0)
        sales.users.add(bob)
        assert eventually(lambda: faulty.active_names() == [bob.username])
        # Not one of them had been given up on by then.
        assert not Delivery.objects.filter(attempts__gt=0).exists()
        opens.set()
        receiver.always(None)
        assert eventually(all_delivered)


def test_sending_again_while_a_worker_sends_loses_nothing(
    hook: Webhook, receiver: Receiver
) -> None:
    recorded(*NAMES)
    began = timezone.now() - timedelta(hours=1)

    def again() -> None:
        webhook_queue.replay_events(hook, since=began, until=timezone.now())

    with WorkerThread(), meanwhile(again):
        assert eventually(all_delivered)
    assert set(receiver.told) == set(NAMES)
    assert len(set(receiver.ids)) == len(NAMES)
