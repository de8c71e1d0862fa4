"""A comparison goes on where it was interrupted, has one owner, and begins when its time comes."""

from collections.abc import Callable, Collection
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from iam.models import Group, User
from provisioning import apps_setup, reconcile, schedule
from provisioning.connectors.base import Listing
from provisioning.connectors.scim import Scim
from provisioning.models import Account, App, Finding, Lane, Run, Sighting
from provisioning.plan import State
from tests.conftest import MakeApp, person
from tests.support.connectors import in_catalogue
from tests.support.faulty import FaultyScim, answer, pages
from tests.support.looks import account, agree

Push = Callable[[], None]
Later = Callable[..., None]
PEOPLE = 8


@pytest.fixture
def crowd(sales: Group) -> list[User]:
    crowd = [person(f"p{number}") for number in range(PEOPLE)]
    sales.users.add(*crowd)
    return crowd


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


@pytest.fixture
def pushed(app: App, crowd: list[User], faulty: FaultyScim, push: Push) -> App:
    """Everybody has an account; one is changed there, one is gone, one is a stranger's."""
    push()
    faulty.user(crowd[0].username)["active"] = False
    del faulty.stored[faulty.user(crowd[7].username)["id"]]
    faulty.add("stranger")
    faulty.requests.clear()
    faulty.paging = pages(2)
    return app


def after(steps: int) -> Callable[[], bool]:
    """Stop after so many steps."""
    left = iter([False] * steps)
    return lambda: next(left, True)


def summary(run: Run) -> tuple[int, ...]:
    return run.listed, run.same, run.changed, run.missing, run.unknown


WHOLE = (8, 6, 1, 1, 1)


# ------------------------------------------------------------------------------- interruption


@pytest.mark.parametrize("steps", range(1, 9))
def test_it_goes_on_after_an_interruption_between_any_two_steps(
    pushed: App, faulty: FaultyScim, push: Push, steps: int
) -> None:
    run = reconcile.work(reconcile.start(pushed), stopped=after(steps))
    assert (run.owner, run.lease_until) == ("", None)
    asked = len(faulty.requests)
    assert reconcile.start(pushed) == run
    run = reconcile.work(run)
    assert (summary(run), run.complete) == (WHOLE, True)
    assert run.findings.count() == 3
    # No page was asked for twice: four of accounts, one past the end, one account by itself.
    assert asked <= len(faulty.requests) == 6
    assert not Sighting.objects.exists()
    push()
    agree(pushed, faulty)


def test_it_can_be_interrupted_after_every_single_step(pushed: App) -> None:
    run = reconcile.start(pushed)
    for _ in range(20):
        run = reconcile.work(run, stopped=after(1))
    assert (summary(run), run.complete, run.findings.count()) == (WHOLE, True, 3)


def test_how_far_it_is_is_told_at_every_step(pushed: App) -> None:
    said: list[str] = []
    reconcile.work(reconcile.start(pushed), told=lambda run: said.append(run.progress))
    assert said[:4] == ["2 of 8", "4 of 8", "6 of 8", "8 of 8"]


def test_a_page_whose_worker_died_while_it_was_asked_for_is_asked_for_again(
    pushed: App, faulty: FaultyScim
) -> None:
    class Killed(BaseException):
        pass

    def kill(run: Run) -> None:
        raise Killed

    run = reconcile.start(pushed)
    with pytest.raises(Killed):
        reconcile.work(run, told=kill)
    assert summary(reconcile.work(run)) == WHOLE


def test_while_the_owner_is_alive_nobody_else_works_on_it(pushed: App, faulty: FaultyScim) -> None:
    run = reconcile.start(pushed)
    lease = timezone.now() + reconcile.LEASE
    Run.objects.update(owner="another", lease_until=lease)
    assert reconcile.work(run).ended_at is None
    assert schedule.next_run() is None
    assert faulty.requests == []
    Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert schedule.next_run() == run
    assert summary(reconcile.work(run)) == WHOLE


def test_an_owner_that_was_frozen_records_nothing_more(
    pushed: App, faulty: FaultyScim, crowd: list[User]
) -> None:
    def stolen(run: Run) -> None:
        Run.objects.update(owner="another")

    run = reconcile.work(reconcile.start(pushed), told=stolen)
    assert (run.owner, run.listed, run.ended_at) == ("another", 2, None)
    assert Sighting.objects.count() == 2


def test_a_comparison_of_an_app_that_is_deleted_meanwhile_ends(
    pushed: App, faulty: FaultyScim
) -> None:
    run = reconcile.start(pushed)
    reconcile.work(run, told=lambda run: App.objects.all().delete() and None)
    assert not Run.objects.exists()
    assert faulty.writes == []


def test_saving_the_app_as_it_is_does_not_end_it(pushed: App, faulty: FaultyScim) -> None:
    def saved(run: Run) -> None:
        apps_setup.configure(
            pushed,
            settings=pushed.settings,
            secrets={"token": faulty.token},
            features=pushed.rules.features,
        )
        pushed.save()

    run = reconcile.work(reconcile.start(pushed), told=saved)
    assert (run.listed, run.complete) == (WHOLE[0], True)


def test_another_connection_ends_it_unproven(pushed: App, faulty: FaultyScim) -> None:
    with FaultyScim() as elsewhere:

        def moved(run: Run) -> None:
            App.objects.update(settings={"base_url": elsewhere.base_url})

        run = reconcile.work(reconcile.start(pushed), told=moved)
        assert (run.complete, run.missing) == (False, 0)
        assert "connection of Zoom was changed" in run.message
        assert elsewhere.requests == []


