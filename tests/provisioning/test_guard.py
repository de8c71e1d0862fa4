"""Too many removals at once wait for a person, whatever caused them; all else goes on."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from iam.models import Group, Membership, User
from provisioning import queue
from provisioning.models import Account, App, Event, Hold, Policy
from provisioning.plan import Feature, State
from tests.conftest import MakeApp, person
from tests.support.crowd import crowd, held, leave
from tests.support.faulty import FaultyScim, effect_then
from tests.support.looks import agree, happened

Push = Callable[[], None]
Later = Callable[..., None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


@pytest.fixture
def eleven(app: App, sales: Group, faulty: FaultyScim) -> list[User]:
    """One more than may go without anybody being asked."""
    return crowd(app, sales, faulty, 11)


# ---------------------------------------------------------------------------- whatever caused it


def shrink(app: App) -> None:
    policy = Policy.objects.get(app=app)
    policy.group = Group.objects.create(name="Board")
    policy.save()


def disable(app: App) -> None:
    policy = Policy.objects.get(app=app)
    policy.enabled = False
    policy.save()


CAUSES: dict[str, Callable[[App], object]] = {
    "people leave one by one": lambda app: leave(
        Group.objects.get(), list(User.objects.order_by("pk"))
    ),
    "people leave at once": lambda app: Group.objects.get().users.clear(),
    "the group gets other people": lambda app: Group.objects.get().users.set([]),
    "memberships are deleted in bulk": lambda app: Membership.objects.all().delete(),
    "memberships go by raw SQL": lambda app: Membership.objects.all()._raw_delete("default"),
    "the group is deleted": lambda app: Group.objects.all().delete(),
    "the policy is disabled": disable,
    "the policy is disabled in bulk": lambda app: Policy.objects.update(enabled=False),
    "the policy is deleted": lambda app: Policy.objects.get().delete(),
    "the policy goes to another group": shrink,
    "people are switched off": lambda app: User.objects.update(is_active=False),
    "people are deleted": lambda app: User.objects.all().delete(),
}


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES.keys())
def test_a_mass_removal_is_held_before_the_first_request(
    app: App, eleven: list[User], faulty: FaultyScim, push: Push, cause: Callable[[App], object]
) -> None:
    """bad-input-110 and bad-input-111"""
    cause(app)
    queue.sweep()
    push()
    assert faulty.journal == []
    assert held(app) == 11
    assert happened(app) == [("deactivate", "held")] * 11


def test_a_mass_deletion_after_the_days_of_grace_is_held(
    make_app: MakeApp, faulty: FaultyScim, sales: Group, push: Push, later: Later
) -> None:
    app = make_app(faulty, group=sales, features=tuple(Feature))
    users = crowd(app, sales, faulty, 11)
    for day in (users[:6], users[6:]):
        leave(sales, day)
        push()
        later(days=2)
    faulty.requests.clear()
    later(days=31)
    push()
    assert faulty.journal == []
    assert held(app) == 11
    assert set(Hold.objects.values_list("operation", flat=True)) == {"delete"}


def test_switching_deletion_on_is_held_like_any_other_removal(
    app: App, eleven: list[User], sales: Group, faulty: FaultyScim, push: Push, later: Later
) -> None:
    leave(sales, eleven[:6])
    push()
    later(days=2)
    leave(sales, eleven[6:])
    push()
    later(days=60)
    faulty.requests.clear()
    app.features = [feature.value for feature in Feature]
    app.save()
    push()
    assert faulty.journal == []
    assert held(app) == 11


def test_a_mapping_to_the_switch_itself_takes_nothing_away(
    app: App, eleven: list[User], faulty: FaultyScim, push: Push
) -> None:
    User.objects.update(custom={"custom_attribute_1": "False"})
    row = app.mappings.get(target="active")
    row.source = "custom.custom_attribute_1"
    row.save()
    push()
    assert len(faulty.active_names()) == 11
    assert held(app) == 0


# ------------------------------------------------------------------------------ what is told


def test_who_is_held_and_why_is_written_down(
    app: App, eleven: list[User], sales: Group, push: Push
) -> None:
    eleven[0].is_active = False
    eleven[0].save()
    leave(sales, eleven[1:])
    push()
    hold = Hold.objects.get(identifier=eleven[0].username)
    assert (hold.operation, hold.why) == ("deactivate", "The person was switched off.")
    other = Hold.objects.get(identifier=eleven[1].username)
    assert other.why == "No group of theirs has a policy for Zoom any more."
    told = Account.objects.get(user=eleven[0]).message
    assert told.startswith("11 accounts in Zoom would lose access within 24 hours, and 10 may")
    assert Event.objects.get(user=eleven[0]).message == f"{hold.why} {told}"


# --------------------------------------------------------------------------- what is not held


def test_others_come_and_change_while_a_removal_is_held(
    app: App, eleven: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    stays = crowd(app, sales, faulty, 1, prefix="stays")[0]
    leave(sales, eleven)
    sales.users.add(person("new"))
    stays.first_name = "Steady"
    stays.save()
    push()
    assert held(app) == 11
    assert faulty.user("stays0000@example.org")["name"]["givenName"] == "Steady"
    assert "new@example.org" in faulty.active_names()
    assert len(faulty.active_names()) == 13


def test_a_single_later_leaver_goes_while_others_are_held(
    app: App, eleven: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    (later_on,) = crowd(app, sales, faulty, 1, prefix="later")
    leave(sales, eleven)
    push()
    leave(sales, [later_on])
    push()
    assert faulty.user(later_on.username)["active"] is False
    assert len(faulty.active_names()) == held(app) == 11


@pytest.mark.parametrize("there", [10, 50])
def test_ten_go_at_once(app: App, sales: Group, faulty: FaultyScim, push: Push, there: int) -> None:
    users = crowd(app, sales, faulty, there)
    leave(sales, users[:10])
    push()
    assert len(faulty.active_names()) == there - 10
    assert held(app) == 0
    agree(app, faulty)


@pytest.mark.parametrize(
    ("there", "count", "percent", "leaving", "kept"),
    [
        (50, 10, 5, 11, True),
        (1000, 10, 5, 50, False),
        (1000, 10, 5, 51, True),
        (219, 10, 5, 10, False),
        (219, 10, 5, 11, True),
        (20, 0, 0, 1, True),
        (20, 3, 0, 3, False),
        (20, 0, 100, 20, False),
    ],
)
def test_the_limit_is_a_number_or_a_share_whichever_is_more(
    app: App,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    there: int,
    count: int,
    percent: int,
    leaving: int,
    kept: bool,
) -> None:
    users = crowd(app, sales, faulty, there)
    App.objects.update(guard_count=count, guard_percent=percent)
    Membership.objects.filter(user__in=users[:leaving])._raw_delete("default")
    queue.sweep()
    push()
    assert held(app) == (leaving if kept else 0)
    assert len(faulty.active_names()) == there - (0 if kept else leaving)


def test_accounts_that_are_not_there_do_not_raise_the_limit(
    app: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    users = crowd(app, sales, faulty, 300)
    Account.objects.filter(user__in=users[20:]).update(remote_id=None, state=State.GONE)
    Membership.objects.filter(user__in=users)._raw_delete("default")
    queue.sweep()
    push()
    assert held(app) == 20


# ------------------------------------------------------------------------------ a rolling day


def test_what_drips_is_held_when_a_day_brings_too_much(
    app: App, sales: Group, faulty: FaultyScim, push: Push, later: Later
) -> None:
    users = crowd(app, sales, faulty, 20)
    leave(sales, users[:6])
    push()
    later(hours=20)
    leave(sales, users[6:12])
    push()
    assert held(app) == 6
    assert len(faulty.active_names()) == 14
    leave(sales, users[12:14])
    push()
    assert (held(app), len(faulty.active_names())) == (6, 12)


def test_after_a_day_the_limit_is_free_again(
    app: App, sales: Group, faulty: FaultyScim, push: Push, later: Later
) -> None:
    users = crowd(app, sales, faulty, 20)
    for some in (users[:10], users[10:]):
        leave(sales, some)
        push()
        later(hours=24, minutes=1)
    assert faulty.active_names() == []
    assert held(app) == 0


def test_a_removal_whose_answer_was_lost_counts_as_one(
    app: App, eleven: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    faulty.on("*", effect_then(503))
    leave(sales, eleven[:4])
    push()
    faulty.heal()
    # The next try is some time away.
    Account.objects.exclude(due_at=None).update(due_at=timezone.now() + timedelta(minutes=30))
    leave(sales, eleven[4:])
    push()
    assert len(faulty.active_names()) == 7
    assert held(app) == 11


def test_each_application_has_a_limit_of_its_own(
    app: App, make_app: MakeApp, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    crowd(app, sales, faulty, 11)
    few = crowd(app, sales, faulty, 6, prefix="few")
    with FaultyScim() as server:
        support = Group.objects.create(name="Support")
        other = make_app(server, name="Chat", group=support)
        leave(support, crowd(other, support, server, 6, prefix="chat"))
        push()
        assert server.active_names() == []
        leave(sales, few)
        push()
        assert (held(app), len(faulty.active_names())) == (0, 11)
        sales.users.clear()
        push()
        assert (held(app), held(other)) == (11, 0)
