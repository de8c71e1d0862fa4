"""How many requests the groups of an application cost, and what a dying process leaves behind."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from iam.models import Group, Membership, User
from provisioning import group_queue
from provisioning.connectors.scim import Scim
from provisioning.models import (
    Account,
    App,
    Event,
    Lane,
    MemberState,
    PushedGroup,
    PushedMember,
    Trigger,
)
from provisioning.plan import State
from tests.conftest import MakeApp
from tests.provisioning.test_groups import ALL, about_groups, agree, people_in, pushed, with_groups
from tests.support.connectors import in_catalogue
from tests.support.faulty import FaultyScim

Push = Callable[[], None]


class Killed(BaseException):
    """Ends the process, as far as anything here can tell."""


def members_there(app: App, group: Group, faulty: FaultyScim, count: int) -> None:
    """So many people with an account, all of them in the group, written in bulk."""
    names = [f"p{number:05}" for number in range(count)]
    User.objects.bulk_create(
        [User(username=name, username_key=name, external_id=uuid.uuid4()) for name in names]
    )
    people = list(User.objects.filter(username__startswith="p").order_by("pk"))
    Membership.objects.bulk_create([Membership(user=user, group=group) for user in people])
    for user in people:
        faulty.stored[user.username] = {
            "id": user.username,
            "userName": user.username,
            "active": True,
            "externalId": str(user.external_id),
        }
    Account.objects.bulk_create(
        [
            Account(
                app=app,
                user=user,
                identifier=user.username,
                identifier_key=user.username_key,
                external_id=user.external_id,
                remote_id=user.username,
                origin="created",
                state=State.ACTIVE,
                granted=True,
                done_generation=1,
            )
            for user in people
        ]
    )
    Account.objects.update(due_at=None)


@pytest.fixture
def zoom(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return with_groups(make_app(faulty, features=ALL, group=sales))


def test_the_first_push_costs_a_look_up_a_creation_and_the_portions(
    zoom: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    members_there(zoom, sales, faulty, 250)
    push()
    # Each portion is looked at, as no answer shows the group.
    portions = 3 * ["PATCH /Groups/…", "GET /Groups/…"]
    assert about_groups(faulty) == ["GET /Groups", "POST /Groups", *portions]
    assert len(people_in(faulty)) == 250
    agree(zoom, faulty)


def test_one_more_in_five_thousand_is_one_small_request(
    zoom: App, sales: Group, bob: User, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-67"""
    members_there(zoom, sales, faulty, 5_000)
    there = faulty.groups.add("Sales", *(user["id"] for user in faulty.users()))
    PushedGroup.objects.update(
        remote_id=there["id"],
        origin="created",
        state=State.ACTIVE,
        granted=True,
        applied={"displayName": "Sales"},
        due_at=None,
    )
    row = pushed(zoom)
    PushedMember.objects.bulk_create(
        PushedMember(pushed_group=row, account=each, remote_id=each.remote_id, state="in")
        for each in Account.objects.all()
    )
    sales.users.add(bob)
    with CaptureQueriesContext(connection) as queries:
        push()
    (size,) = [
        len(request.body) for request in faulty.requests if request.path.startswith("/Groups")
    ]
    assert size < 1_000
    assert len(people_in(faulty)) == 5_001
    # The whole group is not read for one of its members.
    assert Event.objects.get(operation="add_member").effect == "accepted"
    # However many are in it.
    assert len(queries) < 120
    group_queue.mark_apps([zoom.pk], trigger=Trigger.MANUAL)
    faulty.requests.clear()
    push()
    assert about_groups(faulty) == []


