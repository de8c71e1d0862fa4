"""The ways by which an operator of the help desk tries to get further, and gets nowhere.

Each is tried by a real request. Afterwards all operators, tokens, memberships and people are as
they were before.
"""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import Group as DjangoGroup
from django.test import Client
from django.urls import reverse

from iam.models import ApiToken, Group, Membership, Operator, Role, Scope, User
from provisioning.models import Account, App, Mapping, Policy
from tests.provisioning.admin import visit
from tests.provisioning.api import Program, program
from tests.roles import world

OWN = "another correct horse"
STAYS = pytest.mark.usefixtures("stays")


@pytest.fixture
def things(db: None) -> None:
    world.build()


@pytest.fixture
def hal(things: None) -> Operator:
    """Of the help desk, and would like to be more."""
    return world.operator("H", "hal")


@pytest.fixture
def desk(hal: Operator) -> Client:
    client = Client()
    client.force_login(hal)
    return client


@pytest.fixture
def api(hal: Operator) -> Program:
    return program(hal)


@pytest.fixture
def ann(things: None) -> User:
    return User.objects.get()


@pytest.fixture
def boss(things: None) -> Operator:
    return Operator.objects.get(username="another")


@pytest.fixture
def admins(things: None) -> Group:
    """Not open to the help desk."""
    group = Group.objects.create(name="Administrators of Zoom")
    Policy.objects.create(name="More", app=App.objects.get(), group=group)
    return group


@pytest.fixture
def stays(desk: Client, api: Program, boss: Operator, admins: Group) -> Iterator[None]:
    """Whatever is tried in the test, nothing comes of it."""
    before = world.snapshot()
    yield
    assert world.snapshot() == before


RAISED = {
    "username": "hal",
    "role": "superuser",
    "is_superuser": "on",
    "is_staff": "on",
    "is_active": "on",
    "user_permissions": "1",
    "groups": "1",
    "_save": "1",
}


# ------------------------------------------------------------------------- operators and tokens


@STAYS
@pytest.mark.parametrize("whose", ["hal", "another"])
@pytest.mark.parametrize("page", ["change", "delete"])
def test_an_operators_page_neither_shows_nor_takes_anything(
    desk: Client, whose: str, page: str
) -> None:
    key = Operator.objects.get(username=whose).pk
    address = reverse(f"admin:iam_operator_{page}", args=[key])
    assert desk.get(address).status_code == 403
    assert desk.post(address, {**RAISED, "post": "yes"}).status_code == 403


@STAYS
def test_no_operator_is_added(desk: Client) -> None:
    new = {**RAISED, "username": "hal2", "password1": OWN, "password2": OWN}
    assert desk.post(reverse("admin:iam_operator_add"), new).status_code == 403
    popup = reverse("admin:iam_operator_add") + "?_popup=1&_to_field=id"
    assert desk.post(popup, {**new, "_popup": "1"}).status_code == 403


@STAYS
@pytest.mark.parametrize("whose", ["hal", "another"])
def test_no_password_is_set_without_knowing_the_old_one(desk: Client, whose: str) -> None:
    found = Operator.objects.get(username=whose)
    address = reverse("admin:auth_user_password_change", args=[found.pk])
    new = {"password1": OWN, "password2": OWN, "usable_password": "true"}
    assert desk.post(address, new).status_code == 403
    own = {"old_password": "guessed", "new_password1": OWN, "new_password2": OWN}
    desk.post(reverse("admin:password_change"), {**own, "user": found.pk, "id": found.pk})
    assert not check_password(OWN, Operator.objects.get(pk=found.pk).password)


@STAYS
@pytest.mark.parametrize("path", ["password_reset/", "reset/MQ/set-password/"])
def test_there_is_no_link_by_which_a_password_is_reset(desk: Client, path: str) -> None:
    for client in (desk, Client()):
        for answer in (client.get(f"/admin/{path}"), client.post(f"/admin/{path}", {"email": "x"})):
            assert answer.status_code in {302, 404}
            assert answer.headers.get("Location", "/admin/login/").startswith("/admin/login/")


