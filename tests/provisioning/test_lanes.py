"""One owner at a time works through an app's lane, and who lost it sends and records nothing."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from iam.models import Group, User
from provisioning import lanes, push, queue, record
from provisioning.lanes import LEASE, Lease, LeaseLost
from provisioning.models import Account, App, Event, Lane, Outcome
from provisioning.plan import Operation, State
from provisioning.record import Result
from tests.conftest import MakeApp
from tests.support.connectors import in_catalogue, interfering
from tests.support.faulty import FaultyScim, lose_answer
from tests.support.looks import account, agree, happened

Push = Callable[[], None]
Later = Callable[..., None]

LEASE_ENDS = LEASE.total_seconds() + 1


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


def acquire(app: App, owner: str = "one") -> Lease:
    lease = lanes.acquire(app.pk, owner=owner)
    assert lease is not None
    return lease


def lane_of(lease: Lease) -> Lane:
    return Lane.objects.get(pk=lease.lane)


def lane(app: App) -> Lane:
    return Lane.objects.get(app=app)


def with_left(lease: Lease, seconds: float) -> Lease:
    """The same lease when only this much of it is left."""
    return replace(lease, _deadline=time.monotonic() + seconds)


def done(app: App, user: User) -> Result:
    """Word that the account was made."""
    row = account(app, user)
    event = record.event(row, Operation.CREATE, Outcome.DONE, "Made.")
    return Result(row, {"state": State.ACTIVE, "remote_id": "1"}, event=event)


# ---------------------------------------------------------------------------------- ownership


def test_a_lane_has_one_owner_at_a_time(app: App) -> None:
    acquire(app)
    assert lanes.acquire(app.pk, owner="two") is None
    assert lane(app).owner == "one"


def test_the_same_worker_does_not_get_it_twice(app: App) -> None:
    acquire(app)
    assert lanes.acquire(app.pk, owner="one") is None


def test_lanes_of_two_apps_do_not_meet(app: App, make_app: MakeApp, faulty: FaultyScim) -> None:
    acquire(app)
    assert lanes.acquire(make_app(faulty, name="Wiki").pk, owner="two") is not None


def test_an_app_has_one_lane_however_often_it_is_asked_for(app: App) -> None:
    for _ in range(3):
        acquire(app).release()
    assert Lane.objects.filter(app=app).count() == 1
    assert lane(app).token == 3


def test_a_lease_that_has_not_ended_holds(app: App, later: Later) -> None:
    acquire(app)
    later(seconds=LEASE.total_seconds() - 1)
    assert lanes.acquire(app.pk, owner="two") is None


def test_a_lease_that_has_ended_is_taken_over(app: App, later: Later) -> None:
    former = acquire(app)
    later(seconds=LEASE_ENDS)
    assert acquire(app, "two").token > former.token
    assert lane(app).owner == "two"


def test_a_released_lane_is_free_at_once(app: App) -> None:
    acquire(app).release()
    assert (lane(app).owner, lane(app).lease_until) == ("", None)
    acquire(app, "two")


def test_who_lost_the_lane_does_not_release_it_for_the_new_owner(app: App, later: Later) -> None:
    former = acquire(app)
    later(seconds=LEASE_ENDS)
    acquire(app, "two")
    former.release()
    assert lane(app).owner == "two"
    assert lanes.acquire(app.pk, owner="three") is None


def test_who_is_frozen_while_taking_the_lane_does_not_share_it_with_the_next_owner(
    app: App, later: Later
) -> None:
    second: list[Lease] = []

    def taken_over(execute: Any, sql: str, *more: Any) -> Any:
        answer = execute(sql, *more)
        if sql.startswith("UPDATE") and not second:
            later(seconds=LEASE_ENDS)
            second.append(Lease(0, 0, 0.0))
            second.append(acquire(app, "two"))
        return answer

    with connection.execute_wrapper(taken_over):
        first = acquire(app)
    assert first.token < second[-1].token
    with pytest.raises(LeaseLost):
        with_left(first, 1).renew()
    with_left(second[-1], 1).renew()


def test_a_lane_that_is_taken_is_left_alone(app: App, ann: User, faulty: FaultyScim) -> None:
    acquire(app, "two")
    assert app not in queue.due_apps()
    assert push.drain(app, owner="one") == 0
    assert faulty.requests == []
    assert lane(app).owner == "two"


def test_a_drained_lane_is_free_again(app: App, ann: User) -> None:
    assert push.drain(app, owner="one") == 1
    assert lane(app).lease_until is None


# ------------------------------------------------------------------------------ before a write


@pytest.mark.parametrize("left", [120, 60, 41])
def test_a_request_may_begin_while_it_is_sure_to_end_in_time(app: App, left: float) -> None:
    with_left(acquire(app), left).check()
    assert lane(app).owner == "one"


@pytest.mark.parametrize("left", [40, 31, 1, 0, -500])
def test_no_request_begins_that_could_outlive_the_lease(app: App, left: float) -> None:
    with pytest.raises(LeaseLost):
        with_left(acquire(app), left).check()


def test_a_new_lease_lasts_as_long_for_its_owner_as_for_the_others(app: App, later: Later) -> None:
    began = time.monotonic()
    lease = acquire(app)
    until = lane(app).lease_until
    assert until is not None
    assert until - timezone.now() <= LEASE
    assert lease._deadline - LEASE.total_seconds() >= began
    assert lease._deadline - LEASE.total_seconds() <= time.monotonic()


# -------------------------------------------------------------------------------------- renew


def test_a_fresh_lease_is_not_renewed(app: App, later: Later) -> None:
    lease = acquire(app)
    until = lane(app).lease_until
    later(seconds=1)
    lease.renew()
    assert lane(app).lease_until == until


def test_a_lease_that_is_half_gone_is_renewed(app: App, later: Later) -> None:
    lease = with_left(acquire(app), 59)
    later(seconds=61)
    lease.renew()
    later(seconds=61)
    assert lanes.acquire(app.pk, owner="two") is None
    lease.check()


def test_a_lease_that_ended_and_that_nobody_took_is_renewed(app: App, later: Later) -> None:
    lease = with_left(acquire(app), -1)
    later(seconds=LEASE_ENDS)
    lease.renew()
    assert lanes.acquire(app.pk, owner="two") is None
    lease.check()


def test_a_lane_that_somebody_took_is_not_renewed(app: App, later: Later) -> None:
    lease = with_left(acquire(app), -1)
    later(seconds=LEASE_ENDS)
    acquire(app, "two")
    until = lane(app).lease_until
    with pytest.raises(LeaseLost):
        lease.renew()
    assert (lane(app).owner, lane(app).lease_until) == ("two", until)
    with pytest.raises(LeaseLost):
        lease.check()


# ----------------------------------------------------------------------------------- recording


def test_the_owner_records(app: App, ann: User) -> None:
    record.save([done(app, ann)], lease=acquire(app))
    assert account(app, ann).state == State.ACTIVE
    assert happened(app) == [("create", "done")]


@pytest.mark.parametrize("owner", ["one", "two"])
def test_who_lost_the_lane_records_nothing(
    app: App, ann: User, mallory: User, later: Later, owner: str
) -> None:
    former = acquire(app)
    later(seconds=LEASE_ENDS)
    acquire(app, owner)
    before = list(Account.objects.order_by("pk").values())
    with pytest.raises(LeaseLost):
        record.save([done(app, ann), done(app, mallory)], lease=former)
    assert list(Account.objects.order_by("pk").values()) == before
    assert not Event.objects.exists()


def test_who_lost_the_lane_announces_nothing(app: App, ann: User, later: Later) -> None:
    former = acquire(app)
    later(seconds=LEASE_ENDS)
    acquire(app, "two")
    row = account(app, ann)
    row.intent = {"operations": ["create"]}
    with pytest.raises(LeaseLost):
        record.save_intents([row], lease=former)
    assert account(app, ann).intent == {}


def test_who_released_the_lane_and_lost_it_since_records_nothing(app: App, ann: User) -> None:
    former = acquire(app)
    former.release()
    acquire(app, "two").release()
    with pytest.raises(LeaseLost):
        record.save([done(app, ann)], lease=former)


def test_a_lane_lost_during_the_request_is_recorded_once_and_by_the_new_owner(
    make_app: MakeApp, sales: Group, ann: User, faulty: FaultyScim, push: Push, later: Later
) -> None:
    """bad-input-43"""

    def freeze(operation: str) -> None:
        later(seconds=LEASE_ENDS)
        assert lanes.acquire(App.objects.get().pk, owner="two") is not None

    with in_catalogue(interfering(freeze), "freezing"):
        app = make_app(faulty, kind="freezing", group=sales)
        push()
    assert faulty.active_names() == [ann.username]
    assert happened(app) == []
    assert lane(app).owner == "two"
    App.objects.update(connector="scim", changed_at=timezone.now())
    later(seconds=LEASE_ENDS)
    push()
    assert faulty.writes.count("POST /Users") == 1
    assert happened(app)[0] == ("create", "done")
    agree(app, faulty)


def test_a_worker_that_died_in_a_request_is_followed_by_one_that_looks_first(
    app: App, ann: User, faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.on("POST", lose_answer, times=1)
    push()
    acquire(app, "dead")
    later(minutes=1)
    push()
    assert account(app, ann).intent != {}
    later(seconds=LEASE_ENDS)
    push()
    assert faulty.writes.count("POST /Users") == 1
    agree(app, faulty)


# ------------------------------------------------------------------------------ rest and resume


@pytest.mark.parametrize(("seconds", "rests"), [(None, 30), (5, 5), (3600, 3600)])
def test_a_resting_app_is_left_alone_until_its_time(
    app: App, ann: User, later: Later, seconds: float | None, rests: float
) -> None:
    lanes.rest(lane_of(acquire(app)), seconds=seconds)
    lane_of_app = Lane.objects.filter(app=app)
    lane_of_app.update(lease_until=None)
    later(seconds=rests - 1)
    assert app not in queue.due_apps()
    later(seconds=2)
    assert app in queue.due_apps()


def test_resting_without_a_problem_keeps_what_was_said(app: App) -> None:
    resting = lane_of(acquire(app))
    lanes.rest(resting, problem="The token is wrong.")
    lanes.rest(resting, seconds=5)
    assert lane(app).problem == "The token is wrong."


def test_a_problem_is_dated_from_its_beginning(app: App, later: Later) -> None:
    resting = lane_of(acquire(app))
    lanes.rest(resting, problem="The token is wrong.")
    since = lane(app).problem_since
    assert since is not None
    later(hours=1)
    lanes.rest(resting, problem="The address is wrong.")
    assert lane(app).problem == "The address is wrong."
    assert lane(app).problem_since == since


def test_a_problem_that_comes_back_is_dated_anew(app: App, later: Later) -> None:
    resting = lane_of(acquire(app))
    lanes.rest(resting, problem="The token is wrong.")
    first = lane(app).problem_since
    later(hours=1)
    lanes.resume(app.pk)
    assert (lane(app).problem, lane(app).problem_since) == ("", None)
    resting.refresh_from_db()
    lanes.rest(resting, problem="The token is wrong.")
    second = lane(app).problem_since
    assert first is not None
    assert second is not None
    assert second > first


def test_resuming_ends_the_rest_and_leaves_the_lane_to_its_owner(app: App, ann: User) -> None:
    lease = acquire(app)
    lanes.rest(lane_of(lease), problem="The token is wrong.")
    lanes.resume(app.pk)
    assert (lane(app).paused_until, lane(app).owner) == (None, "one")
    lease.release()
    assert app in queue.due_apps()


def test_one_app_rests_alone(
    app: App, make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User
) -> None:
    other = make_app(faulty, name="Wiki", group=sales)
    lanes.rest(lane_of(acquire(app)), problem="The token is wrong.")
    assert list(queue.due_apps()) == [other]


def test_who_gets_the_lane_of_an_app_that_was_just_told_to_wait_sends_nothing(
    app: App, ann: User, faulty: FaultyScim, make_app: MakeApp, sales: Group
) -> None:
    slow = make_app(faulty, name="Slow", group=sales)
    lease = acquire(slow)
    lanes.rest(lane_of(lease), seconds=60)
    lease.release()
    assert push.drain(slow, owner="two") == 0
    assert faulty.requests == []
