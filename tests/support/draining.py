"""The work of the workers, done in the thread of the test."""

from provisioning import push, queue, webhook_delivery, webhook_queue


def drain_all(*, rounds: int = 100) -> None:
    """Work until nothing is due now."""
    for _ in range(rounds):
        worked = [push.drain(app, owner="test") for app in queue.due_apps()]
        worked += [webhook_delivery.drain(each, owner="test") for each in webhook_queue.due()]
        if not any(worked):
            return
