"""Applications, mappings and policies over the API: the rules of the pages, and no secret back."""

from types import SimpleNamespace
from typing import Any

import pytest

from iam.models import Group
from provisioning.models import Account, App, Mapping, Policy, Trigger
from provisioning.plan import Feature
from tests.conftest import MakeApp
from tests.provisioning.api import Program, pointers
from tests.support.faulty import FaultyScim

CANARY = "canary-3f1c-secret"
CONNECTION = {
    "settings": {"base_url": "https://zoom.example.org/scim", "auth": "bearer"},
    "secrets": {"token": CANARY},
}


@pytest.fixture
def zoom(make_app: MakeApp, sales: Group) -> App:
    server = SimpleNamespace(base_url="https://zoom.example.org/scim", token=CANARY)
    return make_app(server, group=sales)


def test_an_application_is_added_connected_and_changed(api: Program, sales: Group) -> None:
    new = {"name": "Zoom", "connector": "scim", **CONNECTION, "guard_count": 3}
    made = api.post("/apps/", {**new, "chosen_groups": [sales.pk], "features": ["create_users"]})
    assert made.status_code == 201, made.content
    shown = made.json()
    assert (shown["secrets_stored"], shown["guard_count"]) == (["token"], 3)
    assert (shown["features"], shown["chosen_groups"]) == (["create_users"], [sales.pk])
    app = App.objects.get()
    assert app.secrets == {"token": CANARY} and app.mappings.exists()
    path = f"/apps/{app.pk}/"
    changed = api.patch(path, {"paused": True, "guard_count": 4}).json()
    same = {"paused", "guard_count", "changed_at"}
    assert {name for name in shown if shown[name] != changed[name]} == same
    assert App.objects.get().secrets == {"token": CANARY}
    assert api.patch(path, {"chosen_groups": [], "paused": False}).json()["chosen_groups"] == []
    assert api.delete(path).status_code == 204


def test_an_application_that_cannot_be_connected_is_not_added(api: Program, db: None) -> None:
    refused = api.post("/apps/", {"name": "Zoom", "connector": "scim", "guard_count": 1})
    assert (refused.status_code, pointers(refused)[0]) == (400, "#/settings/base_url")
    assert pointers(api.post("/apps/", {"name": "Zoom", "connector": "x"})) == ["#/connector"]
    assert not App.objects.exists()
    # As on the page, it can be connected later.
    assert api.post("/apps/", {"name": "Zoom", "connector": "scim"}).status_code == 201


def test_no_answer_holds_a_secret(api: Program, zoom: App) -> None:
    path = f"/apps/{zoom.pk}/"
    answers = [
        api.get("/apps/"),
        api.get(path),
        api.patch(path, {"secrets": {"token": f"{CANARY}-2"}}),
        api.patch(path, {"secrets": {"token": f"{CANARY}\n"}, "guard_percent": 101}),
        api.patch(path, {"secrets": {"key": CANARY}}),
        api.post(
            "/apps/", {"name": "Other", "connector": "scim", **CONNECTION}, Idempotency_Key="a"
        ),
        api.post(
            "/apps/", {"name": "Other", "connector": "scim", **CONNECTION}, Idempotency_Key="a"
        ),
    ]
    assert [each.status_code for each in answers] == [200, 200, 200, 400, 400, 201, 201]
    assert not [each.content for each in answers if CANARY in each.content.decode()]
    assert api.get(path).headers["ETag"] != answers[1].headers["ETag"]
    assert App.objects.get(pk=zoom.pk).secrets == {"token": f"{CANARY}-2"}


def test_a_stored_secret_does_not_follow_to_another_server(api: Program, zoom: App) -> None:
    moved = {"settings": {"base_url": "https://evil.example.org/scim"}}
    refused = api.patch(f"/apps/{zoom.pk}/", moved)
    assert (refused.status_code, pointers(refused)) == (400, ["#/secrets/token"])
    assert "another server" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"connector": "zoom"}, "#/connector"),
        ({"settings": {"base_uri": "x"}}, "#/settings/base_uri"),
        ({"settings": {"token": "x"}}, "#/settings/token"),
        ({"secrets": {"base_url": "x"}}, "#/secrets/base_url"),
        ({"settings": {"base_url": "http://169.254.169.254/"}}, "#/settings/base_url"),
        ({"settings": {"auth": "none"}}, "#/settings/auth"),
        ({"settings": {"base_url": 5}}, "#/settings/base_url"),
        ({"features": ["fly"]}, "#/features/0"),
        ({"guard_percent": 101}, "#/guard_percent"),
        ({"guard_count": -1}, "#/guard_count"),
        ({"requests_per_second": "5"}, "#/requests_per_second"),
        ({"chosen_groups": [999]}, "#/chosen_groups"),
        ({"drift": "ignore"}, "#/drift"),
        ({"keep_events_days": 6}, "#/keep_events_days"),
        ({"keep_evidence_days": None}, "#/keep_evidence_days"),
        ({"ca_certificate": "no ASCII: é"}, "#/ca_certificate"),
        ({"name": ""}, "#/name"),
        ({"sealed_secrets": "x"}, "#/sealed_secrets"),
    ],
    ids=str,
)
def test_what_the_page_refuses_is_refused_and_named(
    api: Program, zoom: App, change: dict[str, Any], pointer: str
) -> None:
    App.objects.update(internal=False)
    before = App.objects.values().get()
    refused = api.patch(f"/apps/{zoom.pk}/", change)
    assert (refused.status_code, pointers(refused)) == (400, [pointer])
    assert App.objects.values().get() == before


