"""Every way in which a program can change who belongs where ends in the right accounts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.db import connection, transaction

from iam.models import Group, Membership, User
from provisioning import queue
from provisioning.models import Account, App, Policy
from tests.conftest import MakeApp
from tests.support.draining import drain_all
from tests.support.faulty import FaultyScim
from tests.support.looks import agree, happened
from tests.support.past import let_an_hour_pass


@dataclass
class World:
    """Ann and Mallory are in Sales, which gets Zoom; Bob is in Support, which gets nothing."""

    ann: User
    bob: User
    mallory: User
    sales: Group
    support: Group
    zoom: App
    wiki: App
    there: FaultyScim
    in_wiki: FaultyScim
    names: dict[str, str]

    @property
    def policy(self) -> Policy:
        return Policy.objects.get(group=self.sales)

    def entitled(self, app: App) -> list[str]:
        """Who should have an account, counted one by one instead of by a query."""
        groups = {row.group_id for row in Policy.objects.all() if row.enabled and row.app == app}
        members = {row.user_id for row in Membership.objects.all() if row.group_id in groups}
        people = [user for user in User.objects.all() if user.is_active and user.pk in members]
        return sorted(user.username for user in people)

    def check(self, expected: str) -> None:
        names = sorted(self.names[name] for name in expected.split())
        assert self.there.active_names() == self.entitled(self.zoom) == names
        assert self.in_wiki.active_names() == self.entitled(self.wiki)
        agree(self.zoom, self.there)
        agree(self.wiki, self.in_wiki)


@pytest.fixture
def world(
    make_app: MakeApp, faulty: FaultyScim, ann: User, bob: User, mallory: User, sales: Group
) -> Iterator[World]:
    support = Group.objects.create(name="Support")
    support.users.add(bob)
    with FaultyScim() as other:
        zoom = make_app(faulty, kind="zoom", group=sales)
        wiki = make_app(other, name="Wiki")
        names = {"ann": ann.username, "bob": bob.username, "mallory": mallory.username}
        world = World(ann, bob, mallory, sales, support, zoom, wiki, faulty, other, names)
        drain_all()
        let_an_hour_pass()
        world.check("ann mallory")
        yield world


def nothing_due() -> bool:
    return not Account.objects.exclude(due_at=None).exists()


def changed(row: User | Membership | Policy, **values: object) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


def of_ann() -> Membership:
    return Membership.objects.get(user__username="ann@example.org")


def switched_off_and_on(world: World) -> None:
    changed(world.policy, enabled=False)
    changed(world.policy, enabled=True)


Way = tuple[str, Callable[[World], object], str]

# What Django tells the signals about: how, what is done, who has Zoom afterwards.
SEEN: list[Way] = [
    ("group.users.add", lambda w: w.sales.users.add(w.bob), "ann mallory bob"),
    ("group.users.remove", lambda w: w.sales.users.remove(w.ann), "mallory"),
    ("group.users.set", lambda w: w.sales.users.set([w.bob, w.mallory]), "mallory bob"),
    ("group.users.clear", lambda w: w.sales.users.clear(), ""),
    ("user.groups.add", lambda w: w.bob.groups.add(w.sales), "ann mallory bob"),
    ("user.groups.remove", lambda w: w.ann.groups.remove(w.sales), "mallory"),
    ("user.groups.set", lambda w: w.ann.groups.set([w.support]), "mallory"),
    ("user.groups.clear", lambda w: w.ann.groups.clear(), "mallory"),
    (
        "membership create",
        lambda w: Membership.objects.create(user=w.bob, group=w.sales),
        "ann mallory bob",
    ),
    ("membership delete", lambda w: of_ann().delete(), "mallory"),
    ("membership moved to a group", lambda w: changed(of_ann(), group=w.support), "mallory"),
    ("membership moved to a user", lambda w: changed(of_ann(), user=w.bob), "mallory bob"),
    ("memberships delete", lambda w: Membership.objects.all().delete(), ""),
    ("group delete", lambda w: w.sales.delete(), ""),
    ("groups delete", lambda w: Group.objects.all().delete(), ""),
    ("user delete", lambda w: w.ann.delete(), "mallory"),
    ("users delete", lambda w: User.objects.exclude(pk=w.mallory.pk).delete(), "mallory"),
    ("user switched off", lambda w: changed(w.ann, is_active=False), "mallory"),
    (
        "policy create",
        lambda w: Policy.objects.create(name="Support", app=w.zoom, group=w.support),
        "ann mallory bob",
    ),
    ("policy disabled", lambda w: changed(w.policy, enabled=False), ""),
    ("policy disabled and enabled", switched_off_and_on, "ann mallory"),
    ("policy moved to a group", lambda w: changed(w.policy, group=w.support), "bob"),
    ("policy moved to an app", lambda w: changed(w.policy, app=w.wiki), ""),
    ("policy delete", lambda w: w.policy.delete(), ""),
    ("policies delete", lambda w: Policy.objects.all().delete(), ""),
]


def raw(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


# What Django tells nobody about, so that the sweep has to find it.
SWEPT: list[Way] = [
    (
        "memberships bulk_create",
        lambda w: Membership.objects.bulk_create([Membership(user=w.bob, group=w.sales)]),
        "ann mallory bob",
    ),
    (
        "memberships update group",
        lambda w: Membership.objects.filter(user=w.ann).update(group=w.support),
        "mallory",
    ),
    (
        "memberships update user",
        lambda w: Membership.objects.filter(user=w.ann).update(user=w.bob),
        "mallory bob",
    ),
    (
        "memberships bulk_update",
        lambda w: Membership.objects.bulk_update(
            [Membership(pk=of_ann().pk, group=w.support)], ["group"]
        ),
        "mallory",
    ),
    ("raw delete of memberships", lambda w: raw("DELETE FROM iam_membership"), ""),
    ("users update", lambda w: User.objects.filter(pk=w.ann.pk).update(is_active=False), "mallory"),
    ("raw update of users", lambda w: raw("UPDATE iam_user SET is_active = false"), ""),
    ("policies update enabled", lambda w: Policy.objects.update(enabled=False), ""),
    ("policies update group", lambda w: Policy.objects.update(group=w.support), "bob"),
    ("policies update app", lambda w: Policy.objects.update(app=w.wiki), ""),
    (
        "policies bulk_create",
        lambda w: Policy.objects.bulk_create([Policy(name="2", app=w.zoom, group=w.support)]),
        "ann mallory bob",
    ),
    ("raw delete of policies", lambda w: raw("DELETE FROM provisioning_policy"), ""),
]

seen = pytest.mark.parametrize(("change", "after"), [pytest.param(*w[1:], id=w[0]) for w in SEEN])
swept = pytest.mark.parametrize(("change", "after"), [pytest.param(*w[1:], id=w[0]) for w in SWEPT])


@seen
def test_a_change_arrives(world: World, change: Callable[[World], object], after: str) -> None:
    change(world)
    drain_all()
    world.check(after)


@seen
def test_a_change_is_due_within_its_own_transaction_and_undone_with_it(
    world: World, change: Callable[[World], object], after: str
) -> None:
    before = list(Account.objects.order_by("pk").values())
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        change(world)
        assert not nothing_due()
        raise ZeroDivisionError
    assert list(Account.objects.order_by("pk").values()) == before
    world.there.requests.clear()
    drain_all()
    assert world.there.requests == []
    world.check("ann mallory")


@swept
def test_the_sweep_finds_what_django_tells_nobody(
    world: World, change: Callable[[World], object], after: str
) -> None:
    change(world)
    assert nothing_due()
    drain_all()
    assert world.there.active_names() == sorted([world.ann.username, world.mallory.username])
    assert queue.sweep() > 0
    drain_all()
    world.check(after)


def test_who_is_switched_on_again_by_a_bulk_write_is_found(world: World) -> None:
    changed(world.ann, is_active=False)
    drain_all()
    User.objects.filter(pk=world.ann.pk).update(is_active=True)
    assert nothing_due()
    queue.sweep()
    drain_all()
    world.check("ann mallory")


def test_a_policy_moved_to_another_app_gives_the_people_that_one(world: World) -> None:
    changed(world.policy, app=world.wiki)
    drain_all()
    assert world.in_wiki.active_names() == world.entitled(world.wiki)
    assert len(world.in_wiki.users()) == 2


# ------------------------------------------------------------------------- more than one way in


WAYS_OUT: dict[str, Callable[[World], object]] = {
    "membership delete": lambda w: Membership.objects.get(user=w.ann, group=w.sales).delete(),
    "user.groups.remove": lambda w: w.ann.groups.remove(w.sales),
    "group delete": lambda w: w.sales.delete(),
    "groups delete": lambda w: Group.objects.filter(pk=w.sales.pk).delete(),
    "policy delete": lambda w: w.policy.delete(),
    "policy disabled": lambda w: changed(w.policy, enabled=False),
    "policies update": lambda w: Policy.objects.filter(pk=w.policy.pk).update(enabled=False),
}


@pytest.fixture
def twice(world: World) -> World:
    """Ann has Zoom through Support as well."""
    world.support.users.set([world.ann])
    Policy.objects.create(name="Second", app=world.zoom, group=world.support)
    drain_all()
    world.check("ann mallory")
    return world


@pytest.mark.parametrize("leave", WAYS_OUT.values(), ids=WAYS_OUT.keys())
def test_who_has_two_ways_in_and_loses_one_notices_nothing(
    twice: World, leave: Callable[[World], object]
) -> None:
    before = twice.there.user(twice.ann.username)
    leave(twice)
    queue.sweep()
    drain_all()
    assert twice.there.user(twice.ann.username) == before
    assert happened(user=twice.ann) == [("create", "done")]
    agree(twice.zoom, twice.there)


def test_who_has_two_ways_in_and_loses_both_is_switched_off_once(twice: World) -> None:
    twice.ann.groups.clear()
    drain_all()
    twice.check("mallory")
    assert happened(user=twice.ann) == [("create", "done"), ("deactivate", "done")]


def test_a_group_that_two_apps_are_for_gives_both(world: World) -> None:
    Policy.objects.create(name="Wiki", app=world.wiki, group=world.sales)
    world.sales.users.add(world.bob)
    drain_all()
    world.check("ann bob mallory")
    assert len(world.in_wiki.active_names()) == 3
    world.sales.users.clear()
    drain_all()
    world.check("")
    assert world.in_wiki.active_names() == []


# -------------------------------------------------------------------------------- app deleted


@pytest.mark.parametrize(
    "delete",
    [lambda app: app.delete(), lambda app: App.objects.filter(pk=app.pk).delete()],
    ids=["app delete", "apps delete"],
)
def test_an_app_that_is_deleted_leaves_nothing_here_and_touches_nothing_there(
    world: World, delete: Callable[[App], object]
) -> None:
    world.there.requests.clear()
    delete(world.zoom)
    queue.sweep()
    drain_all()
    assert not Account.objects.exists()
    assert not Policy.objects.exists()
    assert world.there.requests == []
    assert len(world.there.active_names()) == 2
