"""The sweep marks what the signals missed, and nothing else; every mark says who and why."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from iam import actor
from iam.models import Group, Membership, User
from provisioning import queue
from provisioning.models import Account, App, Event, Mapping, Policy, Problem, Trigger
from provisioning.plan import Feature
from tests.conftest import MakeApp, person
from tests.support.faulty import FaultyScim, answer
from tests.support.looks import account, agree, happened
from tests.support.past import let_an_hour_pass

Push = Callable[[], None]
Later = Callable[..., None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


def nothing_found(faulty: FaultyScim, push: Push) -> bool:
    faulty.requests.clear()
    events = Event.objects.count()
    found = queue.sweep()
    push()
    return (found, faulty.journal, Event.objects.count()) == (0, [], events)


@pytest.fixture
def settled(app: App, ann: User, mallory: User, push: Push) -> App:
    """Long after a push."""
    push()
    let_an_hour_pass()
    return app


def test_when_all_is_right_it_finds_nothing(
    settled: App, faulty: FaultyScim, push: Push, later: Later
) -> None:
    assert nothing_found(faulty, push)
    later(days=1)
    assert nothing_found(faulty, push)
    agree(settled, faulty)


def test_who_is_outside_is_not_found(
    settled: App, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    Group.objects.create(name="Support").users.add(bob)
    Policy.objects.create(name="Off", app=settled, group=Group.objects.get(name="Support"),
                          enabled=False)  # fmt: skip
    push()
    assert nothing_found(faulty, push)


SETTLED: dict[str, Callable[[User], object]] = {
    "left": lambda ann: ann.memberships.all().delete(),
    "deleted": lambda ann: ann.delete(),
    "switched off": lambda ann: (setattr(ann, "is_active", False), ann.save()),
    "group deleted": lambda ann: Group.objects.all().delete(),
    "policy deleted": lambda ann: Policy.objects.all().delete(),
}


@pytest.mark.parametrize("leave", SETTLED.values(), ids=SETTLED.keys())
def test_who_has_left_is_not_found_again(
    settled: App,
    ann: User,
    faulty: FaultyScim,
    push: Push,
    leave: Callable[[User], object],
) -> None:
    leave(ann)
    push()
    let_an_hour_pass()
    assert nothing_found(faulty, push)


def test_what_waits_to_be_deleted_is_left_to_its_day(
    settled: App, ann: User, sales: Group, faulty: FaultyScim, push: Push, later: Later
) -> None:
    settled.features = [feature.value for feature in Feature]
    settled.save()
    sales.users.remove(ann)
    push()
    later(days=29)
    assert nothing_found(faulty, push)
    later(days=2)
    push()
    assert len(faulty.names()) == 1


def test_what_was_refused_is_not_tried_again_by_the_sweep(
    app: App, ann: User, faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.on("POST", answer(400))
    push()
    assert account(app, ann).problem == Problem.REJECTED
    for _ in range(3):
        later(minutes=1)
        queue.sweep()
        push()
    assert happened(app) == [("create", "failed")]


# ------------------------------------------------------------------------------- what it finds


def test_it_says_how_many_it_found(settled: App, sales: Group, ann: User, mallory: User) -> None:
    new = [person(f"p{number}") for number in range(3)]
    Membership.objects.bulk_create(Membership(user=user, group=sales) for user in new)
    Membership.objects.filter(user=ann)._raw_delete("default")
    assert queue.sweep() == 4
    assert queue.sweep() == 0
    assert not Account.objects.filter(user=mallory).exclude(due_at=None).exists()


@pytest.mark.parametrize(
    "write",
    [
        lambda ann: User.objects.filter(pk=ann.pk).update(first_name="Anna"),
        lambda ann: User.objects.bulk_update([User(pk=ann.pk, first_name="Anna")], ["first_name"]),
    ],
    ids=["update", "bulk_update"],
)
def test_a_bulk_write_of_people_arrives(
    settled: App, ann: User, faulty: FaultyScim, push: Push, write: Callable[[User], object]
) -> None:
    write(ann)
    assert queue.sweep() == 1
    push()
    assert faulty.user(ann.username)["name"]["givenName"] == "Anna"
    agree(settled, faulty)


@pytest.mark.parametrize(("seconds", "found"), [(-1, 1), (1, 1), (90, 1), (150, 0)])
def test_a_bulk_write_may_be_committed_a_little_after_it_was_made(
    settled: App, ann: User, seconds: float, found: int
) -> None:
    User.objects.filter(pk=ann.pk).update(first_name="Anna")
    written = User.objects.get(pk=ann.pk).changed_at
    Account.objects.filter(user=ann).update(checked_at=written + timedelta(seconds=seconds))
    assert queue.sweep() == found


def test_what_was_refused_is_tried_again_after_a_bulk_write(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.on("POST", answer(400), about='"Ann"')
    push()
    User.objects.filter(pk=ann.pk).update(first_name="Anna")
    assert queue.sweep() == 1
    push()
    assert faulty.active_names() == [ann.username]
    agree(app, faulty)


# ---------------------------------------------------------------------------------- who and why


def test_the_sweep_is_nobodys_doing(settled: App, ann: User, sales: Group, push: Push) -> None:
    with actor.acting_as("olga"):
        ann.save()
    push()
    sales.memberships.filter(user=ann)._raw_delete("default")
    queue.sweep()
    row = account(settled, ann)
    assert (row.trigger, row.actor) == (Trigger.SWEEP, "")


MARKS: dict[str, tuple[Callable[[User, App], object], Trigger]] = {
    "person": (lambda ann, app: ann.save(), Trigger.PERSON),
    "membership": (lambda ann, app: ann.groups.clear(), Trigger.MEMBERSHIP),
    "group": (lambda ann, app: Group.objects.all().delete(), Trigger.POLICY),
    "policy": (lambda ann, app: Policy.objects.get().save(), Trigger.POLICY),
    "mapping": (lambda ann, app: Mapping.objects.all()[0].save(), Trigger.MAPPING),
    "app": (lambda ann, app: app.save(), Trigger.APP),
    "by hand": (
        lambda ann, app: queue.mark_accounts(Account.objects.all(), trigger=Trigger.MANUAL),
        Trigger.MANUAL,
    ),
}


@pytest.mark.parametrize(("change", "trigger"), MARKS.values(), ids=MARKS.keys())
def test_a_mark_says_who_and_why(
    settled: App, ann: User, change: Callable[[User, App], object], trigger: Trigger
) -> None:
    with actor.acting_as("olga"):
        change(ann, settled)
    row = account(settled, ann)
    assert (row.trigger, row.actor) == (trigger, "olga")


def test_an_added_account_says_who_and_why(app: App, sales: Group, bob: User) -> None:
    with actor.acting_as("olga"):
        sales.users.add(bob)
    row = account(app, bob)
    assert (row.trigger, row.actor) == (Trigger.MEMBERSHIP, "olga")


def test_the_latest_mark_counts(app: App, ann: User, sales: Group) -> None:
    with actor.acting_as("olga"):
        sales.users.remove(ann)
    with actor.acting_as("oscar"):
        ann.save()
    row = account(app, ann)
    assert (row.trigger, row.actor) == (Trigger.PERSON, "oscar")


# -------------------------------------------------------------- what the app is set to, in bulk


def test_a_mapping_that_was_changed_in_bulk_is_found(
    settled: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    settled.mappings.filter(target="name.givenName").update(source="last_name")
    assert queue.sweep() == 2
    push()
    assert faulty.user(ann.username)["name"]["givenName"] == "Ash"
    assert nothing_found(faulty, push)


def test_mappings_that_were_added_in_bulk_are_found(
    settled: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    Mapping.objects.bulk_create([Mapping(app=settled, target="nickName", source="first_name")])
    assert queue.sweep() == 2
    push()
    assert faulty.user(ann.username)["nickName"] == "Ann"
    assert nothing_found(faulty, push)


def test_an_app_that_was_changed_in_bulk_is_found_and_others_are_not(
    settled: App, make_app: MakeApp, bob: User, faulty: FaultyScim, push: Push
) -> None:
    support = Group.objects.create(name="Support")
    support.users.add(bob)
    make_app(faulty, name="Wiki", group=support)
    push()
    let_an_hour_pass()
    App.objects.filter(pk=settled.pk).update(features=[])
    assert queue.sweep() == 2
    assert set(Account.objects.exclude(due_at=None).values_list("app", flat=True)) == {settled.pk}
