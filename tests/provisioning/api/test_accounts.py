"""Accounts, holds, comparisons and events over the API: what stands, and what is decided."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from iam.models import Group, User
from provisioning.api import describing
from provisioning.models import (
    Account,
    App,
    Decision,
    Event,
    Guard,
    Hold,
    Outcome,
    PushedGroup,
    Run,
    Trigger,
)
from reports.filters import ReportFilter
from tests.conftest import MakeApp, person
from tests.provisioning.api import Program, pointers


@pytest.fixture
def account(make_app: MakeApp, sales: Group, ann: User) -> Account:
    """Of ann, in an application that is asked nothing."""
    server = SimpleNamespace(base_url="https://127.0.0.1:1/scim", token="x" * 20)
    make_app(server, group=sales)
    Account.objects.update(due_at=None, remote_id="7", state="active")
    return Account.objects.get()


def test_an_account_is_shown_and_pushed(api: Program, account: Account) -> None:
    (shown,) = api.get("/accounts/", identifier="ANN@example.org", state="active").json()["items"]
    assert (shown["user"], shown["remote_id"]) == (account.user_id, "7")
    assert api.get("/accounts/", problem="conflict").json()["items"] == []
    assert pointers(api.get("/accounts/", state="odd")) == ["state"]
    assert api.post(f"/accounts/{account.pk}/push/").json() == {"due": 1}
    account.refresh_from_db()
    assert (account.trigger, account.actor) == (Trigger.MANUAL, "chief (token test)")


def test_what_was_sent_last_is_shown_and_a_password_is_not(api: Program, account: Account) -> None:
    sent = {"userName": "ann", "active": True, "password": "x" * 20, "urn:x:User:Password": "y"}
    Account.objects.update(applied=sent)
    shown = api.get(f"/accounts/{account.pk}/").json()["applied"]
    assert shown == sent | {"password": "•••", "urn:x:User:Password": "•••"}


def test_a_sensitive_value_is_shown_of_no_account_with_as_many_questions_for_a_long_list(
    api: Program, account: Account, sales: Group
) -> None:
    account.app.mappings.create(target="title", source="title", sensitive=True)
    sales.users.add(*[person(f"p{number}") for number in range(5)])
    sent = {"userName": "x", "title": "canary", "displayName": "the canary", "active": True}
    Account.objects.update(applied=sent)
    hidden = sent | {"title": "•••", "displayName": "the •••"}
    assert api.get(f"/accounts/{account.pk}/").json()["applied"] == hidden
    counts = []
    for size in (1, 6):
        with CaptureQueriesContext(connection) as asked:
            found = api.get("/accounts/", page_size=size).json()["items"]
        assert [each["applied"] for each in found] == [hidden] * size
        counts.append(len(asked))
    assert counts[0] == counts[1]
    given_up = api.post(f"/accounts/{account.pk}/forget/")
    assert (given_up.status_code, "canary" in str(given_up.json())) == (200, False)


def test_events_can_be_asked_for_whatever_the_report_can(api: Program) -> None:
    operation = describing.schema()["paths"]["/api/v1/events/"]["get"]
    told = {each["name"] for each in operation["parameters"]}
    assert told == {*ReportFilter.base_filters, "cursor", "page_size"}


@pytest.mark.parametrize("what", ["put-right", "leave", "end-access"])
def test_what_does_not_wait_for_a_decision_is_a_conflict(
    api: Program, account: Account, what: str
) -> None:
    refused = api.post(f"/accounts/{account.pk}/{what}/")
    assert (refused.status_code, pointers(refused)) == (409, [])
    assert pointers(api.post(f"/accounts/{account.pk}/{what}/", {"force": True})) == ["#/force"]


def test_an_account_that_was_kept_is_let_go(api: Program, account: Account) -> None:
    Account.objects.update(kept_because="no_policy")
    assert api.post(f"/accounts/{account.pk}/end-access/").json()["kept_because"] == ""
    account.refresh_from_db()
    assert (account.guard, account.released_by) == (Guard.RELEASED, "chief (token test)")


@pytest.fixture
def hold(account: Account) -> Hold:
    Account.objects.update(guard=Guard.HELD, problem="held")
    return Hold.objects.create(
        app=account.app,
        account=account,
        identifier=account.identifier,
        operation="deactivate",
        why="Left.",
        held_at=timezone.now(),
    )


@pytest.mark.parametrize(("what", "guard"), [("release", Guard.RELEASED), ("reject", "")])
def test_a_hold_is_decided_once_by_somebody_with_a_reason(
    api: Program, hold: Hold, what: str, guard: str
) -> None:
    assert [each["id"] for each in api.get("/holds/", decision="waiting").json()["items"]] == [
        hold.pk
    ]
    path, body = f"/holds/{what}/", {"holds": [hold.pk], "reason": "Asked HR."}
    assert pointers(api.post(path, {**body, "reason": " "})) == ["#/reason"]
    assert pointers(api.post(path, {"holds": [hold.pk, 999], "reason": "x"})) == ["#/holds"]
    assert pointers(api.post(path, {"holds": [], "reason": "x"})) == ["#/holds"]
    assert api.post(path, body).json() == {"decided": 1}
    hold.refresh_from_db()
    decision = {"release": Decision.RELEASED, "reject": Decision.REJECTED}[what]
    assert (hold.decision, hold.reason) == (decision, "Asked HR.")
    assert hold.decided_by == "chief (token test)"
    assert Account.objects.get().guard == guard
    assert api.post(path, body).status_code == 409


def test_a_hold_about_a_group_is_decided_too(api: Program, account: Account, sales: Group) -> None:
    pushed = PushedGroup.objects.create(app=account.app, group=sales, name="Sales", guard="held")
    hold = Hold.objects.create(
        app=account.app,
        pushed_group=pushed,
        identifier="Sales",
        operation="remove_member",
        why="Left.",
        held_at=timezone.now(),
    )
    assert api.post("/holds/release/", {"holds": [hold.pk], "reason": "x"}).json() == {"decided": 1}
    (shown,) = api.get("/pushed-groups/", app=account.app_id).json()["items"]
    assert (shown["name"], shown["guard"]) == ("Sales", "released")


def test_a_comparison_is_started_once_and_watched(api: Program, account: Account) -> None:
    body = {"app": account.app_id}
    made = api.post("/runs/", body)
    assert (made.status_code, made.json()["ended_at"]) == (201, None)
    assert api.post("/runs/", body).json()["id"] == made.json()["id"]
    assert api.post("/runs/", {**body, "dry": True}).status_code == 409
    Run.objects.update(listed=5, expected=9)
    shown = api.get(f"/runs/{made.json()['id']}/").json()
    assert (shown["listed"], shown["expected"], shown["actor"]) == (5, 9, "chief (token test)")
    assert len(api.get("/runs/", ended="false").json()["items"]) == 1
    assert api.get("/runs/", ended="true").json()["items"] == []
    assert pointers(api.post("/runs/", {"app": 999})) == ["#/app"]
    assert api.get("/findings/", run=shown["id"]).json()["items"] == []


# -------------------------------------------------------------------------------------- events


def told(app: App | None, *names: str) -> None:
    Event.objects.bulk_create(
        Event(
            at=timezone.now(),
            app=app,
            app_name="Zoom",
            identifier=name,
            operation="create",
            outcome=Outcome.DONE,
            message="Ok.",
            actor="chief",
        )
        for name in names
    )


def names(page: Any) -> list[str]:
    return [each["identifier"] for each in page.json()["items"]]


def test_events_are_asked_for_as_on_the_page(api: Program, account: Account) -> None:
    told(account.app, "ann@example.org", "annika@example.org")
    told(None, "bob@example.org")
    assert names(api.get("/events/")) == [
        "bob@example.org",
        "annika@example.org",
        "ann@example.org",
    ]
    assert names(api.get("/events/", identifier="ANN", app=account.app_id, timespan="24h")) == [
        "annika@example.org",
        "ann@example.org",
    ]
    assert names(api.get("/events/", outcome="failed")) == []
    assert names(api.get("/events/", after="2000-01-01T00:00:00Z", page_size=1)) == [
        "bob@example.org"
    ]


@pytest.mark.parametrize(
    ("query", "culprit"),
    [
        ({"after": "yesterday"}, "after"),
        ({"after": "2026-02-30T00:00Z"}, "after"),
        ({"after": "0001-01-01T00:00Z"}, "after"),
        ({"timespan": "1y"}, "timespan"),
        ({"app": "999"}, "app"),
        ({"app": "x"}, "app"),
        ({"outcome": "good"}, "outcome"),
        ({"identifer": "ann"}, "identifer"),
        ({"older_than": "x"}, "older_than"),
        ({"after": "2026-01-02T00:00Z", "before": "2026-01-01T00:00Z"}, "before"),
    ],
    ids=str,
)
def test_bad_inputs_128_and_129_what_the_report_does_not_understand_is_named(
    api: Program, query: dict[str, str], culprit: str
) -> None:
    refused = api.get("/events/", **query)
    assert (refused.status_code, pointers(refused)) == (400, [culprit])


def test_events_are_paged_without_gap_or_repeat_whatever_their_moments(
    api: Program, db: None
) -> None:
    moment = timezone.now()
    told(None, *(f"e{number}" for number in range(7)))
    Event.objects.update(at=moment)
    # Those that were written first happened last.
    Event.objects.filter(identifier__in=["e0", "e1"]).update(at=moment + timedelta(seconds=1))
    page, seen = api.get("/events/", page_size=3, identifier="e"), []
    while True:
        seen += names(page)
        if page.json()["next"] is None or len(seen) > 9:
            break
        told(None, "e-new")
        Event.objects.filter(identifier="e-new").update(at=moment + timedelta(hours=1))
        page = api.client.get(page.json()["next"], headers=api.headers)
    assert seen == ["e1", "e0", "e6", "e5", "e4", "e3", "e2"]
