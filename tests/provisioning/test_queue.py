"""What is marked is due once, is handed out leavers first, and is never lost on the way."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from iam.models import Group, Membership, User
from provisioning import queue, record
from provisioning.models import Account, App, Mapping, Policy, Priority, Trigger
from tests.conftest import MakeApp, person
from tests.support.connectors import in_catalogue, interfering
from tests.support.faulty import FaultyScim, answer
from tests.support.looks import account, agree

Push = Callable[[], None]
Later = Callable[..., None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


def people(number: int) -> list[User]:
    made = User.objects.count()
    names = [f"p{made + each}@example.org" for each in range(number)]
    return User.objects.bulk_create(User(username=name) for name in names)


def statements(change: Callable[[], object]) -> int:
    """How many statements about accounts a change makes."""
    with CaptureQueriesContext(connection) as captured:
        change()
    return sum('"provisioning_account"' in query["sql"] for query in captured.captured_queries)


def claimed(app: App) -> list[str]:
    return [row.identifier.partition("@")[0] for row in queue.claim(app)]


# ----------------------------------------------------------------------- few statements for many


@pytest.mark.parametrize("number", [1, 10, 300])
def test_adding_people_to_a_group_takes_two_statements_however_many(
    app: App, sales: Group, number: int
) -> None:
    new = people(number)
    assert statements(lambda: sales.users.add(*new)) == 2
    assert Account.objects.exclude(due_at=None).count() == number


@pytest.mark.parametrize("number", [10, 300])
@pytest.mark.parametrize(
    ("known", "needed"), [(False, 2), (True, 3)], ids=["accounts to add", "accounts there"]
)
def test_marking_takes_few_statements_however_many(
    app: App, sales: Group, known: bool, needed: int, number: int
) -> None:
    new = people(number)
    Membership.objects.bulk_create(Membership(user=user, group=sales) for user in new)
    if known:
        queue.sweep()
        Account.objects.update(due_at=None)
    keys = [user.pk for user in new]
    assert statements(lambda: queue.mark(users=keys, trigger=Trigger.MANUAL)) == needed
    assert Account.objects.exclude(due_at=None).count() == number


@pytest.mark.parametrize(
    "change",
    [
        lambda app: Policy.objects.get(app=app).delete(),
        lambda app: Mapping.objects.filter(app=app)[0].delete(),
        lambda app: app.save(),
    ],
    ids=["policy", "mapping", "app"],
)
def test_a_change_for_everybody_costs_no_more_with_many_people(
    app: App, sales: Group, change: Callable[[App], object]
) -> None:
    sales.users.add(*people(5))
    with transaction.atomic():
        few = statements(lambda: change(app))
        transaction.set_rollback(True)
    sales.users.add(*people(300))
    assert statements(lambda: change(App.objects.get())) == few


def test_sweeping_and_claiming_cost_no_more_with_many_people(app: App, sales: Group) -> None:
    Membership.objects.bulk_create(Membership(user=user, group=sales) for user in people(150))
    assert statements(queue.sweep) == 3
    assert statements(lambda: queue.claim(app)) == 2
    assert len(queue.claim(app)) == 150


# ------------------------------------------------------------------------------- one row a person


def test_many_saves_of_a_person_are_one_row_and_one_write(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    for number in range(100):
        ann.first_name = f"Ann {number}"
        ann.save()
    assert Account.objects.count() == 1
    push()
    assert faulty.writes == ["POST /Users"]
    assert faulty.user(ann.username)["name"]["givenName"] == "Ann 99"


def test_several_ways_in_are_one_row(app: App, ann: User) -> None:
    for name in ("Support", "Board"):
        group = Group.objects.create(name=name)
        group.users.add(ann)
        Policy.objects.create(name=name, app=app, group=group)
    queue.mark(trigger=Trigger.MANUAL)
    assert Account.objects.filter(user=ann).count() == 1


def test_an_added_account_says_whose_it_is(app: App, mallory: User) -> None:
    row = account(app, mallory)
    assert (row.identifier, row.identifier_key) == (mallory.username, mallory.username_key)
    assert row.external_id == mallory.external_id
    assert (row.generation, row.done_generation, row.priority) == (1, 0, Priority.NORMAL)


def test_only_whom_and_where_it_was_said_is_marked(
    app: App, make_app: MakeApp, ann: User, mallory: User, sales: Group, faulty: FaultyScim
) -> None:
    make_app(faulty, name="Wiki", group=sales)
    Account.objects.update(due_at=None)
    queue.mark(users=[ann.pk], apps=[app.pk], trigger=Trigger.MANUAL)
    (row,) = Account.objects.exclude(due_at=None)
    assert (row.app, row.user) == (app, ann)
    queue.mark(users=[], trigger=Trigger.MANUAL)
    queue.mark(apps=[], trigger=Trigger.MANUAL)
    assert Account.objects.exclude(due_at=None).count() == 1


def test_a_managers_new_name_is_a_change_of_those_who_report_to_them(
    app: App, ann: User, mallory: User, bob: User, faulty: FaultyScim, push: Push
) -> None:
    Mapping.objects.create(app=app, target="title", source="manager")
    ann.manager = bob
    ann.save()
    push()
    assert faulty.user(ann.username)["title"] == "bob@example.org"
    bob.username = "bob.beech@example.org"
    bob.save()
    assert claimed(app) == ["ann"]
    push()
    assert faulty.user(ann.username)["title"] == "bob.beech@example.org"
    bob.delete()
    push()
    assert "title" not in faulty.user(ann.username)
    agree(app, faulty)


def test_a_manager_whom_no_row_maps_makes_nobody_due(
    app: App, ann: User, bob: User, push: Push
) -> None:
    ann.manager = bob
    ann.save()
    push()
    bob.save()
    assert claimed(app) == []


# ----------------------------------------------------------------------------------- generations


def test_a_push_is_done_with_the_generation_it_worked_on(app: App, ann: User, push: Push) -> None:
    row = account(app, ann)
    assert row.done_generation < row.generation
    push()
    row = account(app, ann)
    assert (row.done_generation, row.due_at) == (row.generation, None)


def test_a_result_of_an_older_generation_leaves_the_account_due(app: App, ann: User) -> None:
    (row,) = queue.claim(app)
    ann.save()
    record._update([record.Result(row)])
    assert account(app, ann).due_at is not None
    assert account(app, ann).done_generation == row.generation < account(app, ann).generation


def renamed(ann: User) -> None:
    ann.first_name = "Anna"
    ann.save()


def renamed_in_bulk(ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(first_name="Anna")


@pytest.mark.parametrize("change", [renamed, renamed_in_bulk])
def test_a_change_during_the_request_is_not_lost(
    make_app: MakeApp,
    ann: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    change: Callable[[User], None],
) -> None:
    def on_create(operation: str) -> None:
        if operation == "create":
            change(ann)

    with in_catalogue(interfering(on_create), "interfering"):
        app = make_app(faulty, kind="interfering", group=sales)
        push()
        queue.sweep()
        push()
        agree(app, faulty)
    assert faulty.user(ann.username)["name"]["givenName"] == "Anna"
    assert faulty.writes.count("POST /Users") == 1


LEAVING: list[Callable[[User], object]] = [
    lambda ann: ann.memberships.all().delete(),
    lambda ann: Membership.objects.filter(user=ann).update(group=Group.objects.create(name="No")),
    lambda ann: ann.delete(),
    lambda ann: Policy.objects.all().delete(),
    lambda ann: Policy.objects.update(enabled=False),
]


@pytest.mark.parametrize(
    "leave", LEAVING, ids=["removed", "moved in bulk", "deleted", "policy", "policy in bulk"]
)
def test_who_leaves_during_the_request_is_switched_off_after_it(
    make_app: MakeApp,
    ann: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    leave: Callable[[User], object],
) -> None:
    """bad-input-92"""

    def on_create(operation: str) -> None:
        if operation == "create":
            leave(ann)

    with in_catalogue(interfering(on_create), "interfering"):
        app = make_app(faulty, kind="interfering", group=sales)
        push()
        queue.sweep()
        push()
    assert faulty.names() == ["ann@example.org"]
    assert faulty.active_names() == []
    agree(app, faulty)


# ------------------------------------------------------------------------------------ claim order


LEAVERS: dict[str, Callable[[User, Group], object]] = {
    "removed": lambda bob, sales: sales.users.remove(bob),
    "membership deleted": lambda bob, sales: Membership.objects.get(user=bob).delete(),
    "switched off": lambda bob, sales: (setattr(bob, "is_active", False), bob.save()),
    "deleted": lambda bob, sales: bob.delete(),
    "group deleted": lambda bob, sales: sales.delete(),
    "policy deleted": lambda bob, sales: Policy.objects.get(group=sales).delete(),
    "policies deleted": lambda bob, sales: Policy.objects.filter(group=sales).delete(),
    "found by the sweep": lambda bob, sales: (
        sales.memberships.all()._raw_delete("default"),
        queue.sweep(),
    ),
}


@pytest.mark.parametrize("leave", LEAVERS.values(), ids=LEAVERS.keys())
def test_leavers_are_handed_out_first(
    app: App, sales: Group, ann: User, bob: User, push: Push, leave: Callable[[User, Group], object]
) -> None:
    support = Group.objects.create(name="Support")
    Policy.objects.create(name="Support", app=app, group=support)
    support.users.add(ann)
    push()
    sales.users.set([bob])
    push()
    ann.save()
    leave(bob, sales)
    assert claimed(app) == ["bob", "ann"]
    assert [row.wanted for row in queue.claim(app)] == [False, True]


def test_among_equals_who_waits_longest_is_first(app: App, sales: Group, later: Later) -> None:
    users = {name: person(name) for name in ("a", "b", "c")}
    sales.users.set(users.values())
    for name in ("c", "a", "b"):
        users[name].save()
        later(seconds=1)
    assert claimed(app) == ["c", "a", "b"]


def test_who_leaves_and_returns_is_a_leaver_no_more(
    app: App, sales: Group, ann: User, push: Push
) -> None:
    push()
    sales.users.remove(ann)
    assert account(app, ann).priority == Priority.LEAVER
    sales.users.add(ann)
    assert account(app, ann).priority == Priority.NORMAL


def test_what_is_due_later_is_not_handed_out_yet(app: App, ann: User, later: Later) -> None:
    Account.objects.update(due_at=timezone.now() + timedelta(minutes=5))
    assert claimed(app) == []
    assert app not in queue.due_apps()
    later(minutes=6)
    assert claimed(app) == ["ann"]
    assert app in queue.due_apps()


def test_no_more_than_asked_for_is_handed_out(app: App, sales: Group) -> None:
    sales.users.add(*people(5))
    assert len(queue.claim(app, limit=2)) == 2


def test_a_change_ends_the_wait_after_failures(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.on("POST", answer(500))
    push()
    assert claimed(app) == []
    ann.save()
    assert claimed(app) == ["ann"]
    assert account(app, ann).attempts == 0