@pytest.mark.parametrize("method", ["create_group", "add_members", "remove_members"])
@pytest.mark.parametrize("after", [True, False], ids=["done", "not-done"])
def test_a_process_that_dies_loses_and_doubles_nothing(
    make_app: MakeApp,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    method: str,
    after: bool,
) -> None:
    deaths = iter([True])

    def dying(connector: Scim, *args: Any, **options: Any) -> Any:
        dies = next(deaths, False)
        if dies and not after:
            raise Killed
        answer = getattr(Scim, method)(connector, *args, **options)
        if dies:
            raise Killed
        return answer

    with in_catalogue(type("Dying", (Scim,), {method: dying}), "dying") as kind:
        app = with_groups(make_app(faulty, kind=kind, features=ALL, group=sales))
        members_there(app, sales, faulty, 3)
        if method == "remove_members":
            push()
            Group.objects.create(name="Staff").users.add(*User.objects.all())
            app.policies.create(name="Staff", group=Group.objects.get(name="Staff"))
            push()
            Membership.objects.filter(group=sales).first().delete()  # type: ignore[union-attr]
        with pytest.raises(Killed):
            push()
        if method != "create_group":
            # Word of it stands in the database.
            expected = MemberState.REMOVING if method == "remove_members" else MemberState.ADDING
            assert PushedMember.objects.filter(state=expected).exists()
        push()
        assert len(people_in(faulty)) == (2 if method == "remove_members" else 3)
        agree(app, faulty)
        assert faulty.groups.names().count("Sales") == 1
        done = Event.objects.filter(operation="add_member", outcome="done")
        told = list(done.values_list("message", flat=True))
        assert len(told) == len(set(told)) >= 3


def test_a_large_group_goes_on_where_a_process_died(
    make_app: MakeApp, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-48 and bad-input-67"""
    faulty.groups.most_members = 60
    portions: list[int] = []

    def dying(connector: Scim, remote_id: str, members: list[str]) -> Any:
        portions.append(len(members))
        answer = Scim.add_members(connector, remote_id, members)
        if len(portions) == 4:
            raise Killed
        return answer

    with in_catalogue(type("Dying", (Scim,), {"add_members": dying}), "dying") as kind:
        app = with_groups(make_app(faulty, kind=kind, features=ALL, group=sales))
        members_there(app, sales, faulty, 300)
        with pytest.raises(Killed):
            push()
        # It goes on where it was, and not from the beginning.
        assert len(people_in(faulty)) == 150
        push()
    assert len(people_in(faulty)) == 300
    assert portions == [100, *6 * [50], 50]
    assert Event.objects.filter(operation="add_member", outcome="done").count() == 300
    agree(app, faulty)


def test_a_group_is_filled_one_by_one_where_no_more_are_taken(
    zoom: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-48"""
    faulty.groups.most_members = 1
    members_there(zoom, sales, faulty, 5)
    push()
    assert len(people_in(faulty)) == 5
    zoom.refresh_from_db()
    assert zoom.learned["members_at_once"]["value"] == "1"
    agree(zoom, faulty)


def test_a_lane_that_was_lost_meanwhile_records_nothing(
    make_app: MakeApp, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    """The next owner sends it again, which changes nothing there."""
    losses = iter([True])

    def add_members(connector: Scim, *args: Any) -> Any:
        answer = Scim.add_members(connector, *args)
        if next(losses, False):
            Lane.objects.update(token=F("token") + 1, lease_until=None)
        return answer

    with in_catalogue(type("Losing", (Scim,), {"add_members": add_members}), "losing") as kind:
        app = with_groups(make_app(faulty, kind=kind, features=ALL, group=sales))
        members_there(app, sales, faulty, 3)
        push()
        assert set(PushedMember.objects.values_list("state", flat=True)) == {MemberState.ADDING}
        assert not Event.objects.filter(operation="add_member").exists()
        push()
        assert len(people_in(faulty)) == 3
        assert Event.objects.filter(operation="add_member").count() == 3
        agree(app, faulty)


def test_accounts_come_first(
    make_app: MakeApp, sales: Group, bob: User, faulty: FaultyScim, push: Push
) -> None:
    def create_group(connector: Scim, *args: Any, **options: Any) -> Any:
        sales.users.add(bob)
        return Scim.create_group(connector, *args, **options)

    with in_catalogue(type("Joining", (Scim,), {"create_group": create_group}), "joining") as kind:
        app = with_groups(make_app(faulty, kind=kind, features=ALL, group=sales))
        members_there(app, sales, faulty, 3)
        faulty.requests.clear()
        push()
        assert faulty.writes == ["POST /Groups", "POST /Users", "PATCH /Groups/…"]
        assert len(people_in(faulty)) == 4
