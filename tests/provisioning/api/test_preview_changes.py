"""Of whatever the API changes, a preview says what the workers then do, and keeps nothing.

Each test looks at what is told, and then makes the change.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from iam.models import Group, GroupNesting, Membership, ProfileAttribute, User
from provisioning.models import (
    Account,
    App,
    Drift,
    Event,
    GroupsToPush,
    Hold,
    Mapping,
    Policy,
    PushedGroup,
    Resource,
)
from provisioning.plan import Feature
from tests.conftest import MakeApp, person
from tests.provisioning.api import Program, pointers, preview, tried
from tests.provisioning.test_groups import ALL, with_groups
from tests.provisioning.test_reconcile import compare
from tests.roles import world
from tests.support.faulty import FaultyScim

Push = Callable[[], None]
Changes = Callable[..., dict[str, Any]]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push) -> App:
    """Gets Sales as a group too, with Ann in it."""
    app = with_groups(make_app(faulty, features=ALL, group=sales))
    push()
    return app


@pytest.fixture
def change(api: Program, push: Push) -> Changes:
    """Makes a change after a preview of it, which must say what is done then."""

    def make(method: str, path: str, body: Any = None) -> dict[str, Any]:
        push()
        before = world.snapshot()
        found = tried(api, method, path, body)
        assert world.snapshot() == before, "something of the preview was kept"
        last = max(Event.objects.values_list("pk", flat=True), default=0)
        answer = api.send(method, path, body)
        assert answer.status_code in {200, 201, 202, 204}, answer.content
        push()
        done = Event.objects.filter(pk__gt=last).exclude(operation="forget")
        # That an account is kept as it is, is told as well.
        done = done.exclude(outcome="skipped")
        assert sorted(_foretold(found)) == sorted(_done(done))
        return found

    return make


def _foretold(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(operation, outcome, for whom or what), as the report then says it."""
    for step in found["steps"]:
        if step["refused"]:
            yield "", "failed", step["identifier"]
        else:
            yield step["operation"], "held" if step["held"] else "done", step["identifier"]
    for group in found["groups"]:
        own = {"create_group", "update_group", "delete_group"} & {group["operation"]}
        yield from ((each, "done", group["name"]) for each in own)
        if "delete_group" not in own:
            yield from [("add_member", "done", "")] * group["added"]
            yield from [("remove_member", "done", "")] * group["taken_out"]


def _done(events: Any) -> Iterator[tuple[str, str, str]]:
    for operation, outcome, who in events.values_list("operation", "outcome", "identifier"):
        what = "" if outcome == "failed" else operation
        yield what, outcome, "" if operation.endswith("_member") else who


def counts(found: dict[str, Any]) -> dict[str, int]:
    (shown,) = found["apps"]
    return dict(shown["counts"])


# ------------------------------------------------------------------------------ people and groups


def test_people(change: Changes, app: App, ann: User, bob: User) -> None:
    new = {"username": "eve@example.org", "email": "eve@example.org"}
    assert change("POST", "/users/", new)["concerned"] == 0
    found = change("PATCH", f"/users/{ann.pk}/", {"first_name": "Anna", "manager": bob.pk})
    assert counts(found) == {"update": 1}
    assert counts(change("PATCH", f"/users/{ann.pk}/", {"is_active": False})) == {"deactivate": 1}
    assert counts(change("PATCH", f"/users/{ann.pk}/", {"is_active": True})) == {"reactivate": 1}
    assert counts(change("DELETE", f"/users/{ann.pk}/")) == {"deactivate": 1}


def test_a_leaver(change: Changes, app: App, ann: User) -> None:
    found = change("POST", f"/users/{ann.pk}/remove-everywhere/", {"reason": "Left."})
    assert counts(found) == {"deactivate": 1}
    assert [each["taken_out"] for each in found["groups"]] == [1]


def test_memberships(change: Changes, app: App, bob: User, sales: Group) -> None:
    found = change("POST", "/memberships/", {"user": bob.pk, "group": sales.pk})
    assert counts(found) == {"create": 1}
    assert [each["added"] for each in found["groups"]] == [1]
    row = Membership.objects.get(user=bob)
    found = change("DELETE", f"/memberships/{row.pk}/")
    assert counts(found) == {"deactivate": 1}
    assert [each["taken_out"] for each in found["groups"]] == [1]