@STAYS
def test_no_token_is_made_and_nobody_elses_is_seen_or_ended(desk: Client, boss: Operator) -> None:
    new = {"name": "x", "allowed": Scope.values, "owner": boss.pk, "_save": "1"}
    assert desk.post(reverse("admin:iam_apitoken_add"), new).status_code == 403
    address = reverse("admin:iam_apitoken_changelist")
    chosen = {"action": "revoke", "_selected_action": [ApiToken.objects.first().pk]}  # type: ignore[union-attr]
    assert desk.get(address).status_code == 403
    assert desk.post(address, chosen).status_code == 403


@STAYS
def test_a_token_with_every_scope_does_no_more_than_its_operator(
    api: Program, ann: User, admins: Group
) -> None:
    app = App.objects.get()
    for method, path, body in (
        ("PATCH", f"/users/{ann.pk}/", {"email": "hal@example.org"}),
        ("POST", "/users/", {"username": "hal"}),
        ("PATCH", f"/groups/{admins.pk}/", {"open_to_help_desk": True}),
        ("POST", "/policies/", {"name": "x", "app": app.pk, "group": Group.objects.first().pk}),  # type: ignore[union-attr]
        ("PATCH", f"/mappings/{Mapping.objects.first().pk}/", {"kind": "fixed", "source": "admin"}),  # type: ignore[union-attr]
        ("PATCH", f"/apps/{app.pk}/", {"settings": {"base_url": "https://example.org"}}),
        ("POST", "/nestings/", {"parent": admins.pk, "child": Group.objects.first().pk}),  # type: ignore[union-attr]
    ):
        assert api.send(method, path, body).status_code == 403, path


@STAYS
def test_no_field_of_the_api_makes_an_operator_of_anybody(api: Program, ann: User) -> None:
    for field in ("is_superuser", "is_staff", "role", "password", "user_permissions"):
        body = {"user": ann.pk, "group": Group.objects.get(name="Sales").pk, field: "superuser"}
        assert api.post("/memberships/", body).status_code == 400, field
        assert api.patch(f"/users/{ann.pk}/", {field: "superuser"}).status_code == 403, field


@STAYS
def test_neither_a_method_in_a_header_nor_one_in_a_field_gets_past(
    desk: Client, boss: Operator
) -> None:
    address = reverse("admin:iam_operator_change", args=[boss.pk])
    headers = {"X-HTTP-Method-Override": "PUT"}
    assert desk.post(address, {**RAISED, "_method": "PUT"}, headers=headers).status_code == 403
    assert desk.generic("PUT", address, "role=superuser").status_code == 405


# ------------------------------------------------------------------------------------- people


@STAYS
def test_a_persons_fields_are_closed_whatever_is_sent(desk: Client, ann: User) -> None:
    page = visit(desk, "iam_user_change", ann.pk)
    assert page.status == 200 and 'name="username"' not in page.html
    assert "Team: Red" in page.text
    # Whoever could change these could take an account over, or be taken for an operator.
    page.send(
        username="another",
        email="hal@example.org",
        department="Board",
        custom_team="Blue",
        manager=str(ann.pk),
        is_active=None,
        is_superuser="on",
        role="superuser",
        password=OWN,
    )


@STAYS
@pytest.mark.parametrize("popup", ["", "?_popup=1", "?_to_field=id&_popup=1", "?_saveasnew=1"])
def test_no_person_is_added_by_another_way_in(desk: Client, popup: str) -> None:
    new = {"username": "hal", "_popup": "1", "_saveasnew": "1", "_save": "1"}
    assert desk.post(reverse("admin:iam_user_add") + popup, new).status_code == 403


@STAYS
def test_an_order_by_what_is_hidden_is_refused(desk: Client, hal: Operator) -> None:
    address = reverse("admin:iam_user_changelist")
    for query in ({"_to_field": "custom"}, {"user_permissions__id": "1"}, {"password": "x"}):
        answer = desk.get(address, query)
        assert answer.status_code in {302, 400}, query


