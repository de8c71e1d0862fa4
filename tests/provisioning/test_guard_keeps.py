"""An account that somebody decided to keep stays as it is, for that reason and no longer."""

from collections.abc import Callable

import pytest

from iam.models import Group, User
from provisioning import guard, queue
from provisioning.access import Reason
from provisioning.models import Account, App, Decision, Event, Hold, Policy, Trigger
from provisioning.plan import Feature, State
from tests.conftest import MakeApp
from tests.support.crowd import crowd
from tests.support.decisions import reject, twelve_held
from tests.support.faulty import FaultyScim, effect_then
from tests.support.looks import account, agree, happened
from tests.support.past import let_an_hour_pass

Push = Callable[[], None]
Later = Callable[..., None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


@pytest.fixture
def people(app: App, sales: Group, faulty: FaultyScim, push: Push) -> list[User]:
    return twelve_held(app, sales, faulty, push)


def test_who_is_rejected_keeps_the_account_as_it_is(
    app: App, people: list[User], faulty: FaultyScim, push: Push, later: Later
) -> None:
    assert reject() == 12
    push()
    let_an_hour_pass()
    assert queue.sweep() == 0
    later(days=40)
    app.save()
    push()
    assert faulty.writes == []
    assert len(faulty.active_names()) == 12
    agree(app, faulty)
    assert set(Account.objects.values_list("problem", "guard", "kept_because")) == {
        ("", "", Reason.NO_POLICY)
    }


def test_a_kept_account_is_told_once(app: App, people: list[User], push: Push) -> None:
    reject()
    for _ in range(2):
        push()
        app.save()
    told = Event.objects.filter(user=people[0]).order_by("pk")
    assert list(told.values_list("outcome", "actor")) == [("held", ""), ("skipped", "olga")]
    assert told[1].message == (
        "The account “p0000@example.org” stays in Zoom, although no group of theirs has a policy "
        "for Zoom any more: somebody decided so under Holds."
    )


KEPT_AFTER: dict[str, tuple[Callable[[], object], str]] = {
    "group deleted": (lambda: Group.objects.all().delete(), Reason.NO_POLICY),
    "policy deleted": (lambda: Policy.objects.all().delete(), Reason.NO_POLICY),
    "policy off": (lambda: Policy.objects.update(enabled=False), Reason.NO_POLICY),
    "switched off": (lambda: User.objects.update(is_active=False), Reason.INACTIVE),
    "deleted": (lambda: User.objects.all().delete(), Reason.DELETED),
}


@pytest.mark.parametrize(("cause", "reason"), KEPT_AFTER.values(), ids=KEPT_AFTER.keys())
def test_whatever_the_cause_kept_accounts_stay(
    app: App,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    cause: Callable[[], object],
    reason: str,
) -> None:
    crowd(app, sales, faulty, 12)
    cause()
    queue.sweep()
    push()
    reject()
    push()
    queue.mark(trigger=Trigger.MANUAL)
    push()
    assert faulty.writes == []
    assert len(faulty.active_names()) == 12
    assert set(Account.objects.values_list("kept_because", flat=True)) == {reason}


def test_a_kept_person_who_is_switched_off_is_not_sent_so(
    app: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    users = crowd(app, sales, faulty, 12)
    User.objects.update(is_active=False)
    queue.sweep()
    push()
    reject()
    push()
    User.objects.filter(pk=users[0].pk).update(last_name="Oak")
    queue.sweep()
    push()
    assert faulty.user(users[0].username)["name"]["familyName"] == "Oak"
    assert len(faulty.active_names()) == 12


def test_what_was_done_already_is_put_right_when_it_is_rejected(
    app: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    users = crowd(app, sales, faulty, 12)
    faulty.on("*", effect_then(503))
    for user in users[:2]:
        sales.users.remove(user)
    push()
    faulty.heal()
    sales.users.clear()
    push()
    assert len(faulty.active_names()) == 10
    reject()
    push()
    assert len(faulty.active_names()) == 12
    assert happened(user=users[0])[-2:] == [("reactivate", "done"), ("deactivate", "skipped")]
    agree(app, faulty)


def test_whoever_was_switched_off_long_ago_is_not_switched_on_by_keeping_the_account(
    make_app: MakeApp, sales: Group, faulty: FaultyScim, push: Push, later: Later
) -> None:
    app = make_app(faulty, name="Chat", group=sales, features=tuple(Feature))
    users = crowd(app, sales, faulty, 12)
    for some in (users[:6], users[6:]):
        sales.users.remove(*some)
        push()
        later(days=2)
    later(days=31)
    push()
    assert Hold.objects.filter(operation="delete").count() == 12
    reject()
    push()
    later(days=400)
    app.save()
    push()
    assert len(faulty.names()) == 12
    assert faulty.active_names() == []
    agree(app, faulty)
    message = Event.objects.filter(outcome="skipped")[0].message
    assert "is not deleted in Chat and stays switched off" in message


def test_a_kept_account_that_a_policy_gives_again_is_an_ordinary_one(
    app: App, people: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    reject()
    push()
    sales.users.add(people[0])
    push()
    assert account(app, people[0]).kept_because == ""
    sales.users.remove(people[0])
    push()
    assert people[0].username not in faulty.active_names()
    assert len(faulty.active_names()) == 11


LEAVES: dict[str, Callable[[User], object]] = {
    "switched off": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "deleted": lambda user: user.delete(),
}


@pytest.mark.parametrize("leave", LEAVES.values(), ids=LEAVES.keys())
def test_an_account_is_kept_only_for_the_reason_that_was_rejected(
    app: App,
    people: list[User],
    faulty: FaultyScim,
    push: Push,
    leave: Callable[[User], object],
) -> None:
    reject()
    push()
    leave(people[0])
    queue.sweep()
    push()
    assert people[0].username not in faulty.active_names()
    assert len(faulty.active_names()) == 11


def test_a_kept_account_that_somebody_removes_there_is_not_made_again(
    app: App, people: list[User], faulty: FaultyScim, push: Push
) -> None:
    reject()
    push()
    key = faulty.user(people[0].username)["id"]
    del faulty.stored[key]
    people[0].last_name = "Oak"
    people[0].save()
    push()
    assert len(faulty.names()) == 11
    assert account(app, people[0]).state == State.GONE
    assert "has no account" in Event.objects.filter(user=people[0]).first().message  # type: ignore[union-attr]


def test_a_held_account_that_goes_to_a_person_who_was_added_again_waits_no_more(
    app: App, people: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    name = people[0].username
    people[0].delete()
    push()
    again = User.objects.create(username=name)
    sales.users.add(again)
    push()
    assert account(app, again).state == State.ACTIVE
    assert Hold.objects.get(identifier=name).decision == Decision.OVER


# --------------------------------------------------------------------------------- end access


def test_a_kept_account_can_be_let_go(
    app: App, people: list[User], faulty: FaultyScim, push: Push
) -> None:
    reject()
    push()
    assert guard.end_access(Account.objects.filter(user__in=people[:3]), by="oscar") == 3
    push()
    assert len(faulty.active_names()) == 9
    event = Event.objects.filter(user=people[0], outcome="done").get()
    assert (event.approved_by, event.actor) == ("oscar", "oscar")


def test_only_kept_accounts_are_let_go(
    app: App, people: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    (stays,) = crowd(app, sales, faulty, 1, prefix="stays")
    assert guard.end_access(Account.objects.all(), by="oscar") == 0
    push()
    assert len(faulty.active_names()) == 13
    assert Hold.objects.filter(decision=Decision.WAITING).count() == 12
