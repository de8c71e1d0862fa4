"""Whoever is in a group that is in another one has what the other one gives, however it came so."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from iam import nesting
from iam.models import Group, GroupNesting, GroupPath, Membership, User
from provisioning import access, mapping, queue
from provisioning.models import Account, App, Mapping, Policy, SourceKind, Trigger
from provisioning.plan import State
from tests.conftest import MakeApp, person


@dataclass(frozen=True)
class Nowhere:
    """No request is made here."""

    base_url: str = "http://127.0.0.1:9"
    token: str = "none"


@dataclass(frozen=True)
class World:
    """Company holds Europe and Asia, both hold Remote; Company gets Zoom. Each has one person."""

    app: App
    company: Group
    europe: Group
    asia: Group
    remote: Group
    rita: User

    def nesting(self, parent: Group, child: Group) -> GroupNesting:
        return GroupNesting.objects.get(parent=parent, child=child)


@pytest.fixture
def world(make_app: MakeApp) -> World:
    made = [Group.objects.create(name=name) for name in ("Company", "Europe", "Asia", "Remote")]
    company, europe, asia, remote = made
    for parent, child in ((company, europe), (company, asia), (europe, remote), (asia, remote)):
        nested(parent, child)
    app = make_app(Nowhere(), group=company)
    for group, name in zip(made, ("carl", "erik", "aiko", "rita"), strict=True):
        group.users.add(person(name))
    settle()
    return World(app, *made, rita=User.objects.get(username__startswith="rita"))


def nested(parent: Group, child: Group) -> GroupNesting:
    return GroupNesting.objects.create(parent=parent, child=child)


def support_with_sam() -> Group:
    support = Group.objects.create(name="Support")
    support.users.add(person("sam"))
    return support


def changed(row: GroupNesting | Membership | Policy | User, **values: object) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


def settle() -> None:
    """As if all that is due had been done."""
    for account in access.with_wanted(Account.objects.all()):
        Account.objects.filter(pk=account.pk).update(
            granted=account.wanted,
            state=State.ACTIVE if account.wanted else State.SUSPENDED,
            remote_id=f"id {account.pk}",
            due_at=None,
        )


def names(found: Q | None = None) -> str:
    """The accounts that should be, or those found by this."""
    accounts = Account.objects.filter(access.granted() if found is None else found)
    users = accounts.order_by("identifier").values_list("identifier", flat=True)
    return " ".join(name.partition("@")[0] for name in users)


def due() -> str:
    return names(Q(due_at__isnull=False))


def entitled(app: App) -> set[str]:
    """Counted by walking up from each person's groups, instead of by a query."""
    given = {row.group_id for row in Policy.objects.all() if row.enabled and row.app_id == app.pk}
    above: dict[int, set[int]] = {}
    for up, down in GroupNesting.objects.values_list("parent", "child"):
        above.setdefault(down, set()).add(up)
    found = set()
    for user in User.objects.filter(is_active=True):
        seen: set[int] = set()
        todo = list(user.memberships.values_list("group", flat=True))
        while todo:
            group = todo.pop()
            if group not in seen:
                seen.add(group)
                todo += above.get(group, set())
        if seen & given:
            found.add(user.username)
    return found


Change = Callable[[World], object]

