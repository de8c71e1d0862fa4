"""An application that does not answer is left alone, asked now and then, and taken up again."""

from collections.abc import Callable

import pytest

from iam.models import Group, User
from provisioning import breaker, queue
from provisioning.models import Account, App, Event, Lane, Outcome
from tests.conftest import MakeApp, person
from tests.support.faulty import FaultyScim, answer, html, lose_answer
from tests.support.looks import agree

Push = Callable[[], None]
Later = Callable[..., None]

MINUTES = [0.5, 1, 2, 4, 8, 15, 15, 15]


@pytest.fixture
def crowd(sales: Group) -> list[User]:
    """Enough people in the group for a breaker to notice."""
    people = [person(f"p{number:02}") for number in range(40)]
    sales.users.add(*people)
    return people


def lane(app: App) -> Lane:
    return Lane.objects.get(app=app)


# ----------------------------------------------------------------------------------------- pure


@pytest.mark.parametrize(
    ("outcomes", "opens"),
    [
        ("", False),
        ("----", False),
        ("-----", True),
        ("+-----", True),
        ("-----+", False),
        ("--+--+--+--+", False),
        # Ten of twenty, and one more.
        ("+-" * 10, False),
        ("+-" * 9 + "--", True),
        # What is long ago does not count.
        ("-" * 4 + "+" * 20, False),
    ],
)
def test_five_failures_in_a_row_or_most_of_twenty(outcomes: str, opens: bool) -> None:
    recent = ""
    for outcome in outcomes:
        recent = breaker.recorded(recent, answered=outcome == breaker.ANSWERED)
    assert breaker.opens(recent) is opens


def test_the_rest_doubles_up_to_a_quarter_of_an_hour() -> None:
    assert [breaker.rest(times) / 60 for times in range(8)] == MINUTES
    assert breaker.rest(30_000) == 900


# ------------------------------------------------------------------------------- with an app


@pytest.mark.parametrize(
    "fault",
    [answer(500), answer(*html(502)), lose_answer, answer(503)],
    ids=["500", "HTML 502", "answer lost", "503"],
)
def test_an_application_that_fails_all_the_time_is_left_alone_and_said(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push, fault: object
) -> None:
    """bad-input-16"""
    faulty.on("*", fault)  # type: ignore[arg-type]
    push()
    # Five, and what was on its way together with the fifth.
    assert len(faulty.journal) <= 5 + faulty_app.kind.concurrency
    assert "several times in a row" in lane(faulty_app).problem
    faulty.requests.clear()
    push()
    assert faulty.requests == []


def test_it_is_asked_with_one_account_at_growing_intervals(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.on("*", answer(500))
    push()
    for minutes in MINUTES:
        faulty.requests.clear()
        # The clock goes on meanwhile, on a busy machine for seconds.
        later(minutes=minutes, seconds=-20)
        push()
        assert faulty.requests == []
        later(seconds=21)
        push()
        assert len(faulty.requests) == 1


def test_it_is_taken_up_at_full_speed_when_it_answers_again(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.on("*", answer(500))
    push()
    faulty.heal()
    later(minutes=1)
    push()
    assert len(faulty.users()) == len(crowd)
    assert (lane(faulty_app).problem, lane(faulty_app).rests, lane(faulty_app).recent) == (
        "",
        0,
        "",
    )
    agree(faulty_app, faulty)


def test_refusals_are_answers(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    faulty.on("POST", answer(400))
    push()
    assert faulty.writes.count("POST /Users") == len(crowd)
    assert lane(faulty_app).problem == ""


def test_single_failures_among_many_answers_stop_nobody(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push, later: Later
) -> None:
    for name in ("p03", "p13", "p23", "p33"):
        faulty.on("POST", answer(500), about=name, times=1)
    push()
    assert len(faulty.users()) == len(crowd) - 4
    assert lane(faulty_app).problem == ""
    later(seconds=5)
    push()
    agree(faulty_app, faulty)


def test_the_next_owner_of_the_lane_knows_what_went_before(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.on("*", answer(500))
    for _ in range(5):
        assert lane_or_none(faulty_app) is None or lane(faulty_app).problem == ""
        Account.objects.update(due_at=Account.objects.get().created_at)
        push()
    assert "several times in a row" in lane(faulty_app).problem


def lane_or_none(app: App) -> Lane | None:
    return Lane.objects.filter(app=app).first()


def test_saving_the_app_ends_the_rest(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    faulty.on("*", answer(500))
    push()
    faulty.heal()
    faulty_app.save()
    push()
    assert len(faulty.users()) == len(crowd)


def test_one_dead_app_does_not_stop_another(
    faulty_app: App,
    make_app: MakeApp,
    crowd: list[User],
    sales: Group,
    faulty: FaultyScim,
    push: Push,
) -> None:
    faulty.on("*", answer(500))
    with FaultyScim() as healthy:
        other = make_app(healthy, name="Wiki", group=sales)
        push()
        assert len(healthy.users()) == len(crowd)
        agree(other, healthy)
    assert faulty_app not in queue.due_apps()


def test_a_trouble_of_the_whole_app_is_told_once_and_not_for_each_account(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.token = "another"
    push()
    for _ in range(5):
        later(minutes=16)
        push()
    told = Event.objects.filter(outcome=Outcome.RETRYING, message__contains="did not accept")
    assert told.count() == 1
