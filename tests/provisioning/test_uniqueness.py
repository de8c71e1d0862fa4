"""A formula with unique() gives every account another value, which then stays with it."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.models import Group, User
from provisioning import mapping, uniqueness
from provisioning.models import Account, App, Mapping, Match, Problem, SourceKind, TakenValue
from tests.conftest import MakeApp, person
from tests.support.faulty import FaultyScim, answer
from tests.support.looks import account

Push = Callable[[], None]
LOGIN = 'unique(concat(lower(first_name), ".", lower(last_name)))'


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    """The user name is made up; accounts are found by their e-mail address."""
    app = make_app(faulty, group=sales)
    app.mappings.filter(target="userName").update(kind=SourceKind.EXPRESSION, source=LOGIN)
    app.mappings.filter(target='emails[type eq "work"].value').update(match=Match.FIRST)
    return app


@pytest.fixture
def crowd(sales: Group) -> list[User]:
    """Three people of one name."""
    people = [person(f"ann{each}", first_name="Ann", last_name="Lee") for each in "123"]
    sales.users.add(*people)
    return people


def name(faulty: FaultyScim, user: User) -> str:
    (found,) = [
        there["userName"] for there in faulty.users() if user.email in str(there.get("emails"))
    ]
    return str(found)


def test_bad_input_88_people_of_one_batch_get_different_values(
    app: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    push()
    assert [name(faulty, user) for user in crowd] == ["ann.lee", "ann.lee2", "ann.lee3"]
    assert faulty.journal.count("POST /Users") == 3


def test_a_value_stays_with_its_account_and_is_never_anybody_elses(
    app: App, crowd: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    first, second, _ = crowd
    # The first one marries: the old name stays theirs, and the second one keeps the number.
    first.last_name = "Kim"
    first.save()
    second.title = "Boss"
    second.save()
    sales.users.add(person("ann4", first_name="Ann", last_name="Lee"))
    push()
    assert faulty.names() == ["ann.kim", "ann.lee2", "ann.lee3", "ann.lee4"]
    first.last_name = "Lee"
    first.save()
    push()
    assert name(faulty, first) == "ann.lee"


def test_what_accounts_held_before_the_formula_is_theirs(
    make_app: MakeApp, crowd: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    app = make_app(faulty, group=sales)
    push()
    last = crowd[-1]
    row = Mapping.objects.create(app=app, target="nickName", source="title")
    last.title = "Ann.Lee"
    last.save()
    push()
    row.kind, row.source = SourceKind.EXPRESSION, LOGIN
    row.save()
    push()
    held = {there["userName"]: there["nickName"] for there in faulty.users()}
    assert [held[user.username] for user in crowd] == ["ann.lee2", "ann.lee3", "ann.lee"]


def test_a_value_that_somebody_has_there_is_passed_over(
    app: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    for taken in ("ann.lee", "ann.lee2"):
        faulty.add(taken)
    push()
    assert faulty.names() == [f"ann.lee{each}" for each in ("", "2", "3", "4", "5")]
    assert not Account.objects.exclude(problem="").exists()
    assert len(faulty.journal) < 40


def test_a_change_to_a_value_that_somebody_has_there_is_passed_over_too(
    app: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    push()
    faulty.add("ann.kim")
    crowd[0].last_name = "Kim"
    crowd[0].save()
    push()
    assert name(faulty, crowd[0]) == "ann.kim2"


def test_there_is_an_end_to_trying(app: App, ann: User, faulty: FaultyScim, push: Push) -> None:

    faulty.on("POST", answer(409))
    push()
    assert account(app, ann).problem == Problem.REJECTED
    assert faulty.journal.count("POST /Users") == 11


def test_where_all_values_are_the_same_the_account_is_refused_with_a_sentence(
    app: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    app.mappings.filter(target="userName").update(source="left(unique(first_name), 3)")
    push()
    assert faulty.names() == ["Ann"]
    assert "belong to other accounts. Let it use more" in account(app, crowd[1]).message


@pytest.mark.parametrize("take", [True, False])
def test_a_preview_shows_the_value_and_takes_none(app: App, crowd: list[User], take: bool) -> None:
    rows = list(app.mappings.all())
    accounts = {row.user_id: row.pk for row in Account.objects.all() if row.user_id}
    people = mapping.people(rows, crowd, app=app)
    found = uniqueness.numbered(rows, people, accounts, app=app, take=take)
    row = next(each for each in rows if each.target == "userName")
    values = [mapping.value(row, found[user.pk], app="Zoom") for user in crowd]
    assert values == ["ann.lee", "ann.lee2", "ann.lee3"]
    assert TakenValue.objects.count() == (3 if take else 0)


def test_without_such_a_formula_nothing_is_asked(app: App, crowd: list[User]) -> None:
    rows = list(app.mappings.exclude(target="userName"))
    people = mapping.people(rows, crowd, app=app)
    with CaptureQueriesContext(connection) as captured:
        uniqueness.numbered(rows, people, {user.pk: None for user in crowd}, app=app, take=True)
    assert len(captured) == 0


def test_two_workers_at_once_give_no_value_twice(app: App, crowd: list[User]) -> None:
    rows = list(app.mappings.all())
    people = mapping.people(rows, crowd, app=app)
    accounts = {row.user_id: row.pk for row in Account.objects.all() if row.user_id}
    first, second = crowd[0].pk, crowd[1].pk
    one = uniqueness._Row(rows[0], app, people, {first: accounts[first]}, take=True)
    other = uniqueness._Row(rows[0], app, people, {second: accounts[second]}, take=True)
    # Both have looked, and neither has written.
    one._look_up(set())
    assert other.given() == {second: 1}
    assert one.taken == {}
    assert one._take({first: "ann.lee"}) == [first]
    assert one.given() == {first: 2}
