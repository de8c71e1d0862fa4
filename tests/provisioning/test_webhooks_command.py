"""`manage.py webhooks` tells how they stand, tries one, and sends events again."""

from collections.abc import Callable

import pytest
from django.core.management import CommandError

from provisioning.models import Webhook
from tests.support.commands import give, given
from tests.support.receiver import Receiver, answers, recorded, webhook

Push = Callable[[], None]


@pytest.fixture
def hook(db: None, receiver: Receiver) -> Webhook:
    return webhook(receiver)


def test_without_a_webhook_it_says_so(db: None) -> None:
    assert give("webhooks") == (0, "There is no webhook yet. Add one under Webhooks.\n")


def test_all_is_well_is_0_and_what_needs_somebody_is_3(
    hook: Webhook, receiver: Receiver, push: Push
) -> None:
    recorded("ann")
    push()
    assert give("webhooks") == (0, "Tickets: working, 0 waiting, 0 given up.\n")
    receiver.on_next(answers(410))
    recorded("bob")
    push()
    status, said = give("webhooks", "list")
    assert status == 3
    assert said.startswith("Tickets: switched off, 0 waiting, 1 given up. 127.0.0.1 answered 410.")
    (told,) = given("webhooks")
    assert (told["state"], told["given_up"]) == ("switched off", 1)


def test_a_test_is_0_if_it_was_taken_and_1_if_not(hook: Webhook, receiver: Receiver) -> None:
    assert give("webhooks", "test", "Tickets")[0] == 0
    receiver.on_next(answers(500))
    status, said = give("webhooks", "test", "Tickets")
    assert (status, said) == (
        1,
        "127.0.0.1 answered 500. Something is wrong on its side.\n",
    )


def test_what_was_given_up_and_a_timespan_are_sent_again(
    hook: Webhook, receiver: Receiver, push: Push
) -> None:
    recorded("ann", "bob")
    push()
    hook.deliveries.filter(event__identifier="bob").update(state="given_up")
    assert given("webhooks", "replay", "Tickets", "--given-up") == [
        {"webhook": "Tickets", "waiting": 1}
    ]
    push()
    assert given("webhooks", "replay", "Tickets", "--from", "2020-01-01")[0]["waiting"] == 2
    push()
    assert receiver.told == ["ann", "bob", "bob", "ann", "bob"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["test"], "need the name of a webhook"),
        (["list", "Tickets"], "takes no name"),
        (["test", "Chat"], "There is no webhook “Chat”. There is “Tickets”."),
        (["replay", "Tickets"], "Say --given-up, or give --from"),
        (["replay", "Tickets", "--given-up", "--from", "2020-01-01"], "Say --given-up"),
        (["replay", "Tickets", "--to", "2020-01-01"], "--from: This field is required."),
        (["replay", "Tickets", "--from", "yesterday"], "--from: Enter a valid date/time."),
        (["replay", "Tickets", "--from", "2020-01-02", "--to", "2020-01-01"], "ends before"),
        (["replay", "Tickets", "--from", "0001-01-01"], "--from: Enter a year"),
    ],
)
def test_what_is_given_in_the_wrong_way_is_2_and_does_nothing(
    hook: Webhook, receiver: Receiver, arguments: list[str], said: str
) -> None:
    with pytest.raises(CommandError, match=said) as ended:
        give("webhooks", *arguments)
    assert ended.value.returncode == 2
    assert receiver.requests == []


def test_a_day_is_meant_with_its_end(
    hook: Webhook, receiver: Receiver, push: Push, later: Callable[..., None]
) -> None:
    recorded("ann")
    push()
    (event,) = recorded("bob")
    push()
    day = f"{event.at:%Y-%m-%d}"
    assert given("webhooks", "replay", "Tickets", "--from", day, "--to", day)[0]["waiting"] == 2
