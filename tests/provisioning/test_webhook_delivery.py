"""Events reach their webhooks: signed, in order, at least once, for three days, and no longer."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from iam.models import Group, User
from provisioning import lanes, webhook_delivery, webhook_queue, webhook_sending, webhook_setup
from provisioning.models import (
    App,
    Delivery,
    DeliveryState,
    GroupsToPush,
    Webhook,
    WebhookLane,
)
from provisioning.plan import Feature
from tests.conftest import MakeApp
from tests.support.faulty import FaultyScim
from tests.support.receiver import Receiver, answers, closes, recorded, webhook
from tests.support.servers import Reply

Push = Callable[[], None]
Later = Callable[..., None]


@pytest.fixture
def hook(db: None, receiver: Receiver) -> Webhook:
    return webhook(receiver)


def states(hook: Webhook) -> list[str]:
    return list(hook.deliveries.order_by("pk").values_list("state", flat=True))


def lane(hook: Webhook) -> WebhookLane:
    return WebhookLane.objects.get(webhook=hook)


def problem(hook: Webhook) -> str:
    return lane(hook).problem


# ---------------------------------------------------------------------------------- what is sent


def test_what_is_done_in_an_application_is_told_with_a_signature_that_others_can_check(
    hook: Webhook,
    receiver: Receiver,
    make_app: MakeApp,
    faulty: FaultyScim,
    sales: Group,
    ann: User,
    push: Push,
) -> None:
    app = make_app(faulty, group=sales)
    push()
    (message,) = receiver.messages
    assert message["type"] == "provisioning.event"
    assert message["timestamp"] == message["data"]["at"]
    told = {key: message["data"][key] for key in ("app", "identifier", "operation", "outcome")}
    assert told == {
        "app": app.pk,
        "identifier": ann.username,
        "operation": "create",
        "outcome": "done",
    }
    assert receiver.signatures == [[True]]
    (request,) = receiver.requests
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.headers["Content-Type"] == "application/json"
    sent_at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), tz=UTC)
    assert abs(timezone.now() - sent_at) < timedelta(minutes=1)
    (delivery,) = hook.deliveries.all()
    assert receiver.ids == [delivery.message_id]
    assert (delivery.state, delivery.status, delivery.attempts) == ("delivered", 204, 1)


def test_a_secret_that_the_receiver_repeats_is_not_kept(
    hook: Webhook, receiver: Receiver, push: Push
) -> None:
    receiver.always(answers(400, f"Not signed with {receiver.secret}!".encode()))
    recorded("ann")
    push()
    assert hook.deliveries.get().message == "Not signed with •••!"


def test_the_receiver_finds_the_request_in_its_log_by_the_id_of_the_event(
    hook: Webhook, receiver: Receiver, push: Push
) -> None:
    (event,) = recorded("ann")
    push()
    assert receiver.requests[0].headers["X-Correlation-ID"] == event.correlation_id


def test_events_of_groups_are_told_too(
    hook: Webhook,
    receiver: Receiver,
    make_app: MakeApp,
    faulty: FaultyScim,
    sales: Group,
    ann: User,
    push: Push,
) -> None:
    app = make_app(faulty, group=sales, features=tuple(Feature))
    app.groups_to_push = GroupsToPush.POLICIES
    app.save()
    push()
    push()
    assert [each["data"]["operation"] for each in receiver.messages] == [
        "create",
        "create_group",
        "add_member",
    ]


def test_while_two_secrets_are_good_each_signs(
    hook: Webhook, receiver: Receiver, push: Push, later: Later
) -> None:
    former = receiver.secret
    receiver.secret = webhook_setup.new_secret(hook)
    assert receiver.secret != former
    recorded("ann")
    push()
    receiver.secret = former
    recorded("bob")
    push()
    assert receiver.signatures == [[True, False], [False, True]]
    later(hours=25)
    recorded("cal")
    push()
    assert receiver.signatures[-1] == [False]


def test_a_receiver_has_as_long_to_answer_as_the_guide_says(
    hook: Webhook, receiver: Receiver, push: Push
) -> None:
    def late() -> Reply:
        # Longer than an application is given between two bytes.
        time.sleep(11)
        return Reply(204)

    receiver.on_next(late)
    recorded("ann")
    push()
    assert states(hook) == ["delivered"] and len(receiver.ids) == 1


def test_a_redirect_is_not_followed(hook: Webhook, receiver: Receiver, push: Push) -> None:
    receiver.on_next(answers(307, Location=f"{receiver.url}/elsewhere"))
    recorded("ann")
    push()
    assert [request.path for request in receiver.requests] == ["/hook"]
    assert "A redirect is not followed" in problem(hook)


@pytest.mark.parametrize(
    ("url", "internal", "said"),
    [
        ("http://127.0.0.1:{port}/hook", False, "http:// is allowed only for"),
        ("https://127.0.0.1:{port}/hook", False, "an address inside your own network"),
        ("https://localhost/hook", False, "an address inside your own network"),
        ("http://169.254.169.254/latest/meta-data/", True, "at which no application can run"),
    ],
)
def test_nothing_is_sent_where_a_webhook_must_not_lead(
    hook: Webhook, receiver: Receiver, push: Push, url: str, internal: bool, said: str
) -> None:
    """As stored before the rule was so, or a name that has come to lead elsewhere."""
    Webhook.objects.update(url=url.format(port=receiver.port), internal=internal)
    recorded("ann")
    push()
    assert receiver.connections == 0
    assert states(hook) == ["waiting"]
    assert said in problem(hook)


# ------------------------------------------------------------------------------------- in order


def test_messages_come_in_the_order_in_which_the_events_were_recorded(
    hook: Webhook, receiver: Receiver, push: Push
) -> None:
    names = [f"p{number:03}" for number in range(120)]
    recorded(*names[:70])
    recorded(*names[70:])
    push()
    assert receiver.told == names


def test_one_that_fails_keeps_the_later_ones_waiting_without_a_request_for_each(
    hook: Webhook, receiver: Receiver, push: Push, later: Later
) -> None:
    receiver.on_next(answers(500), answers(500), answers(500))
    recorded("ann", "bob", "cal")
    for _ in range(4):
        push()
        push()
        later(minutes=20)
    assert receiver.told == ["ann", "ann", "ann", "ann", "bob", "cal"]
    assert len(set(receiver.ids)) == 3
    assert states(hook) == ["delivered"] * 3
    assert (lane(hook).problem, lane(hook).rests, lane(hook).paused_until) == ("", 0, None)


def test_one_that_is_never_taken_is_overtaken_in_time_and_given_up_after_three_days(
    hook: Webhook, receiver: Receiver, push: Push, later: Later
) -> None:
    first = recorded("poison")[0]

    def picky() -> Reply:
        return Reply(500 if receiver.told[-1] == "poison" else 204)

    receiver.always(picky)
    recorded("bob")
    for _ in range(8):
        push()
        later(minutes=20)
    assert "bob" in receiver.told[6:]
    for _ in range(3 * 24):
        recorded("more")
        push()
        later(hours=1)
    poisoned = Delivery.objects.get(event=first)
    assert poisoned.state == DeliveryState.GIVEN_UP
    assert poisoned.attempts < 30
    assert set(states(hook)) == {"given_up", "delivered"}
    assert states(hook).count("given_up") == 1


def test_where_nothing_is_taken_for_three_days_all_that_waits_so_long_is_given_up(
    hook: Webhook, receiver: Receiver, push: Push, later: Later
) -> None:
    receiver.always(closes)
    recorded(*[f"p{number}" for number in range(50)])
    for _ in range(80):
        push()
        later(hours=1)
    recorded("young")
    assert len(receiver.ids) < 100
    assert states(hook) == ["given_up"] * 50 + ["waiting"]
    receiver.always(None)
    later(hours=1)
    push()
    assert states(hook)[-1] == "delivered"


# ------------------------------------------------------------------------------ what is answered


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(hook: Webhook, receiver: Receiver, push: Push, status: int) -> None:
    receiver.on_next(answers(status))
    recorded("ann")
    push()
    assert states(hook) == ["delivered"]


def test_what_comes_after_a_2xx_does_not_matter(
    hook: Webhook, receiver: Receiver, push: Push
) -> None:
    receiver.on_next(
        answers(200, b"{broken", Content_Type="application/json"), answers(200, b"x" * 2_000_000)
    )
    recorded("ann", "bob")
    push()
    assert receiver.told == ["ann", "bob"]
    assert states(hook) == ["delivered"] * 2


@pytest.mark.parametrize("status", [400, 401, 404, 408, 409, 422, 500, 502, 503, 504])
def test_any_other_answer_is_tried_again(
    hook: Webhook, receiver: Receiver, push: Push, later: Later, status: int
) -> None:
    receiver.on_next(answers(status, b"No, because."))
    recorded("ann")
    push()
    (delivery,) = hook.deliveries.all()
    assert (delivery.state, delivery.status) == ("waiting", status)
    assert delivery.message == "No, because."
    assert f"127.0.0.1 answered {status}." in problem(hook)
    later(minutes=1)
    push()
    assert states(hook) == ["delivered"]
    assert problem(hook) == ""


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_asks_to_wait_is_left_alone_so_long(
    hook: Webhook, receiver: Receiver, push: Push, later: Later, status: int
) -> None:
    receiver.on_next(answers(status, Retry_After="600"))
    recorded("ann", "bob")
    push()
    later(minutes=9)
    push()
    assert receiver.told == ["ann"]
    later(minutes=2)
    push()
    assert receiver.told == ["ann", "ann", "bob"]


def test_one_that_is_gone_switches_the_webhook_off_and_says_so(
    hook: Webhook, receiver: Receiver, push: Push, later: Later
) -> None:
    receiver.on_next(answers(410))
    recorded("ann", "bob")
    push()
    hook.refresh_from_db()
    assert not hook.enabled
    assert "It wants no more of these. The webhook was switched off." in problem(hook)
    assert states(hook) == ["given_up"] * 2
    recorded("cal")
    later(days=1)
    push()
    assert receiver.told == ["ann"]
    assert [each.webhook for each in webhook_queue.in_trouble()] == [hook]


def test_a_key_that_is_lost_is_told_and_nothing_is_sent_unsigned(
    hook: Webhook, receiver: Receiver, push: Push
) -> None:
    Webhook.objects.update(sealed_secrets="what no key opens")
    recorded("ann")
    push()
    assert receiver.requests == []
    assert "encryption key has changed" in problem(hook)


# -------------------------------------------------------------------------------------- one owner


def test_who_does_not_own_the_lane_sends_nothing(hook: Webhook, receiver: Receiver) -> None:
    recorded("ann")
    row = WebhookLane.objects.create(webhook=hook)
    assert lanes.take(row, owner="one") is not None
    assert webhook_delivery.drain(hook, owner="two") == 0
    assert receiver.connections == 0


def test_a_lease_that_may_run_out_during_the_request_sends_nothing(
    hook: Webhook, receiver: Receiver
) -> None:
    (event,) = recorded("ann")
    lease = lanes.take(WebhookLane.objects.create(webhook=hook), owner="one")
    assert lease is not None
    short = replace(lease, _deadline=time.monotonic() + 39)
    to = webhook_sending.session(hook)
    with pytest.raises(lanes.LeaseLost):
        webhook_sending.send_event(to, hook, event, message_id="msg_1", leave=short.check)
    to.close()
    assert receiver.requests == []


# ------------------------------------------------------------------------------------- switches


def test_saving_tries_at_once_and_begins_the_three_days_anew(
    hook: Webhook, receiver: Receiver, push: Push, later: Later
) -> None:
    receiver.on_next(answers(500))
    recorded("ann")
    push()
    later(days=4)
    webhook_queue.resume(hook)
    receiver.on_next(answers(500))
    push()
    assert states(hook) == ["waiting"]
    webhook_queue.resume(hook)
    push()
    assert receiver.told == ["ann"] * 3
    assert states(hook) == ["delivered"]


def test_an_application_is_not_kept_waiting_by_receivers_that_do_not_answer(
    hook: Webhook,
    receiver: Receiver,
    make_app: MakeApp,
    faulty: FaultyScim,
    sales: Group,
    ann: User,
    push: Push,
) -> None:
    app: App = make_app(faulty, group=sales)
    receiver.always(closes)
    push()
    assert faulty.active_names() == [ann.username]
    assert app.lane.problem == ""
    assert states(hook) == ["waiting"]
