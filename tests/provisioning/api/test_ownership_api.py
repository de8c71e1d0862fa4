"""Whose an account is, and that somebody leaves, decided by a program."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission

from iam.models import Group, Operator, User
from provisioning.models import Account, App, Leaving
from tests.conftest import MakeApp
from tests.provisioning.api import Program, pointers, program
from tests.support.faulty import FaultyScim

Push = Callable[[], None]


@pytest.fixture
def account(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push) -> Account:
    """Of ann, whom another system manages there."""
    make_app(faulty, group=sales)
    faulty.add(ann.username, externalId="of-hr")
    push()
    return Account.objects.get()


def test_an_account_is_adopted_when_that_is_confirmed(
    api: Program, account: Account, faulty: FaultyScim
) -> None:
    path = f"/accounts/{account.pk}/adopt/"
    refused = api.post(path)
    assert refused.status_code == 409
    assert "Another system manages this account" in refused.json()["detail"]
    assert "“confirm”: true" in refused.json()["detail"]
    answer = api.post(path, {"confirm": True})
    assert answer.json()["remote_id"] == faulty.users()[0]["id"]
    assert pointers(api.post(path, {"confirm": "yes"})) == ["#/confirm"]


def test_an_account_is_chosen_by_its_id(
    api: Program, account: Account, faulty: FaultyScim, push: Push
) -> None:
    there = faulty.add("other@example.org")["id"]
    path = f"/accounts/{account.pk}/relink/"
    assert api.post(path, {"remote_id": there}).status_code == 409
    shown = api.post(path, {"remote_id": there, "confirm": True})
    assert (shown.status_code, shown.json()["remote_id"]) == (200, there)
    assert shown.json()["actor"] == "chief (token test)"
    unknown = api.post(path, {"remote_id": "nobody", "confirm": True})
    assert unknown.status_code == 409
    assert "has no account with this id" in unknown.json()["detail"]
    assert pointers(api.post(path)) == ["#/remote_id"]


def test_an_account_is_given_up_and_taken_up_again(api: Program, account: Account) -> None:
    again = f"/accounts/{account.pk}/manage-again/"
    assert api.post(again).status_code == 409
    assert api.post(f"/accounts/{account.pk}/forget/").json()["forgotten_at"] is not None
    assert api.post(f"/accounts/{account.pk}/forget/").status_code == 409
    assert api.post(again).json()["forgotten_at"] is None


def test_a_person_is_removed_everywhere(
    api: Program, account: Account, ann: User, push: Push
) -> None:
    path = f"/users/{ann.pk}/remove-everywhere/"
    assert pointers(api.post(path, {"reason": " "})) == ["#/reason"]
    answer = api.post(path, {"reason": "She has left."})
    assert answer.status_code == 202
    assert answer.json()["groups"] == ["Sales"]
    assert "“Sales”" in answer.json()["undoing"]
    assert Leaving.objects.get().by == "chief (token test)"
    shown = api.get(answer.json()["certificate"].removeprefix("/api/v1"))
    assert shown.json()["started"]["reason"] == "She has left."


def test_it_takes_every_right_that_it_uses(account: Account, ann: User) -> None:
    clerk = Operator.objects.create_user("clerk", is_staff=True)
    for right in ("change_user", "delete_membership", "change_account"):
        refused = program(clerk).post(f"/users/{ann.pk}/remove-everywhere/", {"reason": "x"})
        assert refused.status_code == 403
        clerk.user_permissions.add(Permission.objects.get(codename=right))
        clerk = Operator.objects.get(pk=clerk.pk)
    assert App.objects.get().accounts.get().user == ann
    assert not Leaving.objects.exists()
    allowed = program(clerk).post(f"/users/{ann.pk}/remove-everywhere/", {"reason": "x"})
    assert allowed.status_code == 202
