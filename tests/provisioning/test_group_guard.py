"""The guard holds removals from groups back, and nothing else."""

from collections.abc import Callable

import pytest

from iam.models import Group, Membership, User
from provisioning import group_guard, group_queue, queue
from provisioning.models import (
    App,
    Decision,
    Event,
    GroupsToPush,
    Hold,
    Outcome,
    Problem,
    PushedGroup,
    PushedMember,
)
from tests.conftest import MakeApp, person
from tests.provisioning.test_groups import ALL, people_in, pushed, with_groups
from tests.support.faulty import FaultyScim

Push = Callable[[], None]


@pytest.fixture
def everybody(sales: Group) -> list[User]:
    """Eight people, in the group that is pushed and in one that gives them the account."""
    people = [person(f"p{number}") for number in range(8)]
    sales.users.add(*people)
    return people


@pytest.fixture
def zoom(
    make_app: MakeApp, faulty: FaultyScim, sales: Group, everybody: list[User], push: Push
) -> App:
    """Two people may be taken out of its groups; the accounts come from somewhere else."""
    staff = Group.objects.create(name="Staff")
    staff.users.add(*everybody)
    app = make_app(faulty, features=ALL, group=staff)
    app.chosen_groups.add(sales)
    with_groups(app, groups_to_push=GroupsToPush.CHOSEN, guard_count=2, guard_percent=0)
    push()
    return app


def leave(people: list[User], group: Group) -> None:
    for membership in Membership.objects.filter(group=group, user__in=people):
        membership.delete()


def test_a_few_may_be_taken_out_and_too_many_wait_while_others_join(
    zoom: App, everybody: list[User], sales: Group, bob: User, faulty: FaultyScim, push: Push
) -> None:
    leave(everybody[:2], sales)
    push()
    assert len(people_in(faulty)) == 6
    # The third within 24 hours.
    leave(everybody[2:3], sales)
    Group.objects.get(name="Staff").users.add(bob)
    sales.users.add(bob)
    sales.name = "Selling"
    sales.save()
    push()
    assert len(people_in(faulty, "Selling")) == 7
    assert bob.username in people_in(faulty, "Selling")
    row = pushed(zoom)
    assert (row.problem, row.guard_people, row.due_at) == (Problem.HELD, 1, None)
    hold = Hold.objects.get()
    assert (hold.pushed_group, hold.people, hold.account) == (row, 1, None)
    (event,) = Event.objects.filter(outcome=Outcome.HELD)
    assert (
        "3 people would be taken out of groups in Zoom within 24 hours, and 2 may" in event.message
    )
    assert group_queue.sweep() == 0
    # One more: the same hold, for two.
    leave(everybody[3:4], sales)
    push()
    assert Hold.objects.get().people == 2
    assert len(people_in(faulty, "Selling")) == 7


def test_who_loses_the_account_is_not_counted_once_more(
    zoom: App, everybody: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    App.objects.update(guard_count=5)
    leave(everybody[7:], sales)
    push()
    for user in everybody[:5]:
        user.is_active = False
        user.save()
    push()
    assert len(people_in(faulty)) == 2
    # Two were taken out for a reason of their own; those who lost the account are not counted.
    App.objects.update(guard_count=2)
    leave(everybody[6:7], sales)
    push()
    assert len(people_in(faulty)) == 1
    assert not Hold.objects.exists()


def test_who_keeps_the_account_for_the_time_being_keeps_the_groups(
    zoom: App, everybody: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    User.objects.filter(pk__in=[user.pk for user in everybody[:5]]).update(is_active=False)
    PushedGroup.objects.update(due_at=sales.created_at)
    group_queue.sweep()
    queue.sweep()
    push()
    assert Hold.objects.filter(account__isnull=False).count() == 5
    assert not Hold.objects.filter(pushed_group__isnull=False).exists()
    assert len(people_in(faulty)) == 8


@pytest.mark.parametrize("way", ["released", "kept", "undone"])
def test_a_decision_is_carried_out(
    zoom: App, everybody: list[User], sales: Group, faulty: FaultyScim, push: Push, way: str
) -> None:
    leave(everybody[:5], sales)
    push()
    assert len(people_in(faulty)) == 8
    holds = Hold.objects.all()
    if way == "undone":
        sales.users.add(*everybody[:5])
    else:
        decide = group_guard.release if way == "released" else group_guard.reject
        assert decide(holds, by="olga", reason="Checked") == 1
    push()
    assert len(people_in(faulty)) == (3 if way == "released" else 8)
    assert pushed(zoom).problem == ""
    if way == "released":
        done = Event.objects.filter(operation="remove_member", outcome=Outcome.DONE)
        assert set(done.values_list("approved_by", flat=True)) == {"olga"}
        assert pushed(zoom).guard == ""
    elif way == "kept":
        assert group_queue.sweep() == 0
        # Asked anew for somebody else, and ended by a person.
        assert group_guard.end_keeping(PushedGroup.objects.all(), by="olga") == 1
        push()
        assert len(people_in(faulty)) == 3
    else:
        assert Hold.objects.get().decision == Decision.OVER


def test_what_is_kept_is_asked_again_when_somebody_else_is_to_go(
    zoom: App, everybody: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    leave(everybody[:5], sales)
    push()
    group_guard.reject(Hold.objects.all(), by="olga", reason="Checked")
    push()
    leave(everybody[5:6], sales)
    push()
    assert len(people_in(faulty)) == 8
    assert Hold.objects.get(decision=Decision.WAITING).people == 6


@pytest.mark.parametrize("is_released", [True, False])
def test_the_deletion_of_a_large_group_waits(
    zoom: App, sales: Group, faulty: FaultyScim, push: Push, is_released: bool
) -> None:
    sales.delete()
    push()
    assert len(people_in(faulty)) == 8
    hold = Hold.objects.get()
    assert (hold.operation, hold.people, hold.identifier) == ("delete_group", 8, "Sales")
    if is_released:
        group_guard.release(Hold.objects.all(), by="olga", reason="Checked")
    else:
        group_guard.reject(Hold.objects.all(), by="olga", reason="Checked")
    push()
    assert faulty.groups.names() == ([] if is_released else ["Sales"])
    assert PushedMember.objects.count() == (0 if is_released else 8)
    assert group_queue.sweep() == 0


def test_what_a_deletion_took_counts_for_the_next(
    zoom: App, everybody: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    small = Group.objects.create(name="Small")
    small.users.add(*everybody[:2])
    zoom.chosen_groups.add(small)
    push()
    small.delete()
    push()
    assert faulty.groups.names() == ["Sales"]
    leave(everybody[:1], sales)
    push()
    assert Hold.objects.get().people == 1
