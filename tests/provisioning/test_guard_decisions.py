"""A person decides who loses access and who keeps the account, and that is what happens."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.models import Group, User
from provisioning import guard, queue
from provisioning.models import Account, App, Decision, Event, Guard, Hold, Trigger
from provisioning.plan import Feature
from tests.conftest import MakeApp, person
from tests.support.crowd import crowd
from tests.support.decisions import holds, reject, release, twelve_held
from tests.support.faulty import FaultyScim, answer
from tests.support.looks import account, agree
from tests.support.threads import parallel, shared_database

Push = Callable[[], None]
Later = Callable[..., None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


@pytest.fixture
def people(app: App, sales: Group, faulty: FaultyScim, push: Push) -> list[User]:
    return twelve_held(app, sales, faulty, push)


# ------------------------------------------------------------------------------------ release


def test_who_is_released_loses_access(
    app: App, people: list[User], faulty: FaultyScim, push: Push
) -> None:
    assert release() == 12
    push()
    assert faulty.active_names() == []
    agree(app, faulty)
    assert set(Account.objects.values_list("guard", "released_by")) == {("", "")}


def test_some_are_released_and_the_others_go_on_waiting(
    app: App, people: list[User], faulty: FaultyScim, push: Push
) -> None:
    assert release(people[0], people[1]) == 2
    push()
    assert len(faulty.active_names()) == 10
    assert Hold.objects.filter(decision=Decision.WAITING).count() == 10


def test_a_released_removal_says_who_allowed_it(app: App, people: list[User], push: Push) -> None:
    release(people[0])
    push()
    event = Event.objects.get(user=people[0], outcome="done")
    assert (event.approved_by, event.actor, event.trigger) == ("olga", "olga", Trigger.DECISION)
    hold = Hold.objects.get(account__user=people[0])
    assert (hold.decision, hold.decided_by, hold.reason) == ("released", "olga", "They have left.")
    assert hold.decided_at is not None


def test_what_was_released_does_not_count_against_the_limit(
    app: App, people: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    release()
    push()
    others = crowd(app, sales, faulty, 10, prefix="later")
    for other in others:
        sales.users.remove(other)
    push()
    assert faulty.active_names() == []
    assert Event.objects.filter(approved_by="olga").count() == 12


def test_a_released_removal_that_fails_is_tried_again_without_asking(
    app: App, people: list[User], sales: Group, faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.on("*", answer(503), times=2)
    release(*people[:3])
    push()
    for user in people[:3]:
        user.save()
    later(hours=1)
    push()
    assert len(faulty.active_names()) == 9
    done = Event.objects.filter(operation="deactivate", outcome="done")
    assert set(done.values_list("approved_by", flat=True)) == {"olga"}


def test_leavers_that_were_released_go_before_everybody_else(
    app: App, people: list[User], sales: Group
) -> None:
    sales.users.add(person("new"))
    release(people[0])
    assert [each.user for each in queue.claim(app)][0] == people[0]


def test_who_was_released_and_gets_access_again_keeps_the_account(
    app: App, people: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    release(people[0])
    sales.users.add(people[0])
    push()
    assert account(app, people[0]).guard == ""
    assert people[0].username in faulty.active_names()
    sales.users.remove(people[0])
    push()
    event = Event.objects.get(user=people[0], outcome="done")
    assert event.approved_by == ""


def test_a_release_is_for_the_deactivation_and_not_for_the_deletion_later(
    app: App, people: list[User], faulty: FaultyScim, push: Push, later: Later
) -> None:
    app.features = [feature.value for feature in Feature]
    app.save()
    release()
    push()
    later(days=31)
    push()
    assert len(faulty.names()) == 12
    waiting = Hold.objects.filter(decision=Decision.WAITING)
    assert set(waiting.values_list("operation", flat=True)) == {"delete"}
    assert guard.release(waiting, by="olga", reason="Yes.") == 12
    push()
    assert faulty.names() == []


# ------------------------------------------------------------------------------------- both


def test_some_go_and_some_stay(
    app: App, people: list[User], faulty: FaultyScim, push: Push
) -> None:
    assert release(*people[:5]) == 5
    assert reject(*people[5:]) == 7
    push()
    assert faulty.active_names() == sorted(user.username for user in people[5:])
    agree(app, faulty)


def test_the_first_decision_counts(app: App, people: list[User], push: Push) -> None:
    assert release(*people[:5], by="olga") == 5
    assert reject(by="oscar") == 7
    assert release(by="otto") == 0
    decided = Hold.objects.values_list("decision", "decided_by").order_by("decision").distinct()
    assert list(decided) == [("rejected", "oscar"), ("released", "olga")]


@pytest.mark.django_db(transaction=True)
def test_two_people_who_decide_at_once_share_them(
    app: App, people: list[User], faulty: FaultyScim, push: Push, tmp_path
) -> None:
    with shared_database(tmp_path):
        counts: dict[str, int] = {}
        parallel(
            lambda: counts.update(released=release(by="olga")),
            lambda: counts.update(kept=reject(by="oscar")),
        )
        assert sorted(counts.values()) == [0, 12]
        push()
        assert len(faulty.active_names()) == counts["kept"]
        assert Account.objects.filter(guard=Guard.HELD).count() == 0


@pytest.mark.parametrize(("by", "reason"), [("", "Why not."), ("olga", ""), ("olga", "  ")])
def test_a_decision_is_somebodys_and_has_a_reason(people: list[User], by: str, reason: str) -> None:
    with pytest.raises(ValueError, match="a decision is somebody's"):
        guard.release(holds(), by=by, reason=reason)
    assert not Hold.objects.exclude(decision=Decision.WAITING).exists()


@pytest.mark.parametrize("decide", [guard.release, guard.reject])
def test_a_decision_takes_as_many_statements_for_one_as_for_many(
    app: App,
    people: list[User],
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    decide: Callable[..., int],
) -> None:
    crowd(app, sales, faulty, 100, prefix="more")
    sales.users.clear()
    push()
    counts = []
    for chosen, expected in ((holds(people[0]), 1), (holds(), 111)):
        with CaptureQueriesContext(connection) as queries:
            assert decide(chosen, by="olga", reason="Yes.") == expected
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8
