"""Policies are made, disabled and deleted, and the page says what that means for accounts."""

from collections.abc import Callable

import pytest
from django.test import Client

from iam.models import Group, User
from provisioning.models import Account, App, LoginMethod, Policy
from tests.conftest import MakeApp
from tests.provisioning.admin import Page, visit
from tests.support.faulty import FaultyScim

Push = Callable[[], None]


@pytest.fixture
def typed(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> dict[str, str]:
    """What makes a policy that gives Sales the app."""
    app = make_app(faulty)
    return {"app": str(app.pk), "group": str(sales.pk), "name": "Zoom for Sales"}


@pytest.fixture
def adding(admin_client: Client) -> Page:
    return visit(admin_client, "provisioning_policy_add")


def test_a_policy_gives_the_group_the_application(
    adding: Page, typed: dict[str, str], ann: User, faulty: FaultyScim, push: Push
) -> None:
    page = adding.send(**typed)
    assert "Accounts in Zoom follow by themselves within seconds." in page.text
    policy = Policy.objects.get()
    assert (str(policy.app), str(policy.group), policy.enabled) == ("Zoom", "Sales", True)
    push()
    assert faulty.active_names() == [ann.username]


@pytest.mark.parametrize("method", LoginMethod.values)
def test_every_login_method_can_be_chosen(adding: Page, typed: dict[str, str], method: str) -> None:
    assert LoginMethod(method).label in adding.text
    adding.send(**typed, login_method=method)
    assert Policy.objects.get().login_method == method


def test_a_second_policy_for_the_same_application_and_group_is_refused(
    adding: Page, typed: dict[str, str]
) -> None:
    adding.send(**typed)
    page = adding.send(**{**typed, "name": "Another name"})
    assert "There is already a policy for this application and group." in page.text
    assert Policy.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("app", "", "This field is required."),
        ("app", "999999", "Select a valid choice."),
        ("app", "9" * 30, "Select a valid choice."),
        ("group", "", "This field is required."),
        ("group", "999999", "Select a valid choice."),
        ("group", "abc", "Select a valid choice."),
        ("group", "1' or 1=1", "Select a valid choice."),
        ("name", "", "This field is required."),
        ("name", "x" * 201, "at most 200 characters"),
        ("name", "a\u202eb", "Character 2 cannot be seen (U+202E)"),
        ("login_method", "magic", "magic is not one of the available choices."),
    ],
)
def test_a_wrong_policy_is_refused_at_its_field(
    adding: Page, typed: dict[str, str], field: str, value: str, said: str
) -> None:
    """bad-input-110"""
    page = adding.send(**{**typed, field: value})
    assert said in page.errors[field][0]
    assert not Policy.objects.exists()


def test_a_disabled_policy_takes_access_away_and_an_enabled_one_gives_it_back(
    admin_client: Client, faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    policy = Policy.objects.get()
    push()
    for enabled in (None, "on"):
        visit(admin_client, "provisioning_policy_change", policy.pk).send(enabled=enabled)
        push()
        assert bool(faulty.active_names()) is (enabled is not None)
    assert "Enabled" in visit(admin_client, "provisioning_policy_changelist").text


def test_deleting_says_first_how_many_accounts_end(
    admin_client: Client, faulty_app: App, ann: User, bob: User, push: Push
) -> None:
    Group.objects.get().users.add(bob)
    push()
    policy = Policy.objects.get()
    page = visit(admin_client, "provisioning_policy_delete", policy.pk)
    assert "2 accounts will be deactivated in Zoom." in page.text
    page.send()
    assert not Policy.objects.exists()
    assert Account.objects.filter(due_at__isnull=False).count() == 2


def test_accounts_that_another_group_gives_as_well_are_not_counted(
    admin_client: Client, faulty_app: App, ann: User, bob: User, push: Push
) -> None:
    sales, support = Group.objects.get(), Group.objects.create(name="Support")
    sales.users.add(bob)
    support.users.add(ann)
    Policy.objects.create(name="Zoom for Support", app=faulty_app, group=support)
    push()
    policy = sales.policies.get()
    page = visit(admin_client, "provisioning_policy_delete", policy.pk)
    assert "1 account will be deactivated in Zoom." in page.text


def test_deleting_a_disabled_policy_ends_nothing(
    admin_client: Client, faulty_app: App, ann: User, push: Push
) -> None:
    push()
    policy = Policy.objects.get()
    visit(admin_client, "provisioning_policy_change", policy.pk).send(enabled=None)
    page = visit(admin_client, "provisioning_policy_delete", policy.pk)
    assert "Nobody loses an account by this." in page.text


def test_the_list_says_who_gets_what(
    admin_client: Client, faulty_app: App, ann: User, bob: User
) -> None:
    Group.objects.get().users.add(bob)
    page = visit(admin_client, "provisioning_policy_changelist")
    (row,) = page.context["cl"].result_list
    assert row.people_in == 2
    assert "Zoom for Sales Zoom Sales Password 2 Enabled" in page.text


@pytest.mark.parametrize(("query", "found"), [("sal", 1), ("Zoom for", 1), ("support", 0)])
def test_policies_are_found_by_name_and_group(
    admin_client: Client, faulty_app: App, query: str, found: int
) -> None:
    page = visit(admin_client, "provisioning_policy_changelist", q=query)
    assert len(page.context["cl"].result_list) == found