@pytest.mark.parametrize(
    ("view", "action"),
    [
        ("iam_user_changelist", "delete_selected"),
        ("iam_group_changelist", "delete_selected"),
        ("provisioning_account_changelist", "end_access"),
        ("provisioning_account_changelist", "leave"),
        ("provisioning_account_changelist", "put_right"),
        ("provisioning_account_changelist", "delete_selected"),
        ("provisioning_pushedgroup_changelist", "end_keeping"),
    ],
)
def test_an_action_that_is_not_offered_is_not_done(desk: Client, view: str, action: str) -> None:
    Account.objects.update(kept_because="released")
    before = world.snapshot()
    keys = list(Account.objects.values_list("pk", flat=True))
    chosen = {"action": action, "_selected_action": keys, "select_across": "1", "post": "yes"}
    desk.post(reverse(f"admin:{view}"), {**chosen, "confirmed": "1", "newest": "99"})
    assert world.snapshot() == before


@STAYS
def test_nothing_is_brought_back_from_a_history(desk: Client, ann: User) -> None:
    address = reverse("admin:iam_user_history", args=[ann.pk])
    assert desk.get(address).status_code == 200
    desk.post(address, {"revert": "1", "version": "1"})


# ------------------------------------------------------------------------------------- groups


def _on_the_page(desk: Client, api: Program, ann: User, group: Group) -> int:
    page = visit(desk, "iam_user_change", ann.pk)
    return page.send_rows({"group": str(group.pk), "user": str(ann.pk)}).status


