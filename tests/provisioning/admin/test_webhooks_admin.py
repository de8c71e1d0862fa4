"""Webhooks are added, tried, given a new secret and told again by clicking."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from iam import roles
from iam.models import Operator, Role
from provisioning.models import App, Delivery, Webhook, WebhookLane
from tests.provisioning.admin import Page, visit
from tests.support.receiver import Receiver, answers, recorded, webhook

Push = Callable[[], None]
Later = Callable[..., None]

PAYLOAD = "<img src=x onerror=alert(1)>"
LIST, ADD, CHANGE = (f"provisioning_webhook_{page}" for page in ("changelist", "add", "change"))
DELIVERIES = "provisioning_delivery_changelist"
NEW = {"name": "Tickets", "url": " https://tickets.example.org/hooks/?key=1 "}


@pytest.fixture
def hook(db: None, receiver: Receiver) -> Webhook:
    return webhook(receiver)


def page_of(client: Client, hook: Webhook) -> Page:
    return visit(client, CHANGE, hook.pk)


def act(client: Client, action: str, *rows: Delivery) -> str:
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    page = client.post(reverse(f"admin:{DELIVERIES}"), chosen, follow=True)
    return page.content.decode()


def shown_secret(page: Page) -> str:
    return page.html.split('id="secret">')[1].split("<")[0]


# --------------------------------------------------------------------------------------- adding


def test_an_empty_list_says_what_a_webhook_is_for(admin_client: Client) -> None:
    text = visit(admin_client, LIST).text
    assert "A webhook tells another system of what is done to accounts and groups" in text


def test_the_secret_is_shown_when_it_is_added_and_never_again(admin_client: Client) -> None:
    page = visit(admin_client, ADD).send(**NEW)
    secret = shown_secret(page)
    assert "no-store" in page.headers["Cache-Control"]
    hook = Webhook.objects.get()
    assert hook.signing_secrets == [secret]
    assert hook.url == "https://tickets.example.org/hooks/?key=1"
    assert (hook.enabled, hook.all_apps, hook.operations, hook.outcomes) == (True, True, [], [])
    later = [page_of(admin_client, hook), visit(admin_client, LIST), visit(admin_client, "index")]
    assert not any(secret in page.html for page in later)
    assert secret not in str(Webhook.objects.values())


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"url": "http://tickets.example.org/"}, "url", "http:// is allowed only for"),
        ({"url": "https://10.1.2.3/"}, "url", "an address inside your own network"),
        ({"url": ""}, "url", "This field is required."),
        ({"name": ""}, "name", "This field is required."),
        ({"all_apps": None}, "apps", "Choose an application, or switch “Every application” on."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    admin_client: Client, wrong: dict[str, str | None], field: str, said: str
) -> None:
    page = visit(admin_client, ADD).send(**{**NEW, **wrong})
    assert said in page.errors[field][0]
    assert not Webhook.objects.exists()


def test_what_it_is_told_is_chosen(admin_client: Client, hook: Webhook) -> None:
    zoom = App.objects.create(name="Zoom", connector="scim")
    chosen = {"all_apps": None, "apps": str(zoom.pk), "operations": "delete", "outcomes": "failed"}
    page_of(admin_client, hook).send(**chosen)
    hook.refresh_from_db()
    assert (hook.operations, hook.outcomes, hook.all_apps) == (["delete"], ["failed"], False)
    assert [*hook.apps.all()] == [zoom]


# --------------------------------------------------------------------------------------- buttons


def test_a_new_secret_is_shown_once_and_the_former_signs_along(
    admin_client: Client, hook: Webhook, receiver: Receiver
) -> None:
    former = receiver.secret
    page = page_of(admin_client, hook).send(button="_new_secret")
    hook.refresh_from_db()
    assert hook.signing_secrets == [shown_secret(page), former]
    assert "it is signed with the former secret as well" in page.text
    assert former not in page.html


def test_a_test_says_what_the_receiver_answered(
    admin_client: Client, hook: Webhook, receiver: Receiver
) -> None:
    page = page_of(admin_client, hook).send(button="_save_and_test")
    assert "The receiver took the message (answer 204)." in page.text
    receiver.on_next(answers(500, PAYLOAD.encode()))
    page = page_of(admin_client, hook).send(button="_save_and_test")
    assert f"127.0.0.1 answered 500. Something is wrong on its side. It said: “{PAYLOAD}”" in (
        page.text
    )
    assert PAYLOAD not in page.html


def test_saving_begins_anew_with_what_waits(
    admin_client: Client, hook: Webhook, receiver: Receiver, push: Push
) -> None:
    receiver.on_next(answers(500))
    recorded("ann")
    push()
    page = page_of(admin_client, hook)
    assert "Nothing was delivered since" in page.text
    page.send()
    assert WebhookLane.objects.get().problem == ""
    push()
    assert receiver.told == ["ann", "ann"]


def test_what_was_given_up_is_told_and_sent_again_or_left(
    admin_client: Client, hook: Webhook, receiver: Receiver, push: Push
) -> None:
    recorded("ann", "bob")
    push()
    hook.deliveries.update(state="given_up")
    page = page_of(admin_client, hook)
    assert "2 events were given up." in page.text
    assert "2 events for the webhook Tickets were given up." in visit(admin_client, "index").text
    (first, second) = hook.deliveries.order_by("pk")
    assert "1 event will not be delivered." in act(admin_client, "leave", second)
    page = page_of(admin_client, hook).send(button="_given_up_again")
    assert "1 event is sent again now." in page.text
    push()
    assert receiver.told == ["ann", "bob", "ann"]
    assert "given up" not in visit(admin_client, "index").text


def test_a_timespan_is_sent_again(
    admin_client: Client, hook: Webhook, receiver: Receiver, push: Push
) -> None:
    recorded("ann")
    push()
    page = visit(admin_client, "provisioning_webhook_again", hook.pk)
    assert "Enter a valid date/time." in page.send(after="soon").text
    done = page.send(after="2020-01-01T08:00", before="")
    assert "1 event is sent again now." in done.text
    push()
    assert receiver.told == ["ann", "ann"]


# ------------------------------------------------------------------------------------ deliveries


def test_what_the_receiver_said_is_shown_as_text(
    admin_client: Client, hook: Webhook, receiver: Receiver, push: Push
) -> None:
    receiver.on_next(answers(400, PAYLOAD.encode()))
    recorded(PAYLOAD)
    push()
    for page in (page_of(admin_client, hook), visit(admin_client, DELIVERIES)):
        assert f"400 {PAYLOAD}" in page.text
        assert PAYLOAD not in page.html
    one = visit(admin_client, "provisioning_delivery_change", hook.deliveries.get().pk)
    assert receiver.ids[0] in one.text


def test_chosen_deliveries_are_sent_again(
    admin_client: Client, hook: Webhook, receiver: Receiver, push: Push
) -> None:
    recorded("ann", "bob")
    push()
    assert "1 event is sent again now." in act(
        admin_client, "send_again", hook.deliveries.get(event__identifier="bob")
    )
    push()
    assert receiver.told == ["ann", "bob", "bob"]


def test_the_lists_ask_the_same_however_many_there_are(
    admin_client: Client, receiver: Receiver
) -> None:
    def asked(view: str) -> int:
        with CaptureQueriesContext(connection) as told:
            visit(admin_client, view)
        return len(told)

    webhook(receiver)
    recorded("ann")
    before = asked(LIST), asked(DELIVERIES)
    for number in range(5):
        webhook(receiver, name=f"Hook {number}")
    recorded(*[f"p{number}" for number in range(20)])
    assert (asked(LIST), asked(DELIVERIES)) == before


def test_deleting_says_what_is_lost(admin_client: Client, hook: Webhook) -> None:
    recorded("ann")
    page = visit(admin_client, "provisioning_webhook_delete", hook.pk)
    assert "Tickets is told of nothing any more" in page.text
    assert "1 event will not be delivered." in page.text
    admin_client.post(page.address, {"post": "yes"})
    assert not Webhook.objects.exists() and not Delivery.objects.exists()


# -------------------------------------------------------------------------------------- overview


def test_one_that_is_told_of_nothing_for_a_while_stands_on_the_overview(
    admin_client: Client, hook: Webhook, receiver: Receiver, push: Push, later: Later
) -> None:
    receiver.always(answers(500))
    recorded("ann")
    push()
    assert "is told of nothing" not in visit(admin_client, "index").text
    later(minutes=6)
    admin_client.force_login(Operator.objects.get(username="admin"))
    assert "The webhook Tickets is told of nothing since" in visit(admin_client, "index").text


# ------------------------------------------------------------------------------------ who may


def test_who_may_only_look_changes_nothing(client: Client, hook: Webhook) -> None:
    viewer = Operator.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(viewer)
    recorded("ann")
    hook.deliveries.update(state="given_up")
    assert page_of(client, hook).status == 200
    for address in (
        reverse(f"admin:{CHANGE}", args=[hook.pk]),
        reverse("admin:provisioning_webhook_again", args=[hook.pk]),
    ):
        sent = {"_new_secret": "1", "_given_up_again": "1", "after": "2020-01-01"}
        assert client.post(address, sent).status_code == 403
    act(client, "send_again", hook.deliveries.get())
    act(client, "leave", hook.deliveries.get())
    assert hook.deliveries.get().state == "given_up"
    assert len(Webhook.objects.get().signing_secrets) == 1


def test_whoever_may_only_look_reads_what_is_told_and_has_no_buttons(
    client: Client, hook: Webhook
) -> None:
    Webhook.objects.update(operations=["create", "delete"])
    auditor = Operator(username="axel")
    roles.give(auditor, Role.AUDITOR)
    auditor.save()
    client.force_login(auditor)
    page = page_of(client, hook)
    assert "Create account, Delete account" in page.text
    assert "Everything" in page.text
    for button in ("New secret", "Save and send a test", "Send a timespan again"):
        assert button not in page.html.split("What it is told")[1] + page.html.split("Where to")[0]
