"""Whose an account is, decided on the account's page after a look at what is there."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from iam.models import Group, Operator, User
from provisioning.models import Account
from tests.conftest import MakeApp
from tests.provisioning.admin import visit
from tests.support.faulty import FaultyScim, answer

Push = Callable[[], None]
CHANGE = "provisioning_account_change"
CHOOSE = "provisioning_account_choose"
FORGET = "provisioning_account_forget"
AGAIN = "provisioning_account_manage_again"


@pytest.fixture
def account(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push) -> Account:
    """Of ann, whom another system manages there."""
    make_app(faulty, group=sales)
    faulty.add(ann.username, externalId="of-hr", name={"givenName": "<b>Ann</b>"})
    push()
    return Account.objects.get()


def test_what_matches_is_shown_with_what_speaks_against_it_and_then_linked(
    admin_client: Client, account: Account, faulty: FaultyScim
) -> None:
    page = visit(admin_client, CHOOSE, account.pk)
    (there,) = faulty.users()
    assert there["id"] in page.text
    assert "Another system manages this account" in page.text
    assert "<b>Ann</b>" not in page.html
    looked = page.send(remote_id=there["id"])
    assert "Link it all the same" in looked.text
    assert Account.objects.get().remote_id is None
    done = looked.send(button="confirmed")
    assert "It is linked" in done.text
    assert Account.objects.get().remote_id == there["id"]


def test_a_sensitive_value_there_is_not_shown(
    admin_client: Client, account: Account, faulty: FaultyScim
) -> None:
    account.app.mappings.create(target="title", source="title", sensitive=True)
    there = faulty.add("other", title="canary")
    for page in (
        visit(admin_client, CHOOSE, account.pk),
        visit(admin_client, CHOOSE, account.pk).send(remote_id=there["id"]),
    ):
        assert "canary" not in page.html
    assert "other" in page.text
    assert "•••" in page.text


def test_an_id_that_nobody_has_is_said(admin_client: Client, account: Account) -> None:
    page = visit(admin_client, CHOOSE, account.pk).send(remote_id="nobody")
    assert "Zoom has no account with this id" in page.text


def test_an_application_that_does_not_answer_is_said_at_once(
    admin_client: Client, account: Account, faulty: FaultyScim
) -> None:
    faulty.on("GET", answer(503))
    assert "Zoom could not be asked" in visit(admin_client, CHOOSE, account.pk).text


def test_an_account_is_given_up_and_taken_up_again(admin_client: Client, account: Account) -> None:
    page = visit(admin_client, CHANGE, account.pk)
    assert "Stop managing" in page.text
    assert "Manage again" not in page.text
    asked = visit(admin_client, FORGET, account.pk)
    assert "Nothing is sent: whatever is in Zoom stays there as it is" in asked.text
    assert Account.objects.get().forgotten_at is None
    given_up = asked.send(button="confirmed")
    assert "Not managed" in given_up.text
    assert "Manage again" in given_up.text
    visit(admin_client, AGAIN, account.pk).send(button="confirmed")
    assert Account.objects.get().forgotten_at is None


def test_what_cannot_be_done_is_said(admin_client: Client, account: Account) -> None:
    asked = visit(admin_client, AGAIN, account.pk)
    assert "is managed in Zoom already" in asked.send(button="confirmed").text


@pytest.mark.parametrize("page", [CHOOSE, FORGET, AGAIN])
def test_whoever_may_only_look_is_not_let_in(client: Client, account: Account, page: str) -> None:
    clerk = Operator.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_account"))
    client.force_login(clerk)
    assert "Stop managing" not in visit(client, CHANGE, account.pk).text
    found = visit(client, page, account.pk)
    assert found.status == 403
    assert client.post(found.address, {"confirmed": "1"}).status_code == 403


def test_the_account_of_a_deleted_person_leads_to_their_certificate(
    admin_client: Client, account: Account, ann: User
) -> None:
    ann.delete()
    assert (
        "certificate/?identifier=ann%40example.org" in visit(admin_client, CHANGE, account.pk).html
    )
    page = visit(admin_client, "reports_certificate_of_deleted", identifier="ANN@example.org")
    assert "ann@example.org, deleted here" in page.text
