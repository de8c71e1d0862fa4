"""A change of a person or of a group arrives in the application, and only that."""

from collections.abc import Callable

import pytest

from iam.models import Group, User
from provisioning.models import Account, App
from provisioning.plan import State
from tests.conftest import ORGANIZATION
from tests.support.looks import account, agree, happened
from tests.support.target import Document, Target

Push = Callable[[], None]


def organization(user: Document) -> str | None:
    extension, _, attribute = ORGANIZATION.rpartition(":")
    value: str | None = user.get(extension, {}).get(attribute)
    return value


def work_mail(user: Document) -> list[str]:
    return [mail["value"] for mail in user.get("emails", []) if mail["type"] == "work"]


@pytest.fixture
def pushed(app: App, ann: User, target: Target, push: Push) -> Document:
    """Ann's account as it was first made."""
    push()
    return target.user(ann.username)


# ------------------------------------------------------------------------------------- create


def test_a_member_gets_an_account_with_every_mapped_attribute(pushed: Document) -> None:
    assert pushed["userName"] == "ann@example.org"
    assert pushed["active"] is True
    assert pushed["name"] == {"givenName": "Ann", "familyName": "Ash"}
    assert work_mail(pushed) == ["ann@example.org"]
    assert organization(pushed) == "Acme"


def test_who_is_not_in_the_group_gets_nothing(
    pushed: Document, target: Target, app: App, bob: User
) -> None:
    assert target.names() == ["ann@example.org"]
    assert not Account.objects.filter(user=bob).exists()


def test_the_portals_own_id_goes_along_where_the_application_keeps_one(
    pushed: Document, ann: User, kind: str
) -> None:
    expected = str(ann.external_id) if kind == "scim" else None
    assert pushed.get("externalId") == expected


def test_what_a_person_is_called_cannot_change_what_is_asked_or_sent(
    app: App, ann: User, mallory: User, target: Target, push: Push
) -> None:
    """bad-input-56"""
    push()
    assert target.names() == sorted([ann.username, mallory.username])
    made = target.user(mallory.username)
    assert made["name"] == {"givenName": mallory.first_name, "familyName": mallory.last_name}
    agree(app, target)


def test_many_people_arrive_in_one_go(app: App, sales: Group, target: Target, push: Push) -> None:
    names = [f"p{number}@example.org" for number in range(30)]
    sales.users.set(User.objects.bulk_create(User(username=name) for name in names))
    push()
    assert target.names() == sorted(names)
    agree(app, target)


# ------------------------------------------------------------------------------------- update


def test_a_rename_keeps_the_account(
    pushed: Document, app: App, ann: User, target: Target, push: Push
) -> None:
    ann.username = "ann.oak@example.org"
    ann.save()
    push()
    (now,) = target.users()
    assert (now["id"], now["userName"]) == (pushed["id"], "ann.oak@example.org")
    assert account(app, ann).identifier == "ann.oak@example.org"
    agree(app, target)


@pytest.mark.parametrize(
    ("attribute", "value", "seen"),
    [
        ("first_name", "Anna", lambda user: user["name"]["givenName"]),
        ("last_name", "Oak", lambda user: user["name"]["familyName"]),
        ("email", "oak@example.org", lambda user: work_mail(user)[0]),
        ("custom", "Oak Ltd", organization),
    ],
)
def test_a_changed_attribute_arrives_and_nothing_else_changes(
    pushed: Document,
    app: App,
    ann: User,
    target: Target,
    push: Push,
    attribute: str,
    value: str,
    seen: Callable[[Document], str],
) -> None:
    before = _without_version(pushed)
    setattr(ann, attribute, {"custom_attribute_1": value} if attribute == "custom" else value)
    ann.save()
    push()
    (now,) = target.users()
    assert seen(now) == value
    assert _count_of_differences(before, _without_version(now)) == 1
    agree(app, target)


@pytest.mark.parametrize(
    ("attribute", "empty", "seen"),
    [
        ("first_name", "", lambda user: user["name"].get("givenName")),
        ("last_name", "", lambda user: user["name"].get("familyName")),
        ("email", "", lambda user: work_mail(user) or None),
        ("custom", {}, organization),
    ],
)
def test_a_value_that_is_emptied_goes_away(
    pushed: Document,
    app: App,
    ann: User,
    target: Target,
    push: Push,
    attribute: str,
    empty: object,
    seen: Callable[[Document], str | None],
) -> None:
    setattr(ann, attribute, empty)
    ann.save()
    push()
    (now,) = target.users()
    assert seen(now) is None
    assert now["userName"] == "ann@example.org"
    agree(app, target)


