"""People, groups and who is in them, over the API: what is changed follows in the applications."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.models import Group, GroupNesting, Membership, User
from provisioning.models import Account, App, Policy, Trigger
from tests.conftest import person
from tests.provisioning.api import Program, pointers


@pytest.fixture
def zoom(sales: Group) -> App:
    """An application that the group gets; nothing is ever sent to it."""
    app = App.objects.create(name="Zoom", connector="scim")
    Policy.objects.create(name="Sales", app=app, group=sales)
    return app


def test_a_person_is_added_changed_and_deleted(api: Program, db: None) -> None:
    made = api.post(
        "/users/", {"username": "ann@example.org", "custom": {"custom_attribute_1": "A"}}
    )
    assert made.status_code == 201
    assert made.json()["custom"] == {"custom_attribute_1": "A"}
    address = made.headers["Location"].removeprefix("/api/v1")
    assert api.get(address).json() == made.json()
    changed = api.patch(address, {"title": "Chief", "custom": {"custom_attribute_1": None}})
    assert (changed.status_code, changed.json()["title"], changed.json()["custom"]) == (
        200,
        "Chief",
        {},
    )
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404


def test_what_the_model_refuses_is_refused_here_and_points_to_the_field(
    api: Program, ann: User
) -> None:
    again = api.post("/users/", {"username": "ANN@example.org", "email": "nobody"})
    assert (again.status_code, pointers(again)) == (400, ["#/email"])
    again = api.post("/users/", {"username": "ANN@example.org"})
    assert (again.status_code, pointers(again)) == (400, ["#/username"])
    assert "ann@example.org" in again.json()["detail"]
    assert pointers(api.patch(f"/users/{ann.pk}/", {"manager": ann.pk})) == ["#/manager"]
    assert pointers(api.patch(f"/users/{ann.pk}/", {"custom": {"x": "y"}})) == ["#/custom/x"]


def test_a_profile_attribute_is_added_and_renamed_and_keeps_its_key(api: Program) -> None:
    made = api.post("/profile-attributes/", {"key": "floor", "label": "Floor"})
    assert (made.status_code, made.json()["help_text"], made.json()["position"]) == (201, "", 0)
    address = made.headers["Location"].removeprefix("/api/v1")
    assert api.patch(address, {"label": "Storey"}).json()["label"] == "Storey"
    assert pointers(api.patch(address, {"key": "storey"})) == ["#/key"]
    again = api.post("/profile-attributes/", {"key": "floor", "label": "Other"})
    assert (again.status_code, pointers(again)) == (400, ["#/key"])
    assert pointers(api.post("/profile-attributes/", {"key": "A b", "label": "x"})) == ["#/key"]
    (found,) = api.get("/profile-attributes/", key="floor").json()["items"]
    assert found["label"] == "Storey"
    eve = {"username": "eve", "custom": {"floor": "3"}}
    assert api.post("/users/", eve).json()["custom"] == {"floor": "3"}
    assert api.delete(address).status_code == 204


def test_a_change_marks_the_account_for_whoever_made_it(api: Program, ann: User, zoom: App) -> None:
    Account.objects.update(due_at=None)
    assert api.patch(f"/users/{ann.pk}/", {"title": "Chief"}).status_code == 200
    account = Account.objects.get(app=zoom, user=ann)
    assert (account.due_at is not None, account.trigger) == (True, Trigger.PERSON)
    assert account.actor == "chief (token test)"


def test_lists_are_filtered_and_paged_without_gap_or_repeat(api: Program, sales: Group) -> None:
    people = [person(f"p{number}") for number in range(5)]
    sales.users.add(*people[1:])
    query, seen = {"group": sales.pk, "page_size": 2}, []
    page = api.get("/users/", **query).json()
    while True:
        seen += [each["username"] for each in page["items"]]
        person(f"q{len(seen)}")
        if page["next"] is None:
            break
        page = api.client.get(page["next"], headers=api.headers).json()
    assert seen == [each.username for each in people[1:]]
    assert [
        each["id"] for each in api.get("/users/", username="P3@Example.org").json()["items"]
    ] == [people[3].pk]
    assert api.get("/users/", is_active="false").json() == {"next": None, "items": []}


def test_a_change_of_what_somebody_else_changed_is_refused(api: Program, ann: User) -> None:
    tag = api.get(f"/users/{ann.pk}/").headers["ETag"]
    assert api.patch(f"/users/{ann.pk}/", {"title": "One"}, If_Match=tag).status_code == 200
    late = api.patch(f"/users/{ann.pk}/", {"title": "Two"}, If_Match=tag)
    assert (late.status_code, late.json()["title"]) == (412, "Precondition Failed")
    assert api.delete(f"/users/{ann.pk}/", If_Match=tag).status_code == 412
    assert User.objects.get().title == "One"
    now = api.get(f"/users/{ann.pk}/").headers["ETag"]
    assert api.get(f"/users/{ann.pk}/", headers={"If-None-Match": now}).status_code == 304


def test_a_deed_that_cannot_be_held_to_a_state_refuses_to_be_asked_for_it(
    api: Program, ann: User
) -> None:
    tag = api.get(f"/users/{ann.pk}/").headers["ETag"]
    refused = api.post(f"/users/{ann.pk}/remove-everywhere/", {"reason": "x"}, If_Match=tag)
    assert (refused.status_code, pointers(refused)) == (400, ["If-Match"])
    ann.refresh_from_db()
    assert ann.is_active


def test_many_memberships_change_at_once_or_not_at_all(
    api: Program, ann: User, bob: User, sales: Group, zoom: App
) -> None:
    other = Group.objects.create(name="Other")
    pairs = {"add": [{"user": bob.pk, "group": sales.pk}], "remove": [{"user": 999, "group": 998}]}
    refused = api.post("/memberships/bulk/", pairs)
    assert pointers(refused) == ["#/remove/0/user", "#/remove/0/group"]
    assert not Membership.objects.filter(user=bob).exists()
    pairs["add"] += [{"user": ann.pk, "group": group.pk} for group in (sales, other)]
    pairs["remove"] = [{"user": bob.pk, "group": other.pk}]
    assert api.post("/memberships/bulk/", pairs).json() == {"added": 2, "removed": 0}
    assert Account.objects.get(user=bob).actor == "chief (token test)"
    pairs = {"remove": [{"user": bob.pk, "group": sales.pk}]}
    assert api.post("/memberships/bulk/", pairs).json() == {"added": 0, "removed": 1}
    leaver = Account.objects.get(user=bob)
    assert (leaver.priority, leaver.trigger) == (0, Trigger.MEMBERSHIP)


def test_who_moves_between_groups_that_give_the_same_is_no_leaver(
    api: Program, ann: User, sales: Group, zoom: App
) -> None:
    other = Group.objects.create(name="Other")
    Policy.objects.create(name="Other", app=zoom, group=other)
    Account.objects.update(due_at=None)
    pairs = {
        "add": [{"user": ann.pk, "group": other.pk}],
        "remove": [{"user": ann.pk, "group": sales.pk}],
    }
    assert api.post("/memberships/bulk/", pairs).json() == {"added": 1, "removed": 1}
    account = Account.objects.get()
    assert (account.priority, account.due_at is not None) == (1, True)


def test_a_thousand_memberships_take_no_more_statements_than_a_hundred(
    api: Program, sales: Group, zoom: App
) -> None:
    User.objects.bulk_create(User(username=f"u{number}") for number in range(1_001))
    keys = list(User.objects.values_list("pk", flat=True))
    pairs = [{"user": key, "group": sales.pk} for key in keys]
    assert api.post("/memberships/bulk/", {"add": pairs}).status_code == 400
    assert _queries(api, {"add": pairs[:100]}) + 15 >= _queries(api, {"add": pairs[:1000]})
    assert _queries(api, {"remove": pairs[:1000]}) < 60
    assert not Membership.objects.exists()


def _queries(api: Program, body: object) -> int:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert api.post("/memberships/bulk/", body).status_code == 200
    return len(asked)


def test_groups_hold_groups_and_no_circles(api: Program, sales: Group) -> None:
    top = api.post("/groups/", {"name": "Everybody"}).json()["id"]
    made = api.post("/nestings/", {"parent": top, "child": sales.pk})
    assert made.status_code == 201
    circle = api.post("/nestings/", {"parent": sales.pk, "child": top})
    assert (circle.status_code, pointers(circle)) == (400, ["#/child"])
    assert api.delete(f"/nestings/{made.json()['id']}/").status_code == 204
    assert not GroupNesting.objects.exists()