# What is done, who should have an account afterwards, who was marked.
CHANGES: dict[str, tuple[Change, str, str]] = {
    "nested": (
        lambda w: nested(w.remote, support_with_sam()),
        "aiko carl erik rita sam", "sam",
    ),
    "taken out": (lambda w: w.nesting(w.company, w.europe).delete(), "aiko carl rita", "erik rita"),
    "one side of two": (
        lambda w: w.nesting(w.asia, w.remote).delete(), "aiko carl erik rita", "rita",
    ),
    "both sides": (
        lambda w: GroupNesting.objects.filter(child=w.remote).delete(), "aiko carl erik", "rita",
    ),
    "turned into another": (
        lambda w: changed(w.nesting(w.company, w.asia), child=w.remote),
        "carl erik rita", "aiko rita",
    ),
    "child deleted": (lambda w: w.remote.delete(), "aiko carl erik", "rita"),
    "middle deleted": (lambda w: w.europe.delete(), "aiko carl rita", "erik rita"),
    "both middles deleted": (
        lambda w: Group.objects.filter(pk__in=[w.europe.pk, w.asia.pk]).delete(),
        "carl", "aiko erik rita",
    ),
    "parent deleted": (lambda w: w.company.delete(), "", "aiko carl erik rita"),
    "member added two levels down": (
        lambda w: w.remote.users.add(person("sam")), "aiko carl erik rita sam", "sam",
    ),
    "member removed two levels down": (
        lambda w: w.remote.users.remove(w.rita), "aiko carl erik", "rita",
    ),
    "membership turned into another": (
        lambda w: changed(w.rita.memberships.get(), group=Group.objects.create(name="Else")),
        "aiko carl erik", "rita",
    ),
    "policy disabled": (
        lambda w: changed(Policy.objects.get(), enabled=False),
        "", "aiko carl erik rita",
    ),
    "policy moved down": (
        lambda w: changed(Policy.objects.get(), group=w.europe),
        "erik rita", "aiko carl erik rita",
    ),
    "person switched off": (
        lambda w: changed(w.rita, is_active=False), "aiko carl erik", "rita",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "have", "marked"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_marks_those_whose_access_may_change(
    world: World, change: Change, have: str, marked: str
) -> None:
    change(world)
    assert names() == have
    assert due() == marked
    assert {User.objects.get(username=f"{name}@example.org").username for name in have.split()} == (
        entitled(world.app) if App.objects.exists() else set()
    )


BULK: dict[str, tuple[Change, str, str]] = {
    "bulk_create": (
        lambda w: GroupNesting.objects.bulk_create(
            [GroupNesting(parent=w.remote, child=support_with_sam())]
        ),
        "aiko carl erik rita sam", "sam",
    ),
    "raw delete": (
        lambda w: GroupNesting.objects.filter(parent=w.company)._raw_delete("default"),
        "carl", "aiko erik rita",
    ),
    "update": (
        lambda w: GroupNesting.objects.filter(child=w.asia).update(child=w.remote),
        "carl erik rita", "aiko",
    ),
    "paths lost": (lambda w: GroupPath.objects.all()._raw_delete("default"),
                   "aiko carl erik rita", ""),
}  # fmt: skip


@pytest.mark.parametrize(("change", "have", "marked"), BULK.values(), ids=BULK.keys())
def test_the_sweep_finds_nestings_that_were_written_in_bulk(
    world: World, change: Change, have: str, marked: str
) -> None:
    change(world)
    assert due() == ""
    queue.sweep()
    assert (names(), due()) == (have, marked)
    settle()
    assert queue.sweep() == 0


@pytest.mark.parametrize("seed", range(3))
def test_of_any_nestings_those_have_access_who_are_found_one_by_one(
    make_app: MakeApp, seed: int
) -> None:
    chance = random.Random(seed)
    app = make_app(Nowhere())
    groups = [Group.objects.create(name=f"G{number}") for number in range(8)]
    users = [person(f"u{number:02}", is_active=number % 7 > 0) for number in range(20)]
    Membership.objects.bulk_create(
        Membership(user=user, group=group)
        for user in users
        for group in chance.sample(groups, chance.randrange(3))
    )
    pairs = {tuple(chance.sample(groups, 2)) for _ in range(9)}
    GroupNesting.objects.bulk_create(GroupNesting(parent=up, child=down) for up, down in pairs)
    for number, group in enumerate(chance.sample(groups, 3)):
        Policy.objects.create(name=f"P{number}", app=app, group=group, enabled=number < 2)
    queue.sweep()
    wanted = entitled(app)
    assert set(Account.objects.values_list("identifier", flat=True)) == wanted
    assert set(access.entitled(app).values_list("username", flat=True)) == wanted
    for group in groups:
        belong = set(access.belonging_to([group.pk]).values_list("user", flat=True))
        assert belong == {
            user.pk
            for user in users
            if group.pk in {*user.memberships.values_list("group", flat=True)}
            or GroupPath.objects.filter(
                ancestor=group, descendant__in=user.memberships.values("group")
            ).exists()
        }


def test_who_belongs_to_a_group_can_be_asked_of_any_row_with_a_group_and_a_user(
    world: World,
) -> None:
    # Every person's own membership stands for a row with both.
    asked = access.belonging(group="group__policies__group", user="user")
    held = access.belonging(group="group", user="user")
    assert Membership.objects.filter(held).count() == 4
    assert [row.user.first_name for row in Membership.objects.filter(asked)] == [""]


# ------------------------------------------------------------------------- what is taken away


def told(loss: access.Loss) -> int:
    return sum(count for _, count, _ in loss)


@pytest.mark.parametrize("name", ["company", "europe", "asia", "remote"])
def test_what_deleting_a_group_takes_away_is_said_as_it_comes(world: World, name: str) -> None:
    group = getattr(world, name)
    before = names().split()
    said = told(access.lost_with_groups([group.pk]))
    group.delete()
    assert said == len(before) - len(names().split()) > 0


@pytest.mark.parametrize(
    ("parents", "lost"), [(["company"], 3), (["europe"], 0), (["asia"], 0), (["europe", "asia"], 1)]
)
def test_what_taking_groups_out_takes_away_is_said_as_it_comes(
    world: World, parents: list[str], lost: int
) -> None:
    taken = GroupNesting.objects.filter(parent__in=[getattr(world, name) for name in parents])
    before = names().split()
    said = told(access.lost_with_nestings(list(taken.values_list("pk", flat=True))))
    taken.delete()
    assert said == len(before) - len(names().split()) == lost


def test_what_another_policy_gives_on_the_way_is_not_lost(world: World) -> None:
    Policy.objects.create(name="Second", app=world.app, group=world.europe)
    nesting = world.nesting(world.company, world.europe)
    assert told(access.lost_with_nestings([nesting.pk])) == 0
    first = Policy.objects.get(group=world.company)
    assert told(access.lost_with_policies([first.pk])) == 2


@pytest.fixture
def few_parameters(db: None) -> Iterator[None]:
    """A statement takes no more than a thousand values, as in older builds of SQLite."""
    if connection.vendor != "sqlite":
        yield
        return
    limit = sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER
    before = connection.connection.setlimit(limit, 1000)
    yield
    connection.connection.setlimit(limit, before)


@pytest.mark.usefixtures("few_parameters")
def test_more_paths_may_end_than_a_statement_takes_values(make_app: MakeApp) -> None:
    above, below = (
        Group.objects.bulk_create(Group(name=f"{name} {number}") for number in range(34))
        for name in ("Above", "Below")
    )
    upper, lower = (Group.objects.create(name=name) for name in ("Upper", "Lower"))
    GroupNesting.objects.bulk_create(
        [
            *(GroupNesting(parent=group, child=upper) for group in above),
            GroupNesting(parent=upper, child=lower),
            *(GroupNesting(parent=lower, child=group) for group in below),
        ]
    )
    app = make_app(Nowhere(), group=above[0])
    rita, sam, tina = (person(name) for name in ("rita", "sam", "tina"))
    below[0].users.add(rita)
    below[1].users.add(sam)
    # Loses nothing: she is further up as well.
    below[2].users.add(tina)
    upper.users.add(tina)
    queue.sweep()
    settle()
    middle = GroupNesting.objects.get(parent=upper, child=lower)
    assert len(nesting.ending(nestings=[middle.pk])) == 35 * 35
    assert access.lost_with_nestings([middle.pk]) == [(app, 2, "deactivated")]
    assert access.lost_with_groups([lower.pk]) == [(app, 2, "deactivated")]
    middle.delete()
    assert names() == "tina"


# ------------------------------------------------------------------------------ values, counts


def test_the_people_of_a_group_are_counted_once_however_they_belong(world: World) -> None:
    world.company.users.add(world.rita)
    world.europe.users.add(world.rita)
    Group.objects.create(name="Empty")
    counted = Group.objects.annotate(people=access.people_in("pk")).order_by("name")
    assert dict(counted.values_list("name", "people")) == {
        "Asia": 2, "Company": 4, "Empty": 0, "Europe": 2, "Remote": 1,
    }  # fmt: skip
    (policy,) = Policy.objects.annotate(people=access.people_in("group"))
    assert policy.people == 4


def test_a_formula_and_the_login_method_know_the_groups_above(world: World) -> None:
    Policy.objects.update(login_method="saml")
    rows = [
        Mapping(target="title", kind=SourceKind.EXPRESSION, source='is_member_of("Company")'),
        Mapping(target="nickName", source="login_method"),
    ]
    with CaptureQueriesContext(connection) as queries:
        found = mapping.people(rows, [world.rita], app=world.app)[world.rita.pk]
    assert found.groups == {"company", "europe", "asia", "remote"}
    assert found.login_method == "saml"
    assert len(queries) == 2


def test_the_name_of_a_group_is_a_value_of_those_below_it(world: World) -> None:
    Mapping.objects.create(
        app=world.app, target="title", kind=SourceKind.EXPRESSION, source='is_member_of("Europe")'
    )
    settle()
    world.europe.name = "EMEA"
    world.europe.save()
    assert due() == "erik rita"


def test_many_in_a_nested_group_are_as_many_statements_as_a_few(world: World) -> None:
    def statements(count: int) -> int:
        group = Group.objects.create(name=f"Of {count}")
        users = User.objects.bulk_create(
            User(username=f"{count} {number}@example.org") for number in range(count)
        )
        Membership.objects.bulk_create(Membership(user=user, group=group) for user in users)
        with CaptureQueriesContext(connection) as queries:
            nested(world.remote, group)
        assert (
            Account.objects.filter(user__in=group.users.all(), due_at__isnull=False).count()
            == count
        )
        return len(queries)

    assert statements(2) == statements(300)


def test_without_a_nesting_nobody_looks_for_more_accounts(world: World) -> None:
    GroupNesting.objects.all().delete()
    assert access.ways() == (access.DIRECT,)
    with CaptureQueriesContext(connection) as queries:
        queue.mark(users=[world.rita.pk], trigger=Trigger.MANUAL)
    assert len([each for each in queries if each["sql"].startswith("INSERT")]) == 1