def test_an_emptied_value_comes_back(
    pushed: Document, ann: User, target: Target, push: Push
) -> None:
    for email in ("", "new@example.org"):
        ann.email = email
        ann.save()
        push()
    assert work_mail(target.user(ann.username)) == ["new@example.org"]


def test_what_no_row_maps_is_left_as_it_is(app: App, ann: User, target: Target, push: Push) -> None:
    target.add(
        ann.username,
        nickName="Annie",
        emails=[{"type": "home", "value": "annie@example.com"}],
        name={"givenName": "Ann", "familyName": "Ash", "middleName": "M."},
    )
    push()
    now = target.user(ann.username)
    assert now["nickName"] == "Annie"
    assert now["name"]["middleName"] == "M."
    assert {mail["value"] for mail in now["emails"]} == {"annie@example.com", ann.email}


# ------------------------------------------------------------------------ deactivate, reactivate


def test_who_leaves_the_group_is_switched_off(
    pushed: Document, app: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    sales.users.remove(ann)
    push()
    (now,) = target.users()
    assert (now["id"], now["active"]) == (pushed["id"], False)
    assert account(app, ann).state == State.SUSPENDED
    assert account(app, ann).deprovisioned_at is not None
    agree(app, target)


def test_who_is_switched_off_here_is_switched_off_there(
    pushed: Document, app: App, ann: User, target: Target, push: Push
) -> None:
    ann.is_active = False
    ann.save()
    push()
    assert target.user(ann.username)["active"] is False
    ann.is_active = True
    ann.save()
    push()
    assert target.user(ann.username)["active"] is True
    agree(app, target)


def test_a_former_member_gets_the_same_account_back(
    pushed: Document, app: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    sales.users.remove(ann)
    push()
    sales.users.add(ann)
    push()
    (now,) = target.users()
    assert (now["id"], now["active"]) == (pushed["id"], True)
    assert account(app, ann).deprovisioned_at is None
    agree(app, target)


def test_what_changed_while_someone_was_away_arrives_when_they_return(
    pushed: Document, app: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    sales.users.remove(ann)
    push()
    ann.last_name = "Oak"
    ann.save()
    push()
    assert target.user(ann.username)["name"]["familyName"] == "Ash"
    sales.users.add(ann)
    push()
    assert target.user(ann.username)["name"]["familyName"] == "Oak"
    agree(app, target)


def test_leaving_and_returning_before_a_push_sends_nothing(
    pushed: Document, app: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    sales.users.remove(ann)
    sales.users.add(ann)
    push()
    assert target.users() == [pushed]
    assert happened(app) == [("create", "done")]


def test_who_is_deleted_here_is_switched_off_there(
    pushed: Document, app: App, ann: User, target: Target, push: Push
) -> None:
    ann.delete()
    push()
    (now,) = target.users()
    assert (now["id"], now["active"]) == (pushed["id"], False)
    row = Account.objects.get(app=app)
    assert (row.user, row.identifier, row.remote_id) == (None, "ann@example.org", pushed["id"])
    agree(app, target)


# -------------------------------------------------------------------------------- removed there


def test_an_account_that_somebody_removed_there_is_made_again(
    pushed: Document, app: App, ann: User, target: Target, push: Push
) -> None:
    """bad-input-64"""
    target.remove(ann.username)
    ann.last_name = "Oak"
    ann.save()
    push()
    (now,) = target.users()
    assert now["id"] != pushed["id"]
    assert now["name"]["familyName"] == "Oak"
    agree(app, target)


def test_a_leaver_whose_account_was_removed_there_is_done_with(
    pushed: Document, app: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    target.remove(ann.username)
    sales.users.remove(ann)
    push()
    assert target.users() == []
    assert account(app, ann).state == State.GONE
    agree(app, target)


def _without_version(user: Document) -> Document:
    return {key: value for key, value in user.items() if key != "meta"}


def _count_of_differences(before: Document, after: Document) -> int:
    return len(_leaves(before) ^ _leaves(after)) // 2


def _leaves(value: object, at: str = "") -> set[tuple[str, str]]:
    if isinstance(value, dict):
        return set().union(*(_leaves(inner, f"{at}/{key}") for key, inner in value.items()))
    if isinstance(value, list):
        return set().union(*(_leaves(inner, at) for inner in value))
    return {(at, repr(value))}
