"""An account that is there already is taken over if it is certain whose it is, never doubled."""

from collections.abc import Callable

import pytest

from iam.models import Group, User
from provisioning import queue
from provisioning.models import Account, App, Mapping, Origin, Policy, Problem, Trigger
from provisioning.plan import State
from tests.conftest import MakeApp, person
from tests.support.faulty import FaultyScim, effect_then
from tests.support.looks import account, agree, happened
from tests.support.target import Target

Push = Callable[[], None]
Later = Callable[..., None]


# ---------------------------------------------------------------------------------- adoption


def test_an_account_that_is_there_is_adopted_and_then_brought_up_to_date(
    app: App, ann: User, target: Target, push: Push
) -> None:
    there = target.add(ann.username, name={"givenName": "A.", "familyName": "Ash"})
    push()
    (now,) = target.users()
    assert now["id"] == there["id"]
    assert now["name"]["givenName"] == "Ann"
    assert happened(app) == [("adopt", "done"), ("update", "done")]
    assert account(app, ann).origin == Origin.ADOPTED
    agree(app, target)


def test_adopting_sends_nothing_before_the_link_is_recorded(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.add(ann.username)
    push()
    assert faulty.journal[0] == "GET /Users"
    assert "POST /Users" not in faulty.journal
    assert len(faulty.users()) == 1


def test_an_account_that_is_already_right_is_adopted_without_a_write(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    Mapping.objects.exclude(target="userName").delete()
    faulty.add(ann.username)
    push()
    assert faulty.writes == []
    assert happened(faulty_app) == [("adopt", "done")]


def test_the_name_is_found_in_any_letter_case(
    app: App, ann: User, target: Target, push: Push
) -> None:
    """bad-input-57"""
    there = target.add("ANN@Example.org")
    push()
    (now,) = target.users()
    assert (now["id"], now["userName"]) == (there["id"], "ann@example.org")
    agree(app, target)


def test_an_account_that_is_switched_off_there_is_switched_on(
    app: App, ann: User, target: Target, push: Push
) -> None:
    there = target.add(ann.username, active=False)
    push()
    (now,) = target.users()
    assert (now["id"], now["active"]) == (there["id"], True)
    agree(app, target)


def test_an_adopted_account_is_switched_off_when_the_person_leaves(
    app: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    target.add(ann.username)
    push()
    sales.users.remove(ann)
    push()
    assert target.active_names() == []
    agree(app, target)


def test_who_should_not_have_an_account_does_not_get_one_adopted(
    app: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    there = target.add(ann.username)
    sales.users.remove(ann)
    push()
    assert target.users() == [there]
    assert account(app, ann).remote_id is None


def test_accounts_of_others_are_never_touched(
    app: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    names = ["bob@example.org", "ann@example.organic", "xann@example.org", "ann", "root"]
    before = [target.add(name) for name in names]
    push()
    ann.last_name = "Oak"
    ann.save()
    push()
    sales.users.remove(ann)
    push()
    ann.delete()
    push()
    assert all(user in target.users() for user in before)
    assert len(target.users()) == len(before) + 1


def test_an_account_that_another_system_made_is_a_conflict(
    make_app: MakeApp, ann: User, sales: Group, target: Target, push: Push
) -> None:
    """bad-input-58"""
    app = make_app(target, kind="scim", group=sales)
    there = target.add(ann.username, externalId="not-ours")
    push()
    row = account(app, ann)
    assert target.users() == [there]
    assert row.problem == Problem.CONFLICT
    assert "another system manages it" in row.message
    assert happened(app) == [("create", "failed")]


def test_two_matches_are_a_conflict_for_a_person(
    make_app: MakeApp, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-54"""
    faulty.unique = False
    before = [faulty.add(ann.username), faulty.add(ann.username.upper())]
    app = make_app(faulty, group=sales)
    push()
    assert faulty.users() == before
    assert account(app, ann).problem == Problem.CONFLICT
    assert "2 accounts" in account(app, ann).message


def test_a_conflict_that_was_settled_there_goes_on_when_the_account_is_looked_at_again(
    make_app: MakeApp, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    faulty.unique = False
    extra = faulty.add(ann.username)
    kept = faulty.add(ann.username)
    app = make_app(faulty, group=sales)
    push()
    del faulty.stored[extra["id"]]
    ann.save()
    push()
    assert account(app, ann).remote_id == kept["id"]
    assert account(app, ann).problem == ""
    agree(app, faulty)


# ------------------------------------------------------------------------- deleted and added anew


def test_a_person_who_was_deleted_and_added_anew_gets_the_same_account(
    app: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    push()
    (before,) = target.users()
    ann.delete()
    push()
    again = person("ann", first_name="Ann", last_name="Oak")
    sales.users.add(again)
    push()
    (now,) = target.users()
    assert (now["id"], now["active"]) == (before["id"], True)
    assert now["name"]["familyName"] == "Oak"
    former = Account.objects.get(app=app, user=None)
    assert (former.remote_id, former.state) == (None, State.GONE)
    agree(app, target)


def test_deleted_and_added_anew_before_a_push_ends_with_one_active_account(
    app: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    push()
    (before,) = target.users()
    ann.delete()
    again = person("ann", first_name="Ann", last_name="Ash")
    sales.users.add(again)
    push()
    (now,) = target.users()
    assert (now["id"], now["active"]) == (before["id"], True)
    assert account(app, again).remote_id == before["id"]
    agree(app, target)


# ------------------------------------------------------------------------------ one name for two


@pytest.fixture
def by_mail(app: App) -> App:
    """An app whose user names come from the e-mail address, which two people may share."""
    Mapping.objects.filter(app=app, target="userName").update(source="email")
    return app


def test_of_two_with_one_name_the_first_keeps_it_and_the_second_is_a_conflict(
    by_mail: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    push()
    before = target.users()
    bob = person("bob", email=ann.email)
    sales.users.add(bob)
    push()
    assert target.users() == before
    assert account(by_mail, ann).state == State.ACTIVE
    row = account(by_mail, bob)
    assert (row.problem, row.remote_id) == (Problem.CONFLICT, None)
    assert "Ann Ash (ann@example.org)" in row.message


def test_of_two_with_one_name_in_one_push_exactly_one_gets_it(
    by_mail: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    bob = person("bob", email=ann.email)
    sales.users.add(bob)
    push()
    assert len(target.users()) == 1
    problems = [account(by_mail, user).problem for user in (ann, bob)]
    assert sorted(problems) == ["", Problem.CONFLICT]


def test_a_rename_onto_anothers_name_is_refused_and_crosses_nothing(
    by_mail: App, ann: User, sales: Group, target: Target, push: Push, later: Callable[..., None]
) -> None:
    bob = person("bob")
    sales.users.add(bob)
    push()
    before = {user["id"]: user["userName"] for user in target.users()}
    bob.email = ann.email
    bob.save()
    for _ in range(5):
        push()
        later(hours=1)
    assert {user["id"]: user["userName"] for user in target.users()} == before
    assert account(by_mail, bob).problem == Problem.REJECTED
    assert account(by_mail, ann).problem == ""


def test_a_name_that_is_handed_on_arrives(
    by_mail: App, ann: User, sales: Group, target: Target, push: Push, later: Callable[..., None]
) -> None:
    bob = person("bob")
    sales.users.add(bob)
    push()
    ids = {user["userName"]: user["id"] for user in target.users()}
    handed_on = ann.email
    ann.email = "ann.oak@example.org"
    bob.email = handed_on
    bob.save()
    ann.save()
    for _ in range(3):
        push()
        later(hours=1)
    assert {user["id"]: user["userName"] for user in target.users()} == {
        ids["ann@example.org"]: "ann.oak@example.org",
        ids["bob@example.org"]: "ann@example.org",
    }
    agree(by_mail, target)


@pytest.mark.parametrize(
    "names",
    [
        {"a": "b", "b": "a"},
        {"a": "b", "b": "c", "c": "a", "d": "a2"},
        {"a": "b", "b": "a", "c": "d", "d": "c"},
        {"a": "b", "b": "c", "c": "d", "d": "e"},
        {"d": "c", "c": "b", "b": "a", "a": "z"},
        {"a": "B", "b": "A"},
    ],
    ids=["89 two", "89 three", "89 two pairs", "90 chain", "90 the other way", "89 letter case"],
)
def test_bad_inputs_89_and_90_names_that_are_exchanged_or_handed_on_cross_nothing(
    make_app: MakeApp, sales: Group, faulty: FaultyScim, push: Push, names: dict[str, str]
) -> None:
    app = make_app(faulty, group=sales)
    app.mappings.filter(target="userName").update(source="title")
    people = {name: person(name, title=name) for name in "abcd"}
    sales.users.add(*people.values())
    push()
    ids = {each["userName"]: each["id"] for each in faulty.users()}
    for user in people.values():
        User.objects.filter(pk=user.pk).update(title=names.get(user.title, user.title))
    queue.mark(apps=[app.pk], trigger=Trigger.MANUAL)
    faulty.requests.clear()
    push()
    assert {each["id"]: each["userName"] for each in faulty.users()} == {
        ids[name]: names.get(name, name) for name in "abcd"
    }
    agree(app, faulty)
    # One change for each, and one more for each circle.
    assert len(faulty.writes) <= len(names) + len(names) // 2


def test_the_leavers_name_given_to_a_newcomer_does_not_switch_the_newcomer_off(
    by_mail: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    push()
    sales.users.remove(ann)
    push()
    bob = person("bob", email=ann.email)
    sales.users.add(bob)
    push()
    assert account(by_mail, bob).problem == Problem.CONFLICT
    assert target.active_names() == []


def test_two_apps_for_one_group_keep_apart(
    make_app: MakeApp, ann: User, sales: Group, target: Target, faulty: FaultyScim, push: Push
) -> None:
    first = make_app(target, name="First", group=sales)
    second = make_app(faulty, name="Second", group=sales)
    push()
    Policy.objects.get(app=first).delete()
    push()
    assert target.active_names() == []
    assert faulty.active_names() == [ann.username]
    agree(first, target)
    agree(second, faulty)


# ----------------------------------------------------------------------------- answers that lie


def test_one_id_given_to_two_accounts_is_a_conflict_and_costs_nobody_else(
    faulty_app: App,
    ann: User,
    bob: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    later: Later,
) -> None:
    """bad-input-63"""
    push()
    hers = account(faulty_app, ann).remote_id
    more = [person(f"p{number}") for number in range(5)]
    sales.users.add(bob, *more)
    # Made, but with the id of somebody else in the answer.
    faulty.on("POST", effect_then(201, {"id": hers, "active": True}), about=bob.username)
    push()
    assert {account(faulty_app, user).state for user in more} == {State.ACTIVE}
    row = account(faulty_app, bob)
    assert (row.problem, row.remote_id) == (Problem.CONFLICT, None)
    assert f"“{hers}”, which is the id of another account" in row.message
    assert happened(faulty_app, user=bob) == [("create", "failed")]
    assert account(faulty_app, ann).remote_id == hers
    later(days=1)
    push()
    # It was there all the time, and is found by what only Gatehouse can have written.
    assert faulty.writes.count("POST /Users") == 7
    agree(faulty_app, faulty)