def test_groups(change: Changes, app: App, ann: User, sales: Group) -> None:
    formula = 'if(is_member_of("Sales"), "yes", "no")'
    Mapping.objects.create(app=app, target="title", kind="expression", source=formula)
    found = change("PATCH", f"/groups/{sales.pk}/", {"name": "Sellers"})
    (step,), (group,) = found["steps"], found["groups"]
    assert step["changes"] == [{"target": "title", "old": "yes", "new": "no"}]
    assert (group["name"], group["operation"]) == ("Sellers", "update_group")
    assert group["changes"] == [{"target": "displayName", "old": "Sales", "new": "Sellers"}]
    found = change("DELETE", f"/groups/{sales.pk}/")
    assert counts(found) == {"deactivate": 1}
    assert [each["operation"] for each in found["groups"]] == ["delete_group"]


def test_nestings(change: Changes, app: App, bob: User, sales: Group) -> None:
    north = Group.objects.create(name="North")
    north.users.add(bob)
    found = change("POST", "/nestings/", {"parent": sales.pk, "child": north.pk})
    assert (counts(found), found["groups"][0]["added"]) == ({"create": 1}, 1)
    nesting = GroupNesting.objects.get()
    found = change("DELETE", f"/nestings/{nesting.pk}/")
    assert (counts(found), found["groups"][0]["taken_out"]) == ({"deactivate": 1}, 1)


def test_a_profile_attribute_takes_no_value_along(change: Changes, app: App, ann: User) -> None:
    key = ProfileAttribute.objects.get(key="custom_attribute_1").pk
    assert change("DELETE", f"/profile-attributes/{key}/")["concerned"] == 0


# --------------------------------------------------------------------------- applications and rows


def test_mapping_rows(change: Changes, app: App, ann: User, bob: User, sales: Group) -> None:
    sales.users.add(bob)
    User.objects.update(title="Boss")
    new = {"app": app.pk, "target": "title", "source": "title"}
    found = change("POST", "/mappings/", new)
    assert counts(found) == {"update": 2}
    assert {"target": "title", "old": None, "new": "Boss"} in found["steps"][0]["changes"]
    row = f"/mappings/{Mapping.objects.get(target='title').pk}/"
    assert counts(change("PATCH", row, {"source": "locale"})) == {"update": 2}
    # What is not mapped is not touched.
    assert counts(change("DELETE", row)) == {"nothing": 2}


def test_rows_that_give_some_no_value(change: Changes, app: App, ann: User, bob: User) -> None:
    needed = Mapping.objects.get(app=app, target="userName")
    found = change("PATCH", f"/mappings/{needed.pk}/", {"source": "employee_id"})
    assert counts(found) == {"refused": 1}


def test_rows_of_the_group_mapping(change: Changes, app: App, sales: Group) -> None:
    row = Mapping.objects.get(app=app, resource=Resource.GROUP, target="displayName")
    fields = {"kind": "expression", "source": 'concat(name, " team")'}
    (group,) = change("PATCH", f"/mappings/{row.pk}/", fields)["groups"]
    assert group["changes"] == [{"target": "displayName", "old": "Sales", "new": "Sales team"}]


def test_policies(change: Changes, app: App, ann: User, bob: User) -> None:
    art = Group.objects.create(name="Art")
    art.users.add(bob)
    found = change("POST", "/policies/", {"name": "Art", "app": app.pk, "group": art.pk})
    assert counts(found) == {"create": 1, "nothing": 1}
    assert [each["operation"] for each in found["groups"]] == ["create_group"]
    assert found["groups"][0]["added"] == 1
    policy = f"/policies/{Policy.objects.get(group=art).pk}/"
    assert counts(change("PATCH", policy, {"enabled": False})) == {"deactivate": 1, "nothing": 1}
    assert counts(change("PATCH", policy, {"enabled": True})) == {"reactivate": 1, "nothing": 1}
    assert counts(change("DELETE", policy)) == {"deactivate": 1, "nothing": 1}