def test_an_application_is_pushed_and_tested(
    api: Program, make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: Any
) -> None:
    app = make_app(faulty, group=sales)
    Account.objects.update(due_at=None)
    assert api.post(f"/apps/{app.pk}/push/").json() == {"due": 1}
    assert Account.objects.get().trigger == Trigger.MANUAL
    assert api.post(f"/apps/{app.pk}/test/").json()["worked"] is True
    faulty.token = "another"
    told = api.post(f"/apps/{app.pk}/test/").json()
    assert (told["worked"], "token" in told["message"]) == (False, True)


# ------------------------------------------------------------------------------------ mappings


def test_a_row_of_the_mapping_is_added_changed_and_removed(api: Program, zoom: App) -> None:
    Account.objects.update(due_at=None)
    row = {
        "app": zoom.pk,
        "target": "NICKNAME",
        "kind": "expression",
        "source": "upper(first_name)",
    }
    made = api.post("/mappings/", row)
    assert made.status_code == 201, made.content
    assert (made.json()["target"], made.json()["when_empty"]) == ("nickName", "clear")
    path = made.headers["Location"].removeprefix("/api/v1")
    told = {"kind": "constant", "source": "Nick", "when_empty": "default", "default": "Nobody"}
    assert api.patch(path, told).status_code == 200
    stored = Mapping.objects.get(target="nickName")
    assert (stored.kind, stored.source, stored.default) == ("constant", "Nick", "Nobody")
    assert api.patch(path, {"apply": "create"}).json()["source"] == "Nick"
    assert api.patch(path, {"sensitive": True}).json()["sensitive"] is True
    assert api.patch(path, {"source": "Nicky"}).json()["sensitive"] is True
    assert api.patch(path, {"sensitive": False}).json()["sensitive"] is False
    assert api.delete(path).status_code == 204


@pytest.mark.parametrize(
    ("row", "pointer", "told"),
    [
        ({"target": "nick name"}, "#/target", "nick name"),
        ({"target": "userName"}, "", "already mapped"),
        ({"target": "nickName", "source": "shoe_size"}, "#/source", "shoe_size"),
        ({"target": "nickName", "kind": "expression", "source": "upper("}, "#/source", "upper("),
        ({"target": "nickName", "when_empty": "default"}, "#/when_empty", "Write the text"),
        ({"target": "nickName", "kind": "magic"}, "#/kind", "magic"),
    ],
    ids=lambda row: str(row)[:60],
)
def test_a_row_that_the_page_refuses_is_refused_in_the_same_words(
    api: Program, zoom: App, row: dict[str, Any], pointer: str, told: str
) -> None:
    refused = api.post("/mappings/", {"app": zoom.pk, "source": "first_name", **row})
    assert (refused.status_code, pointers(refused)) == (400, [pointer or "#"])
    assert told in refused.json()["detail"] and "<" not in refused.json()["detail"]


def test_a_policy_gives_and_takes_an_application(api: Program, zoom: App, ann: Any) -> None:
    Policy.objects.all().delete()
    Account.objects.all().delete()
    body = {"name": "Sales", "app": zoom.pk, "group": Group.objects.get().pk}
    made = api.post("/policies/", body)
    assert (made.status_code, made.json()["enabled"]) == (201, True)
    assert Account.objects.get().user == ann
    again = api.post("/policies/", {**body, "name": "Again"})
    assert (again.status_code, pointers(again)) == (400, ["#"])
    Account.objects.update(due_at=None, remote_id="1", state="active")
    path = f"/policies/{made.json()['id']}/"
    tag = api.get(path).headers["ETag"]
    assert api.patch(path, {"enabled": False}, If_Match=tag).status_code == 200
    assert Account.objects.get().priority == 0
    assert api.patch(path, {"enabled": True}, If_Match=tag).status_code == 412


def test_every_feature_can_be_named(api: Program, zoom: App) -> None:
    can = [feature for feature in Feature if feature in zoom.kind.features]
    assert api.patch(f"/apps/{zoom.pk}/", {"features": can}).json()["features"] == can
