"""What a change would lead to is answered, and nothing about it is done."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from iam.models import Group, Operator, User
from provisioning.models import Account, App, Event, Leaving, Policy
from tests.conftest import MakeApp
from tests.provisioning.api import Program, pointers, program
from tests.support.faulty import FaultyScim

Push = Callable[[], None]
FIELDS = {"first_name": "Anna"}


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push) -> App:
    """Ann has an account."""
    app = make_app(faulty, group=sales)
    push()
    return app


def tried(api: Program, **change: Any) -> dict[str, Any]:
    answer = api.post("/preview/", change)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def steps(api: Program, **change: Any) -> list[tuple[str, str]]:
    return [(each["identifier"], each["operation"]) for each in tried(api, **change)["steps"]]


def test_a_membership_is_tried(
    api: Program, app: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    journal = list(faulty.journal)
    found = tried(
        api,
        kind="membership",
        add=[{"user": bob.pk, "group": sales.pk}],
        remove=[{"user": ann.pk, "group": sales.pk}],
    )
    assert (found["concerned"], found["looked_at"]) == (2, 2)
    (shown,) = found["apps"]
    assert (shown["app"], shown["name"], shown["hindered"]) == (app.pk, "Zoom", [])
    assert shown["counts"] == {"create": 1, "deactivate": 1}
    off, new = sorted(found["steps"], key=lambda step: step["identifier"])
    assert (off["user"], off["operation"], off["held"]) == (ann.pk, "deactivate", False)
    assert "would be switched off in Zoom" in off["text"]
    assert {"target": "userName", "old": None, "new": "bob@example.org"} in new["changes"]
    push()
    assert (list(sales.users.all()), faulty.journal) == ([ann], journal)
    assert Account.objects.count() == 1


def test_a_person_is_tried(api: Program, app: App, ann: User) -> None:
    (step,) = tried(api, kind="user", id=ann.pk, fields=FIELDS)["steps"]
    assert {"target": "name.givenName", "old": "Ann", "new": "Anna"} in step["changes"]
    assert steps(api, kind="user", id=ann.pk, fields={"is_active": False}) == [
        (ann.username, "deactivate")
    ]
    assert steps(api, kind="user", id=ann.pk, delete=True) == [(ann.username, "deactivate")]
    ann.refresh_from_db()
    assert (ann.first_name, ann.is_active) == ("Ann", True)


def test_a_sensitive_value_is_not_in_the_answer(api: Program, app: App, ann: User) -> None:
    app.mappings.create(target="title", source="title", sensitive=True)
    fields = {"title": "canary", **FIELDS}
    (step,) = tried(api, kind="user", id=ann.pk, fields=fields)["steps"]
    assert {"target": "title", "old": None, "new": "•••"} in step["changes"]
    assert "“Anna”" in step["text"]
    assert "canary" not in str(step)


def test_a_policy_is_tried(api: Program, app: App, ann: User, bob: User) -> None:
    art, policy = Group.objects.create(name="Art"), Policy.objects.get()
    art.users.add(bob)
    new = {"name": "Art gets Zoom", "app": app.pk, "group": art.pk}
    assert steps(api, kind="policy", fields=new) == [(bob.username, "create")]
    off = [(ann.username, "deactivate")]
    assert steps(api, kind="policy", id=policy.pk, fields={"enabled": False}) == off
    assert steps(api, kind="policy", id=policy.pk, delete=True) == off
    assert list(Policy.objects.values_list("enabled", flat=True)) == [True]


def test_a_leaver_is_tried(api: Program, app: App, ann: User) -> None:
    App.objects.update(guard_count=0, guard_percent=0, paused=True)
    found = tried(api, kind="leaver", id=ann.pk)
    assert [each["held"] for each in found["steps"]] == [True]
    (shown,) = found["apps"]
    assert shown["counts"] == {"held": 1}
    assert "Zoom is paused" in shown["hindered"][0]
    assert not Leaving.objects.exists()


def test_an_application_is_shown_as_things_stand(api: Program, app: App, ann: User) -> None:
    assert steps(api, kind="app", id=app.pk) == []
    User.objects.filter(pk=ann.pk).update(first_name="Anna")
    Account.objects.update(due_at=timezone.now())
    assert steps(api, kind="app", id=app.pk) == [(ann.username, "update")]


def test_no_event_is_written_for_it(api: Program, app: App, ann: User) -> None:
    before = Event.objects.count()
    tried(api, kind="user", id=ann.pk, delete=True)
    assert (Event.objects.count(), User.objects.count()) == (before, 1)


def test_sent_again_under_its_key_the_answer_is_the_same(api: Program, app: App, ann: User) -> None:
    change = {"kind": "user", "id": ann.pk, "fields": FIELDS}
    first = api.post("/preview/", change, Idempotency_Key="once")
    again = api.post("/preview/", change, Idempotency_Key="once")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()


@pytest.mark.parametrize(
    ("change", "culprits"),
    [
        ({}, ["#/kind"]),
        ({"kind": "world"}, ["#/kind"]),
        ({"kind": "app"}, ["#/id"]),
        ({"kind": "app", "id": 10**6}, ["#/id"]),
        ({"kind": "app", "id": 1, "fields": {}}, ["#/fields"]),
        ({"kind": "user", "id": 10**6, "fields": {}}, ["#/id"]),
        ({"kind": "user", "id": 1}, ["#/fields"]),
        ({"kind": "user", "id": 1, "fields": {}, "delete": True}, ["#/fields"]),
        ({"kind": "user", "id": "ANN", "fields": {}}, ["#/id"]),
        ({"kind": "user", "id": 1, "fields": []}, ["#/fields"]),
        ({"kind": "policy", "delete": True}, ["#/id"]),
        ({"kind": "policy", "fields": {}}, ["#/fields/name"]),
        ({"kind": "membership"}, []),
        ({"kind": "membership", "add": [{"user": 10**6, "group": 10**6}]}, ["#/add/0/user"]),
        ({"kind": "leaver", "id": 1, "reason": "x"}, ["#/reason"]),
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
    change = {"kind": "user", "id": ann.pk, "fields": {"username": "BOB@example.org"}}
    assert pointers(api.post("/preview/", change)) == ["#/fields/username"]
    change["fields"] = {"rank": "boss"}
    assert pointers(api.post("/preview/", change)) == ["#/fields/rank"]
    ann.refresh_from_db()
    assert ann.username == "ann@example.org"


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({"kind": "user", "fields": FIELDS}, "iam.change_user"),
        ({"kind": "user", "delete": True}, "iam.delete_user"),
        ({"kind": "leaver"}, "iam.change_user"),
        ({"kind": "policy", "delete": True}, "provisioning.delete_policy"),
        ({"kind": "app"}, "provisioning.view_app"),
    ],
    ids=str,
)
def test_what_an_operator_may_not_do_they_may_not_try(
    app: App, ann: User, change: dict[str, Any], lacks: str
) -> None:
    clerk = Operator.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_account"))
    refused = program(clerk).post("/preview/", {**change, "id": ann.pk})
    assert refused.status_code == 403
    assert lacks in refused.json()["detail"]


def test_memberships_are_tried_by_whoever_may_change_them(
    app: App, ann: User, sales: Group
) -> None:
    clerk = Operator.objects.create_user("clerk", is_staff=True)
    may = ["view_account", "add_membership"]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=may))
    api, pair = program(clerk), [{"user": ann.pk, "group": sales.pk}]
    assert api.post("/preview/", {"kind": "membership", "add": pair}).status_code == 200
    assert api.post("/preview/", {"kind": "membership", "remove": pair}).status_code == 403
