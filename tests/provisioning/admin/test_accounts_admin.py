"""Accounts can be looked up and pushed again, never added or forgotten, and show all as text."""

import html
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from iam.models import User
from provisioning.models import Account, App
from tests.conftest import MakeApp
from tests.provisioning.admin import visit
from tests.support.faulty import FaultyScim, answer

Push = Callable[[], None]

PAYLOAD = "<img src=x onerror=alert(1)>"
LIST = "provisioning_account_changelist"


@pytest.fixture
def pushed(faulty_app: App, ann: User, bob: User, faulty: FaultyScim, push: Push) -> App:
    """Ann has an account; bob's was refused."""
    faulty_app.policies.get().group.users.add(bob)
    faulty.on("POST", answer(400, {"detail": f"No bobs. {PAYLOAD}"}), about="bob@")
    push()
    return faulty_app


def listed(client: Client, **query: str) -> list[str]:
    page = visit(client, LIST, **query)
    return sorted(account.identifier for account in page.context["cl"].result_list)


def act(client: Client, *accounts: Account) -> str:
    chosen = {"action": "push_now", "_selected_action": [each.pk for each in accounts]}
    response = client.post(reverse(f"admin:{LIST}"), chosen, follow=True)
    return response.content.decode()


def test_the_list_says_how_each_account_stands(admin_client: Client, pushed: App) -> None:
    text = visit(admin_client, LIST).text
    assert "ann@example.org Ann Ash (ann@example.org) Zoom Active" in text
    assert "bob@example.org Bob Birch (bob@example.org) Zoom Refused" in text
    assert "No bobs." in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "ANN@"}, ["ann@example.org"]),
        ({"q": "nn@"}, []),
        ({"q": "x" * 60_000}, []),
        ({"problem__exact": "rejected"}, ["bob@example.org"]),
        ({"state__exact": "active"}, ["ann@example.org"]),
        ({}, ["ann@example.org", "bob@example.org"]),
    ],
)
def test_accounts_are_searched_and_filtered(
    admin_client: Client, pushed: App, query: dict[str, str], found: list[str]
) -> None:
    assert listed(admin_client, **query) == found


def test_accounts_are_filtered_by_application(
    admin_client: Client, pushed: App, make_app: MakeApp, faulty: FaultyScim
) -> None:
    other = make_app(faulty, name="Chat")
    assert len(listed(admin_client, app__id__exact=str(pushed.pk))) == 2
    assert listed(admin_client, app__id__exact=str(other.pk)) == []


def test_push_now_tries_the_chosen_accounts_again(
    admin_client: Client, pushed: App, faulty: FaultyScim, push: Push
) -> None:
    faulty.heal()
    bobs = Account.objects.get(identifier="bob@example.org")
    assert "1 account is looked at again now." in act(admin_client, bobs)
    push()
    bobs.refresh_from_db()
    assert (bobs.problem, bobs.actor) == ("", "admin")
    assert faulty.active_names() == ["ann@example.org", "bob@example.org"]
    assert "2 accounts are" in act(admin_client, *Account.objects.all())


def test_an_account_is_neither_added_nor_deleted_nor_edited(
    admin_client: Client, pushed: App
) -> None:
    account = Account.objects.get(identifier="ann@example.org")
    delete = reverse("admin:provisioning_account_delete", args=[account.pk])
    assert admin_client.get(reverse("admin:provisioning_account_add")).status_code == 403
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    assert "delete_selected" not in visit(admin_client, LIST).html
    page = visit(admin_client, "provisioning_account_change", account.pk)
    page.send(identifier="mallory", remote_id="stolen", state="gone")
    after = Account.objects.get(pk=account.pk)
    assert (after.identifier, after.remote_id, after.state) == (
        account.identifier,
        account.remote_id,
        account.state,
    )


def test_what_an_application_answers_is_shown_as_text(
    admin_client: Client, pushed: App, mallory: User, push: Push
) -> None:
    push()
    bobs = Account.objects.get(identifier="bob@example.org")
    theirs = Account.objects.get(user=mallory)
    views = [
        (LIST,),
        ("provisioning_account_change", bobs.pk),
        ("provisioning_account_change", theirs.pk),
        ("iam_user_change", bobs.user_id),
        ("iam_user_change", mallory.pk),
    ]
    for view, *args in views:
        page = visit(admin_client, view, *args)
        assert PAYLOAD not in page.html
        assert "<script>alert(1)" not in page.html
    assert PAYLOAD in visit(admin_client, "provisioning_account_change", bobs.pk).text


def test_an_account_page_shows_what_was_sent_and_where_it_is_reported(
    admin_client: Client, pushed: App
) -> None:
    account = Account.objects.get(identifier="ann@example.org")
    page = visit(admin_client, "provisioning_account_change", account.pk)
    assert "name.givenName: Ann" in page.text
    pushed.mappings.filter(target="name.givenName").update(sensitive=True)
    page = visit(admin_client, "provisioning_account_change", account.pk)
    assert "name.givenName: •••" in page.text
    assert "name.familyName: Ash" in page.text


def test_the_link_to_the_report_finds_exactly_this_person(
    admin_client: Client, pushed: App, push: Push
) -> None:
    carol = User.objects.create(username="carol+1&app=x@example.org")
    pushed.policies.get().group.users.add(carol)
    push()
    page = visit(admin_client, "provisioning_account_change", carol.accounts.get().pk)
    address = re.findall(r'href="([^"]*provisioningreport[^"]*identifier[^"]*)"', page.html)
    report = admin_client.get(html.unescape(address[0]))
    assert [event.user for event in report.context["page"].events] == [carol]


def test_an_account_outlives_its_person_and_says_so(
    admin_client: Client, pushed: App, ann: User
) -> None:
    ann.delete()
    page = visit(admin_client, LIST, q="ann")
    assert "ann@example.org deleted here Zoom" in page.text


def test_a_persons_page_shows_where_they_have_accounts(
    admin_client: Client, pushed: App, bob: User
) -> None:
    assert "Zoom Refused" in visit(admin_client, "iam_user_change", bob.pk).text


def test_the_list_costs_the_same_number_of_queries_for_many_accounts(
    admin_client: Client, pushed: App, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    group = pushed.policies.get().group
    crowd = User.objects.bulk_create(User(username=f"p{number}") for number in range(60))
    group.users.add(*crowd)
    with django_assert_max_num_queries(12):  # type: ignore[attr-defined]
        assert len(listed(admin_client)) == 62