def test_what_an_application_may_do(change: Changes, app: App, ann: User, push: Push) -> None:
    ann.is_active = False
    ann.save()
    push()
    path = f"/apps/{app.pk}/"
    assert counts(change("PATCH", path, {"delete_after_days": 0})) == {"nothing": 1}
    features = [*app.features, Feature.DELETE_USERS]
    assert counts(change("PATCH", path, {"features": features})) == {"delete": 1}


def test_a_feature_that_is_switched_off(change: Changes, app: App, ann: User, push: Push) -> None:
    Mapping.objects.create(app=app, target="title", source="title")
    push()
    path = f"/apps/{app.pk}/"
    off = [each for each in app.features if each != Feature.UPDATE_USERS]
    change("PATCH", path, {"features": off})
    ann.title = "Boss"
    ann.save()
    assert counts(change("PATCH", path, {"features": app.features})) == {"update": 1}


def test_which_groups_an_application_gets(change: Changes, app: App, ann: User) -> None:
    art = Group.objects.create(name="Art")
    art.users.add(ann)
    App.objects.update(guard_count=10)
    chosen = {"groups_to_push": GroupsToPush.CHOSEN, "chosen_groups": [art.pk]}
    found = change("PATCH", f"/apps/{app.pk}/", chosen)
    told = {each["name"]: (each["operation"], each["added"]) for each in found["groups"]}
    assert told == {"Art": ("create_group", 1), "Sales": ("delete_group", 0)}
    found = change("PATCH", f"/apps/{app.pk}/", {"groups_to_push": GroupsToPush.NONE})
    assert [each["operation"] for each in found["groups"]] == ["delete_group"]


def test_the_limit_of_an_application(change: Changes, api: Program, app: App, ann: User) -> None:
    found = tried(api, "PATCH", f"/apps/{app.pk}/", {"paused": True})
    assert found["apps"][0]["hindered"] == [
        "Zoom is paused: nothing is sent until somebody switches that off."
    ]
    change("PATCH", f"/apps/{app.pk}/", {"guard_count": 0, "guard_percent": 0})
    found = change("POST", f"/users/{ann.pk}/remove-everywhere/", {"reason": "Left."})
    assert (counts(found), found["groups"]) == ({"held": 1}, [])


def test_a_new_application(change: Changes, app: App) -> None:
    assert change("POST", "/apps/", {"name": "Other", "connector": "scim"})["concerned"] == 0


def test_an_application_that_is_deleted_leaves_its_accounts(change: Changes, app: App) -> None:
    found = change("DELETE", f"/apps/{app.pk}/")
    assert (found["concerned"], found["steps"]) == (0, [])
    assert (found["apps"][0]["name"], counts(found)) == ("Zoom", {"forget": 1})


def test_a_connection_is_tried_without_one_and_no_secret_is_told(
    api: Program, app: App, faulty: FaultyScim
) -> None:
    before, journal = world.snapshot(), list(faulty.journal)
    elsewhere = {"settings": {"base_url": "https://elsewhere.example.org/scim"}}
    refused = preview(api, "PATCH", f"/apps/{app.pk}/", elsewhere)
    assert pointers(refused) == ["#/body/secrets/token"]
    moved = {**elsewhere, "secrets": {"token": "canary-token"}}
    answer = preview(api, "PATCH", f"/apps/{app.pk}/", moved)
    assert answer.status_code == 200
    assert "canary" not in answer.content.decode()
    refused = preview(api, "PATCH", f"/apps/{app.pk}/", {"secrets": {"token": "canary token\n x"}})
    assert pointers(refused) == ["#/body/secrets/token"]
    assert "canary" not in refused.content.decode()
    assert (world.snapshot(), faulty.journal) == (before, journal)


def test_a_configuration(change: Changes, api: Program, app: App, ann: User, bob: User) -> None:
    Group.objects.create(name="Art").users.add(bob)
    text = (
        "gatehouse_configuration: 1\npolicies:\n  Art gets Zoom:\n    app: Zoom\n    group: Art\n"
    )
    plan = api.post("/configuration/plan/", {"text": text}).json()
    body = {"text": text, "fingerprint": plan["fingerprint"]}
    found = change("POST", "/configuration/apply/", body)
    assert [step["identifier"] for step in found["steps"]] == [bob.username]