def _on_the_groups_page(desk: Client, api: Program, ann: User, group: Group) -> int:
    rows = {"memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "0"}
    row = {"memberships-0-user": str(ann.pk), "memberships-0-group": str(group.pk)}
    address = reverse("admin:iam_group_change", args=[group.pk])
    return desk.post(address, {**rows, **row, "name": group.name}).status_code


def _by_the_api(desk: Client, api: Program, ann: User, group: Group) -> int:
    return api.post("/memberships/", {"user": ann.pk, "group": group.pk}).status_code  # type: ignore[no-any-return]


def _in_bulk(desk: Client, api: Program, ann: User, group: Group) -> int:
    pair = {"user": ann.pk, "group": group.pk}
    return api.post("/memberships/bulk/", {"add": [pair]}).status_code  # type: ignore[no-any-return]


@STAYS
@pytest.mark.parametrize("way", [_on_the_page, _on_the_groups_page, _by_the_api, _in_bulk])
def test_nobody_is_put_into_a_group_that_is_not_open(
    desk: Client, api: Program, ann: User, admins: Group, way: Callable[..., int]
) -> None:
    assert way(desk, api, ann, admins) in {200, 403}


def test_nobody_is_taken_out_of_a_group_that_is_not_open(
    desk: Client, api: Program, ann: User, admins: Group
) -> None:
    row = Membership.objects.create(user=ann, group=admins)
    before = world.snapshot()
    page = visit(desk, "iam_user_change", ann.pk)
    ticked = {
        name.replace("-id", "-DELETE"): "on"
        for name, value in page.form.items()
        if name.endswith("-id") and value == str(row.pk)
    }
    assert "is not open to the help desk" in page.send(**ticked).text
    assert len(ticked) == 1
    pair = {"user": ann.pk, "group": admins.pk}
    assert api.post("/memberships/bulk/", {"remove": [pair]}).status_code == 403
    assert api.delete(f"/memberships/{row.pk}/").status_code == 403
    assert world.snapshot() == before


@STAYS
def test_no_group_is_opened_nor_put_into_another(desk: Client, admins: Group) -> None:
    address = reverse("admin:iam_group_change", args=[admins.pk])
    sales = Group.objects.get(name="Sales")
    rows = {"nestings-TOTAL_FORMS": "1", "nestings-INITIAL_FORMS": "0"}
    row = {"nestings-0-parent": str(admins.pk), "nestings-0-child": str(sales.pk)}
    opened = {"name": admins.name, "open_to_help_desk": "on", **rows, **row}
    assert desk.post(address, opened).status_code == 403


def test_what_would_be_lost_is_not_told_to_who_may_not_take_a_group_out(desk: Client) -> None:
    north = Group.objects.get(name="North")
    Policy.objects.update(group=north)
    asked = {"nestings-0-DELETE": "on", "nestings-0-id": str(north.nestings.get().pk)}
    address = reverse("admin:iam_group_change", args=[north.pk])
    assert desk.post(address, asked).status_code == 403
    petra = Client()
    petra.force_login(world.operator("P", "petra"))
    assert "in Zoom" in petra.post(address, asked).content.decode()


# ------------------------------------------------------------------------------- sign-in methods


@STAYS
def test_djangos_own_groups_give_nobody_a_page(desk: Client) -> None:
    assert not DjangoGroup.objects.exists()
    assert desk.get("/admin/auth/group/").status_code == 404


def test_a_person_with_an_operators_user_name_cannot_sign_in(boss: Operator) -> None:
    named = User.objects.create(username=boss.username, email="hal@example.org")
    for secret in ("", OWN, str(named.pk)):
        form = {"username": boss.username, "password": secret}
        assert Client().post("/admin/login/", form).status_code == 200


# ------------------------------------------------------------- the others get no further, either


@pytest.mark.parametrize("role", [Role.PROVISIONING, Role.AUDITOR])
def test_the_other_roles_change_no_operator_and_no_token_of_others(
    things: None, boss: Operator, role: Role
) -> None:
    letter = {"provisioning": "P", "auditor": "A"}[role.value]
    olga = world.operator(letter, "olga")
    client = Client()
    client.force_login(olga)
    before = world.snapshot()
    for key in (olga.pk, boss.pk):
        address = reverse("admin:iam_operator_change", args=[key])
        assert client.post(address, RAISED).status_code == 403
        password = reverse("admin:auth_user_password_change", args=[key])
        form = {"password1": OWN, "password2": OWN}
        assert client.post(password, form).status_code == 403
    theirs = ApiToken.objects.filter(owner__username="hal").values_list("pk", flat=True)
    chosen = {"action": "revoke", "_selected_action": list(theirs)}
    client.post(reverse("admin:iam_apitoken_changelist"), chosen)
    assert world.snapshot() == before


def test_a_role_that_was_taken_away_is_gone_with_the_next_request(
    desk: Client, api: Program, hal: Operator
) -> None:
    assert desk.get(reverse("admin:iam_user_changelist")).status_code == 200
    Operator.objects.filter(pk=hal.pk).update(role="")
    assert desk.get(reverse("admin:iam_user_changelist")).status_code == 403
    assert api.get("/users/").status_code == 403


# ---------------------------------------------------------------------------- what it may do


def test_the_help_desk_does_its_work(desk: Client, api: Program, ann: User) -> None:
    sales = Group.objects.get(name="Sales")
    page = visit(desk, "iam_user_change", ann.pk)
    changed = ann.changed_at
    page.send(**{"memberships-0-DELETE": "on"})
    assert not Membership.objects.exists()
    assert User.objects.get().changed_at == changed
    row = {"group": str(sales.pk), "user": str(ann.pk)}
    visit(desk, "iam_user_change", ann.pk).send_rows(row)
    assert Membership.objects.get().added_by == "hal"
    pair = {"user": ann.pk, "group": sales.pk}
    assert api.post("/memberships/bulk/", {"remove": [pair]}).json()["removed"] == 1
    assert api.post("/memberships/", pair).status_code == 201
    account = Account.objects.get()
    Account.objects.update(due_at=None)
    visit(desk, "provisioning_account_change", account.pk).send(button="push_this_now")
    assert Account.objects.get().due_at is not None
    assert visit(desk, "iam_user_why", ann.pk).status == 200
