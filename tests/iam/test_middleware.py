"""Every page forbids foreign scripts and frames, and every change knows its operator."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from iam import actor
from iam.models import Group, Operator, User
from provisioning.models import Account, App, Trigger
from tests.provisioning.admin import visit

HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
PAGES = ["index", "password_change", "password_change_done", "jsi18n"]


def guarded(response: object) -> None:
    headers = response.headers  # type: ignore[attr-defined]
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert "'unsafe-inline'" not in policy["script-src"]
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert policy["form-action"] == "'self'"


@pytest.mark.parametrize("address", ["/", "/admin/", "/admin/login/", "/admin/x/", "/nowhere/"])
def test_pages_for_strangers_are_guarded(client: Client, db: None, address: str) -> None:
    guarded(client.get(address))


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_of_everyone_who_signs_in_are_guarded(admin_client: Client, name: str) -> None:
    response = admin_client.get(reverse(f"admin:{name}"))
    assert response.status_code == 200
    guarded(response)


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model.__name__)
@pytest.mark.parametrize("view", ["changelist", "add"])
def test_every_list_and_form_is_guarded(admin_client: Client, model: type[User], view: str) -> None:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}"
    guarded(admin_client.get(reverse(name)))


@pytest.mark.parametrize("view", ["change", "delete", "history"])
def test_the_pages_of_one_object_are_guarded(
    admin_client: Client, faulty_app: App, ann: User, view: str
) -> None:
    held = [ann, Group.objects.get(), faulty_app, faulty_app.policies.get(), Account.objects.get()]
    for each in held:
        name = f"admin:{each._meta.app_label}_{each._meta.model_name}_{view}"
        guarded(admin_client.get(reverse(name, args=[each.pk])))


def test_a_refused_form_is_guarded_too(client: Client, db: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/admin/login/", {"username": "admin", "password": "x"})
    assert response.status_code == 403
    assert "Nothing was saved" in response.content.decode()
    guarded(response)


def test_what_somebody_may_not_open_says_so_and_leads_on(client: Client, ann: User) -> None:
    client.force_login(Operator.objects.create(username="auditor", is_staff=True))
    response = client.get(reverse("admin:iam_user_change", args=[ann.pk]))
    assert response.status_code == 403
    told = response.content.decode()
    assert "You may not do this" in told and 'href="/"' in told
    guarded(response)


def test_pages_with_people_are_not_kept_by_the_browser(admin_client: Client, ann: User) -> None:
    page = visit(admin_client, "iam_user_change", ann.pk)
    assert "no-store" in page.headers["Cache-Control"]


# ------------------------------------------------------------------------------------- actor


def test_what_an_operator_changes_carries_their_name(
    admin_client: Client, faulty_app: App, ann: User
) -> None:
    visit(admin_client, "iam_user_change", ann.pk).send(last_name="Oak")
    row = Account.objects.get()
    assert (row.actor, row.trigger) == ("admin", Trigger.PERSON)


def test_the_name_is_forgotten_after_the_request(admin_client: Client, ann: User) -> None:
    visit(admin_client, "iam_user_change", ann.pk).send(last_name="Oak")
    assert actor.current() == ""


def test_the_name_is_forgotten_after_an_error_too() -> None:
    with pytest.raises(ZeroDivisionError), actor.acting_as("olga"):
        raise ZeroDivisionError
    assert actor.current() == ""


def test_the_inner_of_two_names_counts_and_the_outer_one_comes_back() -> None:
    with actor.acting_as("olga"):
        with actor.acting_as("otto"):
            assert actor.current() == "otto"
        assert actor.current() == "olga"
