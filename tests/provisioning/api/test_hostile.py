"""Whatever is sent in whichever field or parameter is answered as described, and never with 500."""

from itertools import cycle, islice
from typing import Any

import pytest
from django.utils import timezone

from iam.models import Group, GroupNesting, User
from provisioning import apps_setup
from provisioning.api import describing
from provisioning.models import App, Hold, Policy, PushedGroup, Run, Webhook
from tests.provisioning.api import V1, Program

VALUES: list[Any] = [None, True, 0, -1, 7, 10**30, 1.5, 1e308, [], [None], [[]], {}, {"": ""}]
TEXTS = ["", " ", "x" * 5_000, "\x00", "\ud800", "\u202e", "null", "-1", "9" * 30, "1e9", "%s{0}"]
TEXTS += [
    "' OR 1=1 --",
    "<b>",
    "../..",
    "2026-02-30",
    "9999-12-31T23:59:59-14:00",
    "☃",
    "a\r\nb: c",
]
_EACH = 4
IN_ADDRESSES = [" ", "\x00", "\u202e", "-1", "9" * 30, "' OR 1=1 --", "9999-12-31T23:59:59-14:00"]


@pytest.fixture
def everything(ann: User, sales: Group) -> None:
    """One of each; nothing is ever asked of the application."""
    app = apps_setup.create(App(name="Zoom", connector="scim"))
    app.settings = {"base_url": "https://zoom.example.org/scim", "auth": "bearer"}
    app.save()
    GroupNesting.objects.create(parent=Group.objects.create(name="All"), child=sales)
    Policy.objects.create(name="Sales", app=app, group=sales)
    now = timezone.now()
    Run.objects.create(app=app, started_at=now, ended_at=now)
    PushedGroup.objects.create(app=app, group=sales, name="Sales")
    Webhook.objects.create(name="Tickets", url="https://tickets.example.org/hook")
    account = app.accounts.get()
    Hold.objects.create(app=app, account=account, identifier="ann", operation="delete", held_at=now)


def operations(*methods: str) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path.removeprefix(V1), operation)
        for path, found in describing.schema()["paths"].items()
        for method, operation in found.items()
        # That one asks the application.
        if method in methods and not path.endswith("/test/")
    ]


def fields(operation: dict[str, Any]) -> list[str]:
    kinds = describing.schema()["components"]["schemas"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    return [*kinds[body["$ref"].rsplit("/", 1)[1]].get("properties", {}), "unknown"]


def existing(api: Program, path: str) -> str:
    """The path with the id of something that is there."""
    if "{id}" not in path:
        return path
    (first, *_) = api.get(path.partition("{id}")[0]).json()["items"]
    return path.replace("{id}", str(first["id"]))


def test_any_value_in_any_field(api: Program, everything: None) -> None:
    # All values in all fields take minutes: each field gets some, and each value comes in turn.
    turn, asked = cycle([*VALUES, *TEXTS]), 0
    for method, path, operation in operations("post", "patch"):
        if "requestBody" not in operation:
            continue
        address = existing(api, path)
        for field in fields(operation):
            for value in islice(turn, _EACH):
                answer = api.send(method, address, {field: value})
                assert answer.status_code < 500, (method, path, field, value)
                asked += 1
    assert asked > 100 * _EACH


def test_any_text_in_any_parameter(api: Program, everything: None) -> None:
    asked = 0
    for _, path, operation in operations("get"):
        for parameter in operation.get("parameters", []):
            if parameter["in"] != "query":
                continue
            for value in IN_ADDRESSES:
                answer = api.get(path, **{parameter["name"]: value})
                assert answer.status_code in {200, 400}, (path, parameter["name"], value)
                asked += 1
    assert asked > 200