# ------------------------------------------------------------------------------------- decisions


def test_holds(change: Changes, api: Program, app: App, ann: User, bob: User, push: Push) -> None:
    App.objects.update(guard_count=0, guard_percent=0)
    ann.is_active = False
    ann.save()
    push()
    about = {"holds": [Hold.objects.get().pk], "reason": "Because."}
    kept = tried(api, "POST", "/holds/reject/", about)
    assert (counts(kept), kept["groups"]) == ({"nothing": 1}, [])
    found = change("POST", "/holds/release/", about)
    assert (counts(found), found["groups"][0]["taken_out"]) == ({"deactivate": 1}, 1)
    assert preview(api, "POST", "/holds/release/", about).status_code == 409


def test_access_that_was_kept(change: Changes, app: App, ann: User, push: Push) -> None:
    App.objects.update(guard_count=0, guard_percent=0)
    ann.is_active = False
    ann.save()
    push()
    about = {"holds": [Hold.objects.get().pk], "reason": "Because."}
    assert counts(change("POST", "/holds/reject/", about)) == {"nothing": 1}
    account = Account.objects.get()
    assert counts(change("POST", f"/accounts/{account.pk}/end-access/")) == {"deactivate": 1}


def test_whose_an_account_is(change: Changes, app: App, ann: User) -> None:
    path = f"/accounts/{Account.objects.get().pk}"
    assert counts(change("POST", f"{path}/push/")) == {"nothing": 1}
    found = change("POST", f"{path}/forget/")
    assert (counts(found), found["concerned"], found["steps"]) == ({"forget": 1}, 0, [])
    found = change("POST", f"/apps/{app.pk}/push/")
    assert counts(found) == {"nothing": 1}


def test_what_was_changed_there(
    change: Changes, api: Program, app: App, ann: User, faulty: FaultyScim
) -> None:
    App.objects.update(drift=Drift.ASK)
    faulty.user(ann.username)["name"]["givenName"] = "Hannah"
    compare(app)
    path = f"/accounts/{Account.objects.get().pk}"
    assert tried(api, "POST", f"{path}/leave/")["concerned"] == 0
    (step,) = change("POST", f"{path}/put-right/")["steps"]
    assert step["changes"] == [{"target": "name.givenName", "old": "Hannah", "new": "Ann"}]


def test_webhooks_have_no_part_in_it(change: Changes, app: App) -> None:
    new = {"name": "Tickets", "url": "https://tickets.example.org/", "secret": "whsec_" + "A" * 32}
    assert change("POST", "/webhooks/", new)["apps"] == []


def test_groups_that_others_have_made_due_are_not_part_of_it(
    api: Program, app: App, ann: User, sales: Group
) -> None:
    sales.name = "Sellers"
    sales.save()
    found = tried(api, "PATCH", f"/users/{ann.pk}/", {"first_name": "Anna"})
    assert (counts(found), found["groups"]) == ({"update": 1}, [])
    (due,) = api.get("/preview/", app=str(app.pk)).json()["groups"]
    assert (due["name"], due["operation"]) == ("Sellers", "update_group")


def test_people_who_come_and_go_at_once(
    change: Changes, app: App, ann: User, bob: User, sales: Group, faulty: FaultyScim
) -> None:
    """Somebody with an account, one without, and one who loses it: groups are told of all three."""
    art, both = Group.objects.create(name="Art"), person("both")
    Policy.objects.create(name="Art", app=app, group=art)
    art.users.add(both)
    pairs = {
        "add": [{"user": each.pk, "group": sales.pk} for each in (bob, both)],
        "remove": [{"user": ann.pk, "group": sales.pk}],
    }
    found = change("POST", "/memberships/bulk/", pairs)
    assert counts(found) == {"create": 1, "deactivate": 1, "nothing": 1}
    told = {each["name"]: (each["added"], each["taken_out"]) for each in found["groups"]}
    assert told == {"Sales": (2, 1)}
    assert PushedGroup.objects.count() == 2
