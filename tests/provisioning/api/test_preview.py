"""What a change would lead to is answered to whom may make it, and nothing about it is done."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from iam import roles
from iam.models import Group, Operator, Role, User
from provisioning.models import Account, App, Leaving
from tests.conftest import MakeApp
from tests.provisioning.api import V1, Program, pointers, preview, program, tried
from tests.roles import world
from tests.support.faulty import FaultyScim

Push = Callable[[], None]
NEW_NAME = {"first_name": "Anna"}
NOTHING_THERE = "/users/1000000/"


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push) -> App:
    """Ann has an account."""
    app = make_app(faulty, group=sales)
    push()
    return app


def test_a_change_is_told_step_by_step_and_not_made(
    api: Program, app: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    journal, before = list(faulty.journal), world.snapshot()
    pairs = {
        "add": [{"user": bob.pk, "group": sales.pk}],
        "remove": [{"user": ann.pk, "group": sales.pk}],
    }
    found = tried(api, "POST", "/memberships/bulk/", pairs)
    assert (found["concerned"], found["looked_at"]) == (2, 2)
    (shown,) = found["apps"]
    assert (shown["app"], shown["name"], shown["hindered"]) == (app.pk, "Zoom", [])
    assert (shown["counts"], shown["group_counts"]) == ({"create": 1, "deactivate": 1}, {})
    off, new = sorted(found["steps"], key=lambda step: step["identifier"])
    assert (off["user"], off["operation"], off["held"]) == (ann.pk, "deactivate", False)
    assert "would be switched off in Zoom" in off["text"]
    assert {"target": "userName", "old": None, "new": "bob@example.org"} in new["changes"]
    push()
    assert (faulty.journal, world.snapshot()) == (journal, before)


def test_a_sensitive_value_is_not_in_the_answer(api: Program, app: App, ann: User) -> None:
    app.mappings.create(target="title", source="title", sensitive=True)
    fields = {"title": "canary", **NEW_NAME}
    (step,) = tried(api, "PATCH", f"/users/{ann.pk}/", fields)["steps"]
    assert {"target": "title", "old": None, "new": "•••"} in step["changes"]
    assert "“Anna”" in step["text"]
    assert "canary" not in str(step)


def test_it_says_what_would_wait_and_what_stands_in_the_way(
    api: Program, app: App, ann: User
) -> None:
    App.objects.update(guard_count=0, guard_percent=0, paused=True)
    found = tried(api, "POST", f"/users/{ann.pk}/remove-everywhere/", {"reason": "Left."})
    assert [each["held"] for each in found["steps"]] == [True]
    (shown,) = found["apps"]
    assert shown["counts"] == {"held": 1}
    assert "Zoom is paused" in shown["hindered"][0]
    assert not Leaving.objects.exists()


def test_without_a_change_it_says_what_is_due_in_an_application(
    api: Program, app: App, ann: User
) -> None:
    asked = {"app": str(app.pk)}
    assert api.get("/preview/", **asked).json()["steps"] == []
    User.objects.filter(pk=ann.pk).update(first_name="Anna")
    Account.objects.update(due_at=timezone.now())
    (step,) = api.get("/preview/", **asked).json()["steps"]
    assert (step["identifier"], step["operation"]) == (ann.username, "update")
    assert program(_clerk("view_app")).get("/preview/", **asked).status_code == 403


@pytest.mark.parametrize("app", ["", "x", "0", "1000000", str(2**64)])
def test_an_application_that_is_not_there_is_named(api: Program, app: str) -> None:
    refused = api.get("/preview/", **({"app": app} if app else {}))
    assert (refused.status_code, pointers(refused)) == (400, ["app"])


def test_sent_again_under_its_key_the_answer_is_the_same(api: Program, app: App, ann: User) -> None:
    change = ("PATCH", f"/users/{ann.pk}/", NEW_NAME)
    first = preview(api, *change, Idempotency_Key="once")
    again = preview(api, *change, Idempotency_Key="once")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()


def test_a_state_that_the_other_request_is_held_to_is_no_matter_of_this_one(
    api: Program, app: App, ann: User
) -> None:
    refused = preview(api, "PATCH", f"/users/{ann.pk}/", NEW_NAME, If_Match='"another"')
    assert (refused.status_code, pointers(refused)) == (400, ["If-Match"])


# ------------------------------------------------------------------------ what cannot be tried


@pytest.mark.parametrize(
    ("change", "culprits"),
    [
        ({}, ["#/method", "#/path"]),
        ({"method": "GET"}, ["#/method", "#/path"]),
        ({"method": "PATCH", "path": 1}, ["#/path"]),
        ({"method": "PATCH", "path": "/users/1/"}, ["#/path"]),
        ({"method": "PATCH", "path": "/admin/iam/user/1/change/"}, ["#/path"]),
        ({"method": "PATCH", "path": f"{V1}/users/1"}, ["#/path"]),
        ({"method": "PATCH", "path": f"{V1}/users/1/?x=1"}, ["#/path"]),
        ({"method": "PATCH", "path": V1 + NOTHING_THERE}, ["#/path"]),
        ({"method": "DELETE", "path": V1 + NOTHING_THERE}, ["#/path"]),
        ({"method": "DELETE", "path": f"{V1}/nowhere/"}, ["#/path"]),
        ({"method": "DELETE", "path": f"{V1}/users/"}, ["#/method"]),
        ({"method": "PATCH", "path": f"{V1}/memberships/1/"}, ["#/method"]),
        ({"method": "POST", "path": f"{V1}/events/"}, ["#/method"]),
        ({"method": "POST", "path": f"{V1}/policies/", "body": []}, ["#/body"]),
        ({"method": "POST", "path": f"{V1}/policies/"}, ["#/body/name"]),
        ({"method": "POST", "path": f"{V1}/memberships/bulk/"}, ["#/body"]),
        ({"method": "DELETE", "path": f"{V1}/users/1/", "fields": {}}, ["#/fields"]),
        # What nobody knows without asking an application, and a preview of a preview.
        ({"method": "POST", "path": f"{V1}/preview/"}, ["#/path"]),
        ({"method": "POST", "path": f"{V1}/runs/"}, ["#/path"]),
        ({"method": "POST", "path": f"{V1}/apps/1/test/"}, ["#/path"]),
        ({"method": "POST", "path": f"{V1}/accounts/1/adopt/"}, ["#/path"]),
        ({"method": "POST", "path": f"{V1}/accounts/1/relink/"}, ["#/path"]),
        ({"method": "POST", "path": f"{V1}/webhooks/1/test/"}, ["#/path"]),
    ],
    ids=str,
)
def test_a_change_that_nobody_could_make_is_named(
    api: Program, app: App, change: dict[str, Any], culprits: list[str]
) -> None:
    refused = api.post("/preview/", change)
    assert refused.status_code == 400
    assert pointers(refused)[: len(culprits)] == culprits


def test_what_the_change_itself_would_be_refused_for_is_named(
    api: Program, app: App, ann: User, bob: User
) -> None:
    before, path = world.snapshot(), f"/users/{ann.pk}/"
    refused = preview(api, "PATCH", path, {"username": "BOB@example.org"})
    assert pointers(refused) == ["#/body/username"]
    assert pointers(preview(api, "PATCH", path, {"rank": "boss"})) == ["#/body/rank"]
    nobody = {"add": [{"user": 10**6, "group": 10**6}]}
    refused = preview(api, "POST", "/memberships/bulk/", nobody)
    assert pointers(refused) == ["#/body/add/0/user", "#/body/add/0/group"]
    account = f"/accounts/{Account.objects.get().pk}"
    assert preview(api, "POST", f"{account}/end-access/").status_code == 409
    assert world.snapshot() == before


@pytest.mark.parametrize(
    ("method", "path", "lacks"),
    [
        ("PATCH", "/users/1/", "iam.change_user"),
        ("DELETE", "/users/1/", "iam.delete_user"),
        ("POST", "/users/1/remove-everywhere/", "iam.change_user"),
        ("POST", "/nestings/", "iam.add_groupnesting"),
        ("DELETE", "/policies/1/", "provisioning.delete_policy"),
        ("PATCH", "/mappings/1/", "provisioning.change_mapping"),
        ("PATCH", "/apps/1/", "provisioning.change_app"),
        ("POST", "/apps/1/push/", "provisioning.change_app"),
        ("POST", "/holds/release/", "provisioning.change_hold"),
        ("POST", "/accounts/1/forget/", "provisioning.change_account"),
        ("POST", "/configuration/apply/", "provisioning.change_app"),
    ],
    ids=str,
)
def test_what_an_operator_may_not_do_they_may_not_try(
    db: None, method: str, path: str, lacks: str
) -> None:
    api = program(_clerk("view_account"))
    refused = preview(api, method, path)
    assert refused.status_code == 403
    assert lacks in refused.json()["detail"]


def test_all_that_a_change_takes_is_asked_for(app: App, ann: User, sales: Group) -> None:
    api = program(_clerk("view_account", "add_membership", "change_user"))
    pair = [{"user": ann.pk, "group": sales.pk}]
    assert preview(api, "POST", "/memberships/bulk/", {"add": pair}).status_code == 200
    assert preview(api, "POST", "/memberships/bulk/", {"remove": pair}).status_code == 403
    removal = preview(api, "POST", f"/users/{ann.pk}/remove-everywhere/", {"reason": "Left."})
    assert "iam.delete_membership" in removal.json()["detail"]


def test_the_help_desk_tries_what_it_may_do_and_no_more(
    app: App, ann: User, bob: User, sales: Group
) -> None:
    desk = Operator(username="desk")
    roles.give(desk, Role.HELP_DESK)
    desk.save()
    api, pair = program(desk), {"user": bob.pk, "group": sales.pk}
    refused = preview(api, "POST", "/memberships/", pair)
    assert (refused.status_code, "not open to the help desk" in str(refused.json())) == (403, True)
    Group.objects.update(open_to_help_desk=True)
    (step,) = tried(api, "POST", "/memberships/", pair)["steps"]
    assert (step["user"], step["operation"]) == (bob.pk, "create")


def _clerk(*rights: str) -> Operator:
    clerk = Operator.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return clerk
