"""A row of the report opens to its steps in order, and to what was sent, with nothing secret."""

import json
import shlex
import subprocess
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from iam.models import Group, Operator, User
from provisioning import steps
from provisioning.echoes import MASK
from provisioning.models import Account, App, Event, Evidence, Mapping
from reports import curl
from tests.provisioning.admin import Page, visit
from tests.provisioning.api import program
from tests.support.faulty import FaultyScim, answer

Push = Callable[[], None]
VIEW = "reports_provisioningreport_change"
CANARY = "canary-51c9-sensitive"


@pytest.fixture
def kind() -> str:
    return "scim"


def opened(client: Client) -> Page:
    return visit(client, VIEW, Event.objects.latest("pk").pk)


def test_a_row_leads_to_its_page_with_the_steps_in_order(
    admin_client: Client, faulty_app: App, ann: User, push: Push
) -> None:
    push()
    event = Event.objects.get()
    report = visit(admin_client, "reports_provisioningreport_changelist")
    assert f'href="{reverse(f"admin:{VIEW}", args=[event.pk])}"' in report.html
    told = opened(admin_client).text
    in_order = [
        "Why In scope of Zoom. In the group “Sales”: the policy “Zoom for Sales” gives that group",
        "How it was found It was looked for by userName, and nothing was found.",
        "What was to change Create the account.",
        "name.familyName – Ash",
        "What was sent GET http://127.0.0.1",
        "What was answered GET: 200 after",
        "Whether it happened Verified: the answer showed it.",
        "Requests and answers",
        f"Authorization: Bearer {MASK}",
        "The same with curl curl -X POST",
    ]
    places = [told.index(each) for each in in_order]
    assert places == sorted(places)


def test_neither_the_token_nor_a_sensitive_value_is_on_the_page_or_in_the_api(
    admin_client: Client,
    admin_user: Operator,
    faulty_app: App,
    ann: User,
    faulty: FaultyScim,
    push: Push,
) -> None:
    Mapping.objects.create(app=faulty_app, target="title", source="title", sensitive=True)
    ann.title = CANARY
    ann.save()
    faulty.on("POST", answer(422, {"detail": f"{CANARY} {faulty.token}"}))
    push()
    page = opened(admin_client)
    asked = program(admin_user).get(f"/events/{Event.objects.latest('pk').pk}/").content.decode()
    for shown in (page.html, asked):
        assert CANARY not in shown and faulty.token not in shown
        assert MASK in shown and ann.username in shown


def test_what_a_stranger_wrote_is_text_on_the_page(
    admin_client: Client, faulty_app: App, mallory: User, push: Push
) -> None:
    push()
    page = opened(admin_client)
    assert "<script>alert(1)" not in page.html
    assert "<script>alert(1)</script>" in page.text


def test_what_was_not_sent_is_said_so(
    admin_client: Client, faulty_app: App, ann: User, sales: Group, push: Push
) -> None:
    push()
    App.objects.update(guard_count=0, guard_percent=0)
    sales.users.remove(ann)
    push()
    told = opened(admin_client).text
    assert f"Requests and answers {steps.NOTHING_SENT}" in told
    assert "Not in scope of Zoom any more. No group of theirs has a policy for Zoom" in told


def test_evidence_that_is_gone_is_said_so(
    admin_client: Client, faulty_app: App, ann: User, push: Push
) -> None:
    push()
    Evidence.objects.all().delete()
    assert "No evidence was kept of this." in opened(admin_client).text
    Event.objects.update(at=Event.objects.get().at - timedelta(days=31))
    told = opened(admin_client).text
    assert "kept for 30 days, and this happened before" in told
    assert "The account “ann@example.org” was created in Zoom." in told


def test_it_leads_to_the_account_the_reasons_and_the_other_rows(
    admin_client: Client, faulty_app: App, ann: User, push: Push
) -> None:
    push()
    account = reverse("admin:provisioning_account_change", args=[Account.objects.get().pk])
    why = f"{reverse('admin:iam_user_why', args=[ann.pk])}?app={faulty_app.pk}"
    page = opened(admin_client)
    assert f'href="{account}"' in page.html and f'href="{why}"' in page.html
    assert "?identifier=ann%40example.org&amp;match=exact" in page.html
    ann.delete()
    page = opened(admin_client)
    assert f'href="{account}"' in page.html and "Why?" not in page.text


def test_what_needs_no_account_leads_to_none(admin_client: Client, db: None) -> None:
    Event.objects.create(at="2026-01-01T00:00Z", identifier="Sales", message="Ok.")
    assert "The account" not in opened(admin_client).text


def test_whoever_copies_the_command_is_told_what_it_lacks_and_does() -> None:
    asked = {
        "method": "GET",
        "url": "https://x.example/Users",
        "headers": {"Authorization": f"Bearer {MASK}"},
        "body": None,
    }
    token = "Set TOKEN to the application's token first."
    assert curl.before_use(asked) == token
    changed = {**asked, "method": "POST", "body": {"title": MASK}}
    told = curl.before_use(changed)
    assert told.startswith(token) and f"What reads “{MASK}”" in told
    assert told.endswith("It is done in the application once more.")


def test_it_is_for_whoever_may_see_the_report(client: Client, db: None) -> None:
    event = Event.objects.create(at="2026-01-01T00:00Z", identifier="ann", message="Ok.")
    auditor = Operator.objects.create(username="auditor", is_staff=True)
    client.force_login(auditor)
    assert visit(client, VIEW, event.pk).status == 403
    auditor.user_permissions.add(Permission.objects.get(codename="view_provisioningreport"))
    assert visit(client, VIEW, event.pk).status == 200
    assert visit(client, VIEW, event.pk + 1).status == 404


def test_the_api_tells_one_event_with_its_steps_and_evidence_and_a_list_without(
    admin_user: Operator, faulty_app: App, ann: User, push: Push
) -> None:
    push()
    api = program(admin_user)
    (row,) = api.get("/events/").json()["items"]
    assert "steps" not in row
    one = api.get(f"/events/{row['id']}/").json()
    names = [step["name"] for step in one["steps"]]
    assert names == ["scope", "matched", "planned", "sent", "answered", "verified"]
    assert one["evidence"]["scope"]["ways"] == [{"policy": "Zoom for Sales", "groups": ["Sales"]}]
    sent = one["evidence"]["exchanges"][1]
    assert sent["response"]["status"] == 201
    assert "$TOKEN" in sent["curl"]
    Evidence.objects.all().delete()
    assert api.get(f"/events/{row['id']}/").json()["evidence"] is None


def test_curl_quotes_whatever_came_from_outside() -> None:
    body = {"name": "$(touch x) '; `id` \"$HOME"}
    text = curl.command(
        {
            "method": "POST",
            "url": "https://x.example/Users?filter=a%20b&c='$(id)",
            "headers": {"Authorization": f"Bearer {MASK}", "X": "$(id)", "Accept-Encoding": "gzip"},
            "body": body,
        }
    )
    shown = subprocess.run(
        ["/bin/sh", "-c", text.replace("curl ", "printf '%s\\n' ", 1)],
        env={"TOKEN": "the token"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert shown[:5] == [
        "-X",
        "POST",
        "https://x.example/Users?filter=a%20b&c='$(id)",
        "-H",
        "Authorization: Bearer the token",
    ]
    assert "X: $(id)" in shown and json.loads(shown[-1]) == body
    assert "gzip" not in text
    assert shlex.split(text)[0] == "curl"
