"""An account is deleted only where that is switched on, after the days of grace, and for good."""

from collections.abc import Callable

import pytest

from iam.models import Group, User
from provisioning.models import Account, App
from provisioning.plan import Feature, State
from tests.conftest import REVERSIBLE, MakeApp
from tests.support.looks import account, agree, happened
from tests.support.target import Target

Push = Callable[[], None]
Later = Callable[..., None]

EVERYTHING = (*REVERSIBLE, Feature.DELETE_USERS)


@pytest.fixture
def at_once(
    make_app: MakeApp, target: Target, sales: Group, ann: User, kind: str, push: Push
) -> App:
    """An app that deletes a leaver's account at once; Ann has one."""
    app = make_app(target, kind=kind, group=sales, features=EVERYTHING, delete_after_days=0)
    push()
    return app


@pytest.fixture
def with_grace(
    make_app: MakeApp, target: Target, sales: Group, ann: User, kind: str, push: Push
) -> App:
    """An app that deletes a leaver's account after 30 days; Ann has one."""
    app = make_app(target, kind=kind, group=sales, features=EVERYTHING, delete_after_days=30)
    push()
    return app


def test_without_days_of_grace_a_leaver_is_deleted(
    at_once: App, target: Target, sales: Group, ann: User, push: Push
) -> None:
    sales.users.remove(ann)
    push()
    assert target.users() == []
    assert account(at_once, ann).state == State.GONE
    assert happened(at_once) == [("create", "done"), ("delete", "done")]
    agree(at_once, target)


def test_who_was_deleted_and_returns_gets_a_new_account(
    at_once: App, target: Target, sales: Group, ann: User, push: Push
) -> None:
    (former,) = target.users()
    sales.users.remove(ann)
    push()
    sales.users.add(ann)
    push()
    (now,) = target.users()
    assert now["id"] != former["id"]
    agree(at_once, target)


def test_with_days_of_grace_a_leaver_is_only_switched_off(
    with_grace: App, target: Target, sales: Group, ann: User, push: Push, later: Later
) -> None:
    sales.users.remove(ann)
    push()
    later(days=29)
    push()
    assert [user["active"] for user in target.users()] == [False]
    assert account(with_grace, ann).state == State.SUSPENDED
    assert happened(with_grace) == [("create", "done"), ("deactivate", "done")]


def test_after_the_days_of_grace_the_account_is_deleted(
    with_grace: App, target: Target, sales: Group, ann: User, push: Push, later: Later
) -> None:
    sales.users.remove(ann)
    push()
    later(days=30, minutes=1)
    push()
    assert target.users() == []
    assert happened(with_grace)[1:] == [("deactivate", "done"), ("delete", "done")]
    agree(with_grace, target)


def test_who_returns_within_the_days_of_grace_keeps_the_account(
    with_grace: App, target: Target, sales: Group, ann: User, push: Push, later: Later
) -> None:
    """bad-input-91"""
    (before,) = target.users()
    sales.users.remove(ann)
    push()
    later(days=29)
    sales.users.add(ann)
    push()
    later(days=60)
    push()
    (now,) = target.users()
    assert (now["id"], now["active"]) == (before["id"], True)
    agree(with_grace, target)


def test_each_departure_has_days_of_grace_of_its_own(
    with_grace: App, target: Target, sales: Group, ann: User, push: Push, later: Later
) -> None:
    sales.users.remove(ann)
    push()
    later(days=20)
    sales.users.add(ann)
    push()
    sales.users.remove(ann)
    push()
    later(days=20)
    push()
    assert [user["active"] for user in target.users()] == [False]
    later(days=11)
    push()
    assert target.users() == []


def test_who_is_deleted_here_is_deleted_there_after_the_days_of_grace(
    with_grace: App, target: Target, ann: User, push: Push, later: Later
) -> None:
    ann.delete()
    push()
    assert [user["active"] for user in target.users()] == [False]
    later(days=31)
    push()
    assert target.users() == []
    assert Account.objects.get(app=with_grace).state == State.GONE


def test_nothing_is_deleted_where_deleting_is_off(
    app: App, target: Target, sales: Group, ann: User, push: Push, later: Later
) -> None:
    app.delete_after_days = 0
    app.save()
    push()
    sales.users.remove(ann)
    push()
    later(days=400)
    push()
    assert [user["active"] for user in target.users()] == [False]
    agree(app, target)


def test_switching_deletion_on_reaches_who_left_long_ago(
    app: App, target: Target, sales: Group, ann: User, push: Push, later: Later
) -> None:
    push()
    sales.users.remove(ann)
    push()
    later(days=31)
    app.features = [feature.value for feature in EVERYTHING]
    app.save()
    push()
    assert target.users() == []


def test_deleting_what_is_already_gone_is_a_success(
    at_once: App, target: Target, sales: Group, ann: User, push: Push
) -> None:
    target.remove(ann.username)
    sales.users.remove(ann)
    push()
    assert account(at_once, ann).state == State.GONE
    assert happened(at_once)[-1] == ("delete", "done")
    agree(at_once, target)
