"""Groups are kept in an application, with those of their people who have an account there."""

from collections.abc import Callable
from typing import Any

import pytest

from iam.models import Group, GroupNesting, Membership, User
from provisioning import group_queue, queue
from provisioning.models import (
    Account,
    App,
    Event,
    GroupsToPush,
    MemberState,
    Origin,
    Outcome,
    Policy,
    Problem,
    PushedGroup,
    PushedMember,
    Trigger,
)
from provisioning.plan import Feature, State
from tests.conftest import REVERSIBLE, MakeApp, person
from tests.support.faulty import FaultyScim, answer, lose_answer, lose_request
from tests.support.looks import account

Push = Callable[[], None]

GROUPS = (Feature.CREATE_GROUPS, Feature.UPDATE_GROUPS, Feature.GROUP_MEMBERS)
ALL = (*REVERSIBLE, *GROUPS, Feature.DELETE_GROUPS)


@pytest.fixture
def zoom(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    """Gets the group Sales as a group, too."""
    return with_groups(make_app(faulty, features=ALL, group=sales))


def with_groups(app: App, **fields: Any) -> App:
    for name, value in {"groups_to_push": GroupsToPush.POLICIES, **fields}.items():
        setattr(app, name, value)
    app.save()
    return app


def pushed(app: App, **about: Any) -> PushedGroup:
    return PushedGroup.objects.select_related("app").get(app=app, **about)


def people_in(faulty: FaultyScim, name: str = "Sales") -> list[str]:
    names = {user["id"]: user["userName"] for user in faulty.users()}
    return sorted(names.get(member, member) for member in faulty.groups.members(name))


def about_groups(faulty: FaultyScim) -> list[str]:
    """The requests about groups since the last time that this was asked."""
    found = [line for line in faulty.journal if "/Groups" in line]
    faulty.requests.clear()
    return found


def told(app: App) -> list[tuple[str, str, str]]:
    rows = Event.objects.filter(app=app, operation__in=["add_member", "remove_member"])
    rows |= Event.objects.filter(app=app, operation__endswith="_group")
    return list(rows.order_by("pk").values_list("operation", "outcome", "identifier"))


def agree(app: App, faulty: FaultyScim) -> None:
    """Assert that the rows say what the application holds, and that nothing is left to do."""
    for row in PushedGroup.objects.filter(app=app):
        assert row.due_at is None, f"{row} is due"
        assert row.intent == {}, f"{row} is in doubt"
        members = set(row.members.values_list("remote_id", flat=True))
        if row.remote_id is None:
            assert not members
            continue
        there = faulty.groups.stored[row.remote_id]
        assert members <= {member["value"] for member in there.get("members", [])}
        assert set(row.members.values_list("state", flat=True)) <= {MemberState.IN}
    assert group_queue.sweep() == 0


# -------------------------------------------------------------------------------- the whole life


def test_a_group_lives_there_as_it_does_here(
    zoom: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    assert people_in(faulty) == [ann.username]
    # One look-up, one creation, everybody in one request, and a look at what came of it.
    made = ["GET /Groups", "POST /Groups"]
    assert about_groups(faulty) == [*made, "PATCH /Groups/…", "GET /Groups/…"]
    sales.users.add(bob)
    push()
    assert people_in(faulty) == [ann.username, bob.username]
    assert about_groups(faulty) == ["PATCH /Groups/…", "GET /Groups/…"]
    sales.name = "Sales and more"
    sales.save()
    push()
    assert faulty.groups.names() == ["Sales and more"]
    assert about_groups(faulty) == ["PATCH /Groups/…"]
    Membership.objects.get(user=bob).delete()
    push()
    assert people_in(faulty, "Sales and more") == [ann.username]
    agree(zoom, faulty)
    about_groups(faulty)
    queue.mark(apps=[zoom.pk], trigger=Trigger.MANUAL)
    PushedGroup.objects.update(due_at=sales.created_at)
    push()
    assert about_groups(faulty) == []
    sales.delete()
    push()
    assert faulty.groups.names() == []
    row = pushed(zoom)
    assert (row.state, row.group, row.name) == (State.GONE, None, "Sales and more")
    agree(zoom, faulty)
    assert told(zoom) == [
        ("create_group", "done", "Sales"),
        ("add_member", "done", ann.username),
        ("add_member", "done", bob.username),
        ("update_group", "done", "Sales and more"),
        ("remove_member", "done", bob.username),
        ("delete_group", "done", "Sales and more"),
    ]
    sentence = Event.objects.get(operation="add_member", user=ann).message
    assert sentence == "Ann Ash was added to the group “Sales” in Zoom."


def test_a_member_without_an_account_waits_and_follows(
    zoom: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    faulty.on("POST", answer(400), about=bob.username)
    sales.users.add(bob)
    push()
    assert people_in(faulty) == [ann.username]
    agree(zoom, faulty)
    faulty.heal()
    bob.first_name = "Robert"
    bob.save()
    push()
    assert people_in(faulty) == [ann.username, bob.username]


def test_who_is_switched_off_leaves_and_who_comes_back_returns(
    zoom: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    for is_active, there in ((False, []), (True, [ann.username])):
        ann.is_active = is_active
        ann.save()
        push()
        assert people_in(faulty) == there
        agree(zoom, faulty)


def test_an_account_that_is_deleted_there_takes_its_place_in_groups_along(
    zoom: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    zoom.features = [*zoom.features, Feature.DELETE_USERS]
    zoom.delete_after_days = 0
    zoom.save()
    push()
    about_groups(faulty)
    ann.delete()
    push()
    assert not PushedMember.objects.exists()
    assert about_groups(faulty) == []


def test_an_account_that_is_made_anew_is_a_new_member(
    zoom: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    former = faulty.user(ann.username)["id"]
    del faulty.stored[former]
    ann.first_name = "Anna"
    ann.save()
    push()
    assert faulty.user(ann.username)["id"] in faulty.groups.members("Sales")
    assert PushedMember.objects.get().remote_id != former
    agree(zoom, faulty)


# --------------------------------------------------------------------------- which ones are pushed


def test_chosen_groups_give_nobody_an_account(
    zoom: App, ann: User, bob: User, faulty: FaultyScim, push: Push
) -> None:
    everybody = Group.objects.create(name="Everybody")
    everybody.users.add(ann, bob)
    with_groups(zoom, groups_to_push=GroupsToPush.CHOSEN)
    zoom.chosen_groups.add(everybody)
    push()
    assert faulty.groups.names() == ["Everybody"]
    assert people_in(faulty, "Everybody") == [ann.username]
    assert faulty.names() == [ann.username]
    zoom.chosen_groups.clear()
    push()
    assert faulty.groups.names() == []


@pytest.mark.parametrize("how", ["policy", "setting", "sweep"])
def test_what_is_not_pushed_any_more_is_deleted_there(
    zoom: App, ann: User, faulty: FaultyScim, push: Push, how: str
) -> None:
    push()
    if how == "policy":
        Policy.objects.get().delete()
    elif how == "setting":
        with_groups(zoom, groups_to_push=GroupsToPush.NONE)
    else:
        App.objects.update(groups_to_push=GroupsToPush.NONE)
        queue.sweep()
    push()
    assert faulty.groups.names() == []


def test_without_the_feature_it_is_left_and_that_is_said_once(
    zoom: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    zoom.features = [*REVERSIBLE, *GROUPS]
    zoom.save()
    push()
    with_groups(zoom, groups_to_push=GroupsToPush.NONE)
    push()
    with_groups(zoom)
    with_groups(zoom, groups_to_push=GroupsToPush.NONE)
    push()
    assert people_in(faulty) == [ann.username]
    (event,) = Event.objects.filter(operation="delete_group")
    assert event.outcome == Outcome.SKIPPED
    assert "is left in Zoom as it is" in event.message


@pytest.mark.parametrize(
    ("features", "requests"),
    [
        (REVERSIBLE, []),
        ((*REVERSIBLE, Feature.CREATE_GROUPS), ["GET /Groups", "POST /Groups"]),
    ],
)
def test_only_what_is_switched_on_is_done(
    zoom: App,
    ann: User,
    faulty: FaultyScim,
    push: Push,
    features: tuple[Feature, ...],
    requests: list[str],
) -> None:
    zoom.features = list(features)
    zoom.save()
    push()
    assert about_groups(faulty) == requests
    assert pushed(zoom).problem == Problem.SWITCHED_OFF
    zoom.features = list(ALL)
    zoom.save()
    push()
    assert people_in(faulty) == [ann.username]
    assert pushed(zoom).problem == ""


def test_applications_get_flat_groups(
    zoom: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    abroad = Group.objects.create(name="Abroad")
    abroad.users.add(bob)
    nested = GroupNesting.objects.create(parent=sales, child=abroad)
    push()
    assert people_in(faulty) == [ann.username, bob.username]
    assert faulty.groups.names() == ["Sales"]
    abroad.users.remove(bob)
    push()
    assert people_in(faulty) == [ann.username]
    abroad.users.add(bob)
    push()
    nested.delete()
    push()
    assert people_in(faulty) == [ann.username]
    agree(zoom, faulty)


# --------------------------------------------------------------------------------------- adoption


def test_a_group_of_the_same_name_is_adopted_only_where_that_is_allowed(
    zoom: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    stranger = faulty.add("stranger")["id"]
    faulty.groups.add("Sales", stranger)
    push()
    row = pushed(zoom)
    assert (row.problem, row.remote_id) == (Problem.CONFLICT, None)
    assert "Adopt groups that are there already" in row.message
    assert people_in(faulty) == ["stranger"]
    with_groups(zoom, adopt_groups=True)
    push()
    assert people_in(faulty) == [ann.username, "stranger"]
    assert pushed(zoom).origin == Origin.ADOPTED
    agree(zoom, faulty)
    # Not deleted, and not emptied of those whom we do not know.
    with_groups(zoom, groups_to_push=GroupsToPush.NONE)
    push()
    assert people_in(faulty) == ["stranger"]
    row = pushed(zoom)
    assert (row.state, row.remote_id) == (State.GONE, None)
    assert "it was there before Gatehouse" in row.message


def test_whoever_is_known_of_an_adopted_group_is_kept_right(
    zoom: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    sales.users.add(bob)
    push()
    other = Group.objects.create(name="Others")
    other.users.add(ann)
    ids = [account(zoom, user).remote_id for user in (ann, bob)]
    faulty.groups.add("Others", *map(str, ids))
    zoom.chosen_groups.add(other)
    with_groups(zoom, groups_to_push=GroupsToPush.CHOSEN, adopt_groups=True)
    push()
    assert people_in(faulty, "Others") == [ann.username]


def test_a_group_of_another_system_and_one_of_ours_are_conflicts(
    zoom: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    with_groups(zoom, adopt_groups=True)
    faulty.groups.add("Sales", externalId="of-another-system")
    push()
    assert pushed(zoom).problem == Problem.CONFLICT
    assert "another system manages it" in pushed(zoom).message
    assert faulty.groups.members("Sales") == set()


def test_a_group_made_anew_gets_the_one_that_was_left_there(
    zoom: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    zoom.features = [*REVERSIBLE, *GROUPS]
    zoom.save()
    push()
    sales.delete()
    push()
    again = Group.objects.create(name="Sales")
    again.users.add(ann)
    Policy.objects.create(name="Again", app=zoom, group=again)
    push()
    assert len(faulty.groups.stored) == 1
    assert people_in(faulty) == [ann.username]
    assert pushed(zoom, group=again).origin == Origin.CREATED


# ----------------------------------------------------------------------------------------- failures


def test_one_bad_member_never_sinks_the_rest(
    zoom: App, ann: User, sales: Group, faulty: FaultyScim, push: Push, later: Any
) -> None:
    """bad-input-66"""
    everybody = [person(f"p{number:02}") for number in range(20)]
    sales.users.add(*everybody)
    bad = everybody[13]
    push()
    Account.objects.filter(user=bad).update(remote_id="nobody-there")
    PushedMember.objects.filter(account__user=bad).delete()
    del faulty.groups.stored[str(pushed(zoom).remote_id)]
    faulty.groups.unknown_member = 400
    queue.sweep()
    push()
    assert len(people_in(faulty)) == 20
    row = PushedMember.objects.get(state=MemberState.REFUSED)
    assert row.account.user == bad
    event = Event.objects.get(operation="add_member", outcome=Outcome.FAILED)
    assert (event.user, event.identifier) == (bad, bad.username)
    assert "Everybody else is in order" in event.message
    assert pushed(zoom).problem == Problem.REJECTED
    assert group_queue.sweep() == 0
    about_groups(faulty)
    later(days=1, minutes=1)
    faulty.groups.unknown_member = 0
    push()
    assert about_groups(faulty) == ["PATCH /Groups/…", "GET /Groups/…"]
    assert not PushedMember.objects.exclude(state=MemberState.IN).exists()
    assert pushed(zoom).problem == ""


def test_who_was_refused_and_leaves_the_group_is_no_trouble_of_it_any_more(
    zoom: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    zoom.groups_to_push = GroupsToPush.CHOSEN
    zoom.save()
    zoom.chosen_groups.add(sales)
    # Has the account by another group, and keeps it.
    other = Group.objects.create(name="Other")
    Policy.objects.create(name="Other", app=zoom, group=other)
    other.users.add(bob)
    push()
    Account.objects.filter(user=bob).update(remote_id="nobody-there")
    faulty.groups.unknown_member = 400
    sales.users.add(bob)
    push()
    assert pushed(zoom).problem == Problem.REJECTED
    sales.users.remove(bob)
    push()
    assert [row.account.user for row in PushedMember.objects.all()] == [ann]
    row = pushed(zoom)
    assert (row.problem, row.message, row.due_at) == ("", "", None)


def test_a_group_that_refuses_everybody_is_left_alone(
    zoom: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    sales.users.add(*[person(f"p{number:02}") for number in range(40)])
    faulty.on("PATCH", answer(403, {"detail": "Read only."}), about="/Groups")
    faulty.on("PUT", answer(403, {"detail": "Read only."}), about="/Groups")
    push()
    assert pushed(zoom).problem
    assert Event.objects.filter(operation="add_member", user__isnull=False).count() < 25


@pytest.mark.parametrize("lost", [lose_answer, lose_request], ids=["done", "not-done"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_lost_answer_loses_and_doubles_nothing(
    zoom: App,
    ann: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    later: Any,
    lost: Any,
    method: str,
) -> None:
    if method == "DELETE":
        push()
        sales.delete()
    faulty.on(method, lost, about="/Groups", times=3)
    for _ in range(5):
        push()
        later(minutes=5)
    expected = [] if method == "DELETE" else ["Sales"]
    assert faulty.groups.names() == expected
    if expected:
        assert people_in(faulty) == [ann.username]
    agree(zoom, faulty)


def test_a_group_removed_there_is_made_again_with_everybody(
    zoom: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    faulty.groups.stored.clear()
    sales.users.add(bob)
    push()
    assert people_in(faulty) == [ann.username, bob.username]
    assert ("add_member", "retrying", "Sales") in told(zoom)
    agree(zoom, faulty)


def test_a_group_that_is_wanted_again_while_its_deletion_is_in_doubt(
    zoom: App, ann: User, faulty: FaultyScim, push: Push, later: Any
) -> None:
    push()
    faulty.on("DELETE", lose_answer, about="/Groups")
    with_groups(zoom, groups_to_push=GroupsToPush.NONE)
    push()
    assert faulty.groups.names() == []
    with_groups(zoom)
    later(minutes=5)
    push()
    assert people_in(faulty) == [ann.username]
    agree(zoom, faulty)


def test_an_app_that_fails_rests_with_its_groups(
    zoom: App, ann: User, faulty: FaultyScim, push: Push, later: Any
) -> None:
    faulty.on("*", answer(401), about="/Groups", times=1)
    push()
    zoom.lane.refresh_from_db()
    assert zoom.lane.problem
    later(hours=2)
    push()
    assert people_in(faulty) == [ann.username]


# ---------------------------------------------------------------------------------------- the sweep


def test_the_routine_check_finds_what_bulk_writes_did(
    zoom: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    Membership.objects.bulk_create([Membership(user=bob, group=sales)])
    queue.sweep()
    push()
    assert people_in(faulty) == [ann.username, bob.username]
    # Still has the account, by another group, so that only the group tells.
    other = Group.objects.create(name="Others")
    other.users.add(ann)
    Policy.objects.create(name="Others too", app=zoom, group=other)
    push()
    Membership.objects.filter(user=ann, group=sales)._raw_delete("default")
    assert group_queue.sweep() == 1
    push()
    assert people_in(faulty) == [bob.username]
    Group.objects.filter(pk=sales.pk).update(name="Selling")
    queue.sweep()
    push()
    assert faulty.groups.names() == ["Others", "Selling"]
    agree(zoom, faulty)