# ------------------------------------------------------------------------------------- dry run


def test_a_dry_run_finds_the_same_and_writes_nothing_to_accounts(
    pushed: App, faulty: FaultyScim, push: Push
) -> None:
    before = list(Account.objects.order_by("pk").values())
    run = reconcile.work(reconcile.start(pushed, dry=True))
    assert (summary(run), run.complete) == (WHOLE, True)
    assert list(Account.objects.order_by("pk").values()) == before
    assert set(run.findings.values_list("outcome", flat=True)) == {"listed"}
    push()
    assert faulty.writes == []


# ------------------------------------------------------------------------ changes during the walk


def test_a_change_that_arrives_during_the_walk_is_not_undone(
    pushed: App, crowd: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    leavers = crowd[1], crowd[5]

    def leave(run: Run) -> None:
        if run.listed == 2:
            sales.users.remove(*leavers)
            push()

    run = reconcile.work(reconcile.start(pushed), told=leave)
    push()
    assert (run.changed, run.missing) == (1, 1)
    assert not {user.username for user in leavers} & set(faulty.active_names())
    agree(pushed, faulty)


@pytest.mark.parametrize("sent", [True, False], ids=["and is sent", "and is not sent yet"])
def test_a_change_between_the_answer_and_its_recording_is_not_judged_by_the_old_answer(
    make_app: MakeApp, crowd: list[User], sales: Group, faulty: FaultyScim, push: Push, sent: bool
) -> None:
    class Slow(Scim):
        def list_accounts(self, targets: Collection[str], *, position: str) -> Listing:
            page = super().list_accounts(targets, position=position)
            if crowd[1].last_name != "Elm":
                crowd[1].last_name = "Elm"
                crowd[1].save()
                sales.users.remove(crowd[2])
                if sent:
                    push()
            return page

    with in_catalogue(Slow, "slow"):
        app = make_app(faulty, kind="slow", group=sales)
        push()
        run = reconcile.work(reconcile.start(app))
        push()
        assert summary(run) == (PEOPLE, PEOPLE - 2, 0, 0, 0)
        assert "2 accounts were about to be changed" in run.message
        assert account(app, crowd[2]).state == State.SUSPENDED
        agree(app, faulty)
    assert faulty.writes.count("PATCH /Users/…") == 2


# --------------------------------------------------------------------------------------- costs


def queries_of_a_page(app: App, faulty: FaultyScim, most: int) -> int:
    faulty.paging = pages(most)
    run = reconcile.start(app)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        reconcile.work(run, stopped=after(1))
    Run.objects.all().delete()
    return len(captured)


def test_a_page_costs_the_same_number_of_statements_however_long_it_is(
    app: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    sales.users.add(*[person(f"p{number:02}") for number in range(40)])
    push()
    few, many = (queries_of_a_page(app, faulty, most) for most in (5, 40))
    assert few == many
    assert many < 25


def test_old_comparisons_are_forgotten(pushed: App) -> None:
    for _ in range(reconcile.KEPT + 2):
        last = reconcile.work(reconcile.start(pushed))
    assert Run.objects.count() == reconcile.KEPT
    assert Run.objects.first() == last
    assert not Finding.objects.exclude(run__in=Run.objects.all()).exists()


# ------------------------------------------------------------------------------------ schedule


def test_an_app_is_compared_when_its_hours_have_passed(pushed: App, later: Later) -> None:
    assert schedule.next_run() is None
    later(hours=25)
    run = schedule.next_run()
    assert run is not None
    assert reconcile.work(run).complete
    assert schedule.next_run() is None
    later(hours=23)
    assert schedule.next_run() is None
    later(hours=2)
    assert schedule.next_run() is not None


def test_one_that_an_error_ended_is_begun_again_sooner(
    pushed: App, faulty: FaultyScim, later: Later
) -> None:
    later(hours=25)
    faulty.on("*", answer(500))
    run = schedule.next_run()
    assert run is not None
    assert not reconcile.work(run).complete
    assert schedule.next_run() is None
    later(minutes=61)
    assert schedule.next_run() is not None


@pytest.mark.parametrize(
    "why", ["never", "paused", "stopped", "resting", "no accounts", "no such connector"]
)
def test_an_app_is_not_compared_by_itself_if(pushed: App, later: Later, why: str) -> None:
    match why:
        case "never":
            App.objects.update(compare_hours=0)
        case "paused":
            App.objects.update(paused=True)
        case "stopped":
            Lane.objects.update(problem="The token is wrong.")
        case "resting":
            Lane.objects.update(paused_until=timezone.now() + timedelta(days=9))
        case "no accounts":
            Account.objects.all().delete()
        case "no such connector":
            App.objects.update(connector="removed")
    later(hours=25)
    assert schedule.next_run() is None


def test_what_somebody_asked_for_waits_for_the_push_but_not_for_ever(
    pushed: App, crowd: list[User], later: Later
) -> None:
    crowd[3].save()
    run = reconcile.start(pushed, actor="olga")
    assert schedule.next_run() is None
    later(minutes=6)
    assert schedule.next_run() == run


def test_a_paused_app_is_not_compared_by_a_worker(pushed: App) -> None:
    run = reconcile.start(pushed, actor="olga")
    App.objects.update(paused=True)
    assert schedule.next_run() is None
    App.objects.update(paused=False)
    assert schedule.next_run() == run
