"""Who is told of which event is put down with the event, and can be asked for again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from provisioning import retention, webhook_queue
from provisioning.models import App, Delivery, Event, Outcome, Webhook
from tests.support.receiver import Receiver, answers, recorded, webhook

pytestmark = pytest.mark.django_db

Push = Callable[[], None]
Later = Callable[..., None]


@pytest.fixture
def hook(receiver: Receiver) -> Webhook:
    return webhook(receiver)


def waiting(hook: Webhook) -> list[str]:
    rows = hook.deliveries.filter(state="waiting").order_by("pk")
    return list(rows.values_list("event__identifier", flat=True))


def since(**ago: int) -> datetime:
    return timezone.now() - timedelta(**ago)


# ------------------------------------------------------------------------------------- put down


def test_a_delivery_is_put_down_in_the_transaction_of_its_event(hook: Webhook) -> None:
    with transaction.atomic():
        recorded("ann")
        assert waiting(hook) == ["ann"]


def test_an_event_that_is_rolled_back_is_delivered_to_nobody(hook: Webhook) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        recorded("ann")
        raise ZeroDivisionError
    assert (Event.objects.count(), Delivery.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({}, ["ann", "bob", "cal"]),
        ({"operations": ["delete"]}, ["bob"]),
        ({"outcomes": ["failed", "held"]}, ["cal"]),
        ({"operations": ["create"], "outcomes": ["done"]}, ["ann"]),
        ({"operations": ["update"]}, []),
        ({"enabled": False}, []),
    ],
)
def test_only_what_was_chosen_is_told(
    receiver: Receiver, chosen: dict[str, Any], told: list[str]
) -> None:
    hook = webhook(receiver, **chosen)
    recorded("ann")
    recorded("bob", operation="delete")
    recorded("cal", outcome=Outcome.FAILED)
    assert waiting(hook) == told


def test_only_events_of_the_chosen_applications_are_told(receiver: Receiver) -> None:
    zoom, slack = (App.objects.create(name=name, connector="scim") for name in ("Zoom", "Slack"))
    hook = webhook(receiver, all_apps=False)
    hook.apps.add(slack)
    recorded("ann", app=zoom)
    recorded("bob", app=slack)
    assert waiting(hook) == ["bob"]
    # Not everything, as if none had been chosen.
    slack.delete()
    recorded("cal", app=zoom)
    assert waiting(hook) == ["bob"]


def test_each_webhook_has_a_delivery_of_its_own(receiver: Receiver) -> None:
    hooks = [webhook(receiver, name=name) for name in ("One", "Two")]
    recorded("ann", "bob")
    assert [waiting(hook) for hook in hooks] == [["ann", "bob"]] * 2
    ids = {delivery.message_id for delivery in Delivery.objects.select_related("event", "webhook")}
    assert len(ids) == 4


def statements(count: int) -> int:
    names = [f"p{number}" for number in range(count)]
    with CaptureQueriesContext(connection) as told:
        recorded(*names)
    return sum("provisioning_delivery" in query["sql"] for query in told)


def test_events_that_nobody_is_told_of_cost_one_question(db: None) -> None:
    recorded("first")
    with CaptureQueriesContext(connection) as told:
        recorded("ann", "bob")
    asked = [query["sql"] for query in told if "webhook" in query["sql"]]
    assert len(asked) == 1
    assert 'FROM "provisioning_webhook"' in asked[0]


def test_a_batch_costs_one_statement_for_each_webhook_however_large_it_is(
    hook: Webhook, receiver: Receiver
) -> None:
    recorded("first")
    assert (statements(2), statements(500)) == (1, 1)
    webhook(receiver, name="Another")
    assert statements(500) == 2


# ----------------------------------------------------------------------------------------- again


def test_what_is_sent_again_has_the_id_it_had(
    hook: Webhook, receiver: Receiver, push: Push
) -> None:
    recorded("ann", "bob")
    push()
    assert webhook_queue.replay(hook.deliveries.filter(event__identifier="bob")) == 1
    push()
    assert receiver.told == ["ann", "bob", "bob"]
    assert receiver.ids[1] == receiver.ids[2]


def test_a_timespan_brings_again_what_was_told_and_what_never_was(
    hook: Webhook, receiver: Receiver, push: Push, later: Later
) -> None:
    recorded("old")
    push()
    later(days=2)
    recorded("ann")
    Webhook.objects.update(enabled=False)
    recorded("bob")
    Webhook.objects.update(enabled=True)
    push()
    later(minutes=1)
    assert webhook_queue.replay_events(hook, since=since(hours=1), until=timezone.now()) == 2
    push()
    assert receiver.told == ["old", "ann", "ann", "bob"]


def test_a_timespan_brings_only_what_the_webhook_was_chosen_for(receiver: Receiver) -> None:
    hook = webhook(receiver, operations=["delete"])
    recorded("ann")
    recorded("bob", operation="delete")
    hook.deliveries.all().delete()
    assert webhook_queue.replay_events(hook, since=since(hours=1), until=timezone.now()) == 1
    assert waiting(hook) == ["bob"]


def test_too_many_at_once_are_refused(hook: Webhook) -> None:
    recorded(*[f"p{number}" for number in range(1_500)])
    hook.deliveries.all().delete()
    span: dict[str, Any] = {"since": since(hours=1), "until": timezone.now()}
    assert webhook_queue.replay_events(hook, **span) == 1_500
    with pytest.raises(ValueError, match="More than 1,499 events"):
        webhook_queue.replay_events(hook, **span, most=1_499)


def test_what_was_given_up_is_told_until_somebody_decides(
    hook: Webhook, receiver: Receiver, push: Push, later: Later
) -> None:
    receiver.on_next(answers(410))
    recorded("ann", "bob")
    push()
    assert webhook_queue.given_up() == [(hook.pk, "Tickets", 2)]
    assert webhook_queue.leave(hook.deliveries.filter(event__identifier="bob")) == 1
    assert webhook_queue.given_up() == [(hook.pk, "Tickets", 1)]
    webhook_queue.replay(hook.deliveries.filter(state="given_up"))
    assert webhook_queue.given_up() == []
    # It is sent when the webhook is switched on again.
    Webhook.objects.update(enabled=True)
    webhook_queue.resume(hook)
    push()
    assert receiver.told == ["ann", "ann"]


def test_a_failure_is_told_only_when_it_lasts(
    hook: Webhook, receiver: Receiver, push: Push, later: Later
) -> None:
    receiver.always(answers(500))
    recorded("ann")
    push()
    assert not webhook_queue.in_trouble()
    later(minutes=6)
    assert [lane.webhook for lane in webhook_queue.in_trouble()] == [hook]
    receiver.always(None)
    push()
    assert not webhook_queue.in_trouble()


def test_a_delivery_goes_along_with_its_event(
    hook: Webhook, receiver: Receiver, push: Push, later: Later
) -> None:
    recorded("old")
    push()
    later(days=31)
    recorded("new")
    retention.purge(retention.older(than=timedelta(days=30)))
    assert [each.event.identifier for each in Delivery.objects.select_related("event")] == ["new"]
