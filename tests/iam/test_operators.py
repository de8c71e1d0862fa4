"""Operators sign in with a password of their own, and only superusers decide who they are."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from iam import operators
from iam.models import Operator, User
from provisioning.models import App
from tests.provisioning.admin import Page, visit

OWN = "correct horse battery"


@pytest.fixture
def clerk(db: None) -> Operator:
    """May sign in, and has no right at all."""
    return Operator.objects.create_user("clerk", password=OWN, is_staff=True)


@pytest.fixture
def clerks(client: Client, clerk: Operator) -> Client:
    client.force_login(clerk)
    return client


def sign_in(client: Client, name: str, password: str) -> Page:
    return visit(client, "index").send(username=name, password=password)


def choose(client: Client, old: str, new: str, again: str | None = None) -> Page:
    page = visit(client, "password_change")
    return page.send(old_password=old, new_password1=new, new_password2=again or new)


# ---------------------------------------------------------------------------------- passwords


def test_a_one_time_password_lets_nobody_past_the_page_where_it_is_changed(
    client: Client, db: None
) -> None:
    password = operators.one_time_password("olga")
    page = sign_in(client, "olga", password)
    assert "Choose a password of your own" in page.text
    for view in ("index", "iam_user_changelist", "iam_operator_add", "password_change_done"):
        response = client.get(reverse(f"admin:{view}"))
        assert response.headers["Location"] == reverse("admin:password_change")
    client.post(reverse("admin:iam_user_add"), {"username": "ann"})
    assert not User.objects.exists()


def test_after_it_is_changed_everything_opens_and_it_is_of_no_use_any_more(
    client: Client, db: None
) -> None:
    password = operators.one_time_password("olga")
    sign_in(client, "olga", password)
    choose(client, password, OWN)
    assert visit(client, "iam_user_changelist").status == 200
    client.logout()
    assert "Please enter the correct" in sign_in(client, "olga", password).text
    assert "Overview" in sign_in(client, "olga", OWN).text


def test_who_has_a_one_time_password_may_sign_out(client: Client, db: None) -> None:
    sign_in(client, "olga", operators.one_time_password("olga"))
    client.post(reverse("admin:logout"))
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    ("new", "again", "said"),
    [
        ("short", None, "at least 12 characters"),
        ("password1234", None, "too common"),
        ("olgaolgaolga", None, "too similar to the username"),
        (OWN, "correct horse batterY", "didn’t match"),
    ],
)
def test_a_weak_password_is_refused(
    client: Client, db: None, new: str, again: str | None, said: str
) -> None:
    client.force_login(Operator.objects.create_superuser("olgaolgaolg", password=OWN))
    assert said in choose(client, OWN, new, again).text
    assert Operator.objects.get().check_password(OWN)


def test_a_one_time_password_is_not_kept_as_ones_own(client: Client, db: None) -> None:
    password = operators.one_time_password("olga")
    sign_in(client, "olga", password)
    choose(client, password, password)
    assert visit(client, "iam_user_changelist").address != reverse("admin:iam_user_changelist")
    assert Operator.objects.get().password_is_temporary


def test_one_time_passwords_are_long_random_and_easy_to_copy(db: None) -> None:
    given = {operators.one_time_password("olga") for _ in range(20)}
    assert len(given) == 20
    assert all(re.fullmatch(r"[a-zA-Z2-9]{5}(-[a-zA-Z2-9]{5}){2}", each) for each in given)
    assert not set("".join(given)) & set("ilIoO01")


def test_only_the_first_start_makes_an_operator(db: None) -> None:
    first = operators.first_operator()
    assert first is not None and first[0] == "admin"
    assert operators.first_operator() is None


# ------------------------------------------------------------------------------------- rights


def test_a_superuser_adds_an_operator_who_can_then_sign_in(
    admin_client: Client, client: Client
) -> None:
    page = visit(admin_client, "iam_operator_add")
    page.send(username="otto", role="auditor", password1=OWN, password2=OWN)
    assert "Overview" in sign_in(Client(), "otto", OWN).text


def test_no_page_shows_a_password_or_its_hash(admin_client: Client, clerk: Operator) -> None:
    page = visit(admin_client, "iam_operator_change", clerk.pk)
    assert clerk.password not in page.html


@pytest.mark.parametrize("view", ["changelist", "add"])
def test_staff_without_rights_opens_no_page(clerks: Client, view: str) -> None:
    opened = {
        model.__name__: clerks.get(
            reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{view}")
        ).status_code
        for model in admin.site._registry
    }
    assert set(opened.values()) == {403}, opened


def test_staff_without_rights_changes_nothing(clerks: Client, ann: User) -> None:
    address = reverse("admin:iam_user_change", args=[ann.pk])
    assert clerks.post(address, {"username": "x"}).status_code == 403
    assert clerks.post(reverse("admin:iam_user_delete", args=[ann.pk])).status_code == 403
    assert clerks.post(reverse("admin:iam_user_add"), {"username": "x"}).status_code == 403
    assert User.objects.get().username == ann.username


def test_staff_without_rights_learns_nothing_from_the_overview(
    clerks: Client, faulty_app: App, ann: User, push: object
) -> None:
    push()  # type: ignore[operator]
    page = visit(clerks, "index")
    assert page.status == 200
    assert "ann@example.org" not in page.html
    assert "Zoom" not in page.html
    assert "active people" not in page.text


def test_an_operator_who_may_change_operators_in_the_database_still_sees_none(
    clerks: Client, clerk: Operator
) -> None:
    for action in ("view", "add", "change", "delete"):
        clerk.user_permissions.add(Permission.objects.get(codename=f"{action}_operator"))
    assert clerks.get(reverse("admin:iam_operator_changelist")).status_code == 403
    own = reverse("admin:iam_operator_change", args=[clerk.pk])
    assert clerks.post(own, {"username": "clerk", "is_superuser": "on"}).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[clerk.pk])
    assert clerks.post(password, {"password1": OWN, "password2": OWN}).status_code == 403
    assert not Operator.objects.get().is_superuser


def test_who_may_change_people_cannot_become_a_superuser_by_it(
    clerks: Client, clerk: Operator, ann: User
) -> None:
    for action in ("view", "change"):
        clerk.user_permissions.add(Permission.objects.get(codename=f"{action}_user"))
    page = visit(clerks, "iam_user_change", ann.pk)
    page.send(last_name="Oak", is_superuser="on", is_staff="on", password="x")
    assert User.objects.get().last_name == "Oak"
    assert not Operator.objects.filter(is_superuser=True).exists()


def test_an_operator_who_is_switched_off_is_out_at_once(client: Client, db: None) -> None:
    olga = Operator.objects.create_superuser("olga", password=OWN)
    sign_in(client, "olga", OWN)
    Operator.objects.filter(pk=olga.pk).update(is_active=False)
    assert client.get(reverse("admin:iam_user_changelist")).status_code == 302
    assert "Please enter the correct" in sign_in(client, "olga", OWN).text


def test_the_menu_shows_what_an_operator_may_see(clerks: Client, clerk: Operator) -> None:
    clerk.user_permissions.add(
        Permission.objects.get(codename="view_group", content_type__app_label="iam")
    )
    page = clerks.get("/admin/").content.decode()
    assert 'href="/admin/iam/group/"' in page
    for hidden in ("iam/user", "iam/operator", "provisioning/app", "reports/provisioningreport"):
        assert f'href="/admin/{hidden}/"' not in page


def test_signing_in_without_a_destination_leads_to_the_overview(
    client: Client, clerk: Operator
) -> None:
    answer = client.post("/admin/login/", {"username": clerk.username, "password": OWN})
    assert answer.headers["Location"] == "/admin/"
