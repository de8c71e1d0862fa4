"""What is to be delivered to webhooks: put down with the events, handed out, and sent again.

A delivery is a row that is written in the transaction of its event: there is never one without the
other. The row is the queue, as for accounts (docs/decisions/0004).
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from iam import batches
from provisioning import nudge
from provisioning.inserting import insert
from provisioning.lanes import AT_WORK
from provisioning.models import Delivery, DeliveryState, Event, Webhook, WebhookLane

KEEP_TRYING = timedelta(days=3)
# A receiver that was just restarted is nothing to call somebody for.
TELL_AFTER = timedelta(minutes=5)
# So many events are sent again at one time.
MOST_AT_ONCE = 100_000
# So many keys in one statement; SQLite takes no more than some ten thousand.
_BATCH = 1_000


def enqueue(events: Collection[int]) -> None:
    """Put down, in the transaction that has just written these events, whom they are for.

    One small query while no webhook is switched on, and one statement for each that is.
    """
    webhooks = list(Webhook.objects.filter(enabled=True))
    if not webhooks or not events:
        return
    for recorded in batches.of(sorted(events), _BATCH):
        for webhook in webhooks:
            _add(webhook, webhook.tells().filter(pk__in=recorded))


def due() -> QuerySet[Webhook]:
    """The webhooks whose lanes have something to send and may send it."""
    now = timezone.now()
    waiting = Delivery.objects.filter(
        webhook=OuterRef("pk"), state=DeliveryState.WAITING, due_at__lte=now
    )
    webhooks = Webhook.objects.filter(Exists(waiting), enabled=True)
    return webhooks.exclude(lane__paused_until__gt=now).exclude(lane__lease_until__gt=now)


def claim(webhook: Webhook, *, limit: int) -> list[Delivery]:
    """What is due, in the order in which it was recorded, with its event."""
    waiting = webhook.deliveries.filter(state=DeliveryState.WAITING, due_at__lte=timezone.now())
    return list(waiting.select_related("event").order_by("pk")[:limit])


def replay(deliveries: QuerySet[Delivery]) -> int:
    """Send these again, under the ids they had; how many there were.

    What waits already is left as it is, so that nothing which is on its way is touched.
    """
    over = deliveries.exclude(state=DeliveryState.WAITING)
    return _wait_anew(over)


def replay_events(
    webhook: Webhook, *, since: datetime, until: datetime, most: int = MOST_AT_ONCE
) -> int:
    """Send the events of this time again, those that it was never told of included; how many.

    Raises ValueError with a sentence if there are too many for one time.
    """
    events = webhook.tells().filter(at__gte=since, at__lte=until)
    keys = sorted(events.values_list("pk", flat=True)[: most + 1])
    if len(keys) > most:
        raise ValueError(
            f"More than {most:,} events are of this time. Choose a shorter one, and then the next."
        )
    count = 0
    for chosen in batches.of(keys, _BATCH):
        with transaction.atomic():
            count += replay(webhook.deliveries.filter(event__in=chosen))
            count += _add(webhook, webhook.tells().filter(pk__in=chosen))
    return count


def resume(webhook: Webhook) -> None:
    """Try everything that waits at once, and for three days anew: it was saved, or works again."""
    WebhookLane.objects.filter(webhook=webhook).update(**AT_WORK)
    _wait_anew(webhook.deliveries.filter(state=DeliveryState.WAITING))


def leave(deliveries: QuerySet[Delivery]) -> int:
    """Do not send these, and ask nobody about them any more; how many had been given up."""
    given_up = deliveries.filter(state=DeliveryState.GIVEN_UP)
    return given_up.order_by().update(state=DeliveryState.LEFT)


def in_trouble() -> QuerySet[WebhookLane]:
    """The lanes of webhooks that somebody should look at: not delivered to for some minutes.

    So is one that was switched off because its receiver wanted no more.
    """
    a_while_ago = timezone.now() - TELL_AFTER
    failing = WebhookLane.objects.exclude(problem="").select_related("webhook")
    told = Q(webhook__enabled=False) | Q(problem_since__lte=a_while_ago)
    return failing.filter(told).order_by("webhook__name")


def given_up() -> list[tuple[int, str, int]]:
    """Key and name of each webhook with deliveries that were given up, and how many."""
    rows = Delivery.objects.filter(state=DeliveryState.GIVEN_UP).order_by("webhook__name")
    return list(rows.values_list("webhook", "webhook__name").annotate(Count("pk")))


def _wait_anew(deliveries: QuerySet[Delivery]) -> int:
    now = timezone.now()
    changed = deliveries.order_by().update(
        state=DeliveryState.WAITING, attempts=0, waits_since=now, due_at=now, delivered_at=None
    )
    if changed:
        transaction.on_commit(nudge.everybody, robust=True)
    return changed


def _add(webhook: Webhook, events: QuerySet[Event]) -> int:
    """Insert what is missing of these, in the order of recording: one INSERT … SELECT."""
    now = timezone.now()
    known = Delivery.objects.filter(webhook=webhook, event=OuterRef("pk"))
    added = insert(
        Delivery,
        events.filter(~Exists(known)).order_by("pk"),
        {"event_id": F("pk")},
        {
            "webhook_id": webhook.pk,
            "state": DeliveryState.WAITING.value,
            "attempts": 0,
            "waits_since": now,
            "due_at": now,
            "message": "",
        },
    )
    if added:
        transaction.on_commit(nudge.everybody, robust=True)
    return added
