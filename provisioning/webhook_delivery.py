"""Works through a webhook's lane: what waits is sent in its order, and what was answered is kept.

At least once: a message whose answer could not be recorded is sent again, under the same id.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from provisioning import breaker, correlation, lanes, transactions, webhook_queue, webhook_sending
from provisioning.http import Session
from provisioning.lanes import AT_WORK, Lease, LeaseLost
from provisioning.models import Delivery, DeliveryState, Webhook, WebhookLane
from provisioning.webhook_queue import KEEP_TRYING
from provisioning.webhook_sending import Answer

logger = logging.getLogger(__name__)

# What was answered is recorded together, but none waits longer than this (seconds, rows).
_FLUSH_AFTER = 0.25
_FLUSH_AT = 50
_SHORTEST_REST = 1.0
_LONGEST_WAIT = timedelta(hours=6)
_FIELDS = ["state", "attempts", "due_at", "status", "message", "delivered_at"]


def drain(webhook: Webhook, *, owner: str, stopped: Callable[[], bool] = lambda: False) -> int:
    """Send until nothing waits or something fails; how many messages were sent.

    Returns at once if another worker owns the lane.
    """
    lane, _ = WebhookLane.objects.get_or_create(webhook=webhook)
    lease = None if lane.is_resting else lanes.take(lane, owner=owner)
    if lease is None:
        return 0
    to = webhook_sending.session(webhook)
    try:
        return _Round(webhook, lease, to).until_empty(stopped)
    except LeaseLost:
        # Another worker goes on, and sends again what was not recorded.
        return 0
    finally:
        to.close()
        lease.release()


@dataclass
class _Round:
    """One stretch of work in one webhook's lane."""

    webhook: Webhook
    lease: Lease
    to: Session

    def until_empty(self, stopped: Callable[[], bool]) -> int:
        sent = 0
        while not stopped() and self._unchanged():
            batch = webhook_queue.claim(self.webhook, limit=_FLUSH_AT)
            answers = self._send(batch)
            sent += len(answers)
            if not answers or answers[-1].problem:
                break
        return sent

    def _unchanged(self) -> bool:
        """Whether it is still switched on, and what was read of it is still so."""
        same = Webhook.objects.filter(pk=self.webhook.pk, changed_at=self.webhook.changed_at)
        return same.filter(enabled=True).exists()

    def _send(self, batch: list[Delivery]) -> list[Answer]:
        """Up to the first failure, or for a moment; recorded at the end, whatever that is."""
        ends = time.monotonic() + _FLUSH_AFTER
        answers: list[Answer] = []
        self.lease.renew()
        try:
            for delivery in batch:
                answers.append(self._send_one(delivery))
                if answers[-1].problem or time.monotonic() > ends:
                    break
        finally:
            self._record(batch[: len(answers)], answers)
        return answers

    def _send_one(self, delivery: Delivery) -> Answer:
        about = {"correlation_id": delivery.event.correlation_id, "webhook": self.webhook.name}
        with correlation.working_on(about):
            answer = webhook_sending.send_event(
                self.to,
                self.webhook,
                delivery.event,
                message_id=delivery.message_id,
                leave=self.lease.check,
            )
            level = logging.WARNING if answer.problem else logging.INFO
            text = "delivery %d to webhook %d: %s"
            logger.log(level, text, delivery.pk, self.webhook.pk, answer.status or "no answer")
        return answer

    def _record(self, sent: list[Delivery], answers: list[Answer]) -> None:
        if not sent:
            return
        now = timezone.now()
        for delivery, answer in zip(sent, answers, strict=True):
            _note(delivery, answer, now=now)
        last = answers[-1]

        def write() -> None:
            self.lease.confirm()
            Delivery.objects.bulk_update(sent, _FIELDS)
            if last.problem:
                self._fail(sent[-1], last, now=now)
            else:
                WebhookLane.objects.filter(pk=self.lease.lane).exclude(problem="").update(**AT_WORK)

        transactions.giving_way(write)

    def _fail(self, delivery: Delivery, answer: Answer, *, now: datetime) -> None:
        """Leave the receiver alone for a while; give up what it would not take for three days."""
        lane = WebhookLane.objects.get(pk=self.lease.lane)
        if answer.wait is None:
            seconds = breaker.rest(lane.rests) * random.uniform(1.0, 1.25)  # noqa: S311 - spreads load
            lane.rests += 1
        else:
            seconds = max(answer.wait, _SHORTEST_REST)
        off = " The webhook was switched off." if answer.gone else ""
        lanes.rest(lane, problem=answer.problem + off, seconds=seconds)
        waiting = self.webhook.deliveries.filter(state=DeliveryState.WAITING)
        if answer.gone:
            Webhook.objects.filter(pk=self.webhook.pk).update(enabled=False)
        else:
            waiting = waiting.filter(waits_since__lte=now - KEEP_TRYING)
            if lane.problem_since is None or lane.problem_since > now - KEEP_TRYING:
                # Others got through meanwhile, so only this one is to blame.
                waiting = waiting.filter(pk=delivery.pk)
        waiting.update(state=DeliveryState.GIVEN_UP)


def _note(delivery: Delivery, answer: Answer, *, now: datetime) -> None:
    """Put into the row what was answered.

    One that fails again and again is tried less and less often. The first times the lane rests as
    long, so that nothing overtakes it; then later ones go on without it.
    """
    delivery.attempts += 1
    delivery.status = answer.status
    delivery.message = (answer.said or answer.problem)[:500]
    if not answer.problem:
        delivery.state, delivery.delivered_at = DeliveryState.DELIVERED, now
    elif answer.wait is None:
        delivery.due_at = now + min(
            timedelta(seconds=breaker.rest(0) * 2 ** min(delivery.attempts - 1, 12)), _LONGEST_WAIT
        )
