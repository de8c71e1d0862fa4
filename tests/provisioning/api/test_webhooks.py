"""Webhooks over the API: kept by the rules of the page, and their secrets never shown."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from iam.models import KeptAnswer
from provisioning import webhook_signing
from provisioning.models import App, Delivery, Webhook
from tests.provisioning.api import Program, pointers
from tests.support.receiver import Receiver, answers, recorded, webhook

Push = Callable[[], None]

SECRET = webhook_signing.new_secret()
NEW = {"name": "Tickets", "url": "https://tickets.example.org/hook?key=1", "secret": SECRET}


@pytest.fixture
def hook(db: None, receiver: Receiver) -> Webhook:
    return webhook(receiver)


def test_a_webhook_is_added_changed_and_removed(api: Program) -> None:
    zoom = App.objects.create(name="Zoom", connector="scim")
    chosen = {"operations": ["create"], "outcomes": ["done"], "all_apps": False, "apps": [zoom.pk]}
    made = api.post("/webhooks/", {**NEW, **chosen})
    assert made.status_code == 201, made.content
    shown = made.json()
    assert {name: shown[name] for name in chosen} == chosen
    assert (shown["url"], shown["enabled"], shown["problem"]) == (NEW["url"], True, "")
    path = f"/webhooks/{shown['id']}/"
    assert Webhook.objects.get().signing_secrets == [SECRET]
    changed = api.patch(path, {"enabled": False, "operations": []}).json()
    assert {name for name in shown if shown[name] != changed[name]} == {
        "enabled",
        "operations",
        "changed_at",
    }
    assert Webhook.objects.get().signing_secrets == [SECRET]
    assert api.delete(path).status_code == 204


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"url": "http://tickets.example.org/"}, "#/url"),
        ({"url": "https://127.0.0.1/"}, "#/url"),
        ({"url": "https://169.254.169.254/", "internal": True}, "#/url"),
        ({"url": "https://tickets.example.org/#x"}, "#/url"),
        ({"url": "https://ann:pw@tickets.example.org/"}, "#/url"),
        ({"url": "file:///etc/passwd"}, "#/url"),
        ({"url": 7}, "#/url"),
        ({"secret": "short"}, "#/secret"),
        ({"operations": ["explode"]}, "#/operations/0"),
        ({"operations": "create"}, "#/operations"),
        ({"outcomes": [1]}, "#/outcomes/0"),
        ({"all_apps": False}, "#/apps"),
        ({"apps": [99]}, "#/apps"),
        ({"name": ""}, "#/name"),
        ({"problem": "x"}, "#/problem"),
        ({"enabled": "yes"}, "#/enabled"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_added(
    api: Program, wrong: dict[str, Any], where: str
) -> None:
    refused = api.post("/webhooks/", {**NEW, **wrong})
    assert refused.status_code == 400
    assert pointers(refused)[0] == where
    assert not Webhook.objects.exists()


def test_a_webhook_without_a_secret_is_not_added(api: Program) -> None:
    refused = api.post("/webhooks/", {"name": "Tickets", "url": NEW["url"]})
    assert pointers(refused) == ["#/secret"]


def test_no_answer_and_no_row_holds_a_secret_in_clear(api: Program) -> None:
    key = {"Idempotency_Key": "one"}
    made = api.post("/webhooks/", NEW, **key)
    path = f"/webhooks/{made.json()['id']}/"
    other = webhook_signing.new_secret()
    told = [
        made,
        api.post("/webhooks/", NEW, **key),
        api.patch(path, {"secret": other}),
        api.get(path),
        api.get("/webhooks/"),
    ]
    assert {answer.status_code for answer in told} == {200, 201}
    assert KeptAnswer.objects.exists()
    with connection.cursor() as cursor:
        for table in ("provisioning_webhook", "iam_keptanswer"):
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608 - one of the two above
            rows = str(cursor.fetchall())
            assert SECRET not in rows and other not in rows
    for answer in told:
        assert "whsec_" not in answer.content.decode()


def test_a_new_secret_signs_beside_the_former_for_a_day(api: Program) -> None:
    made = api.post("/webhooks/", NEW).json()
    other = webhook_signing.new_secret()
    changed = api.patch(f"/webhooks/{made['id']}/", {"secret": other}).json()
    assert (made["former_until"], changed["former_until"] is not None) == (None, True)
    assert Webhook.objects.get().signing_secrets == [other, SECRET]


# ------------------------------------------------------------------------------------- deliveries


def test_deliveries_tell_what_became_of_each(
    api: Program, hook: Webhook, receiver: Receiver, push: Push
) -> None:
    receiver.on_next(answers(204), answers(500, b"Out of paper."))
    recorded("ann", "bob")
    push()
    (waits,) = api.get("/deliveries/", webhook=hook.pk, state="waiting").json()["items"]
    assert (waits["status"], waits["message"], waits["attempts"]) == (500, "Out of paper.", 1)
    assert waits["message_id"] == receiver.ids[1]
    newest_first = api.get("/deliveries/").json()["items"]
    assert [each["state"] for each in newest_first] == ["waiting", "delivered"]
    assert api.get(f"/deliveries/{waits['id']}/").json() == waits
    (shown,) = api.get("/webhooks/").json()["items"]
    assert shown["problem"].startswith("127.0.0.1 answered 500.")


def test_what_is_delivered_is_what_the_api_shows_of_the_event(
    api: Program, hook: Webhook, receiver: Receiver, push: Push
) -> None:
    recorded("ann", http_status=201, effect="verified")
    push()
    assert [receiver.messages[0]["data"]] == api.get("/events/").json()["items"]


def test_deliveries_are_sent_again(
    api: Program, hook: Webhook, receiver: Receiver, push: Push
) -> None:
    recorded("ann", "bob", "cal")
    push()
    path = f"/webhooks/{hook.pk}/replay/"
    keys = sorted(Delivery.objects.values_list("pk", flat=True))
    assert api.post(path, {"deliveries": keys[:1]}).json() == {"waiting": 1}
    push()
    now = timezone.now()
    span = {"after": (now - timedelta(hours=1)).isoformat(), "before": now.isoformat()}
    again = api.post(path, span)
    assert (again.status_code, again.json()) == (202, {"waiting": 3})
    push()
    assert receiver.told == ["ann", "bob", "cal", "ann", "ann", "bob", "cal"]
    Delivery.objects.filter(pk=keys[1]).update(state="given_up")
    assert api.post(path, {"given_up": True}).json() == {"waiting": 1}
    push()
    assert receiver.told[-1] == "bob"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "#"),
        ({"given_up": False}, "#"),
        ({"given_up": True, "deliveries": [1]}, "#"),
        ({"after": "2026-11-25T00:00:00Z"}, "#"),
        ({"deliveries": [4711]}, "#/deliveries"),
        ({"deliveries": []}, "#/deliveries"),
        ({"deliveries": ["1"]}, "#/deliveries/0"),
        ({"after": "yesterday", "before": "2026-11-25T00:00:00Z"}, "#/after"),
        ({"after": "0001-01-01T00:00:00+14:00", "before": "2026-11-25T00:00:00Z"}, "#/after"),
        ({"after": "2026-11-25T00:00:00Z", "before": "9999-12-31T23:59:59-12:00"}, "#/before"),
        ({"after": "2026-11-26T00:00:00Z", "before": "2026-11-25T00:00:00Z"}, "#/before"),
    ],
)
def test_what_is_to_be_sent_again_is_said_clearly(
    api: Program, hook: Webhook, body: dict[str, Any], where: str
) -> None:
    refused = api.post(f"/webhooks/{hook.pk}/replay/", body)
    assert refused.status_code == 400, refused.content
    assert pointers(refused)[0] == where


def test_a_delivery_of_another_webhook_is_not_sent_again(
    api: Program, hook: Webhook, receiver: Receiver, push: Push
) -> None:
    other = webhook(receiver, name="Other")
    recorded("ann")
    push()
    theirs = other.deliveries.get().pk
    assert api.post(f"/webhooks/{hook.pk}/replay/", {"deliveries": [theirs]}).status_code == 400


def test_a_test_says_what_was_answered(api: Program, hook: Webhook, receiver: Receiver) -> None:
    path = f"/webhooks/{hook.pk}/test/"
    assert api.post(path).json()["worked"] is True
    receiver.on_next(answers(401, b"Bad signature."))
    told = api.post(path).json()
    assert told["worked"] is False
    assert "give it the secret of this webhook" in told["message"]
    assert "Bad signature." in told["message"]
    assert [message["type"] for message in receiver.messages] == ["gatehouse.test"] * 2
    assert receiver.signatures == [[True]] * 2
    assert not Delivery.objects.exists()
